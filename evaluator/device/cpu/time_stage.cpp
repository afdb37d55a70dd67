// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/time_stage.hpp"

#include "evaluator/device/cpu/run_queue.hpp"
#include "evaluator/device/cpu/set_aside.hpp"
#include "evaluator/device/cpu/summary.hpp"
#include "evaluator/statistics.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

namespace kw::cpu {
namespace {

using std::chrono::steady_clock;

constexpr int k_warm_up_pairs = 2;
constexpr int k_least_pairs = 6;  // whatever the cap says
constexpr int k_choose_rounds = 9;
constexpr int k_choose_all_rounds = 3;
constexpr double k_choose_near = 1.5;
constexpr int k_choose_tries = 3;  // of a call that other programs were in the way of
constexpr int k_hot_pairs = 6;
constexpr double k_disturbed = 0.002;         // of a call's time: well inside the dead band
constexpr std::uint64_t k_renew_one_in = 16;  // pairs between rewritten weight sets, on average

double seconds_since(steady_clock::time_point begin) {
    return std::chrono::duration<double>(steady_clock::now() - begin).count();
}

Result<Rotation> rotation_of(const Task& task, const DimMap& dims, std::int64_t llc_bytes) {
    std::int64_t bytes = 0;
    for (const Arg& arg : task.args) {
        if (arg.role == Role::weight) {
            KW_TRY_ASSIGN(const std::int64_t size, byte_size(arg, dims));
            bytes += size;
        }
    }
    return plan_rotation(bytes, llc_bytes);
}

/// Whether what other programs took of a call could decide.
bool was_disturbed(const CallResult& call) {
    return call.waited_ns > k_disturbed * call.ns;
}

FutureWrites seal_of(const Stage& stage) {
    return stage.layers.has(Layer::read_only_inputs) ? FutureWrites::no : FutureWrites::yes;
}

Error baseline_failed(const Task& task, const std::string& baseline, const std::string& what) {
    return {
        Errc::config,
        "timing the baseline " + baseline + " of " + task.name + ": " + what,
        "see baselines/ in " + task.folder.string()};
}

}  // namespace

struct TimingBench::Pair {
    double baseline_ns = 0;
    double candidate_ns = 0;
    std::uint8_t order = 0;
    bool disturbed = false;
    std::optional<Rejection> rejection;
};

Result<std::unique_ptr<TimingBench>> TimingBench::create(
    const Stage& stage,
    const Task& task,
    const Case& shape,
    const std::vector<BuiltBaseline>& baselines,
    const std::filesystem::path& reference,
    const Calibration& calibration,
    const Seed& pool_seed) {
    std::unique_ptr<TimingBench> bench(new TimingBench(stage));
    bench->task_ = &task;
    bench->case_ = shape;
    KW_TRY_ASSIGN(bench->bytes_, task.cost.bytes.eval(shape.dims));
    KW_TRY_ASSIGN(bench->rotation_, rotation_of(task, shape.dims, calibration.llc_bytes));
    const std::int64_t sets = bench->rotation_.sets;
    KW_TRY_ASSIGN(const Layout layout, plan_layout(task, {shape.dims}, sets));
    KW_TRY_ASSIGN(std::vector<Seat> seats, make_equal_seats(layout, 2, seal_of(stage)));
    bench->baseline_seat_ = std::move(seats[0]);
    bench->candidate_seat_ = std::move(seats[1]);
    KW_TRY_ASSIGN(bench->reference_seat_, make_seat(layout, seal_of(stage)));
    KW_TRY(bench->renew(baselines, reference, pool_seed));
    return bench;
}

Result<void> TimingBench::renew(
    const std::vector<BuiltBaseline>& baselines,
    const std::filesystem::path& reference,
    const Seed& pool_seed) {
    baseline_.reset();
    oracle_.reset();
    next_set_ = 0;
    pool_stream_.emplace(pool_seed, "pool/" + task_->name + "/" + case_.name);
    for (std::int64_t set = 0; set < baseline_seat_.layout.sets; ++set) {
        KW_TRY(fill_set(set));
    }
    KW_TRY_ASSIGN(
        inputs_, InputSource::create(*task_, case_.dims, case_.distribution, *pool_stream_));
    KW_TRY_ASSIGN(oracle_, Oracle::start(stage_, *task_, reference, reference_seat_, {case_.dims}));
    const PinnedThread pinned(stage_.cores.judge);
    KW_TRY(measure_null());
    return choose_baseline(baselines);
}

Result<void> TimingBench::fill_set(std::int64_t set) {
    KW_TRY(draw_weights(
        *task_, case_.dims, case_.distribution, *pool_stream_, reference_seat_, set, 0));
    copy_weights(*task_, case_.dims, reference_seat_, baseline_seat_, set, 0);
    copy_weights(*task_, case_.dims, reference_seat_, candidate_seat_, set, 0);
    return {};
}

// What an empty call costs through the same hand-shake: subtracted from every time, and stored.
Result<void> TimingBench::measure_null() {
    RunnerSpec spec;
    spec.program = stage_.runner_program;
    spec.mode = harness::mode_null;
    spec.cores = stage_.cores;
    KW_TRY_ASSIGN(const auto runner, Runner::start(stage_.sandbox, spec));
    std::vector<double> times;
    for (int i = 0; i < 101; ++i) {
        CallSpec call;
        call.function = harness::function_null;
        call.pointers.assign(8, 0);  // handed over like those of a call
        const CallOutcome outcome = runner->call(call);
        if (!outcome.ok) {
            return Error{
                Errc::environment,
                "measuring an empty call: " + outcome.failure.summary + " " +
                    outcome.failure.detail,
                "run `kwright doctor`"};
        }
        times.push_back(outcome.ns);
    }
    null_ns_ = stats::median(times);
    return {};
}

Result<void> TimingBench::ask_reference(
    const Question& question, const Inputs& inputs, SecretStream& secrets) {
    write_inputs(*task_, inputs, question.placement, reference_seat_);
    return oracle_->compute(question, secrets);
}

Result<double> TimingBench::try_baseline(
    Contestant& contestant, const std::string& name, const Inputs& inputs, bool verify) {
    const std::int64_t set = next_set_++ % baseline_seat_.layout.sets;
    const PrepareResult prepared = contestant.prepare(case_.dims, set, 0);
    if (prepared.failure) {
        return baseline_failed(*task_, name, prepared.failure->summary);
    }
    double least = std::numeric_limits<double>::infinity();
    CallResult call;
    for (int i = 0; i < k_choose_tries && (i == 0 || was_disturbed(call)); ++i) {
        call =
            contestant.call({case_.dims, set, 0, inputs, *pool_stream_, std::chrono::seconds(60)});
        if (call.failure) {
            return baseline_failed(*task_, name, call.failure->summary);
        }
        least = std::min(least, call.ns);
    }
    if (verify) {
        const Question question{case_.dims, set, 0};
        KW_TRY(ask_reference(question, inputs, *pool_stream_));
        KW_TRY_ASSIGN(
            const Disagreement disagreement,
            oracle_->compare(outputs_of(contestant, question), question, call.poison_salt));
        if (disagreement.verdict != Verdict::accepted) {
            return baseline_failed(
                *task_, name, reject(*task_, describe(*task_, as_case(), disagreement)).summary);
        }
    }
    return std::max(1.0, least - null_ns_);
}

// Every baseline is called three times; those near the fastest six times more, in turn. The least
// time counts: other programs can only add to it, and a baseline that looked slow because of them
// would make every candidate look fast.
Result<void> TimingBench::choose_baseline(const std::vector<BuiltBaseline>& baselines) {
    std::vector<std::unique_ptr<Contestant>> contestants;
    for (const BuiltBaseline& baseline : baselines) {
        KW_TRY_ASSIGN(
            auto contestant,
            Contestant::start(
                stage_, *task_, baseline.shared_object, baseline.mode, baseline_seat_, case_.dims));
        if (contestant->start_failure()) {
            return baseline_failed(*task_, baseline.name, contestant->start_failure()->summary);
        }
        contestants.push_back(std::move(contestant));
    }
    std::vector<double> least(baselines.size(), std::numeric_limits<double>::infinity());
    for (int round = 0; round < k_choose_rounds; ++round) {
        const double fastest = *std::ranges::min_element(least);
        KW_TRY_ASSIGN(const Inputs* inputs, inputs_->next(*pool_stream_));
        for (std::size_t i = 0; i < baselines.size(); ++i) {
            if (round >= k_choose_all_rounds && least[i] > k_choose_near * fastest) {
                continue;
            }
            KW_TRY_ASSIGN(
                const double ns,
                try_baseline(*contestants[i], baselines[i].name, *inputs, round == 0));
            least[i] = std::min(least[i], ns);
        }
    }
    const auto fastest =
        static_cast<std::size_t>(std::distance(least.begin(), std::ranges::min_element(least)));
    baseline_name_ = baselines[fastest].name;
    baseline_ns_ = least[fastest];
    naive_ns_ = least.front();
    baseline_ = std::move(contestants[fastest]);
    // A baseline with packed weights needs every set packed before the first pair.
    for (std::int64_t set = 0; set < baseline_seat_.layout.sets; ++set) {
        if (const PrepareResult prepared = baseline_->prepare(case_.dims, set, 0);
            prepared.failure) {
            return baseline_failed(*task_, baseline_name_, prepared.failure->summary);
        }
    }
    return {};
}

std::chrono::nanoseconds TimingBench::call_limit() const {
    const double ns = std::max(1e9, 50 * naive_ns_);
    return std::chrono::nanoseconds(static_cast<std::int64_t>(std::min(ns, 20e9)));
}

Result<TimingBench::Pair> TimingBench::run_pair(
    Contestant& candidate, std::int64_t set, int placement, SecretStream& secrets) {
    Pair pair;
    KW_TRY_ASSIGN(
        const Inputs* inputs,
        stage_.layers.has(Layer::fresh_inputs) ? inputs_->next(secrets) : inputs_->same());
    pair.order = static_cast<std::uint8_t>(secrets.below(2));
    const CallRequest request{case_.dims, set, placement, *inputs, secrets, call_limit()};
    CallResult mine, theirs;
    for (int turn = 0; turn < 2; ++turn) {
        const bool baseline_turn = (turn == 0) == (pair.order == 0);
        (baseline_turn ? theirs : mine) = (baseline_turn ? *baseline_ : candidate).call(request);
    }
    if (theirs.failure) {
        return baseline_failed(*task_, baseline_name_, theirs.failure->summary);
    }
    if (mine.failure) {
        pair.rejection = reject(*task_, as_case(), *mine.failure);
        return pair;
    }
    const Question question{case_.dims, set, placement};
    KW_TRY(ask_reference(question, *inputs, secrets));
    KW_TRY_ASSIGN(
        const Disagreement wrong_baseline,
        oracle_->compare(outputs_of(*baseline_, question), question, theirs.poison_salt));
    if (wrong_baseline.verdict != Verdict::accepted) {
        return baseline_failed(*task_, baseline_name_, "its output disagrees with the reference");
    }
    KW_TRY_ASSIGN(
        const Disagreement disagreement,
        oracle_->compare(outputs_of(candidate, question), question, mine.poison_salt));
    if (disagreement.verdict != Verdict::accepted) {
        pair.rejection = reject(*task_, describe(*task_, as_case(), disagreement));
    }
    pair.disturbed = was_disturbed(theirs) || was_disturbed(mine);
    pair.baseline_ns = std::max(1.0, theirs.ns - null_ns_);
    pair.candidate_ns = std::max(1.0, mine.ns - null_ns_);
    return pair;
}

// The set that was just used gets new content: whatever a candidate may have remembered of it is
// void.
Result<std::optional<Rejection>> TimingBench::renew_set(Contestant& candidate, std::int64_t set) {
    KW_TRY(fill_set(set));
    if (const PrepareResult prepared = baseline_->prepare(case_.dims, set, 0); prepared.failure) {
        return baseline_failed(*task_, baseline_name_, prepared.failure->summary);
    }
    const PrepareResult prepared = candidate.prepare(case_.dims, set, 0);
    if (prepared.failure) {
        return std::optional<Rejection>(reject(*task_, as_case(), *prepared.failure));
    }
    return std::optional<Rejection>();
}

Result<void> TimingBench::measure_hot(Contestant& candidate, SecretStream& secrets, Timed& timed) {
    std::vector<double> mine, theirs;
    // The set that was used last, rewritten: whatever the decision came to, one rewritten set is
    // always used again.
    const std::int64_t sets = candidate_seat_.layout.sets;
    const std::int64_t set = (next_set_ + sets - 1) % sets;
    if (stage_.layers.has(Layer::weight_rewrite)) {
        KW_TRY_ASSIGN(timed.rejection, renew_set(candidate, set));
        if (timed.rejection) {
            return {};
        }
    }
    for (int i = 0; i < k_hot_pairs; ++i) {
        KW_TRY_ASSIGN(const Pair pair, run_pair(candidate, set, i % k_placement_count, secrets));
        if (pair.rejection) {
            timed.rejection = pair.rejection;
            return {};
        }
        if (i >= k_warm_up_pairs) {
            mine.push_back(pair.candidate_ns);
            theirs.push_back(pair.baseline_ns);
        }
    }
    timed.timing.hot_candidate_ns = stats::median(mine);
    timed.timing.hot_baseline_ns = stats::median(theirs);
    return {};
}

void TimingBench::summarise(const stats::PairedTest& test, Timed& timed) const {
    summarise_shape(test, {naive_ns_ / baseline_ns_, floor_.roof_ns, bytes_}, timed.timing);
    if (stage_.layers.has(Layer::floor)) {
        timed.rejection = below_floor(*task_, timed.timing);
    }
}

// A pair in which a contestant or the judge had to wait for a processor says how busy the machine
// is: it is set aside, and counts only where there are hardly any others.
Result<void> TimingBench::run_pairs(
    Contestant& candidate,
    double cap_s,
    SecretStream& secrets,
    const StageObserver& observer,
    stats::PairedTest& test,
    Timed& timed) {
    const auto begin = steady_clock::now();
    const std::int64_t sets = candidate_seat_.layout.sets;
    SetAside aside;
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
        const std::int64_t set = next_set_++ % sets;
        const int placement = number % k_placement_count;
        KW_TRY_ASSIGN(const Pair pair, run_pair(candidate, set, placement, secrets));
        if (pair.rejection) {
            timed.rejection = pair.rejection;
            return {};
        }
        if (number >= k_warm_up_pairs) {
            const Sample sample{
                pair.baseline_ns,
                pair.candidate_ns,
                static_cast<std::uint8_t>(placement),
                pair.order};
            aside.add(sample, pair.disturbed, test);
        }
        const bool renews = sets > 1 && stage_.layers.has(Layer::weight_rewrite);
        if (renews && secrets.below(k_renew_one_in) == 0) {
            KW_TRY_ASSIGN(timed.rejection, renew_set(candidate, set));
            if (timed.rejection) {
                return {};
            }
        }
        if (observer && number % 16 == 0) {
            observer("time", case_.name + " pair " + std::to_string(number));
        }
    }
    timed.disturbed = aside.count();
    if (!aside.settle(test)) {
        timed.timing.stop_reason = k_stop_disturbed;
    }
    test.finish();
    return {};
}

