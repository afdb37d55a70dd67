// SPDX-License-Identifier: Apache-2.0
// A pack is a stranger's folder: whatever stands in it, checking it ends and says so.
#include "exporter/check_pack.hpp"

#include "core/hash.hpp"
#include "exporter/export.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/program.hpp"

#include <random>

using namespace kw;
using namespace kw::test;
using namespace kw::exporter;

namespace {

constexpr const char* k_manifest =
    R"({"pack": "kwk-1", "operations": [{"rows": [{"kernel": "xyz", "row": 1, "device": "d"}]}]})";

bool says(const PackCheck& check, const std::string& what) {
    for (const PackProblem& problem : check.problems) {
        if ((problem.subject + ": " + problem.what).find(what) != std::string::npos) {
            return true;
        }
    }
    return false;
}

}  // namespace

TEST_CASE("check_pack: changed and missing files are found", "[exporter]") {
    const Folder folder;
    const Files files{{"a.txt", "x"}, {"b.txt", "y"}, {"manifest.json", k_manifest}};
    REQUIRE(write_pack(files, folder / "p").ok());
    const auto sound = check_pack(folder / "p", nullptr);
    REQUIRE(sound.ok());
    CHECK(sound->problems.empty());
    CHECK(sound->files == 3);
    CHECK(sound->rows == 1);
    write_file(folder / "p" / "a.txt", "z");
    std::filesystem::remove(folder / "p" / "b.txt");
    const auto broken = check_pack(folder / "p", nullptr);
    REQUIRE(broken.ok());
    CHECK(says(*broken, "a.txt: changed"));
    CHECK(says(*broken, "b.txt: missing"));
    write_file(folder / "p" / "src" / "kwk_more.c", "int x;");
    write_file(folder / "p" / "build" / "made.o", "x");  // a build folder is the user's
    const auto added = check_pack(folder / "p", nullptr);
    REQUIRE(added.ok());
    CHECK(says(*added, "src/kwk_more.c: not among the sums"));
    CHECK(!says(*added, "made.o"));
}

TEST_CASE("check_pack: names never leave the folder", "[exporter]") {
    const Folder folder;
    write_file(folder / "p" / "manifest.json", k_manifest);
    for (const char* name : {"../secret", "/etc/passwd", "a/../../secret", ""}) {
        write_file(folder / "p" / "SHA256SUMS", sha256_hex(std::string("x")) + "  " + name + "\n");
        const auto check = check_pack(folder / "p", nullptr);
        INFO(name);
        REQUIRE(check.ok());
        CHECK(says(*check, "a line that no export wrote"));
        CHECK(says(*check, "manifest.json: not among the sums"));
    }
}

TEST_CASE("check_pack: any bytes end in an answer", "[exporter]") {
    const Folder folder;
    CHECK(check_pack(folder / "none", nullptr).error().code == Errc::usage);
    std::mt19937 random(8);
    for (int i = 0; i < 200; ++i) {
        std::string sums(random() % 200, 0);
        std::string manifest = k_manifest;
        for (char& c : sums) {
            c = static_cast<char>(random());
        }
        manifest[random() % manifest.size()] = static_cast<char>(random());
        write_file(folder / "p" / "SHA256SUMS", sums);
        write_file(folder / "p" / "manifest.json", manifest);
        const auto check = check_pack(folder / "p", nullptr);
        CHECK((check.ok() || check.error().code == Errc::usage));
    }
}
