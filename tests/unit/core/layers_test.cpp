// SPDX-License-Identifier: Apache-2.0
// scripts/check-layers must find every kind of offence in a tree that has one of each, and pass
// a tree that has none.
#include "tests/unit/core/support.hpp"

#include <sys/wait.h>

#include <array>
#include <cstdio>

using kw::test::TempFolder;
using kw::test::write_file;

namespace {

struct Run {
    int status = 0;
    std::string output;
};

Run check_layers(const std::filesystem::path& tree) {
    const std::string command =
        std::string(KW_SOURCE_DIR) + "/scripts/check-layers '" + tree.string() + "' 2>&1";
    Run run;
    FILE* pipe = ::popen(command.c_str(), "r");
    REQUIRE(pipe != nullptr);
    std::array<char, 4096> buffer{};
    std::size_t got = 0;
    while ((got = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0) {
        run.output.append(buffer.data(), got);
    }
    const int status = ::pclose(pipe);
    REQUIRE(WIFEXITED(status));
    run.status = WEXITSTATUS(status);
    return run;
}

const std::string k_spdx = "// SPDX-License-Identifier: Apache-2.0\n";

bool says(const Run& run, const std::string& line_start) {
    return ("\n" + run.output).find("\n" + line_start) != std::string::npos;
}

}  // namespace

TEST_CASE("check-layers: a clean tree passes", "[core]") {
    const TempFolder tree;
    write_file(tree / "core/a.hpp", k_spdx + "#include <string>\n");
    write_file(tree / "db/b.cpp", k_spdx + "#include \"core/a.hpp\"\n#include \"db/b.hpp\"\n");
    write_file(tree / "agent/c.cpp", k_spdx + "#include \"db/b.hpp\"\n");
    write_file(
        tree / "evaluator/harness/run.cpp",
        k_spdx +
            "#include \"evaluator/harness/run.hpp\"\n"
            "  #  include \"evaluator/device/cpu/engine/call.hpp\"\n");
    write_file(tree / "tests/t.cpp", k_spdx + "#include \"cli/x.hpp\"\n#include \"made.h\"\n");
    const Run run = check_layers(tree.path());
    INFO(run.output);
    CHECK(run.status == 0);
    CHECK(says(run, "layers: ok (5 sources)"));
}

TEST_CASE("check-layers: an include against the table is named with its line", "[core]") {
    struct Offence {
        const char* file;
        const char* header;
    };
    for (const Offence& offence : {
             Offence{"core/a.cpp", "db/store.hpp"},
             Offence{"db/a.cpp", "sandbox/sandbox.hpp"},
             Offence{"sandbox/a.hpp", "evaluator/fill.hpp"},
             Offence{"evaluator/a.cpp", "db/store.hpp"},
             Offence{"evaluator/a.cpp", "agent/campaign.hpp"},
             Offence{"agent/a.cpp", "sandbox/sandbox.hpp"},
             Offence{"agent/a.cpp", "cli/main.hpp"},
             Offence{"exporter/a.cpp", "agent/campaign.hpp"},
             Offence{"server/a.cpp", "sandbox/sandbox.hpp"},
             Offence{"library/a.cpp", "core/result.hpp"},
             Offence{"cli/a.cpp", "tests/support/catch.hpp"},
             Offence{"evaluator/harness/a.cpp", "core/result.hpp"},
             Offence{"evaluator/harness/a.cpp", "evaluator/fill.hpp"},
             Offence{"evaluator/device/cpu/engine/a.cpp", "core/result.hpp"},
             Offence{"evaluator/formats/a.hpp", "core/result.hpp"},
             Offence{"core/a.cpp", "../db/store.hpp"},
         }) {
        for (const bool angled : {false, true}) {
            const TempFolder tree;
            const std::string name = offence.header;
            write_file(
                tree / offence.file,
                k_spdx + "\n#include " + (angled ? "<" + name + ">" : "\"" + name + "\"") + "\n");
            const Run run = check_layers(tree.path());
            INFO(offence.file << " -> " << offence.header << "\n" << run.output);
            CHECK(run.status == 1);
            CHECK(says(run, std::string(offence.file) + ":3: "));
        }
    }
}

TEST_CASE("check-layers: an include beside the file is named", "[core]") {
    const TempFolder tree;
    write_file(tree / "core/a.hpp", k_spdx);
    write_file(tree / "core/a.cpp", k_spdx + "#include \"a.hpp\"\n");
    const Run run = check_layers(tree.path());
    CHECK(run.status == 1);
    CHECK(says(run, "core/a.cpp:2: "));
}

TEST_CASE("check-layers: bytes that are not ASCII and missing SPDX lines are named", "[core]") {
    const TempFolder tree;
    write_file(tree / "core/a.cpp", k_spdx + "int x;  // caf\xc3\xa9\n");
    write_file(tree / "db/b.hpp", "#pragma once\n");
    write_file(tree / "cli/empty.cpp", "");
    const Run run = check_layers(tree.path());
    INFO(run.output);
    CHECK(run.status == 1);
    CHECK(says(run, "core/a.cpp:2: holds a byte that is not ASCII"));
    CHECK(says(run, "db/b.hpp:1: lacks the SPDX line"));
    CHECK(says(run, "cli/empty.cpp:1: lacks the SPDX line"));
}

TEST_CASE("check-layers: a source over 800 lines is named and 800 lines pass", "[core]") {
    std::string text = k_spdx;
    for (int i = 1; i < 800; ++i) {
        text += "int x;\n";
    }
    const TempFolder tree;
    write_file(tree / "core/a.cpp", text);
    CHECK(check_layers(tree.path()).status == 0);
    write_file(tree / "core/a.cpp", text + "int y;\n");
    const Run run = check_layers(tree.path());
    CHECK(run.status == 1);
    CHECK(says(run, "core/a.cpp:801: has 801 lines"));
}

TEST_CASE("check-layers: a folder without sources is an error and not a pass", "[core]") {
    const TempFolder tree;
    CHECK(check_layers(tree.path()).status == 2);
}
