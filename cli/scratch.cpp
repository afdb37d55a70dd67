// SPDX-License-Identifier: Apache-2.0
#include "cli/scratch.hpp"

#include <fstream>
#include <stdlib.h>

namespace kw::cli {

namespace fs = std::filesystem;

namespace {
constexpr const char* k_writable = "choose a writable TMPDIR";
}

Result<std::unique_ptr<Scratch>> Scratch::make(const fs::path& parent) {
    std::error_code why;
    const fs::path folder = parent.empty() ? fs::temp_directory_path(why) : parent;
    std::string pattern = (folder / "kwright-XXXXXX").string();
    if (why || ::mkdtemp(pattern.data()) == nullptr) {
        return Error{
            Errc::environment,
            "making a folder for temporary files" +
                (folder.empty() ? "" : " in " + folder.string()),
            parent.empty() ? k_writable : "choose a folder that can be written"};
    }
    return std::unique_ptr<Scratch>(new Scratch(pattern));
}

Scratch::~Scratch() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

Result<fs::path> Scratch::write(const std::string& name, const std::string& bytes) {
    std::error_code why;
    fs::create_directories((path_ / name).parent_path(), why);  // the stream says if it failed
    std::ofstream stream(path_ / name, std::ios::binary);
    stream << bytes;
    if (!stream.flush()) {
        return Error{Errc::environment, "writing " + (path_ / name).string(), k_writable};
    }
    return path_ / name;
}

}  // namespace kw::cli
