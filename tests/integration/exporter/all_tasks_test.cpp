// SPDX-License-Identifier: Apache-2.0
// Every CPU task of the suite in one pack. What the judge would say of the seeds is known (its own
// tests ask it), so the kernels are taken as given; the pack's self-check asks them again.
#include "core/task_file.hpp"
#include "core/text_file.hpp"
#include "exporter/export.hpp"
#include "tests/support/board_kernels.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/program.hpp"

#include <algorithm>
#include <cstdlib>
#include <sstream>

using namespace kw;
using namespace kw::test;
using namespace kw::exporter;
namespace fs = std::filesystem;

namespace {

const fs::path k_benchmarks = fs::path(KW_SOURCE_DIR) / "benchmarks";

/// The seeds are written for AVX2 and AVX-512; the naive kernels behind them serve the rest.
struct SeedCode final : Examiner {
    Result<Examination> examine(
        const Task&, const Candidate& candidate, const IsaLevel& level) override {
        const bool seed = candidate.source.find("//!tune") != std::string::npos;
        const bool plain = candidate.source.find("intrin.h") == std::string::npos;
        const bool built =
            seed ? level.suffix == "v3" || level.suffix == "v4" : level.suffix == "v2" && plain;
        return Examination{built ? "" : "left out here", false, false};
    }
    Result<std::string> build_cuda(const Task&, const Candidate&, CudaCode&) override {
        return std::string("left out here");
    }
};

StoredKernel kernel_of(const Task& task, const fs::path& source, double speedup) {
    StoredKernel kernel;
    kernel.candidate.source = read_file(source);
    const Candidate candidate = make_candidate(task.name, kernel.candidate.source);
    kernel.candidate.hash = candidate.hash;
    kernel.candidate.task = task.name;
    kernel.candidate.isa = candidate.isa;
    kernel.board.task = task.name;
    kernel.board.candidate_hash = candidate.hash;
    kernel.board.target = "cpu";
    kernel.board.timing_kind = "measured";
    kernel.board.device = "cpu: Test Processor, 2 cores, x86-64-v4";
    kernel.board.speedup = {speedup, speedup, speedup};
    kernel.judging.result.cases = passed_cases(task);
    return kernel;
}

bool has_code(const Operation& operation, const std::string& level) {
    return std::ranges::any_of(operation.units, [&](const Unit& unit) {
        return std::ranges::any_of(
            unit.codes, [&](const CpuCode& code) { return code.level.name == level; });
    });
}

}  // namespace

TEST_CASE("pack: every CPU task exports and is right on each instruction set", "[exporter]") {
    const Folder folder;
    const TaskFinder find = [](const std::string& name) {
        return load_task(k_benchmarks / name);
    };
    Selection selection;
    std::vector<std::string> names;
    for (const TaskEntry& entry : list_tasks({k_benchmarks})) {
        const auto task = load_task(entry.folder);
        REQUIRE(task.ok());
        if (has_target(*task, "cpu")) {
            names.push_back(task->name);
            selection.kernels.push_back(kernel_of(*task, task->seed, 2));
            selection.kernels.push_back(kernel_of(*task, task->baselines.front().file, 1));
        }
    }
    const std::size_t tasks = names.size();
    REQUIRE(tasks >= 8);
    SeedCode examiner;
    const auto pack = make_pack(std::move(selection), find, examiner, "0.1.0");
    INFO((pack.ok() ? std::string{} : pack.error().what));
    REQUIRE(pack.ok());
    CHECK(pack->operations.size() == tasks);
    const auto files = pack_files(*pack, fs::path(KW_SOURCE_DIR) / "library");
    REQUIRE(files.ok());
    REQUIRE(write_pack(*files, folder / "pack").ok());
    const std::string log = (folder / "log").string();
    const auto run = [&](const std::string& command) {
        return std::system(
            ("cd '" + folder.path().string() + "' && (" + command + ") > " + log + " 2>&1")
                .c_str());
    };
    const int built = run("cmake -S pack -B b -DKWK_SHARED=OFF && cmake --build b -j2");
    INFO(read_file(log));
    REQUIRE(built == 0);
    const fs::path inout = fs::path(KW_SOURCE_DIR) / "tests/integration/exporter/inout/use.c";
    const int updated =
        run("gcc -std=c11 -Wall -Wextra -Werror -Ipack/include -o inout " + inout.string() +
            " b/libkwk.a -lm -ldl && KWK_QUIET=1 ./inout");
    INFO(read_file(log));
    CHECK(updated == 0);
    for (const char* level : {"x86-64-v2", "x86-64-v3", "x86-64-v4"}) {
        const int checked =
            run(std::string("KWK_DEVICE=") + level + " KWK_QUIET=1 b/kwk-selfcheck --no-timing");
        const std::string said = read_file(log);
        INFO(said);
        if (said.find("this processor lacks") != std::string::npos) {
            continue;
        }
        CHECK(checked == 0);
        for (const Operation& operation : pack->operations) {
            const std::string& name = operation.task.name;
            if (!has_code(operation, level)) {
                continue;  // of those at v2 some
            }
            INFO(name << " at " << level);
            CHECK(said.find("ok    " + name + " called: ") != std::string::npos);
            bool dispatched = false;
            std::istringstream lines(said);
            for (std::string line; std::getline(lines, line);) {
                dispatched = dispatched ||
                             (line.starts_with("ok    " + name + " k") &&
                              line.find(std::string("for ") + level + ":") != std::string::npos);
            }
            CHECK(dispatched);
        }
    }
}
