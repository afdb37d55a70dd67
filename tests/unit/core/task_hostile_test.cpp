// SPDX-License-Identifier: Apache-2.0
// A task folder comes from a stranger: links out of it, odd files, huge counts, random bytes.
#include "core/task_file.hpp"
#include "tests/unit/core/task_folder.hpp"

#include <sys/stat.h>

using namespace kw;
using namespace kw::test;
namespace fs = std::filesystem;

namespace {

std::string refused(const fs::path& folder) {
    const Result<Task> task = load_task(folder);
    REQUIRE_FALSE(task.ok());
    CHECK(task.error().code == Errc::config);
    return task.error().what;
}

bool ends_with(const std::string& text, const std::string& end) {
    return text.size() >= end.size() &&
           text.compare(text.size() - end.size(), end.size(), end) == 0;
}

}  // namespace

TEST_CASE("task_file: a link that leads out of the folder is refused", "[core]") {
    const TempFolder root;
    write_file(root / "outside.cpp", "secret\n");
    write_file(root / "outdir/naive.cpp", "secret\n");
    for (const char* name : {"baselines/naive.cpp", "seed.cpp", "reference.cpp"}) {
        const TempFolder other;
        write_task(other / "gemv");
        fs::remove(other / "gemv" / name);
        fs::create_symlink(root / "outside.cpp", other / "gemv" / name);
        INFO(name);
        CHECK(ends_with(
            refused(other / "gemv"), std::string("'") + name + "' leads out of the task's folder"));
    }
    write_task(root / "gemv");
    fs::remove_all(root / "gemv/baselines");
    fs::create_directory_symlink(root / "outdir", root / "gemv/baselines");
    CHECK(ends_with(
        refused(root / "gemv"), "63:8: 'baselines/naive.cpp' leads out of the task's folder"));
}

TEST_CASE("task_file: a sibling folder with the same beginning is outside", "[core]") {
    const TempFolder root;
    write_task(root / "gemv");
    write_file(root / "gemv2/naive.cpp", "x\n");
    fs::remove(root / "gemv/seed.cpp");
    fs::create_symlink(root / "gemv2/naive.cpp", root / "gemv/seed.cpp");
    CHECK(ends_with(refused(root / "gemv"), "'seed.cpp' leads out of the task's folder"));
}

TEST_CASE("task_file: a task file that links out of the folder is not quoted", "[core]") {
    const TempFolder root;
    write_task(root / "gemv");
    write_file(root / "secret", "password hunter2\n");
    fs::remove(root / "gemv/task.toml");
    fs::create_symlink(root / "secret", root / "gemv/task.toml");
    const std::string what = refused(root / "gemv");
    CHECK(ends_with(what, "it leads out of the task's folder"));
    CHECK(what.find("hunter2") == std::string::npos);
}

TEST_CASE("task_file: a link inside the folder and a linked folder are fine", "[core]") {
    const TempFolder root;
    write_task(root / "gemv");
    fs::remove(root / "gemv/seed.cpp");
    fs::create_symlink("baselines/naive.cpp", root / "gemv/seed.cpp");
    CHECK(load_task(root / "gemv").ok());
    fs::create_directory(root / "elsewhere");
    fs::create_directory_symlink(root / "gemv", root / "elsewhere/link");
    CHECK(load_task(root / "elsewhere/link").ok());
    CHECK(load_task((root / "gemv").string() + "/").ok());
}

TEST_CASE(
    "task_file: files that are no files or too large are refused without being read", "[core]") {
    const TempFolder root;
    write_task(root / "gemv");
    fs::remove(root / "gemv/seed.cpp");
    REQUIRE(::mkfifo((root / "gemv/seed.cpp").c_str(), 0600) == 0);  // opening it would block
    CHECK(ends_with(refused(root / "gemv"), "'seed.cpp' is not a regular file"));
    fs::remove(root / "gemv/seed.cpp");
    write_file(root / "gemv/seed.cpp", std::string((1 << 20) + 1, 'x'));
    CHECK(ends_with(refused(root / "gemv"), "'seed.cpp' is larger than 1048576 bytes"));
    fs::resize_file(root / "gemv/seed.cpp", 1 << 20);
    CHECK(load_task(root / "gemv").ok());
    fs::remove(root / "gemv/task.toml");
    REQUIRE(::mkfifo((root / "gemv/task.toml").c_str(), 0600) == 0);
    CHECK(ends_with(refused(root / "gemv"), "not a regular file"));
    CHECK(list_tasks({root.path()}).empty());
}

