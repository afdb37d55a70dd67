// SPDX-License-Identifier: Apache-2.0
// [cuda] of task.toml and what the emulated device takes of the cases.
#include "core/task_file.hpp"
#include "tests/unit/core/task_folder.hpp"

using namespace kw;
using namespace kw::test;
namespace fs = std::filesystem;

namespace {

const std::string k_naive = "[[cuda.baselines]]\nname = \"naive\"\nfile = \"cuda/naive.cu\"\n";
const std::string k_keys = "seed = \"cuda/seed.cu\"\n" + k_naive;

/// The valid file for cpu and cuda, `cuda` (line 57 on) in front of [hidden].
std::string toml(
    const std::string& cuda, const std::string& from = "", const std::string& to = "") {
    std::string text = k_task_toml;
    text.replace(text.find("[\"cpu\"]"), 7, "[\"cpu\", \"cuda\"]");
    text.insert(text.find("[hidden]"), cuda);
    if (!from.empty()) {
        const std::size_t at = text.find(from);
        INFO(from);
        REQUIRE(at != std::string::npos);
        text.replace(at, from.size(), to);
    }
    return text;
}

/// "LINE:COLUMN: what|hint", or "" for a task that loads.
std::string mistake(const std::string& text) {
    const TempFolder root;
    write_task(root / "gemv", text);
    const Result<Task> task = load_task(root / "gemv");
    return task.ok() ? ""
                     : task.error().what.substr((root / "gemv/task.toml").string().size() + 1) +
                           "|" + task.error().hint;
}

Task loaded(const std::string& text) {
    const TempFolder root;
    write_task(root / "gemv", text);
    Result<Task> task = load_task(root / "gemv");
    INFO((task.ok() ? "" : task.error().what + " | " + task.error().hint));
    REQUIRE(task.ok());
    return std::move(task).value();
}

}  // namespace

TEST_CASE("task_cuda: seed and baselines are sources of the folder", "[core]") {
    const TempFolder root;
    write_task(root / "gemv", toml("[cuda]\n" + k_keys));
    const Result<Task> task = load_task(root / "gemv");
    INFO((task.ok() ? "" : task.error().what));
    REQUIRE(task.ok());
    CHECK(task->cuda.seed == root.path() / "gemv/cuda/seed.cu");
    REQUIRE(task->cuda.baselines.size() == 1);
    CHECK(task->cuda.baselines[0].name == "naive");
    CHECK(task->cuda.baselines[0].file == root.path() / "gemv/cuda/naive.cu");
    CHECK(has_target(*task, "cuda"));
    CHECK(has_target(*task, "cpu"));
    CHECK_FALSE(has_target(*task, "rocm"));
    CHECK(loaded(toml("[cuda]\n" + k_naive)).cuda.seed.empty());
}

TEST_CASE("task_cuda: every CUDA source counts for the hash of the task", "[core]") {
    const TempFolder root;
    const auto hash = [&] {
        const Result<Task> task = load_task(root / "gemv");
        REQUIRE(task.ok());
        return task->hash;
    };
    write_task(root / "gemv", toml("[cuda]\n" + k_keys));
    const std::string before = hash();
    CHECK(hash() == before);
    write_file(root / "gemv/cuda/unnamed.cu", "what no key names\n");
    CHECK(hash() == before);
    for (const char* file : {"cuda/seed.cu", "cuda/naive.cu"}) {
        write_task(root / "gemv", toml("[cuda]\n" + k_keys));
        write_file(root / "gemv" / file, "another text\n");
        INFO(file);
        CHECK(hash() != before);
    }
    write_task(root / "gemv", toml("[cuda]\nforbid = [\"dp4a\"]\n" + k_keys));
    CHECK(hash() != before);
}

TEST_CASE("task_cuda: target cuda and its baselines go together", "[core]") {
    CHECK(
        mistake(toml("")) ==
        "5:11: target cuda without [[cuda.baselines]]|give at least one: a name and a file, see "
        "docs/tasks.md");
    CHECK(mistake(toml("[cuda]\n")) == "57:1: [cuda] needs at least one [[baselines]]|");
    CHECK(
        mistake(toml("[cuda]\nseed = \"cuda/seed.cu\"\n"))
            .find("57:1: [cuda] needs at least one [[baselines]]") == 0);
    CHECK(
        mistake(toml("[cuda]\n" + k_keys, "[\"cpu\", \"cuda\"]", "[\"cpu\"]")) ==
        "57:1: [cuda] in a task whose targets lack cuda|");
    CHECK(mistake(toml("[cuda]\n" + k_keys, "[\"cpu\", \"cuda\"]", "[\"cuda\"]")).empty());
}

