// SPDX-License-Identifier: Apache-2.0
// A campaign for a GPU that is not there, and what becomes of it once there is one, from the
// command line.
#include "evaluator/device/cuda/gpu_nodes.hpp"
#include "evaluator/device/cuda/toolkit.hpp"
#include "tests/gpu/gpu_fixture.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/program.hpp"

#include <nlohmann/json.hpp>

using namespace kw;
using namespace kw::test;

namespace {

const std::string k_task = std::string(KW_SOURCE_DIR) + "/tests/support/tasks/scale_add";

bool no_toolkit() {
    const bool none = !cuda::find_toolkit().ok();
    if (none) {
        WARN("skipped: no CUDA toolkit here");
    }
    return none;
}

/// scale_add with a timed shape that the interpreter runs in no time.
std::string small_tasks(const Folder& folder) {
    const std::filesystem::path task = folder / "tasks/scale_add";
    std::filesystem::create_directories(task.parent_path());
    std::filesystem::copy(k_task, task, std::filesystem::copy_options::recursive);
    std::string text = read_file(task / "task.toml");
    const std::string timed = "{ N = 262144 }";
    const std::size_t at = text.find(timed);
    REQUIRE(at != std::string::npos);
    write_file(task / "task.toml", text.replace(at, timed.size(), "{ N = 65536 }"));
    return task.parent_path().string();
}

}  // namespace

TEST_CASE("run: a GPU that is there and does not open is an error and no stand-in", "[gpu]") {
    if (no_toolkit()) {
        return;
    }
    const auto searched = [](const std::string& driver) {
        const Folder folder;
        Program kwright(folder.path());
        kwright.environment["KWRIGHT_CUDA_DRIVER"] = driver;
        return kwright(
            {"run", k_task, "--device", "cuda:0", "--proposer", "tune", "--max-evals", "1"});
    };
    const Outcome no_library = searched("libkw_no_such_driver.so.1");
    INFO(no_library.out << no_library.err);
    CHECK(no_library.code == 3);
    CHECK(no_library.err.find("libkw_no_such_driver") != std::string::npos);
    const FakeDriver broken("fail cuInit 999\n");
    const Outcome no_device = searched(broken.library());
    INFO(no_device.out << no_device.err);
    CHECK(no_device.code == 3);
    CHECK(no_device.err.find("CUDA_ERROR_UNKNOWN") != std::string::npos);
}

TEST_CASE("campaign drain: candidates wait for an absent GPU and are measured on one", "[gpu]") {
    if (no_toolkit()) {
        return;
    }
    if (!cuda::gpu_device_nodes().empty()) {
        WARN("skipped: a GPU is here");
        return;
    }
    const Folder folder;
    Program kwright(folder.path());
    kwright.environment["KWRIGHT_TASKS_DIR"] = small_tasks(folder);
    const Outcome nothing = kwright({"campaign", "drain", "--device", "cuda:0"});
    CHECK(nothing.err.find("no candidate waits for cuda:0") != std::string::npos);

    const Outcome searched = kwright(
        {"run", "scale_add", "--device", "cuda:0", "--proposer", "tune", "--max-evals", "2"});
    INFO(searched.out << searched.err);
    REQUIRE(searched.code == 0);
    CHECK((searched.out + searched.err).find("cuda:0 is not here") != std::string::npos);
    const Outcome board = kwright({"board", "--json"});
    const auto rows = nlohmann::json::parse(board.out, nullptr, false);
    REQUIRE(!rows.is_discarded());
    CHECK(rows["rows"].empty());

    kwright.environment["KWRIGHT_CUDA_DRIVER"] = "libkw_no_such_driver.so.1";
    const Outcome without = kwright({"campaign", "drain", "--device", "cuda:0"});
    INFO(without.out << without.err);
    CHECK(without.code == 3);
    CHECK(without.err.find("candidates wait") != std::string::npos);
    CHECK(without.err.find("libkw_no_such_driver") != std::string::npos);

    const FakeDriver driver(k_no_joules);
    kwright.environment["KWRIGHT_CUDA_DRIVER"] = driver.library();
    const Outcome drained =
        kwright({"campaign", "drain", "--device", "cuda:0", "--judge-cap", "3", "--json"});
    INFO(drained.out << drained.err);
    CHECK(drained.code == 0);
    const auto document = nlohmann::json::parse(drained.out, nullptr, false);
    REQUIRE(!document.is_discarded());
    CHECK(document["schema"] == "kwright.drain/1");
    REQUIRE(!document["rows"].empty());
    CHECK(document["rows"][0]["after"]["timing"] == "measured");
    CHECK(document["rows"][0]["after"]["shapes"][0]["gpu"]["sm_mhz"] == 1980);
    const Outcome again = kwright({"campaign", "drain", "--device", "cuda:0"});
    CHECK(again.err.find("no candidate waits") != std::string::npos);
}

TEST_CASE("campaign drain: what comes out unclear is queued again once", "[gpu]") {
    if (no_toolkit() || !cuda::gpu_device_nodes().empty()) {
        return;
    }
    const Folder folder;
    Program kwright(folder.path());
    kwright.environment["KWRIGHT_TASKS_DIR"] = small_tasks(folder);
    REQUIRE(
        kwright(
            {"run", "scale_add", "--device", "cuda:0", "--proposer", "tune", "--max-evals", "1"})
            .code == 0);
    const FakeDriver hot(std::string(k_no_joules) + "slowed_by 4\n");
    kwright.environment["KWRIGHT_CUDA_DRIVER"] = hot.library();
    const Outcome drained =
        kwright({"campaign", "drain", "--device", "cuda:0", "--judge-cap", "0.2", "--json"});
    INFO(drained.out << drained.err);
    CHECK(drained.code == 0);
    CHECK(drained.err.find("is unclear: queued again") != std::string::npos);
    const auto document = nlohmann::json::parse(drained.out, nullptr, false);
    REQUIRE(!document.is_discarded());
    CHECK(document["rows"].size() == 1);
    CHECK(document["rows"][0]["after"]["speedup"]["comparison"] == "unclear");
}
