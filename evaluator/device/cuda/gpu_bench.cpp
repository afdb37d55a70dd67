// SPDX-License-Identifier: Apache-2.0
// What a timed shape needs before a candidate comes: weights, the reference, the fastest baseline.
#include "evaluator/device/cuda/gpu_check.hpp"
#include "evaluator/device/cuda/gpu_time.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

namespace kw::cuda {
namespace {

using namespace std::chrono_literals;

constexpr int k_choose_rounds = 4;
constexpr std::int64_t k_caches = 4;  // that a rotation passes
constexpr std::int64_t k_least_sets = 3;
constexpr std::int64_t k_most_sets = 64;
constexpr std::int64_t k_most_set_bytes = std::int64_t{1} << 30;  // of one contestant's rotation
// A driver that does not tell the cache, or tells one partition of it, must not mean no flush.
constexpr std::int64_t k_least_flush = std::int64_t{256} << 20;
constexpr std::int64_t k_flush_part = 16;  // of the device's memory, at most for that
constexpr int k_graph_calls = harness::k_gpu_most_calls;
constexpr std::int64_t k_most_slot_bytes = std::int64_t{256} << 20;

}  // namespace

Error GpuTimingBench::baseline_failed(const std::string& baseline, const std::string& what) const {
    return {
        Errc::config,
        "timing the baseline " + baseline + " of " + on_.task.name + ": " + what,
        "see [[cuda.baselines]] in " + on_.task.folder.string()};
}

Result<std::unique_ptr<GpuTimingBench>> GpuTimingBench::create(
    const GpuTiming& timing, const Case& shape, const Seed& pool_seed) {
    std::unique_ptr<GpuTimingBench> bench(new GpuTimingBench(timing));
    const Task& task = timing.task;
    bench->case_ = shape;
    KW_TRY_ASSIGN(const Room room, plan_room(task, shape.dims, {}));
    const bool rotates =
        std::ranges::any_of(task.args, [](const Arg& a) { return a.role == Role::weight; });
    const std::int64_t l2 = timing.gpu.gpu.constants.l2_bytes;
    if (rotates) {
        const std::int64_t wanted = std::min(k_caches * l2, k_most_set_bytes);
        bench->sets_ =
            std::clamp((wanted + room.set_bytes - 1) / room.set_bytes, k_least_sets, k_most_sets);
    }
    bench->sets_by_age_.resize(static_cast<std::size_t>(bench->sets_));
    std::iota(bench->sets_by_age_.begin(), bench->sets_by_age_.end(), 0);
    // Inputs were just written: flushed as well, and the device is busy until the call.
    bench->flush_bytes_ =
        std::max(2 * l2, std::min(k_least_flush, timing.gpu.gpu.memory_bytes / k_flush_part));
    bench->slots_ = room.slot_bytes * k_graph_calls <= k_most_slot_bytes ? k_graph_calls : 1;
    KW_TRY_ASSIGN(bench->floor_, floor_of(task, shape.dims, timing.gpu.gpu, rotates ? 1.0 : 0.0));
    KW_TRY_ASSIGN(const cpu::Layout layout, cpu::plan_layout(task, {shape.dims}, bench->sets_));
    KW_TRY_ASSIGN(bench->reference_seat_, cpu::make_seat(layout));
    bench->pool_stream_.emplace(pool_seed, "pool/" + task.name + "/" + shape.name);
    KW_TRY_ASSIGN(
        bench->inputs_,
        cpu::InputSource::create(task, shape.dims, shape.distribution, *bench->pool_stream_));
    KW_TRY_ASSIGN(
        bench->oracle_,
        cpu::Oracle::start(
            timing.cpu, task, timing.reference, bench->reference_seat_, {shape.dims}));
    KW_TRY(bench->choose_baseline());
    return bench;
}

std::int64_t GpuTimingBench::next_set(SecretStream& secrets) {
    if (pinned_set_) {
        return *pinned_set_;
    }
    // The older half: it is as cold as a rotation needs, and nobody can tell which comes next.
    const auto oldest = secrets.below(std::max<std::uint64_t>(1, sets_by_age_.size() / 2));
    const auto at = sets_by_age_.begin() + static_cast<std::ptrdiff_t>(oldest);
    std::rotate(at, at + 1, sets_by_age_.end());
    return sets_by_age_.back();
}

/// New content for a set, the same for every contestant and the reference.
Result<void> GpuTimingBench::fill_set(std::int64_t set, GpuContestant* candidate) {
    KW_TRY(cpu::draw_weights(
        on_.task,
        case_.dims,
        case_.distribution,
        *pool_stream_,
        reference_seat_,
        set,
        k_gpu_placement));
    KW_TRY_ASSIGN(const Content content, weights_of(on_.task, case_.dims, reference_seat_, set));
    for (const auto& other : others_) {
        KW_TRY(other->write_weights(set, content));
    }
    if (baseline_) {
        KW_TRY(baseline_->write_weights(set, content));
    }
    return candidate == nullptr ? Result<void>() : candidate->write_weights(set, content);
}

Result<std::vector<cpu::Inputs>> GpuTimingBench::draw(SecretStream& secrets) {
    std::vector<cpu::Inputs> all;
    for (int i = 0; i < calls_; ++i) {
        KW_TRY_ASSIGN(
            const cpu::Inputs* inputs,
            on_.gpu.layers.has(Layer::fresh_inputs) ? inputs_->next(secrets) : inputs_->same());
        all.push_back(*inputs);
    }
    return all;
}

Result<cpu::Disagreement> GpuTimingBench::compare(
    const GpuContestant& contestant,
    const GpuCallResult& call,
    const std::vector<std::int64_t>& sets,
    std::size_t slot) const {
    const cpu::Question question{case_.dims, sets[slot], k_gpu_placement};
    const auto output = [&contestant, slot](std::size_t arg) {
        return contestant.output(arg, slot);
    };
    return oracle_->compare(output, question, call.salts[slot]);
}

Result<double> GpuTimingBench::try_baseline(
    GpuContestant& contestant, const std::string& name, bool verify) {
    KW_TRY_ASSIGN(const std::vector<cpu::Inputs> inputs, draw(*pool_stream_));
    GpuCallRequest request{{&inputs.front()}, {next_set(*pool_stream_)}, *pool_stream_};
    // The first call of a module may have to wait for the device: not behind a held stream.
    request.timed = !verify;
    request.flush_bytes = flush_bytes_;
    request.limit = 60s;
    const GpuCallResult call = contestant.call(request);
    if (call.failure) {
        return baseline_failed(name, call.failure->summary + " " + call.failure->detail);
    }
    if (verify) {
        cpu::write_inputs(on_.task, inputs.front(), k_gpu_placement, reference_seat_);
        const cpu::Question question{case_.dims, request.sets.front(), k_gpu_placement};
        KW_TRY(oracle_->compute(question, *pool_stream_));
        KW_TRY_ASSIGN(
            const cpu::Disagreement disagreement, compare(contestant, call, request.sets, 0));
        if (disagreement.verdict != Verdict::accepted) {
            return baseline_failed(
                name,
                cpu::reject(on_.task, cpu::describe(on_.task, as_case(), disagreement)).summary);
        }
    }
    return call.event_ns;
}

Result<void> GpuTimingBench::seat_baseline(const BuiltBaseline& baseline) {
    KW_TRY_ASSIGN(
        auto contestant,
        GpuContestant::start(
            on_.gpu, on_.task, baseline.built, {case_.dims}, slots_, baseline.uses_library));
    std::optional<cpu::Rejection> refused = contestant->start_failure();
    if (!refused) {
        KW_TRY_ASSIGN(refused, contestant->take_shape(case_.dims, sets_, slots_, *pool_stream_));
    }
    if (refused) {
        return baseline_failed(baseline.name, refused->summary);
    }
    for (std::int64_t set = 0; set < sets_; ++set) {
        KW_TRY_ASSIGN(
            const Content content, weights_of(on_.task, case_.dims, reference_seat_, set));
        KW_TRY(contestant->write_weights(set, content));
    }
    KW_TRY(try_baseline(*contestant, baseline.name, true));
    others_.push_back(std::move(contestant));
    return {};
}

/// Every baseline started and verified once; their names. A library that is not there, or has no
/// algorithm for this shape, is no baseline.
Result<std::vector<std::string>> GpuTimingBench::seat_baselines() {
    for (std::int64_t set = 0; set < sets_; ++set) {
        KW_TRY(fill_set(set, nullptr));
    }
    std::vector<std::string> names;
    for (const BuiltBaseline& baseline : on_.baselines) {
        const auto seated = seat_baseline(baseline);
        if (seated.ok()) {
            names.push_back(baseline.name);
        } else if (!baseline.uses_library) {
            return seated.error();
        }
    }
    return names;
}

Result<void> GpuTimingBench::choose_baseline() {
    KW_TRY_ASSIGN(const std::vector<std::string> names, seat_baselines());
    KW_TRY_ASSIGN(null_ns_, others_.front()->null_ns());
    std::vector<double> least(others_.size(), std::numeric_limits<double>::infinity());
    for (int round = 0; round < k_choose_rounds; ++round) {
        for (std::size_t i = 0; i < others_.size(); ++i) {
            KW_TRY_ASSIGN(const double ns, try_baseline(*others_[i], names[i], false));
            least[i] = std::min(least[i], std::max(1.0, ns - null_ns_));
        }
    }
    for (std::size_t i = 0; i < least.size(); ++i) {
        baseline_times_.emplace_back(names[i], least[i]);
    }
    const auto fastest =
        static_cast<std::size_t>(std::distance(least.begin(), std::ranges::min_element(least)));
    baseline_name_ = names[fastest];
    baseline_ = std::move(others_[fastest]);
    others_.clear();  // their contexts would take turns with those that are timed
    return {};
}

}  // namespace kw::cuda
