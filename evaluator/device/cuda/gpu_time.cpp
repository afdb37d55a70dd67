// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cuda/gpu_time.hpp"

#include "evaluator/device/cpu/summary.hpp"
#include "evaluator/device/cuda/gpu_check.hpp"
#include "evaluator/statistics.hpp"

#include <algorithm>
#include <thread>

namespace kw::cuda {
namespace {

using std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr int k_warm_up_pairs = 4;
constexpr int k_least_pairs = 6;
constexpr int k_hot_pairs = 6;
constexpr double k_short_ns = 5000;  // below it an interval of one call is mostly overhead
constexpr std::uint64_t k_renew_one_in = 16;
constexpr double k_warm_up_s = 1;
constexpr double k_warm_up_part = 0.25;  // of the cap, at most for that
constexpr double k_cool_down_s = 30;
constexpr double k_cool_down_caps = 4;  // likewise

double seconds_since(steady_clock::time_point begin) {
    return std::chrono::duration<double>(steady_clock::now() - begin).count();
}

}  // namespace

struct GpuTimingBench::Pair {
    double baseline_ns = 0;
    double candidate_ns = 0;
    std::uint8_t order = 0;
    bool disturbed = false;
    std::optional<cpu::Rejection> rejection;
    bool suspect = false;
};

std::chrono::milliseconds GpuTimingBench::call_limit() const {
    const double naive = baseline_times_.front().second * calls_;
    return std::chrono::milliseconds(
        static_cast<std::int64_t>(std::clamp(50 * naive / 1e6, 5'000.0, 60'000.0)));
}

Result<GpuTimingBench::Pair> GpuTimingBench::run_pair(
    GpuContestant& candidate, SecretStream& secrets) {
    Pair pair;
    // Blocks of four, A B B A: what goes first alternates, what the block begins with is drawn.
    order_ = second_of_block_ ? order_ ^ 1U : static_cast<std::uint8_t>(secrets.below(2));
    second_of_block_ = !second_of_block_;
    pair.order = order_;
    KW_TRY_ASSIGN(const std::vector<cpu::Inputs> inputs, draw(secrets));
    GpuCallRequest request{{}, {}, secrets};
    for (const cpu::Inputs& one : inputs) {
        request.inputs.push_back(&one);
        request.sets.push_back(next_set(secrets));
        request.slots.push_back(request.slots.size());
    }
    for (std::size_t left = request.slots.size(); left > 1; --left) {
        std::swap(request.slots[left - 1], request.slots[secrets.below(left)]);
    }
    request.timed = true;
    request.graph = calls_ > 1;
    request.flush_bytes = flush_bytes_;
    request.limit = call_limit();
    GpuCallResult mine, theirs;
    for (int turn = 0; turn < 2; ++turn) {
        const bool baseline_turn = (turn == 0) == (pair.order == 0);
        (baseline_turn ? theirs : mine) = (baseline_turn ? *baseline_ : candidate).call(request);
        // At once: while the reference computes, an idle device changes its clocks.
        if (on_.nvml != nullptr) {
            pair.disturbed |= keep_reading(on_.nvml->read(), clocks_);
        }
    }
    if (theirs.failure) {
        return baseline_failed(baseline_name_, theirs.failure->summary);
    }
    if (mine.failure) {
        pair.rejection = mine.failure;
        pair.suspect = mine.fatal;
        return pair;
    }
    for (std::size_t slot = 0; slot < inputs.size(); ++slot) {
        cpu::write_inputs(on_.task, inputs[slot], k_gpu_placement, reference_seat_);
        const cpu::Question question{case_.dims, request.sets[slot], k_gpu_placement};
        KW_TRY(oracle_->compute(question, secrets));
        KW_TRY_ASSIGN(
            const cpu::Disagreement wrong, compare(*baseline_, theirs, request.sets, slot));
        if (wrong.verdict != Verdict::accepted) {
            return baseline_failed(baseline_name_, "its output disagrees with the reference");
        }
        KW_TRY_ASSIGN(
            const cpu::Disagreement disagreement, compare(candidate, mine, request.sets, slot));
        if (disagreement.verdict != Verdict::accepted) {
            pair.rejection =
                cpu::reject(on_.task, cpu::describe(on_.task, as_case(), disagreement));
            return pair;
        }
    }
    if (theirs.late || mine.late) {
        pair.disturbed = true;
        ++clocks_.late_pairs;
    }
    keep_times(theirs, mine, null_ns_, clocks_);
    pair.baseline_ns = counted_ns(theirs, null_ns_);
    pair.candidate_ns = counted_ns(mine, null_ns_);
    return pair;
}

void GpuTimingBench::wait_until_cool(double at_most_s) const {
    const auto begin = steady_clock::now();
    while (on_.nvml != nullptr && is_throttled(on_.nvml->read()) &&
           seconds_since(begin) < at_most_s) {
        std::this_thread::sleep_for(100ms);
    }
}

/// Untimed calls in turns until the clock has risen to what it will be, and the memory is warm.
Result<void> GpuTimingBench::warm_up(
    GpuContestant& candidate, double cap_s, SecretStream& secrets, Timed& timed) {
    const auto begin = steady_clock::now();
    const double most = std::min(k_warm_up_s, cap_s * k_warm_up_part);
    KW_TRY_ASSIGN(const std::vector<cpu::Inputs> inputs, draw(secrets));
    while (seconds_since(begin) < most) {
        GpuCallRequest request{{&inputs.front()}, {next_set(secrets)}, secrets};
        request.limit = call_limit();
        const GpuCallResult theirs = baseline_->call(request);
        if (theirs.failure) {
            return baseline_failed(baseline_name_, theirs.failure->summary);
        }
        const GpuCallResult mine = candidate.call(request);
        if (mine.failure) {
            timed.rejection = mine.failure;
            timed.suspect = mine.fatal;
            return {};
        }
    }
    return {};
}

void GpuTimingBench::tell_of_pairs_aside(int count, std::vector<Finding>& findings) const {
    const auto tell = [&](const char* rule, int pairs, const std::string& why) {
        if (pairs > 0) {
            findings.push_back(
                {rule,
                 "warning",
                 "time",
                 case_.name + ": " + std::to_string(pairs) + " pairs set aside, " + why});
        }
    };
    tell("late-launch", std::min(count, clocks_.late_pairs), "launching took over two seconds");
    tell(
        "throttled",
        count - clocks_.late_pairs,
        "clocks lowered" +
            (clocks_.slowed_by == 0 ? "" : " by " + show_slowdown(clocks_.slowed_by)));
}

Result<void> GpuTimingBench::run_pairs(
    GpuContestant& candidate,
    double cap_s,
    SecretStream& secrets,
    const StageObserver& observer,
    stats::PairedTest& test,
    Timed& timed) {
    const auto begin = steady_clock::now();
    cpu::SetAside aside;
    timed.timing.stop_reason = "max pairs";
    for (int number = 0; test.state() != stats::PairedState::exhausted; ++number) {
        if (test.state() == stats::PairedState::decided) {
            timed.timing.stop_reason = "decided";
            break;
        }
        if (seconds_since(begin) > cap_s && number >= k_warm_up_pairs + k_least_pairs) {
            timed.timing.stop_reason = "time cap";
            break;
        }
        KW_TRY_ASSIGN(const Pair pair, run_pair(candidate, secrets));
        if (pair.rejection) {
            timed.rejection = pair.rejection;
            timed.suspect = pair.suspect;
            return {};
        }
        if (number == k_warm_up_pairs - 1 && slots_ > 1 && calls_ == 1 &&
            std::min(pair.baseline_ns, pair.candidate_ns) < k_short_ns) {
            calls_ = slots_;
            clocks_ = {};
        }
        if (number >= k_warm_up_pairs) {
            aside.add(
                Sample{pair.baseline_ns, pair.candidate_ns, 0, pair.order}, pair.disturbed, test);
        }
        if (sets_ > 1 && on_.gpu.layers.has(Layer::weight_rewrite) &&
            secrets.below(k_renew_one_in) == 0) {
            KW_TRY(fill_set(last_set(), &candidate));
        }
        if (observer && number % 16 == 0) {
            observer("time", case_.name + " pair " + std::to_string(number));
        }
    }
    if (!aside.settle(test)) {
        timed.timing.stop_reason = k_stop_disturbed;
    }
    test.finish();
    tell_of_pairs_aside(aside.count(), timed.findings);
    return {};
}

/// The last set again and again, rewritten first: stored beside the cold time, never ranked.
Result<void> GpuTimingBench::measure_hot(
    GpuContestant& candidate, SecretStream& secrets, Timed& timed) {
    const std::int64_t set = last_set();
    KW_TRY(fill_set(set, &candidate));
    std::vector<double> mine, theirs;
    for (int i = 0; i < k_hot_pairs; ++i) {
        pinned_set_ = set;
        const std::int64_t flush = std::exchange(flush_bytes_, 0);
        const int calls = std::exchange(calls_, 1);
        auto pair = run_pair(candidate, secrets);
        flush_bytes_ = flush;
        calls_ = calls;
        pinned_set_.reset();
        KW_TRY_ASSIGN(const Pair done, std::move(pair));
        if (done.rejection) {
            timed.rejection = done.rejection;
            timed.suspect = done.suspect;
            return {};
        }
        if (i >= 2) {
            mine.push_back(done.candidate_ns);
            theirs.push_back(done.baseline_ns);
        }
    }
    timed.timing.hot_candidate_ns = stats::median(mine);
    timed.timing.hot_baseline_ns = stats::median(theirs);
    return {};
}

/// Joules of one call: the device's counter over a third of a second of calls in a row. Caches are
/// warm and the idle power is part of it.
Result<void> GpuTimingBench::measure_energy(
    GpuContestant& candidate, SecretStream& secrets, Timed& timed) {
    constexpr double k_span_ns = 3e8;
    if (on_.nvml == nullptr || !on_.nvml->read().energy_j) {
        return {};
    }
    KW_TRY_ASSIGN(const cpu::Inputs* inputs, inputs_->next(secrets));
    const auto joules = [&](GpuContestant& contestant, double ns, GpuCallResult& call) {
        GpuCallRequest request{{inputs}, {next_set(secrets)}, secrets};
        // Not behind a held stream: no queue is that long.
        request.repetitions =
            static_cast<std::uint64_t>(std::clamp(k_span_ns / std::max(ns, 1.0), 1.0, 50'000.0));
        const double before = on_.nvml->read().energy_j.value_or(0);
        call = contestant.call(request);
        const double after = on_.nvml->read().energy_j.value_or(0);
        return std::max(0.0, after - before) / static_cast<double>(request.repetitions);
    };
    GpuCallResult theirs, mine;
    timed.timing.baseline_joules = joules(*baseline_, timed.timing.baseline_ns, theirs);
    if (theirs.failure) {
        return baseline_failed(baseline_name_, theirs.failure->summary);
    }
    timed.timing.candidate_joules = joules(candidate, timed.timing.candidate_ns, mine);
    timed.rejection = mine.failure;
    timed.suspect = mine.fatal;
    return {};
}

Result<void> GpuTimingBench::look_at_all_weights(GpuContestant& candidate, Timed& timed) {
    for (std::int64_t set = 0; set < sets_ && !timed.rejection && reference_seat_.weights; ++set) {
        KW_TRY_ASSIGN(
            const Content content, weights_of(on_.task, case_.dims, reference_seat_, set));
        KW_TRY_ASSIGN(timed.rejection, candidate.look_at_weights(set, content));
    }
    return {};
}

Result<void> GpuTimingBench::summarise(const stats::PairedTest& test, Timed& timed) const {
    const double fastest =
        std::ranges::min_element(baseline_times_, {}, &std::pair<std::string, double>::second)
            ->second;
    KW_TRY_ASSIGN(const std::int64_t bytes, on_.task.cost.bytes.eval(case_.dims));
    ShapeTiming& timing = timed.timing;
    cpu::summarise_shape(
        test, {baseline_times_.front().second / fastest, floor_.roof_ns, bytes}, timing);
    timing.mode = calls_ > 1 ? "graph_" + std::to_string(calls_) : "single";
    timing.sm_mhz = stats::median(clocks_.sm_mhz);
    timing.temperature_c = stats::median(clocks_.temperature_c);
    timing.power_w = stats::median(clocks_.power_w);
    if (!on_.gpu.layers.has(Layer::floor)) {
        return {};
    }
    timed.rejection = cpu::below_floor(on_.task, timing);
    if (!timed.rejection) {
        timed.rejection = disbelieve_clock(clocks_);
    }
    if (!timed.rejection) {
        timed.rejection = disbelieve_calls(clocks_, calls_, floor_.floor_ns);
    }
    return {};
}

Result<GpuTimingBench::Timed> GpuTimingBench::time(
    const BuildOutcome& built,
    const JudgeOptions& options,
    double cap_s,
    SecretStream& secrets,
    const StageObserver& observer) {
    Timed timed;
    timed.timing.case_name = case_.name;
    timed.timing.dims = case_.dims;
    timed.timing.baseline = baseline_name_;
    timed.timing.null_ns = null_ns_;
    timed.timing.floor_ns = floor_.floor_ns;
    calls_ = 1;
    clocks_ = {};
    KW_TRY_ASSIGN(
        const auto candidate, GpuContestant::start(on_.gpu, on_.task, built, {case_.dims}, slots_));
    timed.rejection = candidate->start_failure();
    if (!timed.rejection) {
        KW_TRY_ASSIGN(timed.rejection, candidate->take_shape(case_.dims, sets_, slots_, secrets));
    }
    if (timed.rejection) {
        return timed;
    }
    for (std::int64_t set = 0; set < sets_; ++set) {
        KW_TRY_ASSIGN(
            const Content content, weights_of(on_.task, case_.dims, reference_seat_, set));
        KW_TRY(candidate->write_weights(set, content));
    }
    // Not behind a held stream: the first launch of a module may wait for the device.
    KW_TRY_ASSIGN(const std::vector<cpu::Inputs> inputs, draw(secrets));
    const GpuCallResult first = candidate->call({{&inputs.front()}, {next_set(secrets)}, secrets});
    if (first.failure) {
        timed.rejection = first.failure;
        timed.suspect = first.fatal;
        return timed;
    }
    wait_until_cool(std::min(k_cool_down_s, k_cool_down_caps * cap_s));
    KW_TRY(warm_up(*candidate, cap_s, secrets, timed));
    if (timed.rejection) {
        return timed;
    }
    stats::PairedTestOptions test_options;
    test_options.dead_band = options.dead_band;
    test_options.max_pairs = options.max_pairs;
    stats::PairedTest test(test_options);
    const auto pairs_begin = steady_clock::now();
    KW_TRY(run_pairs(*candidate, cap_s, secrets, observer, test, timed));
    timed.pairs_s = seconds_since(pairs_begin);
    if (timed.rejection) {
        return timed;
    }
    KW_TRY(summarise(test, timed));
    if (options.hot && !timed.rejection) {
        KW_TRY(measure_hot(*candidate, secrets, timed));
    }
    if (!timed.rejection) {
        KW_TRY(measure_energy(*candidate, secrets, timed));
    }
    if (!timed.rejection) {
        KW_TRY(look_at_all_weights(*candidate, timed));
    }
    return timed;
}

}  // namespace kw::cuda
