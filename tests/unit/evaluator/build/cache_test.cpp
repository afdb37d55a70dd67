// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/build_cache.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/evaluator/build/support.hpp"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <thread>

namespace {

using namespace kw;
using namespace kw::cpu;
using namespace kw::test;
namespace fs = std::filesystem;

const std::string k_key(64, 'a');

BuildFacts some_facts(const std::string& sha256) {
    BuildFacts facts;
    facts.compiler = "g++ 12.2.0";
    facts.diagnostics = "not \xff text";
    facts.text_bytes = 123;
    facts.stack_references = 4;
    facts.instruction_classes = {{"vfmadd", 7}};
    facts.artifact_sha256 = sha256;
    return facts;
}

constexpr const char* k_sha256_of_abc =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

void overwrite(const fs::path& path, const std::string& bytes) {
    fs::permissions(path, fs::perms::owner_all, fs::perm_options::add);
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

TEST_CASE("cache: an entry comes back as it was stored") {
    TempDir dir;
    const std::vector<Finding> findings{{"import", "info", "build", "memcpy"}};
    const auto stored = store_build(dir.path, k_key, "abc", some_facts(k_sha256_of_abc), findings);
    REQUIRE(stored);
    CHECK(read_text(stored->shared_object) == "abc");
    CHECK((fs::status(stored->shared_object).permissions() & fs::perms(0222)) == fs::perms::none);
    const auto found = find_build(dir.path, k_key);
    REQUIRE(found);
    CHECK(found->findings == findings);
    CHECK(found->facts.cached);
    CHECK(found->facts.text_bytes == 123);
    CHECK(found->facts.stack_references == 4);
    CHECK(found->facts.instruction_classes.at("vfmadd") == 7);
    CHECK(found->artifact.key == k_key);
    CHECK_FALSE(find_build(dir.path, std::string(64, 'b')));
}

TEST_CASE("cache: any damage of an entry removes it") {
    for (const char* file : {"manifest.json", "kernel.so"}) {
        for (const std::string bytes : {"", "{}", "[1", "{\"key\":5}", "abd", "null"}) {
            CAPTURE(file);
            CAPTURE(bytes);
            TempDir dir;
            const auto stored =
                store_build(dir.path, k_key, "abc", some_facts(k_sha256_of_abc), {});
            REQUIRE(stored);
            overwrite(stored->shared_object.parent_path() / file, bytes);
            CHECK_FALSE(find_build(dir.path, k_key));
            CHECK_FALSE(fs::exists(stored->shared_object.parent_path()));
        }
    }
    TempDir dir;
    const auto stored = store_build(dir.path, k_key, "abc", some_facts(k_sha256_of_abc), {});
    REQUIRE(stored);
    fs::remove(stored->shared_object);
    CHECK_FALSE(find_build(dir.path, k_key));
}

TEST_CASE("cache: an object that became a link is not followed") {
    TempDir dir;
    const auto stored = store_build(dir.path, k_key, "abc", some_facts(k_sha256_of_abc), {});
    REQUIRE(stored);
    std::ofstream(dir.path / "elsewhere") << "abc";
    fs::remove(stored->shared_object);
    fs::create_symlink(dir.path / "elsewhere", stored->shared_object);
    CHECK_FALSE(find_build(dir.path, k_key));
}

TEST_CASE("cache: many writers of one key leave one whole entry") {
    TempDir dir;
    std::vector<std::thread> writers;
    std::atomic<int> failures{0};
    for (int i = 0; i < 4; ++i) {
        writers.emplace_back([&] {
            for (int round = 0; round < 25; ++round) {
                if (!store_build(dir.path, k_key, "abc", some_facts(k_sha256_of_abc), {}) ||
                    !find_build(dir.path, k_key)) {
                    ++failures;
                }
            }
        });
    }
    for (std::thread& writer : writers) {
        writer.join();
    }
    CHECK(failures == 0);
    const auto entries = list_build_cache(dir.path);
    REQUIRE(entries.size() == 1);
    CHECK(entries.front().kind == "build");
}

TEST_CASE("cache: an unwritable folder is an environment error") {
    TempDir dir;
    std::ofstream(dir.path / "build") << "a file where the folder should be";
    const auto stored = store_build(dir.path, k_key, "abc", some_facts(k_sha256_of_abc), {});
    REQUIRE_FALSE(stored);
    CHECK(stored.error().code == Errc::environment);
    CHECK_FALSE(stored.error().hint.empty());
}

TEST_CASE("cache: old entries are listed first and removed by age") {
    TempDir dir;
    const std::string old_key(64, 'b');
    REQUIRE(store_build(dir.path, k_key, "abc", some_facts(k_sha256_of_abc), {}));
    REQUIRE(store_build(dir.path, old_key, "abc", some_facts(k_sha256_of_abc), {}));
    fs::create_directories(dir.path / "build" / ".part-1-0-dead");
    std::ofstream(dir.path / "build" / "readme.txt") << "not ours";
    const auto ten_days_ago = fs::file_time_type::clock::now() - std::chrono::hours(240);
    fs::last_write_time(dir.path / "build" / old_key, ten_days_ago);
    fs::last_write_time(dir.path / "build" / ".part-1-0-dead", ten_days_ago);

    const auto entries = list_build_cache(dir.path);
    REQUIRE(entries.size() == 3);
    CHECK(entries[0].age_days == Approx(10).margin(0.1));
    CHECK(entries[2].path.filename() == k_key);
    CHECK(entries[2].bytes > 3);

    const auto removed = remove_from_build_cache(dir.path, 5);
    REQUIRE(removed);
    CHECK(removed->entries == 2);
    CHECK(find_build(dir.path, k_key));
    CHECK_FALSE(find_build(dir.path, old_key));
    REQUIRE(remove_from_build_cache(dir.path, 0));
    CHECK(list_build_cache(dir.path).empty());
    CHECK(fs::exists(dir.path / "build" / "readme.txt"));
}

TEST_CASE("cache: a hit makes an entry young again") {
    TempDir dir;
    REQUIRE(store_build(dir.path, k_key, "abc", some_facts(k_sha256_of_abc), {}));
    fs::last_write_time(
        dir.path / "build" / k_key, fs::file_time_type::clock::now() - std::chrono::hours(240));
    REQUIRE(find_build(dir.path, k_key));
    CHECK(list_build_cache(dir.path).front().age_days < 1);
}

}  // namespace
