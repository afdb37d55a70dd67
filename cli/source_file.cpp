// SPDX-License-Identifier: Apache-2.0
#include "cli/source_file.hpp"

#include <fstream>
#include <sstream>

namespace kw::cli {

Result<std::string> read_source_file(const std::filesystem::path& file) {
    constexpr std::uintmax_t k_max_bytes = 1 << 20;
    std::error_code error;
    const bool regular = std::filesystem::is_regular_file(file, error);
    if (regular && std::filesystem::file_size(file, error) > k_max_bytes) {
        return Error{
            Errc::usage, file.string() + " is larger than 1 MiB", "a candidate is one source file"};
    }
    std::ifstream stream(file, std::ios::binary);
    std::ostringstream text;
    if (regular && stream) {
        text << stream.rdbuf();
    }
    if (!regular || !stream) {
        return Error{
            Errc::usage,
            "reading " + file.string() + (regular ? " failed" : ": no such file"),
            "name a readable C++ source"};
    }
    return text.str();
}

}  // namespace kw::cli
