// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cuda/gpu_check.hpp"

#include "evaluator/device/cuda/gpu_failure.hpp"

#include <cstring>

namespace kw::cuda {
namespace {

using namespace std::chrono_literals;

constexpr int k_placement = 0;

class CaseRunner {
public:
    CaseRunner(
        const GpuCheck& check,
        GpuContestant& contestant,
        cpu::Seat& seat,
        cpu::Oracle& oracle,
        SecretStream& secrets)
        : check_(check)
        , contestant_(contestant)
        , seat_(seat)
        , oracle_(oracle)
        , secrets_(secrets) {}

    Result<void> run(const cpu::CheckCase& at, GpuCheckResult& checked) {
        const Task& task = check_.task;
        KW_TRY(cpu::draw_weights(task, at.dims, at.distribution, secrets_, seat_, 0, k_placement));
        KW_TRY_ASSIGN(
            const cpu::Inputs inputs, cpu::draw_inputs(task, at.dims, at.distribution, secrets_));
        cpu::write_inputs(task, inputs, k_placement, seat_);
        KW_TRY_ASSIGN(const Content weights, weights_of(task, at.dims, seat_, 0));
        KW_TRY_ASSIGN(checked.result.rejection, contestant_.take_shape(at.dims, 1, 1, secrets_));
        if (checked.result.rejection) {
            return {};
        }
        KW_TRY(contestant_.write_weights(0, weights));
        GpuCallRequest request{{&inputs}, {0}, secrets_};
        request.limit = check_.limit;
        const GpuCallResult first = contestant_.call(request);
        if (failed(first, at, checked)) {
            return {};
        }
        const cpu::Question question{at.dims, 0, k_placement};
        KW_TRY(oracle_.compute(question, secrets_));
        const auto output = [this](std::size_t arg) {
            return contestant_.output(arg);
        };
        KW_TRY_ASSIGN(
            const cpu::Disagreement disagreement,
            oracle_.compare(output, question, first.salts.front()));
        checked.result.cases.push_back(cpu::describe(task, at, disagreement));
        if (disagreement.verdict != Verdict::accepted) {
            checked.result.rejection = cpu::reject(task, checked.result.cases.back());
            return {};
        }
        KW_TRY_ASSIGN(checked.result.rejection, contestant_.look_at_weights(0, weights));
        if (!checked.result.rejection && check_.gpu.layers.has(Layer::second_call)) {
            run_again(at, request, checked);
        }
        return {};
    }

private:
    bool failed(
        const GpuCallResult& call, const cpu::CheckCase& at, GpuCheckResult& checked) const {
        if (!call.failure) {
            return false;
        }
        checked.result.rejection = call.failure;
        checked.result.rejection->detail =
            label_of(check_.task, at) +
            (call.failure->detail.empty() || at.hidden ? "" : "\n" + call.failure->detail);
        checked.suspect = call.fatal;
        return true;
    }

    [[nodiscard]] std::vector<std::byte> outputs() const {
        std::vector<std::byte> bytes;
        for (std::size_t i = 0; i < check_.task.args.size(); ++i) {
            const Role role = check_.task.args[i].role;
            if (role == Role::out || role == Role::inout) {
                const auto view = contestant_.output(i);
                bytes.insert(bytes.end(), view.begin(), view.end());
            }
        }
        return bytes;
    }

    // The same inputs, other poison: what depends on memory that was never written, on an earlier
    // call, or on the order of blocks shows.
    void run_again(
        const cpu::CheckCase& at, const GpuCallRequest& request, GpuCheckResult& checked) {
        const std::vector<std::byte> before = outputs();
        const GpuCallResult second = contestant_.call(request);
        if (failed(second, at, checked) || outputs() == before) {
            return;
        }
        CaseOutcome& outcome = checked.result.cases.back();
        outcome.verdict = Verdict::non_deterministic;
        outcome.note =
            "two calls on the same inputs gave different bytes: the result depends on an earlier "
            "call, on the order of blocks, or on memory that was never written";
        checked.result.rejection = cpu::reject(check_.task, outcome);
    }

    const GpuCheck& check_;
    GpuContestant& contestant_;
    cpu::Seat& seat_;
    cpu::Oracle& oracle_;
    SecretStream& secrets_;
};

}  // namespace

Result<Content> weights_of(
    const Task& task, const DimMap& dims, const cpu::Seat& seat, std::int64_t set) {
    Content content(task.args.size());
    for (std::size_t i = 0; i < task.args.size(); ++i) {
        const Arg& arg = task.args[i];
        if (arg.role == Role::weight) {
            KW_TRY_ASSIGN(const std::int64_t bytes, byte_size(arg, dims));
            const cpu::Slot& slot = seat.layout.args[i];
            const auto view =
                seat.view(slot, set, cpu::place(slot, bytes, k_placement, arg.role), bytes);
            content[i].assign(view.begin(), view.end());
        }
    }
    return content;
}

Result<GpuCheckResult> run_gpu_checks(
    const GpuCheck& check,
    const std::vector<cpu::CheckCase>& cases,
    SecretStream& secrets,
    const StageObserver& observer) {
    GpuCheckResult checked;
    std::vector<DimMap> shapes;
    for (const cpu::CheckCase& at : cases) {
        shapes.push_back(at.dims);
    }
    if (shapes.empty()) {
        return checked;
    }
    KW_TRY_ASSIGN(const cpu::Layout layout, cpu::plan_layout(check.task, shapes, 1));
    KW_TRY_ASSIGN(cpu::Seat seat, cpu::make_seat(layout));
    KW_TRY_ASSIGN(
        const auto contestant, GpuContestant::start(check.gpu, check.task, check.built, shapes, 1));
    if (contestant->start_failure()) {
        checked.result.rejection = contestant->start_failure();
        checked.suspect = true;
        return checked;
    }
    if (contestant->was_compiled_by_driver()) {
        checked.findings.push_back(
            {"driver-compiled",
             "info",
             "check",
             "the driver compiled the PTX: registers and spills of the build are not those of what "
             "runs"});
    }
    KW_TRY_ASSIGN(
        const auto oracle,
        cpu::Oracle::start(check.cpu, check.task, check.reference, seat, shapes));
    CaseRunner runner(check, *contestant, seat, *oracle, secrets);
    for (std::size_t i = 0; i < cases.size() && !checked.result.rejection; ++i) {
        if (observer) {
            observer("check", "case " + std::to_string(i + 1) + "/" + std::to_string(cases.size()));
        }
        KW_TRY(runner.run(cases[i], checked));
    }
    if (!check.gpu.wrapper.empty()) {
        const sandbox::Outcome ended = contestant->finish();
        checked.tool_output = ended.out + ended.err;
    }
    return checked;
}

Result<void> probe_device(const GpuStage& stage) {
    constexpr std::int64_t k_bytes = 4096;
    const std::string doing = "looking whether " + stage.gpu.uuid + " still answers";
    KW_TRY_ASSIGN(const auto runner, GpuRunner::start(stage.sandbox, stage.access, 2 * k_bytes));
    harness::Order order;
    order.what = harness::GpuDo::open;
    std::strncpy(order.text, stage.gpu.uuid_hex.c_str(), sizeof(order.text) - 1);
    for (const harness::GpuDo what : {harness::GpuDo::open, harness::GpuDo::null_call}) {
        order.what = what;
        order.flags = what == harness::GpuDo::null_call ? harness::gpu_timed : 0;
        const GpuAnswer answer = runner->order(order, 60s);
        if (!answer.ok()) {
            return world_error(answer, doing);
        }
    }
    return {};
}

}  // namespace kw::cuda
