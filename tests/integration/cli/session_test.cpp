// SPDX-License-Identifier: Apache-2.0
// run, board, show, diff, verify, task check, Ctrl-C and resume on the smallest task.
#include "tests/support/catch.hpp"
#include "tests/support/program.hpp"

#include <nlohmann/json.hpp>

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <fstream>
#include <sstream>

using namespace kw::test;
using nlohmann::json;

namespace {

constexpr const char* k_correct =
    "//!kwright task=scale_add\n"
    "void scale_add(const float* w, const float* x, float* y, const void*, int64_t N) {\n"
    "    for (int64_t i = 0; i < N; ++i) { y[i] = w[i] * x[i] + 1.0f; }\n}\n";
constexpr const char* k_slow =
    "//!kwright task=scale_add\n"
    "void scale_add(const float* w, const float* x, float* y, const void*, int64_t N) {\n"
    "    for (int r = 0; r < 16; ++r) {\n"
    "        for (int64_t i = 0; i < N; ++i) { y[i] = w[i] * x[i] + 1.0f; }\n"
    "        asm volatile(\"\" ::: \"memory\");\n    }\n}\n";
constexpr const char* k_wrong =
    "//!kwright task=scale_add\n"
    "void scale_add(const float* w, const float* x, float* y, const void*, int64_t N) {\n"
    "    for (int64_t i = 0; i < N; ++i) { y[i] = w[i] * x[i]; }\n}\n";

Program program_in(const Folder& folder) {
    Program kwright(folder.path());
    kwright.environment["KWRIGHT_TASKS_DIR"] = std::string(KW_SOURCE_DIR) + "/tests/support/tasks";
    kwright.environment["KWRIGHT_JUDGE_CAP_S"] = "1";
    return kwright;
}

json document_of(const Outcome& outcome) {
    INFO(outcome.out << outcome.err);
    const json document = json::parse(outcome.out, nullptr, false);
    REQUIRE(!document.is_discarded());
    return document;
}

std::size_t judged_lines(const std::string& events) {
    std::istringstream stream(events);
    std::size_t count = 0;
    for (std::string line; std::getline(stream, line);) {
        const json event = json::parse(line, nullptr, false);
        count += !event.is_discarded() && event.at("type") == "judged" ? 1 : 0;
    }
    return count;
}

/// A stored kernel against files, head to head.
void compare_with_it(const Folder& folder, const Program& kwright, const std::string& kernel) {
    write_file(folder / "slow.cpp", k_slow);
    const Outcome slower =
        kwright({"compare", kernel, "slow.cpp", "--fail-on", "regression", "--json"});
    const json document = document_of(slower);
    // What a busy machine measures is its own affair; the exit code follows from it.
    CHECK(slower.code == (document.at("comparison") == "slower" ? 1 : 0));
    CHECK(document.at("timing") == "measured");
    CHECK(document.at("shapes").size() == 1);
    const Outcome wrong = kwright({"compare", "bad.cpp", kernel});
    CHECK(wrong.code == 1);
    CHECK(wrong.out.starts_with("bad.cpp:\nrejected  WA "));
    CHECK(kwright({"compare", kernel}).code == 2);
    CHECK(kwright({"compare", kernel, "nobody.cpp"}).code == 2);
}

/// reverify and dev rejudge: rows are added, and the newest is the board's.
void judge_it_again(const Program& kwright, const std::string& kernel) {
    CHECK(kwright({"reverify"}).code == 2);
    CHECK(kwright({"dev", "rejudge"}).code == 2);
    const Outcome reverified = kwright({"reverify", kernel.substr(0, 8), "--json"});
    const json repeated = document_of(reverified).at("rows");
    REQUIRE(repeated.size() == 1);
    // Another run on a busy machine may contradict the first; both answers are stored.
    const std::string outcome = repeated[0].at("outcome");
    CHECK(
        ((outcome == "holds" && reverified.code == 0) ||
         (outcome == "no longer holds" && reverified.code == 1)));
    const json after = repeated[0].at("after").at("speedup");
    CHECK(
        document_of(kwright({"board", "--json"})).at("rows")[0].at("speedup") == after.at("value"));
    const json rejudged = document_of(
        kwright({"dev", "rejudge", "--task", "scale_add", "--verdict", "AC", "--json"}));
    CHECK(rejudged.at("rows").size() == 1);
    std::string judgings;
    const json shown = document_of(kwright({"show", kernel.substr(0, 8), "--json"}));
    for (const json& row : shown.at("evaluations")) {
        judgings +=
            row.at("purpose").get<std::string>() + "=" + row.at("state").get<std::string>() + " ";
    }
    CHECK(judgings == "search=stale promotion=stale reverify=stale rejudge=judged ");
}

}  // namespace

