// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cuda/gpu_time.hpp"

#include "evaluator/device/cuda/gpu_check.hpp"
#include "evaluator/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
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
constexpr double k_clock_ratio = 2;   // host against events, candidate against baseline
constexpr double k_spread_ratio = 3;  // longest to shortest call of a graph, against the baseline's
constexpr double k_clock_slack_ns = 20'000;
constexpr double k_slow_clock = 0.9;  // of the run's median: below it a sample says nothing
constexpr double k_warm_up_s = 1;
constexpr double k_warm_up_part = 0.25;  // of the cap, at most for that
constexpr auto k_cool_down = 30s;

double seconds_since(steady_clock::time_point begin) {
    return std::chrono::duration<double>(steady_clock::now() - begin).count();
}

std::string us(double ns) {
    char text[32];
    std::snprintf(text, sizeof(text), "%.2f us", ns / 1000);
    return text;
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
            keep_reading(on_.nvml->read(), pair);
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
    keep_times(theirs, mine, pair);
    return pair;
}

void GpuTimingBench::keep_reading(const GpuReading& now, Pair& pair) {
    const auto keep = [](const std::optional<double>& value, std::vector<double>& list) {
        if (value) {
            list.push_back(*value);
        }
    };
    keep(now.sm_mhz, clocks_.sm_mhz);
    keep(now.temperature_c, clocks_.temperature_c);
    keep(now.power_w, clocks_.power_w);
    clocks_.slowed_by |= now.slowed_by.value_or(0);
    const bool slow =
        now.sm_mhz && *now.sm_mhz > 0 && *now.sm_mhz < k_slow_clock * stats::median(clocks_.sm_mhz);
    pair.disturbed = pair.disturbed || slow || is_throttled(now);
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

/// A graph counts as its longest call: one that did the work of the others is paid for it.
void GpuTimingBench::keep_times(
    const GpuCallResult& theirs, const GpuCallResult& mine, Pair& pair) {
    const auto longest = [this](const GpuCallResult& call) {
        const double ns = call.call_ns.empty() ? call.event_ns : std::ranges::max(call.call_ns);
        return std::max(1.0, ns - null_ns_);
    };
    const auto shortest = [this](const GpuCallResult& call) {
        return std::max(1.0, std::ranges::min(call.call_ns) - null_ns_);
    };
    pair.baseline_ns = longest(theirs);
    pair.candidate_ns = longest(mine);
    clocks_.baseline_event.push_back(theirs.event_ns);
    clocks_.baseline_host.push_back(theirs.host_ns);
    clocks_.candidate_event.push_back(mine.event_ns);
    clocks_.candidate_host.push_back(mine.host_ns);
    if (!mine.call_ns.empty() && !theirs.call_ns.empty()) {
        clocks_.baseline_spread.push_back(
            std::ranges::max(theirs.call_ns) / std::max(1.0, std::ranges::min(theirs.call_ns)));
        clocks_.candidate_spread.push_back(
            std::ranges::max(mine.call_ns) / std::max(1.0, std::ranges::min(mine.call_ns)));
        clocks_.candidate_shortest.push_back(shortest(mine));
    }
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
    if (aside.count() > 0) {
        timed.findings.push_back(
            {"throttled",
             "warning",
             "time",
             case_.name + ": " + std::to_string(aside.count()) +
                 " pairs set aside, clocks lowered" +
                 (clocks_.slowed_by == 0 ? "" : " by " + show_slowdown(clocks_.slowed_by))});
    }
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
    const auto joules = [&](GpuContestant& contestant, double ns) -> double {
        GpuCallRequest request{{inputs}, {next_set(secrets)}, secrets};
        // Not behind a held stream: no queue is that long.
        request.repetitions =
            static_cast<std::uint64_t>(std::clamp(k_span_ns / std::max(ns, 1.0), 1.0, 50'000.0));
        const double before = on_.nvml->read().energy_j.value_or(0);
        const GpuCallResult call = contestant.call(request);
        const double after = on_.nvml->read().energy_j.value_or(0);
        return call.failure || after <= before
                   ? 0
                   : (after - before) / static_cast<double>(request.repetitions);
    };
    timed.timing.baseline_joules = joules(*baseline_, timed.timing.baseline_ns);
    timed.timing.candidate_joules = joules(candidate, timed.timing.candidate_ns);
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

/// Device code shares a context with the events, whose time stamps lie somewhere in its memory. So
/// the host's clock must tell the same story about the candidate as about the baseline.
std::optional<cpu::Rejection> GpuTimingBench::disbelieve_clock() const {
    if (clocks_.candidate_event.empty()) {
        return std::nullopt;
    }
    const auto middle = [](std::vector<double> values) {
        return stats::median(values);
    };
    const double host = middle(clocks_.candidate_host);
    const double event = std::max(1.0, middle(clocks_.candidate_event));
    const double usual =
        middle(clocks_.baseline_host) / std::max(1.0, middle(clocks_.baseline_event));
    if (host - event < k_clock_slack_ns || host / event < k_clock_ratio * usual) {
        return std::nullopt;
    }
    return cpu::Rejection{
        Verdict::too_fast,
        "too fast to be true: the device's events say " + us(event) + ", the host's clock " +
            us(host) + " (baseline: " + std::to_string(usual) + " times its events)",
        "Work that the events do not see, or events that were written to."};
}

/// The calls of a graph do equal work: one far below the others left its own to them.
std::optional<cpu::Rejection> GpuTimingBench::disbelieve_calls() const {
    if (clocks_.candidate_spread.empty()) {
        return std::nullopt;
    }
    const double shortest = stats::median(clocks_.candidate_shortest);
    const double mine = stats::median(clocks_.candidate_spread);
    const double theirs = stats::median(clocks_.baseline_spread);
    if (shortest >= floor_.floor_ns && mine < k_spread_ratio * theirs) {
        return std::nullopt;
    }
    return cpu::Rejection{
        Verdict::too_fast,
        "too fast to be true: the shortest of " + std::to_string(calls_) + " calls takes " +
            us(shortest) + ", the longest " + std::to_string(mine) + " times as long (baseline: " +
            std::to_string(theirs) + "), the floor is " + us(floor_.floor_ns),
        "The calls of a graph do equal work: one of them did that of others."};
}

void GpuTimingBench::summarise(const stats::PairedTest& test, Timed& timed) const {
    ShapeTiming& timing = timed.timing;
    std::vector<double> mine, theirs;
    for (const Sample& sample : test.samples()) {
        mine.push_back(sample.candidate_ns);
        theirs.push_back(sample.baseline_ns);
    }
    const auto middle = [](std::vector<double> values) {
        return values.empty() ? 0.0 : stats::median(values);
    };
    timing.candidate_ns = middle(mine);
    timing.baseline_ns = middle(theirs);
    const double fastest =
        std::ranges::min_element(baseline_times_, {}, &std::pair<std::string, double>::second)
            ->second;
    timing.naive_ns = baseline_times_.front().second / fastest * timing.baseline_ns;
    timing.speedup = test.ratio();
    timing.comparison =
        timing.stop_reason == k_stop_disturbed ? Comparison::unclear : test.comparison();
    timing.sol = timing.candidate_ns > 0 ? floor_.roof_ns / timing.candidate_ns : 0;
    const auto bytes = on_.task.cost.bytes.eval(case_.dims);
    timing.gb_per_s = bytes.ok() && timing.candidate_ns > 0
                          ? static_cast<double>(*bytes) / timing.candidate_ns
                          : 0;
    timing.samples = test.samples();
    timing.mode = calls_ > 1 ? "graph_" + std::to_string(calls_) : "single";
    timing.sm_mhz = middle(clocks_.sm_mhz);
    timing.temperature_c = middle(clocks_.temperature_c);
    timing.power_w = middle(clocks_.power_w);
    if (!on_.gpu.layers.has(Layer::floor)) {
        return;
    }
    timed.rejection = disbelieve_clock();
    if (!timed.rejection) {
        timed.rejection = disbelieve_calls();
    }
    if (timing.candidate_ns < timing.floor_ns) {
        timed.rejection = cpu::Rejection{
            Verdict::too_fast,
            "too fast to be true: " + us(timing.candidate_ns) + " at " +
                show_dims(on_.task, case_.dims) + ", the floor is " + us(timing.floor_ns),
            "The floor follows from the bytes that must move and the device's own bandwidth."};
    }
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
    for (const auto begin = steady_clock::now(); on_.nvml != nullptr &&
                                                 is_throttled(on_.nvml->read()) &&
                                                 steady_clock::now() - begin < k_cool_down;) {
        std::this_thread::sleep_for(500ms);
    }
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
    summarise(test, timed);
    if (options.hot && !timed.rejection) {
        KW_TRY(measure_hot(*candidate, secrets, timed));
    }
    if (!timed.rejection) {
        KW_TRY(measure_energy(*candidate, secrets, timed));
        KW_TRY(look_at_all_weights(*candidate, timed));
    }
    return timed;
}

}  // namespace kw::cuda