TEST_CASE("task_file: missing folders and files are named", "[core]") {
    const TempFolder root;
    CHECK(
        refused(root / "none") ==
        "reading task folder " + (root / "none").string() + ": no such folder");
    fs::create_directory(root / "empty");
    CHECK(ends_with(refused(root / "empty"), ": there is no task.toml"));
    write_task(root / "gemv");
    fs::remove(root / "gemv/reference.cpp");
    CHECK(ends_with(
        refused(root / "gemv"),
        "task.toml:1:1: there is no file 'reference.cpp' in the task's folder"));
}

TEST_CASE("task_file: counts and sizes are bounded", "[core]") {
    const auto repeated = [](const std::string& before, const std::string& piece, int count) {
        std::string text = k_task_toml;
        std::string many;
        for (int i = 0; i < count; ++i) {
            std::string one = piece;
            for (std::size_t at = one.find('@'); at != std::string::npos; at = one.find('@')) {
                one.replace(at, 1, std::to_string(i));
            }
            many += one;
        }
        return text.insert(text.find(before), many);
    };
    struct Bound {
        std::string toml;
        std::string end;
    };
    for (const Bound& bound : {
             Bound{repeated("[[dims]]", "[[dims]]\nname = \"D@\"\n", 20), "more than 16 [[dims]]"},
             Bound{
                 repeated(
                     "[[args]]",
                     "[[args]]\nname = \"a@\"\ndtype = \"u8\"\nrole = \"in\"\n"
                     "shape = [\"N\"]\n",
                     40),
                 "more than 32 [[args]]"},
             Bound{
                 repeated("[[cases]]", "[[cases]]\nname = \"c@\"\ndims = { N = 4, K = 32 }\n", 70),
                 "more than 64 [[cases]]"},
             Bound{
                 repeated(
                     "[[baselines]]", "[[baselines]]\nname = \"b@\"\nfile = \"seed.cpp\"\n", 20),
                 "more than 16 [[baselines]]"},
             Bound{
                 repeated("[hidden]", "[distributions.d@]\nx = { dist = \"zero\" }\n", 70),
                 "more than 64 distributions"},
             Bound{std::string(300'000, '#'), "larger than 262144 bytes"},
         }) {
        const TempFolder root;
        write_task(root / "gemv", bound.toml);
        INFO(bound.end);
        CHECK(ends_with(refused(root / "gemv"), bound.end));
    }
}

TEST_CASE("task_file: deep nesting is refused and does not exhaust the stack", "[core]") {
    const TempFolder root;
    for (const std::string piece : {"[", "{a=", "[{a="}) {
        std::string deep = "x = ";
        for (int i = 0; i < 50'000; ++i) {
            deep += piece;
        }
        write_task(root / "gemv", deep);
        CHECK(refused(root / "gemv").find("task.toml:1:") != std::string::npos);
    }
}

TEST_CASE("task_file: a key of many parts is refused wherever it hides", "[core]") {
    const TempFolder root;
    std::string dotted = "a";
    for (int i = 0; i < 50'000; ++i) {
        dotted += i % 2 == 0 ? ".a" : " . 'b'";
    }
    // The parser frees such tables by recursion: reaching it would end the process.
    for (const std::string before :
         {"",
          "[",
          "[[",
          "x = {",
          "x = [\"\"\"a\"\"\"\"\", {",
          "x = ['''a'''', {",
          "x = [\"\\\"\", '\\', {",
          "# \"\"\"\n",
          "x = \"\"\"\n#\\\"\"\"\"\n",
          "x = \"\"\n"}) {
        INFO(before);
        write_task(root / "gemv", before + dotted + " = 1\n");
        CHECK(ends_with(refused(root / "gemv"), ": a key has too many parts"));
    }
}

TEST_CASE("task_file: dots inside texts and comments are no key parts", "[core]") {
    const TempFolder root;
    std::string text = "# a.b.c.d.e.f.g.h.i.j.k.l\n" + k_task_toml;
    text.replace(text.find("A small product"), 15, "a.b.c.d.e.f.g.h.i.j.k.l \\\" ' a.a.a.a.a.a.a");
    write_task(root / "gemv", text);
    CHECK(load_task(root / "gemv").ok());
}

TEST_CASE("task_file: random bytes are refused with a place", "[core]") {
    const TempFolder root;
    write_task(root / "gemv");
    const std::string prefix = (root / "gemv/task.toml").string() + ":";
    Dice dice(6);
    const std::string alphabet = "[]{}=\"'#.,\n\t \\abcdims0x1e-9:TZ+_\x80\xc3\xa9";
    for (int i = 0; i < 1500; ++i) {
        std::string text = dice.bytes(dice.below(60));
        if (i % 3 != 0) {
            text.clear();
            for (std::uint64_t n = dice.below(120); n > 0; --n) {
                text += alphabet[dice.below(alphabet.size())];
            }
        }
        write_file(root / "gemv/task.toml", text);
        REQUIRE(refused(root / "gemv").rfind(prefix, 0) == 0);
    }
}

TEST_CASE("task_file: mutated task files load or are refused with a place", "[core]") {
    const TempFolder root;
    write_task(root / "gemv");
    const std::string prefix = (root / "gemv/task.toml").string() + ":";
    Dice dice(8);
    int loaded = 0;
    int mistakes = 0;
    for (int i = 0; i < 1500; ++i) {
        std::string text = k_task_toml;
        for (std::uint64_t n = 1 + dice.below(3); n > 0; --n) {
            const std::size_t at = dice.below(text.size());
            const std::size_t length = dice.below(20);
            switch (dice.below(4)) {
                case 0: text[at] = static_cast<char>(dice.below(256)); break;
                case 1: text.erase(at, length); break;
                case 2: text.insert(at, text.substr(dice.below(text.size()), length)); break;
                default: text[at] = "0123456789-\"[]{}"[dice.below(16)]; break;
            }
        }
        write_file(root / "gemv/task.toml", text);
        const Result<Task> task = load_task(root / "gemv");
        if (task.ok()) {
            ++loaded;
        } else {
            ++mistakes;
            REQUIRE(task.error().what.rfind(prefix, 0) == 0);
        }
    }
    CHECK(loaded > 20);
    CHECK(mistakes > 500);
}

TEST_CASE("task_file: the hash follows values and sources and not formatting", "[core]") {
    const TempFolder root;
    write_task(root / "gemv");
    const std::string hash = load_task(root / "gemv")->hash;
    std::string text = "# a comment\n" + k_task_toml;
    text.replace(text.find("min = 1\nmax = 65536"), 19, "max = 65_536  # swapped\nmin = 1");
    write_task(root / "gemv", text);
    CHECK(load_task(root / "gemv")->hash == hash);
    for (const char* file : {"reference.cpp", "seed.cpp", "baselines/naive.cpp"}) {
        write_task(root / "gemv");
        write_file(root / "gemv" / file, "changed\n");
        INFO(file);
        CHECK(load_task(root / "gemv")->hash != hash);
    }
    write_task(root / "gemv");
    write_file(root / "gemv/README.md", "words\n");
    CHECK(load_task(root / "gemv")->hash == hash);
    std::string changed = k_task_toml;
    write_task(root / "gemv", changed.replace(changed.find("sigma = 2.0"), 11, "sigma = 2.5"));
    CHECK(load_task(root / "gemv")->hash != hash);
}

TEST_CASE("task_file: the same folder elsewhere has the same hash", "[core]") {
    const TempFolder a;
    const TempFolder b;
    write_task(a / "gemv");
    write_task(b / "x/gemv");
    CHECK(load_task(a / "gemv")->hash == load_task(b / "x/gemv")->hash);
}

TEST_CASE("task_file: tasks are listed by name and an earlier root hides a later one", "[core]") {
    const TempFolder first;
    const TempFolder second;
    write_task(first / "gemv");
    write_task(second / "gemv");
    write_task(second / "axpy");
    fs::create_directory(second / "not_a_task");
    const std::vector<TaskEntry> entries =
        list_tasks({first.path(), first / "none", second.path()});
    REQUIRE(entries.size() == 2);
    CHECK(entries[0].name == "axpy");
    CHECK(entries[1].folder == first / "gemv");
    CHECK(find_task("gemv", {first.path(), second.path()})->folder == first / "gemv");
    CHECK(find_task((second / "gemv").string(), {})->folder == second / "gemv");
    const Result<Task> unknown = find_task("gmev", {first.path()});
    REQUIRE_FALSE(unknown.ok());
    CHECK(unknown.error().code == Errc::usage);
    CHECK(unknown.error().what == "looking for a task: there is no task 'gmev'");
    CHECK(unknown.error().hint == "did you mean 'gemv'?");
    CHECK(find_task("zzz", {first.path()}).error().hint == "see: kwright task list");
}
