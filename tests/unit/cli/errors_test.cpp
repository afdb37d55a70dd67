// SPDX-License-Identifier: Apache-2.0
// What a user reads after a mistake, and the exit code; golden: tests/golden/cli/errors.txt.
#include "db/store.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/program.hpp"

#include <sqlite3.h>

#include <algorithm>

using namespace kw::test;

namespace {

std::string replaced(std::string text, const std::string& what, const std::string& by) {
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at)) {
        text.replace(at, what.size(), by);
        at += by.size();
    }
    return text;
}

class Transcript {
public:
    explicit Transcript(const Folder& folder)
        : folder_(folder) {}

    void operator()(const Program& kwright, const std::vector<std::string>& arguments, int code) {
        const Outcome outcome = kwright(arguments);
        std::string line = "$ kwright";
        for (const std::string& argument : arguments) {
            line += " " + argument;
        }
        INFO(line << "\n" << outcome.out << outcome.err);
        CHECK(outcome.code == code);
        CHECK(outcome.out.empty());
        CHECK(outcome.err.starts_with("error: "));
        text_ += line + "\n" + outcome.err + "exit " + std::to_string(outcome.code) + "\n\n";
    }

    [[nodiscard]] std::string text() const {
        const std::string shown = replaced(text_, folder_.path().string(), "FOLDER");
        return replaced(shown, KW_SOURCE_DIR, "SOURCE");
    }

private:
    const Folder& folder_;
    std::string text_;
};

void make_newer_database(const std::filesystem::path& file) {
    REQUIRE(kw::db::Store::open(file, kw::db::Access::write).ok());
    sqlite3* handle = nullptr;
    REQUIRE(sqlite3_open(file.c_str(), &handle) == SQLITE_OK);
    CHECK(
        sqlite3_exec(
            handle,
            "PRAGMA user_version = 900;"
            "UPDATE meta SET value = '7.3.1' WHERE key = 'kwright_version'",
            nullptr,
            nullptr,
            nullptr) == SQLITE_OK);
    sqlite3_close(handle);
}

}  // namespace

TEST_CASE("errors: golden transcript of usage mistakes", "[cli]") {
    const Folder folder;
    const Program kwright(folder.path());
    Transcript run(folder);
    run(kwright, {"bord"}, 2);
    run(kwright, {"--json", "board"}, 2);
    run(kwright, {"board", "--al"}, 2);
    run(kwright, {"run"}, 2);
    run(kwright, {"run", "w4a16_gemv", "too_many"}, 2);
    run(kwright, {"task"}, 2);
    run(kwright, {"help", "bord"}, 2);
    run(kwright, {"completion", "tcsh"}, 2);
    run(kwright, {"board", "--color", "sometimes"}, 2);
    run(kwright, {"run", "w4a16_gem"}, 2);
    run(kwright, {"run", "w4a16_gemv", "--proposer", "oracle"}, 2);
    run(kwright, {"run", "w4a16_gemv", "--max-evals", "many"}, 2);
    run(kwright, {"run", "w4a16_gemv", "--target", "gpu"}, 2);
    run(kwright, {"run", "w4a16_gemv", "--device", "emulated:sm_90"}, 2);
    run(kwright, {"run", "w4a16_gemv", "--target", "cpu", "--device", "emulated:sm_80"}, 2);
    run(kwright, {"verify", "no-such-file.cpp"}, 2);
    run(kwright, {"task", "new", "No-Identifier"}, 2);
    check_golden("errors-usage.txt", run.text());
}

TEST_CASE("errors: golden transcript of bad files", "[cli]") {
    const Folder folder;
    const Program kwright(folder.path());
    Transcript run(folder);
    write_file(folder / "kwright.toml", "[budget]\nmax_eval = 3\n");
    run(kwright, {"board"}, 2);
    write_file(folder / "kwright.toml", "[budget]\nmax_evals = \"many\"\n");
    run(kwright, {"board"}, 2);
    write_file(folder / "kwright.toml", "db = \n");
    run(kwright, {"board"}, 2);
    std::filesystem::remove(folder / "kwright.toml");
    run(kwright, {"board", "--config", "no-such.toml"}, 2);
    write_file(folder / "benchmarks/broken/task.toml", "schema = \"kwright.task/1\"\nnmae = 1\n");
    run(kwright, {"run", "broken"}, 2);
    write_file(folder / "my.cpp", "void f() {}\n");
    run(kwright, {"verify", "my.cpp"}, 2);
    check_golden("errors-files.txt", run.text());
}