TEST_CASE("session: a tuned campaign lands on the board and can be looked at", "[cli]") {
    const Folder folder;
    const Program kwright = program_in(folder);
    const Outcome run =
        kwright({"run", "scale_add", "--max-evals", "3", "--events", "events.jsonl", "--json"});
    INFO(run.err);
    REQUIRE(run.code == 0);
    const json summary = document_of(run);
    CHECK(summary.at("schema") == "kwright.campaign/1");
    CHECK(summary.at("evaluations") == 3);
    CHECK(judged_lines(read_file(folder / "events.jsonl")) == 3);

    const json board = document_of(kwright({"board", "--json"}));
    REQUIRE(board.at("rows").size() == 1);
    const std::string kernel = board.at("rows")[0].at("kernel");
    // Both rank by the lower end; the campaign's best was judged twice and leads.
    CHECK(summary.at("best").at("kernel") == kernel);
    CHECK(kwright({"show", kernel.substr(0, 9)}).code == 0);
    CHECK(kwright({"show", "scale_add", "--tree"}).code == 0);
    CHECK(kwright({"diff", kernel, "--against", "baseline"}).code == 0);
    CHECK(kwright({"resume", "scale_add"}).code == 0);
    CHECK(document_of(kwright({"show", "scale_add", "--json"})).at("evaluations").size() == 3);
    CHECK(document_of(kwright({"campaign", "list", "--json"})).at("rows").size() == 1);
}

TEST_CASE("session: verify judges a file and what it stored can be judged again", "[cli]") {
    const Folder folder;
    const Program kwright = program_in(folder);
    write_file(folder / "good.cpp", k_correct);
    write_file(folder / "bad.cpp", k_wrong);
    const Outcome bad = kwright({"verify", "bad.cpp"});
    CHECK(bad.code == 1);
    CHECK(bad.out.starts_with("rejected  WA "));
    CHECK(
        document_of(kwright({"verify", "bad.cpp", "--json"})).at("evaluation").at("speedup") ==
        nullptr);
    CHECK(kwright({"verify", "good.cpp", "--no-timing"}).code == 0);
    CHECK(!std::filesystem::exists(folder / "kwright.db"));
    const Outcome submitted = kwright({"verify", "good.cpp", "--submit"});
    INFO(submitted.err);
    CHECK(submitted.code == 0);
    const json board = document_of(kwright({"board", "--json"}));
    REQUIRE(board.at("rows").size() == 1);
    const std::string kernel = board.at("rows")[0].at("kernel");
    compare_with_it(folder, kwright, kernel);
    judge_it_again(kwright, kernel);
}

TEST_CASE("session: a new task is sound as it stands", "[cli][untimed]") {
    const Folder folder;
    Program kwright = program_in(folder);
    kwright.environment.erase("KWRIGHT_TASKS_DIR");
    kwright.environment["KWRIGHT_CUDA_HOME"] = "/no/toolkit";
    REQUIRE(kwright({"task", "new", "my_task", "--cuda"}).code == 0);
    CHECK(kwright({"task", "new", "my_task"}).code == 2);
    const Outcome checked = kwright({"task", "check", "my_task"});
    INFO(checked.out << checked.err);
    CHECK(checked.code == 0);
    CHECK(checked.out.find("emulated:sm_90a: not checked: looking for") != std::string::npos);
    CHECK(kwright({"task", "check", "my_task", "--device", "emulated:sm_90a"}).code == 3);
    write_file(
        folder / "benchmarks/my_task/baselines/naive.cpp",
        "#include \"my_task.h\"\nvoid my_task(const float* w, const float*, float* y, "
        "int64_t N) {\n    for (int64_t i = 0; i < N; ++i) { y[i] = w[i]; }\n}\n");
    const Outcome broken = kwright({"task", "check", "my_task", "--json"});
    CHECK(broken.code == 1);
    const json document = document_of(broken);
    CHECK(document.at("sound") == false);
    CHECK(document.at("not_checked").size() == 1);
    std::size_t failures = 0;
    for (const json& answer : document.at("answers")) {
        failures += answer.at("ok") == false ? 1 : 0;
        CHECK((answer.at("ok") == false) == (answer.at("name") == "baseline is right: naive"));
    }
    CHECK(failures == 1);
}

