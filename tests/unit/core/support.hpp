// SPDX-License-Identifier: Apache-2.0
// What the tests of core/ share: a folder that goes away, small files, a repeatable random source.
#pragma once

#include "tests/support/catch.hpp"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <random>
#include <stdlib.h>
#include <string>

namespace kw::test {

class TempFolder {
public:
    TempFolder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "kw-core-XXXXXX").string();
        REQUIRE(::mkdtemp(pattern.data()) != nullptr);
        path_ = std::filesystem::canonical(pattern);
    }
    ~TempFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TempFolder(const TempFolder&) = delete;
    TempFolder& operator=(const TempFolder&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    [[nodiscard]] std::filesystem::path operator/(const std::string& name) const {
        return path_ / name;
    }

private:
    std::filesystem::path path_;
};

inline void write_file(const std::filesystem::path& file, const std::string& text) {
    std::filesystem::create_directories(file.parent_path());
    std::ofstream out(file, std::ios::binary);
    out << text;
    REQUIRE(out.good());
}

/// Same numbers on every machine: std::mt19937_64 is specified, the distributions are not.
class Dice {
public:
    explicit Dice(std::uint64_t seed)
        : engine_(seed) {}
    std::uint64_t below(std::uint64_t bound) { return engine_() % bound; }
    std::uint64_t bits() { return engine_(); }
    std::string bytes(std::size_t count) {
        std::string out;
        for (std::size_t i = 0; i < count; ++i) {
            out += static_cast<char>(below(256));
        }
        return out;
    }

private:
    std::mt19937_64 engine_;
};

}  // namespace kw::test