TEST_CASE("task_cuda: sources are read as strictly as those of the CPU", "[core]") {
    const auto cuda = [](const std::string& from, const std::string& to) {
        return mistake(toml("[cuda]\n" + k_keys, from, to));
    };
    CHECK(
        cuda("cuda/seed.cu", "cuda/sed.cu") ==
        "58:8: there is no file 'cuda/sed.cu' in the task's folder|");
    CHECK(
        cuda("cuda/seed.cu", "../gemv/seed.cpp") ==
        "58:8: '../gemv/seed.cpp' is not a path inside the task's folder|");
    CHECK(
        cuda("cuda/naive.cu", "/etc/passwd") ==
        "61:8: '/etc/passwd' is not a path inside the task's folder|");
    CHECK(cuda("cuda/naive.cu", "cuda") == "61:8: 'cuda' is not a regular file|");
    CHECK(
        cuda("name = \"naive\"\nfile = \"cuda", "name = \"a b\"\nfile = \"cuda") ==
        "60:8: a baseline's name is printable ASCII without spaces and quotes|");
    CHECK(
        cuda("file = \"cuda/naive.cu\"", "fil = \"cuda/naive.cu\"") ==
        "59:1: [[cuda.baselines]] lacks the key 'file'|");
    CHECK(
        cuda("file = \"cuda/naive.cu\"", "file = \"cuda/naive.cu\"\nisa = \"x86-64-v3\"")
            .find("62:1: unknown key 'isa' in [[cuda.baselines]]") == 0);
    CHECK(
        mistake(toml("[cuda]\n" + k_keys + k_naive)) ==
        "63:8: the baseline name 'naive' is taken|");
    std::string many = "[cuda]\n";
    for (int i = 0; i < 17; ++i) {
        many += "[[cuda.baselines]]\nname = \"n" + std::to_string(i) + "\"\nfile = \"seed.cpp\"\n";
    }
    CHECK(mistake(toml(many)) == "106:1: more than 16 [[baselines]]|");

    const TempFolder root;
    write_task(root / "gemv", toml("[cuda]\n" + k_keys));
    write_file(root / "outside.cu", "//!launch gemv\n");
    fs::remove(root / "gemv/cuda/seed.cu");
    fs::create_symlink(root / "outside.cu", root / "gemv/cuda/seed.cu");
    const Result<Task> task = load_task(root / "gemv");
    REQUIRE_FALSE(task.ok());
    CHECK(task.error().what.find("leads out of the task's folder") != std::string::npos);
}

TEST_CASE("task_cuda: instruction classes are read strictly", "[core]") {
    const auto load = [](const std::string& keys) {
        return mistake(toml("[cuda]\n" + keys + "\n" + k_keys));
    };
    const Task task = loaded(
        toml("[cuda]\nrequire = [\"mma.s8\", \"dp4a\"]\nforbid = [\"wgmma.bf16\"]\n" + k_keys));
    CHECK(task.cuda.require == std::vector<std::string>{"mma.s8", "dp4a"});
    CHECK(task.cuda.forbid == std::vector<std::string>{"wgmma.bf16"});
    CHECK(
        load("forbid = [\"mma.bf17\"]") ==
        "58:10: forbid: unknown instruction class 'mma.bf17'|did you mean 'mma.bf16'?");
    CHECK(load("forbit = []") == "58:1: unknown key 'forbit' in [cuda]|did you mean 'forbid'?");
    CHECK(load("forbid = [\"dp4a\", \"dp4a\"]") == "58:10: forbid: 'dp4a' is named twice|");
    CHECK(
        load("require = [\"dp4a\"]\nforbid = [\"dp4a\"]") ==
        "59:10: the instruction class 'dp4a' is demanded and forbidden|");
}

TEST_CASE("task_cuda: the emulated device takes small and timed cases", "[core]") {
    // flop = 2 * N * K: "tiny" has 256.
    const std::string cuda = "[cuda]\n" + k_keys;
    const std::string more =
        "[[cases]]\nname = \"largest\"\ndims = { N = 31250, K = 320 }\n"
        "[[cases]]\nname = \"larger\"\ndims = { N = 31251, K = 320 }\n";
    const auto taken = [&](const std::string& from, const std::string& to) {
        std::string names;
        for (const Case& item : loaded(toml(more + cuda, from, to)).cases) {
            names += item.emulated ? item.name + " " : "";
        }
        return names;
    };
    CHECK(taken("[cuda]", "[cuda]") == "tiny big largest ");
    CHECK(taken("K = 320 }", "K = 320 }\nemulated = false") == "tiny big ");
    CHECK(
        taken("N = 31251, K = 320 }", "N = 31251, K = 320 }\nemulated = true") ==
        "tiny big largest larger ");
    const Task task = loaded(toml(cuda));
    CHECK(fits_emulated(task, {{"N", 31250}, {"K", 320}}));
    CHECK_FALSE(fits_emulated(task, {{"N", 31251}, {"K", 320}}));
    CHECK_FALSE(fits_emulated(task, {{"N", 1}}));
    // Without the target nothing is for the emulated device.
    for (const Case& item : loaded(k_task_toml).cases) {
        CHECK_FALSE(item.emulated);
    }
}

TEST_CASE("task_cuda: a probe and a timed case must remain for the emulated device", "[core]") {
    const std::string cuda = "[cuda]\n" + k_keys;
    CHECK(
        mistake(toml(cuda, "probe = true", "probe = true\nemulated = false"))
            .find("the probe 'tiny' is not for the emulated device|choose a smaller probe") !=
        std::string::npos);
    CHECK(
        mistake(toml(cuda, "timed = true", "timed = true\nemulated = false"))
            .find("no timed case for the emulated device|leave at least one") != std::string::npos);
    CHECK(
        mistake(toml(cuda, "timed = true", "timed = true\nemulated = 1"))
            .find("emulated must be true or false and is an integer") != std::string::npos);
    std::string text = k_task_toml;
    text.replace(text.find("timed = true"), 12, "timed = true\nemulated = true");
    CHECK(mistake(text).find("emulated in a task whose targets lack cuda|") != std::string::npos);
}
