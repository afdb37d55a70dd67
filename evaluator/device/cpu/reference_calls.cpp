// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/reference_calls.hpp"

#include "core/text_file.hpp"
#include "evaluator/device/cpu/build.hpp"
#include "evaluator/device/cpu/oracle.hpp"
#include "evaluator/harness_program.hpp"

#include <algorithm>

namespace kw::cpu {
namespace {

/// One process with the seat that it reads.
struct Process {
    std::shared_ptr<sandbox::Sandbox> sandbox;
    std::filesystem::path runner;
    std::filesystem::path object;
    Cores cores;
    Task task;
    std::vector<DimMap> shapes;
    Seat seat;
    std::unique_ptr<Oracle> oracle;  ///< null: it died of the last call
    std::uint64_t salt = 0;
};

Result<void> start(Process& process) {
    const Stage stage{*process.sandbox, process.runner, process.cores};
    KW_TRY_ASSIGN(
        process.oracle,
        Oracle::start(stage, process.task, process.object, process.seat, process.shapes));
    return {};
}

void write_content(const Task& task, const DimMap& dims, const ArgumentBytes& content, Seat& seat) {
    write_inputs(task, Inputs{content}, k_placement_guarded, seat);
    for (std::size_t i = 0; i < task.args.size(); ++i) {
        if (task.args[i].role == Role::weight) {
            const Slot& slot = seat.layout.args[i];
            const std::int64_t bytes = byte_size(task.args[i], dims).value();
            const std::int64_t at = place(slot, bytes, k_placement_guarded, Role::weight);
            std::ranges::copy(content[i], seat.view(slot, 0, at, bytes).begin());
        }
    }
}

Result<Wanted> call(Process& process, const DimMap& dims, const ArgumentBytes& content) {
    const Task& task = process.task;
    if (process.oracle == nullptr) {
        KW_TRY(start(process));
    }
    write_content(task, dims, content, process.seat);
    auto called = process.oracle->compute_whole({dims, 0, k_placement_guarded}, ++process.salt);
    if (!called.ok()) {
        process.oracle.reset();
        return called.error();
    }
    Wanted wanted;
    for (std::size_t i = 0; i < task.args.size(); ++i) {
        const auto first = process.oracle->wanted(i, 0, dims);
        const auto second = process.oracle->wanted(i, 1, dims);
        wanted.first.emplace_back(first.begin(), first.end());
        wanted.second.emplace_back(second.begin(), second.end());
    }
    return wanted;
}

Result<std::filesystem::path> build_reference(
    sandbox::Sandbox& sandbox, const EvaluatorConfig& config, const Task& task) {
    KW_TRY_ASSIGN(Toolchain toolchain, find_toolchain(config.compiler));
    Builder builder(sandbox, std::move(toolchain), config.cache_dir / "build");
    BuildRequest request;
    request.kind = SourceKind::reference;
    KW_TRY_ASSIGN(request.source, read_text_file(task.reference));
    request.file_name = task.reference.filename().string();
    KW_TRY_ASSIGN(const BuildOutcome built, builder.build(task, request));
    if (built.verdict != Verdict::accepted) {
        return Error{
            Errc::config,
            "building " + task.reference.string() + ": " + built.summary + "\n" + built.detail,
            "a task's reference must compile"};
    }
    return built.artifact.shared_object;
}

}  // namespace

Result<std::vector<ReferenceCall>> start_references(
    const EvaluatorConfig& config,
    const Task& task,
    const std::vector<Case>& cases,
    std::size_t processes) {
    KW_TRY_ASSIGN(auto opened, sandbox::open_sandbox(config.sandbox_mode));
    const std::shared_ptr<sandbox::Sandbox> sandbox = std::move(opened);
    KW_TRY_ASSIGN(const auto object, build_reference(*sandbox, config, task));
    KW_TRY_ASSIGN(const auto runner, place_program(*sandbox, config.harness_dir, "kw-runner"));
    std::vector<DimMap> shapes;
    for (const Case& entry : cases) {
        shapes.push_back(entry.dims);
    }
    KW_TRY_ASSIGN(const Layout layout, plan_layout(task, shapes, 1));
    std::vector<ReferenceCall> calls;
    for (std::size_t i = 0; i < processes; ++i) {
        auto process = std::make_shared<Process>();
        process->sandbox = sandbox;
        process->runner = runner;
        process->object = object;
        process->cores = choose_cores();
        process->task = task;
        process->shapes = shapes;
        process->salt = i << 32;
        KW_TRY_ASSIGN(process->seat, make_seat(layout));
        KW_TRY(start(*process));
        calls.emplace_back([process](const DimMap& dims, const ArgumentBytes& content) {
            return call(*process, dims, content);
        });
    }
    return calls;
}

}  // namespace kw::cpu
