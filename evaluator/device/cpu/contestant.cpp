// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/contestant.hpp"

#include "evaluator/fill.hpp"

#include <algorithm>
#include <cstring>

namespace kw::cpu {
namespace {

constexpr std::byte k_canary{0xA5};
constexpr std::int64_t k_red_zone = 4096;
constexpr int k_probes = 16;

/// The bytes before and after a placed output, inside its slot.
struct RedZones {
    std::span<std::byte> before, after;
};

RedZones red_zones(const Seat& seat, const Slot& slot, std::int64_t offset, std::int64_t bytes) {
    const std::int64_t front = std::min(offset, k_red_zone);
    const std::int64_t back = std::min(slot.stride - offset - bytes, k_red_zone);
    return {seat.view(slot, 0, offset - front, front), seat.view(slot, 0, offset + bytes, back)};
}

bool writes(Role role) {
    return role == Role::out || role == Role::inout || role == Role::workspace;
}

/// A word of an output, read right after "done": it must not change any more.
struct Probe {
    const std::byte* at = nullptr;
    std::uint32_t seen = 0;
};

std::uint32_t read_word(const std::byte* at) {
    std::uint32_t word = 0;
    std::memcpy(&word, at, sizeof(word));
    return word;
}

}  // namespace

Result<std::unique_ptr<Contestant>> Contestant::start(
    const Stage& stage,
    const Task& task,
    const std::filesystem::path& shared_object,
    harness::Mode mode,
    Seat& seat,
    const DimMap& shape) {
    std::unique_ptr<Contestant> contestant(new Contestant());
    contestant->task_ = &task;
    contestant->seat_ = &seat;
    contestant->layers_ = stage.layers;
    RunnerSpec spec;
    spec.layers = stage.layers;
    spec.program = stage.runner_program;
    spec.shared_object = shared_object;
    spec.mode = mode;
    spec.cores = stage.cores;
    spec.segments = seat.layout.segments;
    spec.in = seat.in;
    spec.weights = seat.weights;
    spec.io = seat.io;
    if (task.prepare && mode != harness::mode_null) {
        KW_TRY(contestant->start_preparer(stage, spec, shape));
        if (contestant->start_failure_) {
            return contestant;
        }
    }
    if (contestant->preparer_) {
        spec.packed = seat.packed;
    }
    KW_TRY_ASSIGN(contestant->runner_, Runner::start(stage.sandbox, spec));
    if (const RunnerFailure* failure = contestant->runner_->start_failure()) {
        contestant->start_failure_ = *failure;
    }
    return contestant;
}

Result<void> Contestant::start_preparer(
    const Stage& stage, const RunnerSpec& spec, const DimMap& shape) {
    RunnerSpec prepare_spec = spec;
    prepare_spec.prepares = true;
    KW_TRY_ASSIGN(preparer_, Runner::start(stage.sandbox, prepare_spec));
    CallSpec ask;
    ask.function = harness::function_prepare_size;
    ask.dims = ordered_dims(*task_, shape);
    const CallOutcome size = preparer_->call(ask);
    if (!size.ok) {
        start_failure_ = size.failure;
        return {};
    }
    if (size.value == 0) {
        preparer_.reset();
        return {};
    }
    KW_TRY(take_packed_pages(*seat_));
    prepare_spec.packed = seat_->packed;
    KW_TRY_ASSIGN(preparer_, Runner::start(stage.sandbox, prepare_spec));
    if (const RunnerFailure* failure = preparer_->start_failure()) {
        start_failure_ = *failure;
    }
    return {};
}

std::vector<std::uint64_t> Contestant::pointers(
    const DimMap& dims, std::int64_t set, int placement) const {
    std::vector<std::uint64_t> result;
    for (std::size_t i = 0; i < task_->args.size(); ++i) {
        const Arg& arg = task_->args[i];
        const Slot& slot = seat_->layout.args[i];
        const std::int64_t bytes = byte_size(arg, dims).value();
        const std::int64_t copy = arg.role == Role::weight ? set : 0;
        result.push_back(
            slot.address + static_cast<std::uint64_t>(
                               copy * slot.stride + place(slot, bytes, placement, arg.role)));
    }
    const Slot& packed = seat_->layout.packed;
    result.push_back(
        preparer_ ? packed.address + static_cast<std::uint64_t>(set * packed.stride) : 0);
    return result;
}

PrepareResult Contestant::prepare(const DimMap& dims, std::int64_t set, int placement) {
    PrepareResult result;
    if (!preparer_) {
        return result;
    }
    result.defined = true;
    CallSpec ask;
    ask.function = harness::function_prepare_size;
    ask.dims = ordered_dims(*task_, dims);
    const CallOutcome size = preparer_->call(ask);
    if (!size.ok) {
        result.failure = size.failure;
        return result;
    }
    const std::int64_t cap = task_->prepare_max_bytes.eval(dims).value();
    result.bytes = static_cast<std::int64_t>(size.value);
    if (size.value > static_cast<std::uint64_t>(cap)) {
        result.failure = RunnerFailure{
            Verdict::memory_limit,
            "prepare wants " + std::to_string(size.value) + " bytes, the task allows " +
                std::to_string(cap),
            "Packed weights may be reordered, not expanded.",
            0};
        return result;
    }
    CallSpec pack;
    pack.function = harness::function_prepare;
    pack.dims = ask.dims;
    pack.limit = std::chrono::seconds(10);
    pack.pointers = pointers(dims, set, placement);
    for (std::size_t i = 0; i < task_->args.size(); ++i) {
        if (task_->args[i].role != Role::weight) {
            pack.pointers[i] = 0;
        }
    }
    const CallOutcome outcome = preparer_->call(pack);
    result.ns = outcome.ns;
    if (!outcome.ok) {
        result.failure = outcome.failure;
        result.failure->summary = "prepare: " + result.failure->summary;
    }
    return result;
}

void Contestant::give_inputs(const CallRequest& request) {
    write_inputs(*task_, request.inputs, request.placement, *seat_);
    for (std::size_t i = 0; i < task_->args.size(); ++i) {
        if (task_->args[i].role == Role::inout) {
            const Slot& slot = seat_->layout.args[i];
            const auto bytes = static_cast<std::int64_t>(request.inputs.args[i].size());
            const std::int64_t at = place(slot, bytes, request.placement, Role::inout);
            std::ranges::copy(request.inputs.args[i], seat_->view(slot, 0, at, bytes).begin());
        }
    }
}

void Contestant::lay_out(const CallRequest& request, std::uint64_t salt) {
    for (std::size_t i = 0; i < task_->args.size(); ++i) {
        const Arg& arg = task_->args[i];
        const Slot& slot = seat_->layout.args[i];
        const std::int64_t bytes = byte_size(arg, request.dims).value();
        const std::int64_t offset = place(slot, bytes, request.placement, arg.role);
        if (!writes(arg.role)) {
            continue;
        }
        if (arg.role != Role::inout && layers_.has(Layer::poison)) {
            poison(seat_->view(slot, 0, offset, bytes), arg.dtype, salt);
        }
        const RedZones zones = red_zones(*seat_, slot, offset, bytes);
        std::ranges::fill(zones.before, k_canary);
        std::ranges::fill(zones.after, k_canary);
    }
}

std::optional<RunnerFailure> Contestant::broken_red_zone(const DimMap& dims, int placement) const {
    const auto intact = [](std::span<const std::byte> zone) {
        return std::ranges::all_of(zone, [](std::byte b) { return b == k_canary; });
    };
    for (std::size_t i = 0; i < task_->args.size(); ++i) {
        const Arg& arg = task_->args[i];
        if (!writes(arg.role)) {
            continue;
        }
        const Slot& slot = seat_->layout.args[i];
        const std::int64_t bytes = byte_size(arg, dims).value();
        const RedZones zones =
            red_zones(*seat_, slot, place(slot, bytes, placement, arg.role), bytes);
        const bool before = intact(zones.before);
        if (!before || !intact(zones.after)) {
            return RunnerFailure{
                Verdict::out_of_bounds,
                "wrote " + std::string(before ? "behind" : "before") + " the argument " + arg.name,
                show_dims(*task_, dims),
                0};
        }
    }
    return std::nullopt;
}

CallResult Contestant::call(const CallRequest& request) {
    CallResult result;
    result.poison_salt = request.secrets.next_u64();
    lay_out(request, result.poison_salt);

    const bool late = layers_.has(Layer::late_inputs);
    if (!late) {
        give_inputs(request);
    }
    std::vector<Probe> probes;
    for (std::size_t i = 0; i < task_->args.size(); ++i) {
        const Arg& arg = task_->args[i];
        const Slot& slot = seat_->layout.args[i];
        const std::int64_t bytes = byte_size(arg, request.dims).value();
        if ((arg.role == Role::out || arg.role == Role::inout) && bytes >= 4) {
            const std::int64_t offset = place(slot, bytes, request.placement, arg.role);
            const auto view = seat_->view(slot, 0, offset, bytes);
            for (int n = 0; n < k_probes; ++n) {
                const std::uint64_t at =
                    request.secrets.below(static_cast<std::uint64_t>(bytes) - 3);
                probes.push_back({view.data() + at, 0});
            }
        }
    }

    CallSpec spec;
    spec.function = harness::function_entry;
    spec.dims = ordered_dims(*task_, request.dims);
    spec.pointers = pointers(request.dims, request.set, request.placement);
    spec.limit = request.limit;
    // All of the inputs, and not before the call: what lies there until then are those of an
    // earlier one. Whoever computes early, from what is there, computes something else, all of it.
    if (late) {
        spec.at_go = [&] {
            give_inputs(request);
        };
    }
    spec.at_done = [&] {
        for (Probe& probe : probes) {
            probe.seen = read_word(probe.at);
        }
    };
    const CallOutcome outcome = runner_->call(spec);
    result.ns = outcome.ns;
    result.waited_ns = outcome.waited_ns;
    if (!outcome.ok) {
        result.failure = outcome.failure;
        return result;
    }
    const bool changed =
        std::ranges::any_of(probes, [](const Probe& p) { return read_word(p.at) != p.seen; });
    if (changed && layers_.has(Layer::late_writes)) {
        result.failure = RunnerFailure{
            Verdict::too_fast,
            "too fast to be true: the output still changed after the call had returned",
            "All work must be done when the function returns.",
            0};
        return result;
    }
    if (layers_.has(Layer::red_zones)) {
        result.failure = broken_red_zone(request.dims, request.placement);
    }
    return result;
}

std::span<const std::byte> Contestant::output(
    std::size_t arg, const DimMap& dims, int placement) const {
    const Slot& slot = seat_->layout.args[arg];
    const std::int64_t bytes = byte_size(task_->args[arg], dims).value();
    return seat_->view(slot, 0, place(slot, bytes, placement, task_->args[arg].role), bytes);
}

}  // namespace kw::cpu
