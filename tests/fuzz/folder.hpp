// SPDX-License-Identifier: Apache-2.0
// A folder of this process for targets that read files; in memory where there is one.
#pragma once

#include "core/check.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace kw::fuzz {

class Folder {
public:
    Folder() {
        std::string pattern = "/dev/shm/kw-fuzz-XXXXXX";
        if (mkdtemp(pattern.data()) == nullptr) {
            pattern = (std::filesystem::temp_directory_path() / "kw-fuzz-XXXXXX").string();
            KW_CHECK(mkdtemp(pattern.data()) != nullptr);
        }
        path = pattern;
    }
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    void write(const std::string& name, std::string_view bytes) const {
        std::filesystem::create_directories((path / name).parent_path());
        std::ofstream out(path / name, std::ios::binary | std::ios::trunc);
        out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        KW_CHECK(out.good());
    }

    std::filesystem::path path;
};

}  // namespace kw::fuzz