TEST_CASE("errors: golden transcript of kernels launched by hand", "[cli]") {
    const Folder folder;
    const Program kwright(folder.path());
    Transcript run(folder);
    const std::string gemm = KW_SOURCE_DIR "/tests/golden/ptx/gemm_f32.ptx";
    const std::string hopper = KW_SOURCE_DIR "/tests/golden/ptx/hopper_bulk.ptx";
    write_file(folder / "empty.bin", "");
    write_file(folder / "short.bin", "0123456789");
    write_file(folder / "none.ptx", ".version 8.7\n.target sm_80\n.address_size 64\n");
    run(kwright, {"dev", "emu"}, 2);
    run(kwright, {"dev", "emu", "no-such.ptx"}, 2);
    run(kwright, {"dev", "emu", "none.ptx"}, 2);
    run(kwright, {"dev", "emu", gemm}, 2);
    run(kwright, {"dev", "emu", gemm, "--kernel", "gemm"}, 2);
    run(kwright, {"dev", "emu", gemm, "--kernel", "gemm_tiled", "--arg", "i32:1"}, 2);
    run(kwright, {"dev", "emu", gemm, "--grid", "4,0"}, 2);
    run(kwright, {"dev", "emu", gemm, "--smem", "-1"}, 2);
    run(kwright, {"dev", "emu", gemm, "--checks", "some"}, 2);
    run(kwright, {"dev", "emu", hopper, "--arch", "sm_80"}, 2);
    write_file(folder / "huge.ptx", ".version 8.0\n.target sm_99999999999\n");
    run(kwright, {"dev", "emu", "huge.ptx"}, 2);
    const auto with = [&](const std::string& argument) {
        run(kwright, {"dev", "emu", gemm, "--kernel", "gemm_naive", "--arg", argument}, 2);
    };
    for (const char* argument :
         {"5",
          "half:1",
          "i32:2147483648",
          "u8:-1",
          "i64:0xz",
          "f32:1e39",
          "out:y.bin",
          "out:y.bin:0",
          "scratch:many",
          "in:no-such.bin",
          "in:empty.bin",
          "in:short.bin:11",
          "in:"}) {
        with(argument);
    }
    run(kwright,
        {"dev",
         "emu",
         gemm,
         "--kernel",
         "gemm_naive",
         "--arg",
         "in:short.bin",
         "--arg",
         "i64:0",
         "--arg",
         "scratch:4",
         "--arg",
         "i32:1",
         "--arg",
         "f32:1",
         "--arg",
         "i32:1"},
        2);
    run(kwright, {"dev", "bench", "emulated", "--runs", "0"}, 2);
    check_golden("errors-emu.txt", run.text());
}

TEST_CASE("errors: golden transcript of what is missing", "[cli]") {
    const Folder folder;
    Program kwright(folder.path());
    kwright.environment["KWRIGHT_TASKS_DIR"] = KW_SOURCE_DIR "/tests/support/tasks";
    Transcript run(folder);
    run(kwright, {"run", "scale_add", "--proposer", "openai:some-model"}, 3);
    const std::string seed = KW_SOURCE_DIR "/tests/support/tasks/scale_add/seed.cpp";
    const std::string path = kwright.environment["PATH"];
    kwright.environment["PATH"] = folder.path().string();
    run(kwright, {"verify", seed}, 3);
    kwright.environment["PATH"] = path;
    kwright.environment["KWRIGHT_SANDBOX"] = "none";
    kwright.environment["KWRIGHT_COMPILER"] = "no-such-g++";
    run(kwright, {"verify", seed}, 3);
    check_golden("errors-missing.txt", run.text());
}

TEST_CASE("errors: golden transcript of databases", "[cli]") {
    const Folder folder;
    const Program kwright(folder.path());
    Transcript run(folder);
    run(kwright, {"board"}, 5);
    run(kwright, {"show", "k7f3a91c"}, 5);
    run(kwright, {"run", "nf4_codec", "--db", "/proc/kwright.db"}, 5);
    write_file(folder / "text.db", "no database, but long enough to be looked at as if it were\n");
    run(kwright, {"board", "--db", "text.db"}, 5);
    make_newer_database(folder / "newer.db");
    run(kwright, {"board", "--db", "newer.db"}, 5);
    run(kwright, {"resume", "x", "--db", "newer.db"}, 5);
    check_golden("errors-databases.txt", run.text());
}

TEST_CASE("errors: init never overwrites and its file is read back", "[cli]") {
    const Folder folder;
    const Program kwright(folder.path());
    REQUIRE(kwright({"init"}).code == 0);
    const std::string first = read_file(folder / "kwright.toml");
    CHECK(kwright({"init"}).code == 2);
    CHECK(read_file(folder / "kwright.toml") == first);
    const Outcome shown = kwright({"config", "show", "--origin"});
    CHECK(shown.code == 0);
    CHECK(shown.out.find("kwright.toml:") == std::string::npos);
}

TEST_CASE("errors: doctor says what is missing and returns 3", "[cli]") {
    const Folder folder;
    Program kwright(folder.path());
    kwright.environment["PATH"] = folder.path().string();
    const Outcome plain = kwright({"doctor"});
    CHECK(plain.code == 3);
    CHECK(plain.out.find("missing") != std::string::npos);
    CHECK(plain.out.find("apt-get install") != std::string::npos);
    const Outcome document = kwright({"doctor", "--json"});
    CHECK(document.code == 3);
    CHECK(document.out.find("\"can_judge\":false") != std::string::npos);
    CHECK(document.out.find("\"can_judge_cuda\":false") != std::string::npos);
}

TEST_CASE("errors: a key never shows", "[cli]") {
    const Folder folder;
    Program kwright(folder.path());
    const std::string key = "sk-proj-0123456789abcdefSECRET";
    kwright.environment["PATH"] = folder.path().string();
    kwright.environment["OPENAI_API_KEY"] = key;
    for (const std::vector<std::string>& call :
         {std::vector<std::string>{"doctor"},
          {"doctor", "--json"},
          {"config", "show", "--origin"},
          {"run", "nf4_codec", "--proposer", "openai:m", "-v", "-v"}}) {
        const Outcome outcome = kwright(call);
        CHECK((outcome.out + outcome.err).find("SECRET") == std::string::npos);
    }
    CHECK(kwright({"doctor"}).out.find("key in OPENAI_API_KEY") != std::string::npos);
}
