// SPDX-License-Identifier: Apache-2.0
// From a modelled row to a library: a CUDA kernel is found on the emulated device, exported by its
// name, built by the user's compiler alone, and computes on the double of the driver.
#include "core/text_file.hpp"
#include "evaluator/device/cuda/toolkit.hpp"
#include "tests/gpu/gpu_fixture.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/program.hpp"

#include <nlohmann/json.hpp>

#include <cstdlib>

using namespace kw;
using namespace kw::test;
namespace fs = std::filesystem;

namespace {

struct Shell {
    int code = 0;
    std::string out;
};

Shell shell(const fs::path& folder, const std::string& command) {
    const std::string log = (folder / "log").string();
    const int status =
        std::system(("cd '" + folder.string() + "' && env -i PATH=/usr/bin:/bin LC_ALL=C sh -c \"" +
                     command + "\" > '" + log + "' 2>&1")
                        .c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_file(log)};
}

}  // namespace

TEST_CASE(
    "export: a modelled CUDA row by its name builds and computes through the driver", "[gpu]") {
    if (!cuda::find_toolkit().ok()) {
        WARN("skipped: no CUDA toolkit here");
        return;
    }
    const Folder folder;
    Program kwright(folder.path());
    kwright.environment["KWRIGHT_TASKS_DIR"] = KW_SOURCE_DIR "/tests/support/tasks";
    const Outcome searched = kwright(
        {"run",
         "scale_add",
         "--device",
         "emulated:sm_90a",
         "--proposer",
         "tune",
         "--max-evals",
         "1"});
    INFO(searched.out << searched.err);
    REQUIRE(searched.code == 0);
    // Not asked for by name it stays out.
    const std::string pack = (folder / "pack").string();
    const Outcome unnamed = kwright({"export", "-o", pack});
    CHECK(unnamed.code == 2);
    CHECK(unnamed.err.find("modelled: name the kernel") != std::string::npos);
    const auto board = nlohmann::json::parse(kwright({"board", "--json"}).out);
    REQUIRE(!board.at("rows").empty());
    const std::string kernel = board["rows"][0].at("kernel");
    const Outcome made = kwright({"export", kernel, "-o", pack, "--json"});
    INFO(made.out << made.err);
    REQUIRE(made.code == 0);
    const auto exported = nlohmann::json::parse(made.out).at("kernels").at(0);
    CHECK(exported.at("timing") == "modelled");
    CHECK(exported.at("code").at(0).at("arch") == "sm_90a");
    CHECK(exported["code"][0].at("checked") == true);

    const Shell built = shell(
        folder.path(),
        "cmake -S pack -B b -DKWK_SELFCHECK=OFF && cmake --build b && gcc -w -Ipack/include -o use "
        "'" KW_SOURCE_DIR "/tests/gpu/pack_use.c' b/libkwk.a -lm -ldl");
    INFO(built.out);
    REQUIRE(built.code == 0);
    const Shell without = shell(folder.path(), "./use");
    CHECK(without.code == 2);  // no driver
    const FakeDriver driver;
    const std::string with =
        "LD_LIBRARY_PATH=" + fs::path(driver.library()).parent_path().string() + " ./use ";
    for (const char* size : {"7", "512", "1023"}) {
        const Shell ran = shell(folder.path(), with + size);
        INFO(ran.out);
        CHECK(ran.code == 0);
        CHECK(ran.out.find("modelled, never measured") != std::string::npos);
        CHECK(ran.out.find("right") != std::string::npos);
    }
    // Beyond what was compared: a model's timed shape was not.
    const Shell beyond = shell(folder.path(), with + "262144");
    INFO(beyond.out);
    CHECK(beyond.code == 1);
    CHECK(beyond.out.find("call: no kernel for this machine or shape") != std::string::npos);
}