Result<TimingBench::Timed> TimingBench::time(
    const std::filesystem::path& candidate_object,
    const Calibration& calibration,
    const JudgeOptions& options,
    double cap_s,
    SecretStream& secrets,
    const StageObserver& observer) {
    const bool cold =
        std::ranges::any_of(task_->args, [](const Arg& a) { return a.role == Role::weight; });
    KW_TRY_ASSIGN(floor_, floor_of(*task_, case_.dims, calibration, cold));
    Timed timed;
    timed.timing.case_name = case_.name;
    timed.timing.dims = case_.dims;
    timed.timing.baseline = baseline_name_;
    timed.timing.null_ns = null_ns_;
    timed.timing.floor_ns = floor_.floor_ns;
    const PinnedThread pinned(stage_.cores.judge);
    const RunQueueWatch run_queue;
    KW_TRY_ASSIGN(
        const auto candidate,
        Contestant::start(
            stage_,
            *task_,
            candidate_object,
            harness::mode_candidate,
            candidate_seat_,
            case_.dims));
    if (candidate->start_failure()) {
        timed.rejection = reject(*task_, as_case(), *candidate->start_failure());
        return timed;
    }
    const std::int64_t sets = candidate_seat_.layout.sets;
    for (std::int64_t set = 0; set < sets && candidate->prepares(); ++set) {
        const PrepareResult prepared = candidate->prepare(case_.dims, set, 0);
        if (prepared.failure) {
            timed.rejection = reject(*task_, as_case(), *prepared.failure);
            return timed;
        }
        timed.timing.prepare_ns = prepared.ns;
        timed.timing.prepare_bytes = prepared.bytes;
    }
    stats::PairedTestOptions test_options;
    test_options.dead_band = options.dead_band;
    test_options.max_pairs = options.max_pairs;
    test_options.min_placements = 2;  // one lucky placement must not decide alone
    stats::PairedTest test(test_options);
    KW_TRY(run_pairs(*candidate, cap_s, secrets, observer, test, timed));
    if (timed.rejection) {
        return timed;
    }
    timed.waited = run_queue.waited().value_or(0);
    summarise(test, timed);
    if (options.hot && sets > 1 && !timed.rejection) {
        KW_TRY(measure_hot(*candidate, secrets, timed));
    }
    return timed;
}

}  // namespace kw::cpu
