// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/task_bench.hpp"

#include <utility>

namespace kw::emulated {

Result<std::unique_ptr<TaskBench>> make_bench(const BenchBuilders& builders, const Task& task) {
    auto bench = std::make_unique<TaskBench>();
    bench->hash = task.hash;
    KW_TRY_ASSIGN(bench->reference, cuda::build_reference(builders.references, task));
    // A library's product has no PTX to interpret, and its stand-in no time to beat.
    KW_TRY_ASSIGN(
        bench->baselines,
        cuda::build_baselines(builders.candidates, task, builders.arch, /*libraries=*/false));
    return bench;
}

Result<void> seat_rival(
    const BenchBuilders& builders, TaskBench& bench, const Task& task, const Candidate& rival) {
    KW_TRY_ASSIGN(
        cuda::BuiltBaseline seated,
        cuda::build_rival(builders.candidates, task, rival, builders.arch));
    bench.baselines.clear();
    bench.baselines.push_back(std::move(seated));
    return {};
}

Result<TaskBench::Shape*> shape_of(
    const BenchBuilders& builders,
    const ModelParts& parts,
    TaskBench& bench,
    const Case& shape,
    SecretStream& secrets) {
    const Task& task = parts.task;
    if (const auto found = bench.shapes.find(shape.name); found != bench.shapes.end()) {
        return &found->second;
    }
    TaskBench::Shape made;
    KW_TRY_ASSIGN(made.content, draw_content(task, shape, secrets));
    KW_TRY_ASSIGN(made.floor, floor_of(task, shape, parts.arch));
    for (const auto& [name, built, uses_library] : bench.baselines) {
        KW_TRY_ASSIGN(ModelledCall call, model_call(parts, shape, built, made.content, secrets));
        if (call.rejection) {
            return Error{
                Errc::config,
                "running the baseline " + name + " of " + task.name + " on " + builders.device +
                    ": " + call.rejection->summary + " " + call.rejection->detail,
                "see [[cuda.baselines]] in " + task.folder.string()};
        }
        hold_to_floor(call, shape.name, made.floor, /*judged=*/false);
        made.baseline_ns.emplace_back(name, call.ns);
    }
    return &(bench.shapes[shape.name] = std::move(made));
}

}  // namespace kw::emulated