TEST_CASE("session: a full disk ends a campaign and loses nothing of it", "[cli][untimed]") {
    const Folder folder;
    Program shell = program_in(folder);
    shell.environment["KWRIGHT_JUDGE_CAP_S"] = "0.1";
    const std::string kwright = shell.program.string();
    shell.program = "/usr/bin/bwrap";
    const std::string disk = (folder / "disk").string();
    std::filesystem::create_directory(disk);
    // A disk of 1 MB that lives as long as the shell.
    const Outcome outcome = shell(
        {"--dev-bind",
         "/",
         "/",
         "--size",
         "1000000",
         "--tmpfs",
         disk,
         "--chdir",
         disk,
         "sh",
         "-c",
         "\"$0\" run scale_add --name c --max-evals 100 >&2; echo $?; \"$0\" show c --json",
         kwright});
    INFO(outcome.out << outcome.err);
    CHECK(outcome.err.find("error: storing ") != std::string::npos);
    CHECK(outcome.err.find("the disk is full\n  hint: free some space") != std::string::npos);
    REQUIRE(outcome.out.starts_with("5\n"));
    const json campaign = json::parse(outcome.out.substr(2), nullptr, false);
    REQUIRE(!campaign.is_discarded());
    // A line on the screen means that it was stored.
    const auto stored = campaign.at("evaluations").size();
    CHECK(stored > 0);
    std::size_t told = 0;
    std::istringstream lines(outcome.err);
    for (std::string line; std::getline(lines, line);) {
        const bool again = line.find("judged again") != std::string::npos;  // no row of its own
        told += line.find("  AC  k") != std::string::npos && !again ? 1 : 0;
    }
    CHECK(stored >= told);
    CHECK(stored <= told + 1);
}

TEST_CASE("session: a signal saves and resume goes on to the end", "[cli][untimed]") {
    const Folder folder;
    Program kwright = program_in(folder);
    kwright.environment["KWRIGHT_JUDGE_CAP_S"] = "0.1";
    const std::filesystem::path events = folder / "events";
    REQUIRE(mkfifo(events.c_str(), 0600) == 0);
    const int pid = kwright.start(
        {"run", "scale_add", "--max-evals", "6", "--events", "events", "--name", "c"});
    // A pipe: reading it to its end waits for the program without a clock.
    std::ifstream lines(events);
    std::size_t judged = 0;
    for (std::string line; std::getline(lines, line);) {
        judged += json::parse(line).at("type") == "judged" ? 1 : 0;
        if (judged == 2) {
            kill(pid, SIGINT);
            ++judged;
        }
    }
    int status = 0;
    REQUIRE(waitpid(pid, &status, 0) == pid);
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 130);
    const Outcome resumed = kwright({"resume", "c"});
    INFO(resumed.err);
    CHECK(resumed.code == 0);
    const json campaign = document_of(kwright({"show", "c", "--json"}));
    CHECK(campaign.at("state") == "finished");
    CHECK(campaign.at("evaluations").size() == 6);
}

TEST_CASE("session: doctor says calmly that there is no CUDA toolkit", "[cli][untimed]") {
    const Folder folder;
    Program kwright(folder.path());
    const int without = kwright({"doctor"}).code;
    kwright.environment["KWRIGHT_CUDA_HOME"] = (folder / "no-such-toolkit").string();
    const Outcome outcome = kwright({"doctor"});
    CHECK(outcome.code == without);
    CHECK(outcome.out.find("CPU tasks do not need one") != std::string::npos);
    CHECK(outcome.out.find("cuda") != std::string::npos);
}
