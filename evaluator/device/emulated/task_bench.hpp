// SPDX-License-Identifier: Apache-2.0
// What candidates of one task meet on the emulated device: the task's reference and its CUDA
// baselines, built once, and by shape the arguments and the baselines' modelled times.
#pragma once

#include "core/candidate.hpp"
#include "evaluator/device/cpu/build.hpp"
#include "evaluator/device/cuda/task_build.hpp"
#include "evaluator/device/emulated/modelled.hpp"

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace kw::emulated {

struct TaskBench {
    std::string hash;  ///< of the task
    std::filesystem::path reference;
    std::vector<cuda::BuiltBaseline> baselines;
    struct Shape {
        Content content;
        Floor floor;
        std::vector<std::pair<std::string, double>> baseline_ns;  ///< naive first
    };
    std::map<std::string, Shape> shapes;
};

struct BenchBuilders {
    cuda::Builder& candidates;
    cpu::Builder& references;
    std::string arch;
    std::string device;  ///< as messages call it
};

/// Errc::config: a source of the task does not compile.
[[nodiscard]] Result<std::unique_ptr<TaskBench>> make_bench(
    const BenchBuilders& builders, const Task& task);
/// In place of the baselines. Errc::usage: it does not build for this device.
[[nodiscard]] Result<void> seat_rival(
    const BenchBuilders& builders, TaskBench& bench, const Task& task, const Candidate& rival);
/// Made when it is asked for the first time; belongs to `bench`. Errc::config: a baseline fails.
[[nodiscard]] Result<TaskBench::Shape*> shape_of(
    const BenchBuilders& builders,
    const ModelParts& parts,
    TaskBench& bench,
    const Case& shape,
    SecretStream& secrets);

}  // namespace kw::emulated
