// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/cuda_tasks/cuda_bench.hpp"

#include "evaluator/device/emulated/call.hpp"
#include "tests/support/catch.hpp"

#include <filesystem>
#include <sstream>

namespace kw::test {
namespace {

emulated::Content content_of(const Task& task, const Drawn& drawn) {
    emulated::Content content(task.args.size());
    for (std::size_t i = 0; i < task.args.size(); ++i) {
        const Role role = task.args[i].role;
        if (role == Role::weight || role == Role::in || role == Role::inout) {
            const auto bytes = drawn.args[i].bytes();
            content[i].assign(bytes.begin(), bytes.end());
        }
    }
    return content;
}

/// What the emulated device has against a run; "" for none. Warnings count: these sources have no
/// excuse.
std::string problem_of(const emulated::RunReport& report, std::size_t launches) {
    if (!report.problem.empty()) {
        return report.problem;
    }
    for (const emulated::LaunchReport& launch : report.launches) {
        for (const emulated::RunFinding& finding : launch.findings) {
            return finding.text;
        }
        if (launch.ending != "completed") {
            return launch.kernel + " " + launch.ending + ": " + launch.error;
        }
    }
    return report.launches.size() == launches ? "" : "not every launch was run";
}

/// The code of a source in a namespace of its own, its kernels renamed.
std::string variant(std::string source, const cuda::LaunchPlan& plan, const std::string& suffix) {
    for (const cuda::Launch& launch : plan.launches) {
        source = replaced(source, " " + launch.kernel + "(", " " + launch.kernel + suffix + "(");
    }
    std::string out = "\nnamespace variant" + suffix + " {\n";
    std::istringstream lines(source);
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with("//") && !line.starts_with("#include")) {
            out += line + "\n";
        }
    }
    return out + "}\n";
}

}  // namespace

CudaBench::CudaBench(CudaWorkshop& shop, const std::string& task)
    : shop_(shop)
    , tasks_(task) {
    auto box = sandbox::open_sandbox("auto");
    REQUIRE(box.ok());
    sandbox_ = std::move(box).value();
    auto emulator =
        emulated::Emulator::open(*sandbox_, std::filesystem::path(KW_BINARY_DIR) / "bin");
    INFO((emulator.ok() ? "" : emulator.error().what));
    REQUIRE(emulator.ok());
    emulator_ = std::make_unique<emulated::Emulator>(std::move(emulator).value());
}

cuda::BuildOutcome CudaBench::build(
    const std::string& source, const std::string& arch, cuda::Route route) {
    cuda::BuildRequest request;
    request.source = source;
    request.arch = arch;
    request.route = route;
    auto outcome = shop_.builder().build(tasks_.task(), request);
    REQUIRE(outcome.ok());
    INFO(arch << " " << outcome->summary << "\n" << outcome->detail);
    REQUIRE(outcome->verdict == Verdict::accepted);
    for (const Finding& finding : outcome->findings) {
        INFO(finding.rule << " " << finding.evidence);
        CHECK(finding.severity == "info");
    }
    CHECK(outcome->route == (route == cuda::Route::nvcc ? "nvcc" : "nvrtc"));
    return std::move(outcome).value();
}

std::string CudaBench::complaint(const cuda::BuildOutcome& built, const Drawn& drawn) {
    const Task& task = tasks_.task();
    const auto device = cuda::constants_of_arch(built.arch);
    REQUIRE(device.has_value());
    auto call = emulated::prepare_call(
        task, drawn.dims, built, *device, content_of(task, drawn), /*salt=*/7);
    REQUIRE(call.ok());
    if (!call->refused.empty()) {
        return call->refused;
    }
    call->request.checked = true;
    call->request.seed = 11;
    call->request.wall_s = 60;
    const auto report = emulator_->run(call->request, *call->memory);
    INFO((report.ok() ? "" : report.error().what));
    REQUIRE(report.ok());
    const std::string problem = problem_of(*report, call->request.launches.size());
    if (!problem.empty()) {
        return problem;
    }
    std::vector<std::span<std::byte>> after;
    for (std::size_t i = 0; i < task.args.size(); ++i) {
        after.push_back(call->buffer(i));
    }
    return tasks_.check(drawn, after);
}

std::string CudaBench::first_complaint(const cuda::BuildOutcome& built) {
    int run = 0;
    for (const auto& [name, drawn] : tasks_.cases()) {
        if (!fits_emulated(tasks_.task(), drawn.dims)) {
            continue;
        }
        ++run;
        const std::string text = complaint(built, drawn);
        if (!text.empty()) {
            return name + ": " + text;
        }
    }
    CHECK(run > 8);
    return "";
}

void require_naive_right(CudaBench& bench) {
    const std::string source = bench.tasks().read("cuda/naive.cu");
    const auto newest = bench.build(source, "sm_90a", cuda::Route::nvcc);
    CHECK(bench.first_complaint(newest) == "");
    const auto oldest = bench.build(source, "sm_80", cuda::Route::automatic);
    CHECK(bench.first_complaint(oldest) == "");
}

void require_cuda_seed_right(CudaBench& bench) {
    int point = 0;
    for (const std::string& source : tuned_sources(bench.tasks().read("cuda/seed.cu"))) {
        INFO(bench.tasks().task().name << " cuda/seed.cu, point " << point);
        const auto built = bench.build(
            source,
            point % 2 == 0 ? "sm_90a" : "sm_80",
            point == 0 ? cuda::Route::nvcc : cuda::Route::automatic);
        CHECK(bench.first_complaint(built) == "");
        ++point;
    }
}

void require_cuda_rejected(
    CudaBench& bench, const std::string& file, const std::vector<Fault>& faults) {
    const std::string source = bench.tasks().read(file);
    for (const Fault& fault : faults) {
        const auto faulty = bench.build(
            replaced(source, fault.find, fault.replace), "sm_90a", cuda::Route::automatic);
        INFO(bench.tasks().task().name << " accepts a kernel with this fault: " << fault.what);
        CHECK_FALSE(bench.first_complaint(faulty).empty());
    }
}

void require_naive_faults_rejected(CudaBench& bench, const std::vector<Fault>& faults) {
    const std::string source = bench.tasks().read("cuda/naive.cu");
    const cuda::LaunchPlan plan = bench.build(source, "sm_90a", cuda::Route::automatic).plan;
    std::string all = source;
    for (std::size_t i = 0; i < faults.size(); ++i) {
        all += variant(
            replaced(source, faults[i].find, faults[i].replace), plan, "_" + std::to_string(i));
    }
    const cuda::BuildOutcome built = bench.build(all, "sm_90a", cuda::Route::automatic);
    for (std::size_t i = 0; i < faults.size(); ++i) {
        cuda::BuildOutcome faulty = built;
        for (cuda::Launch& launch : faulty.plan.launches) {
            launch.kernel += "_" + std::to_string(i);
        }
        INFO(bench.tasks().task().name << " accepts a kernel with this fault: " << faults[i].what);
        CHECK_FALSE(bench.first_complaint(faulty).empty());
    }
}

}  // namespace kw::test
