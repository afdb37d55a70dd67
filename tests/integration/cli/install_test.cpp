// SPDX-License-Identifier: Apache-2.0
// `cmake --install` gives a tree that works wherever it is put.
#include "tests/support/catch.hpp"
#include "tests/support/program.hpp"

#include <cstdlib>

using namespace kw::test;
namespace fs = std::filesystem;

TEST_CASE("install: the installed tree judges and finds its tasks", "[cli][untimed]") {
    const Folder folder;
    const fs::path prefix = folder / "first";
    const std::string install = "cmake --install " KW_BINARY_DIR " --prefix " + prefix.string() +
                                " > " + (folder / "log").string() + " 2>&1";
    INFO(read_file(folder / "log"));
    REQUIRE(std::system(install.c_str()) == 0);
    const fs::path moved = folder / "moved";
    fs::rename(prefix, moved);
    for (const char* file :
         {"bin/kwright",
          "libexec/kwright/kw-runner",
          "libexec/kwright/kw-probe",
          "share/kwright/prompts/cpu/propose.md",
          "share/kwright/benchmarks/w4a16_gemv/task.toml",
          "share/man/man1/kwright.1",
          "share/bash-completion/completions/kwright",
          "share/zsh/site-functions/_kwright",
          "share/fish/vendor_completions.d/kwright.fish"}) {
        INFO(file);
        CHECK(fs::exists(moved / file));
    }
    Program kwright(folder.path());
    kwright.program = moved / "bin" / "kwright";
    kwright.environment["KWRIGHT_JUDGE_CAP_S"] = "1";
    const Outcome tasks = kwright({"task", "list"});
    CHECK(tasks.code == 0);
    CHECK(tasks.out.find("w4a16_gemv") != std::string::npos);
    const std::string seed = (moved / "share/kwright/benchmarks/nf4_codec/seed.cpp").string();
    const Outcome judged = kwright({"verify", seed, "--task", "nf4_codec", "--no-timing"});
    INFO(judged.out << judged.err);
    CHECK(judged.code == 0);
}
