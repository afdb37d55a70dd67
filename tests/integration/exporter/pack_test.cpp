// SPDX-License-Identifier: Apache-2.0
// A pack as its users meet it: built in a path with blanks, in the bare environment of a machine
// without kwright, consumed from the build tree and the install tree. One pack for all sections: a
// hostile kernel and its twin beside two honest ones.
#include "core/text_file.hpp"
#include "tests/support/board_kernels.hpp"
#include "tests/support/program.hpp"

#include <nlohmann/json.hpp>

#include <cstdlib>
#include <sstream>

using namespace kw;
using namespace kw::test;
namespace fs = std::filesystem;

namespace {

const fs::path k_sources = KW_SOURCE_DIR;

Task task_at(const fs::path& folder) {
    auto task = load_task(folder);
    REQUIRE(task.ok());
    return *task;
}

std::string quoted(const fs::path& path) {
    return "'" + path.string() + "'";
}

struct Shell {
    int code = 0;
    std::string out;
};

/// With nothing of this process's environment.
Shell shell(const fs::path& folder, const std::string& command) {
    const fs::path log = folder / "log";
    const std::string line = "cd " + quoted(folder) +
                             " && env -i PATH=/usr/bin:/bin LC_ALL=C sh -c \"" + command + "\" > " +
                             quoted(log) + " 2>&1";
    const int status = std::system(line.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_file(log)};
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

/// Legal for the judge; every name in it is one of the pack's, the run-time's or its twin's.
std::string hostile_source(int number) {
    const std::string n = std::to_string(number);
    return "//!kwright task=scale_add target=cpu isa=x86-64-v3\n"
           "/* \\\" */ // */ #error \n"
           "#define kwk_status 7\n#define KWK_OK 9\n#define NULL 5\n#define const\n#undef const\n"
           "int helper = " +
           n +
           ";\nfloat table[4] = {1, 1, 1, 1};\nint kwk_ops[2];\n"
           "template <class T> inline T twice(T v) { static int calls = 0; ++calls; return v + "
           "calls * 0; }\n"
           "inline int kw_entry_count() { return helper; }\n"
           "extern \"C\" void kwk_explain() {}\nextern \"C\" int kwk_run(int v) { return v; }\n"
           "extern \"C\" int scale_add_extra() { return " +
           n +
           "; }\n"
           "void scale_add(const float* w, const float* x, float* y, const void*, int64_t N) {\n"
           "    for (int64_t i = 0; i < N; ++i) y[i] = w[i] * x[i] + twice(table[i % 4]);\n}\n";
}

/// Made once a process: everything below only reads it.
struct PackFixture {
    Folder folder;
    fs::path pack = folder / "the pack";
    fs::path build = folder / "its build";
    fs::path prefix = folder / "in stalled";
    Program kwright{folder.path()};
    std::string honest;

    PackFixture() {
        const Task scale = task_at(k_sources / "tests/support/tasks/scale_add");
        const Task gemm = task_at(k_sources / "benchmarks/w2a8_gemm");
        {
            BoardMaker board(folder / "kwright.db");
            honest = board.add("honest", scale, {.source = read_file(scale.seed)});
            board.add("gemm", gemm, {.source = read_file(gemm.seed), .speedup = 3});
            board.add(
                "*/ #error \"x\"\n?\?/",
                scale,
                {hostile_source(1), "cpu: A\"\n*/ #error 1, 1 cores, x86-64-v4", "\")\\\n*/", 1.5});
            board.add("twin", scale, {hostile_source(2), "cpu: B, 1 cores, x86-64-v4", "m", 1.4});
            board.add("model", scale, {hostile_source(3), "emulated", "m", 9, "modelled"});
        }
        kwright.environment["KWRIGHT_TASKS_DIR"] = (k_sources / "tests/support/tasks").string();
        const Outcome made = kwright({"export", "-o", pack.string()});
        INFO(made.out << made.err);
        REQUIRE(made.code == 0);
        CHECK(has(made.err, "modelled"));
        const Shell built = shell(
            folder.path(),
            "cmake -S " + quoted(pack) + " -B " + quoted(build) +
                " -DCMAKE_INSTALL_PREFIX=" + quoted(prefix) + " && cmake --build " + quoted(build) +
                " -j2 && cmake --install " + quoted(build));
        INFO(built.out);
        REQUIRE(built.code == 0);
    }

    Shell at(const fs::path& where, const std::string& command) const {
        return shell(where, command);
    }
};

PackFixture& fixture() {
    static PackFixture made;
    return made;
}

void check_consumers(const PackFixture& pack, const fs::path& kwk_dir, const fs::path& build) {
    const Shell built = shell(
        pack.folder.path(),
        "cmake -S " + quoted(k_sources / "tests/integration/exporter/consumer") + " -B " +
            quoted(build) + " -DKwk_DIR=" + quoted(kwk_dir) + " && cmake --build " + quoted(build));
    INFO(built.out);
    REQUIRE(built.code == 0);
    for (const char* program :
         {"c_static", "c_shared", "cpp_static", "cpp_shared", "by_component"}) {
        const Shell ran = shell(build, "KWK_QUIET=1 ./" + std::string(program));
        INFO(program << ": " << ran.out);
        CHECK(ran.code == 0);
        CHECK(has(ran.out, "good"));
    }
}

}  // namespace

TEST_CASE("pack: builds by itself and serves its users", "[exporter]") {
    PackFixture& pack = fixture();

    SECTION("CMake consumers build and run from the build tree and the install tree") {
        check_consumers(pack, pack.build, pack.folder / "of build");
        check_consumers(pack, pack.prefix / "lib/cmake/Kwk", pack.folder / "of install");
    }
    SECTION("pkg-config consumers build and run, also with clang") {
        const std::string use = quoted(k_sources / "tests/integration/exporter/consumer/use.c");
        const std::string flags =
            "export PKG_CONFIG_PATH=" + quoted(pack.prefix / "lib/pkgconfig") +
            "; eval \\$CC -std=c11 -Wall -Wextra -Werror " + use;
        for (const char* compiler : {"gcc", "clang"}) {
            if (shell(pack.folder.path(), std::string("command -v ") + compiler).code != 0) {
                continue;  // only g++ is a requirement
            }
            const std::string cc = "export CC=" + std::string(compiler) + "; ";
            const Shell shared = pack.at(
                pack.folder.path(),
                cc + flags +
                    " -o p_shared \\$(pkg-config --cflags --libs kwk) && LD_LIBRARY_PATH=" +
                    quoted(pack.prefix / "lib") + " KWK_QUIET=1 ./p_shared");
            INFO(shared.out);
            CHECK(shared.code == 0);
            const Shell fixed = pack.at(
                pack.folder.path(),
                cc + flags +
                    " -o p_static \\$(pkg-config --static --cflags --libs kwk | sed "
                    "s/-lkwk/-l:libkwk.a/) && KWK_QUIET=1 ./p_static");
            INFO(fixed.out);
            CHECK(fixed.code == 0);
        }
    }
    SECTION("nothing is exported but kwk_ names, and nothing is needed but libc") {
        const Shell names =
            pack.at(pack.prefix / "lib", "nm -D --defined-only libkwk.so | cut -d' ' -f3 | sort");
        check_golden("../exporter/symbols.txt", names.out);
        const Shell fixed = pack.at(
            pack.prefix / "lib",
            "nm -g --defined-only libkwk.a | grep -E ' [A-Z] ' | grep -v ' kwk_'");
        CHECK(fixed.out.empty());
        const Shell needs = pack.at(pack.prefix / "lib", "objdump -p libkwk.so | grep NEEDED");
        CHECK(!has(needs.out, "stdc++"));
        CHECK(!has(needs.out, "cuda"));
    }
    SECTION("the self-check passes, on every instruction set, and says what dispatch costs") {
        const Shell all = pack.at(pack.prefix / "bin", "./kwk-selfcheck");
        INFO(all.out);
        CHECK(all.code == 0);
        CHECK(has(all.out, "dispatch "));
        CHECK(has(all.out, "all right"));
        for (const char* level : {"x86-64-v2", "x86-64-v3", "x86-64-v4", "reference"}) {
            const Shell at = pack.at(
                pack.prefix / "bin",
                "KWK_DEVICE=" + std::string(level) + " ./kwk-selfcheck --no-timing");
            INFO(at.out);
            const bool absent = has(at.out, "this processor lacks");
            CHECK(at.code == (absent ? 1 : 0));
        }
        for (const char* name : {"x86-64-v9", "refernce", "sm_12"}) {
            const Shell unknown = pack.at(
                pack.prefix / "bin", "KWK_DEVICE=" + std::string(name) + " ./kwk-selfcheck");
            INFO(unknown.out);
            CHECK(unknown.code == 1);
            CHECK(has(unknown.out, "KWK_DEVICE is none of"));
            CHECK(has(unknown.out, "Test Processor"));  // what it may be
        }
    }
    SECTION("explain names the kernel, its evidence and what was passed over") {
        const fs::path where = pack.folder / "of build";
        if (!fs::exists(where / "c_static")) {
            check_consumers(pack, pack.build, where);
        }
        const std::string id = "k" + pack.honest.substr(0, 12);
        const Shell best = shell(where, "KWK_QUIET=1 KWK_DEVICE=x86-64-v2 ./c_static");
        INFO(best.out);
        CHECK(has(best.out, "runs " + id + " for x86-64-v2"));
        CHECK(has(best.out, "measured on another device"));
        CHECK(has(best.out, "ranks behind (1.50x"));
        const Shell exact = shell(where, "KWK_QUIET=1 KWK_DEVICE=B ./c_static");
        CHECK(has(exact.out, "measured on this device"));
        CHECK(!has(exact.out, "runs " + id));
        const Shell none = shell(where, "KWK_DEVICE=reference ./c_static");
        CHECK(has(none.out, "kwk: the slow reference runs (said once)"));
    }
    SECTION("a changed byte stops the build and a wrong kernel is found under sanitizers too") {
        const fs::path copy = pack.folder / "changed";
        fs::remove_all(copy);
        fs::copy(pack.pack, copy, fs::copy_options::recursive);
        const fs::path source = copy / "src/scale_add" / ("k" + pack.honest.substr(0, 12) + ".inc");
        std::string text = read_file(source);
        const std::size_t at = text.find("1.0f");
        REQUIRE(at != std::string::npos);
        text[at] = '2';
        write_file(source, text);
        const std::string configure = "cmake -S changed -B cbuild";
        const Shell refused = pack.at(pack.folder.path(), configure);
        INFO(refused.out);
        CHECK(refused.code != 0);
        CHECK(has(refused.out, "changed: src/scale_add/k"));
        const Outcome checked = pack.kwright({"export", "--check", copy.string()});
        CHECK(checked.code == 1);
        CHECK(has(checked.out, "changed since it was exported"));
        const std::string sanitize = "-fsanitize=address,undefined -fno-sanitize-recover=undefined";
        const Shell wrong = pack.at(
            pack.folder.path(),
            configure + " -DKWK_ALLOW_CHANGED=ON -DKWK_SHARED=OFF -DCMAKE_C_FLAGS='" + sanitize +
                "' -DCMAKE_CXX_FLAGS='" + sanitize +
                "' && cmake --build cbuild -j2 && cbuild/kwk-selfcheck --no-timing scale_add");
        INFO(wrong.out);
        CHECK(wrong.code == 1);
        // Each code has a tally of its own, and no other answers for the wrong one.
        const std::string id = "k" + pack.honest.substr(0, 12);
        std::istringstream lines(wrong.out);
        int right = 0;
        int bad = 0;
        for (std::string line; std::getline(lines, line);) {
            const bool of_it = has(line, "scale_add " + id) || has(line, "scale_add called");
            if (line.starts_with("WRONG") && has(line, " cases, ")) {
                INFO(line);
                CHECK(of_it);
                ++bad;
            } else if (line.starts_with("ok ")) {
                INFO(line);
                CHECK(!of_it);
                ++right;
            }
        }
        CHECK(bad >= 2);    // at each instruction set, and called
        CHECK(right >= 3);  // the hostile kernel, its twin, the reference
        CHECK(has(wrong.out, "ok    scale_add reference: "));
        const Shell other =
            pack.at(pack.folder.path(), "cbuild/kwk-selfcheck --no-timing w2a8_gemm");
        INFO(other.out);  // and nothing for the sanitizers to say
        CHECK(other.code == 0);
    }
    SECTION("the pack and its rows are checked against the database") {
        const Outcome sound = pack.kwright({"export", "--check", pack.pack.string(), "--json"});
        INFO(sound.out << sound.err);
        CHECK(sound.code == 0);
        CHECK(nlohmann::json::parse(sound.out).at("problems").empty());
        fs::copy_file(
            pack.folder / "kwright.db",
            pack.folder / "later.db",
            fs::copy_options::overwrite_existing);
        {
            auto store = db::Store::open(pack.folder / "later.db", db::Access::write);
            REQUIRE(store.ok());
            REQUIRE(store->revoke(pack.honest).ok());
        }
        const Outcome revoked = pack.kwright(
            {"export", "--check", pack.pack.string(), "--db", (pack.folder / "later.db").string()});
        CHECK(revoked.code == 1);
        CHECK(has(revoked.out, "its row is revoked since"));
    }
    SECTION("the same rows give the same bytes") {
        const fs::path again = pack.folder / "again";
        fs::remove_all(again);
        const Outcome made = pack.kwright({"export", "-o", again.string()});
        REQUIRE(made.code == 0);
        CHECK(read_file(again / "SHA256SUMS") == read_file(pack.pack / "SHA256SUMS"));
        const Outcome twice = pack.kwright({"export", "-o", again.string()});
        CHECK(twice.code == 2);
    }
    SECTION("the Python package serves NumPy-like arrays through the same library") {
        const Shell ran = pack.at(
            pack.pack / "python",
            "KWK_QUIET=1 KWK_LIBRARY=" + quoted(pack.prefix / "lib/libkwk.so") +
                " python3 -B tests/test_kwk.py");
        INFO(ran.out);
        CHECK(ran.code == 0);
    }
}
