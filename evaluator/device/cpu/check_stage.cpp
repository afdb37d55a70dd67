// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/check_stage.hpp"

#include <algorithm>

namespace kw::cpu {
namespace {

std::string case_label(const Task& task, const CheckCase& at) {
    if (at.hidden) {
        std::string label = "a hidden case";
        if (!at.distribution.empty()) {
            label += " (distribution " + at.distribution + ")";
        }
        return label;
    }
    std::string label = "case " + at.name + " (" + show_dims(task, at.dims);
    if (!at.distribution.empty()) {
        label += ", distribution " + at.distribution;
    }
    return label + ")";
}

std::vector<std::vector<std::byte>> copy_outputs(
    const Task& task, const Contestant& contestant, const DimMap& dims, int placement) {
    std::vector<std::vector<std::byte>> copies;
    for (std::size_t i = 0; i < task.args.size(); ++i) {
        if (task.args[i].role == Role::out || task.args[i].role == Role::inout) {
            const auto view = contestant.output(i, dims, placement);
            copies.emplace_back(view.begin(), view.end());
        }
    }
    return copies;
}

/// Draws a case's content, calls the candidate twice, compares.
class CaseRunner {
public:
    CaseRunner(
        const Task& task,
        Contestant& candidate,
        Oracle& oracle,
        SecretStream& secrets,
        Layers layers)
        : task_(task)
        , layers_(layers)
        , candidate_(candidate)
        , oracle_(oracle)
        , secrets_(secrets) {}

    Result<void> run(const CheckCase& at, CheckResult& result) {
        constexpr int placement = k_placement_guarded;
        KW_TRY(draw_weights(
            task_, at.dims, at.distribution, secrets_, candidate_.seat(), 0, placement));
        KW_TRY_ASSIGN(const Inputs inputs, draw_inputs(task_, at.dims, at.distribution, secrets_));
        if (const PrepareResult prepared = candidate_.prepare(at.dims, 0, placement);
            prepared.failure) {
            result.rejection = reject(task_, at, *prepared.failure);
            return {};
        }
        const CallRequest request{at.dims, 0, placement, inputs, secrets_};
        const CallResult first = candidate_.call(request);
        if (first.failure) {
            result.rejection = reject(task_, at, *first.failure);
            return {};
        }
        const Question question{at.dims, 0, placement};
        KW_TRY(oracle_.compute(question, secrets_));
        KW_TRY_ASSIGN(
            const Disagreement disagreement,
            oracle_.compare(outputs_of(candidate_, question), question, first.poison_salt));
        result.cases.push_back(describe(task_, at, disagreement));
        if (disagreement.verdict != Verdict::accepted) {
            result.rejection = reject(task_, result.cases.back());
            return {};
        }
        return layers_.has(Layer::second_call) ? run_again(at, request, result) : Result<void>{};
    }

private:
    Result<void> run_again(const CheckCase& at, const CallRequest& request, CheckResult& result) {
        const auto before = copy_outputs(task_, candidate_, at.dims, request.placement);
        const CallResult second = candidate_.call(request);
        if (second.failure) {
            result.rejection = reject(task_, at, *second.failure);
        } else if (copy_outputs(task_, candidate_, at.dims, request.placement) != before) {
            CaseOutcome& outcome = result.cases.back();
            outcome.verdict = Verdict::non_deterministic;
            outcome.note =
                "two calls on the same inputs gave different bytes: state kept between calls, or "
                "memory "
                "that was never written";
            result.rejection = reject(task_, outcome);
        }
        return {};
    }

    const Task& task_;
    Layers layers_;
    Contestant& candidate_;
    Oracle& oracle_;
    SecretStream& secrets_;
};

CheckCase draw_hidden(const Task& task, SecretStream& secrets, int number) {
    const auto pick = [&secrets](const auto& values) -> const auto& {
        return values[secrets.below(values.size())];
    };
    CheckCase result;
    result.name = "hidden-" + std::to_string(number);
    result.hidden = true;
    result.dims = task.cases.front().dims;
    for (const auto& [dim, values] : task.hidden.choose) {
        result.dims[dim] = pick(values);
    }
    if (!task.hidden.distributions.empty()) {
        result.distribution = pick(task.hidden.distributions);
    }
    return result;
}

}  // namespace

std::vector<CheckCase> plan_checks(
    const Task& task, const JudgeOptions& options, SecretStream& secrets) {
    std::vector<CheckCase> plan;
    for (const bool probe : {true, false}) {
        for (const Case& entry : task.cases) {
            if (entry.probe == probe && (!entry.timed || !options.timed)) {
                plan.push_back({entry.name, entry.dims, entry.distribution, false});
            }
        }
    }
    if (options.hidden_cases && options.layers.has(Layer::hidden_cases)) {
        const int count = task.hidden.count * (options.independent ? 2 : 1);
        for (int i = 1; i <= count; ++i) {
            plan.push_back(draw_hidden(task, secrets, i));
        }
    }
    return plan;
}

CaseOutcome describe(const Task& task, const CheckCase& at, const Disagreement& disagreement) {
    CaseOutcome outcome;
    outcome.case_name = at.name;
    outcome.dims = at.hidden ? DimMap{} : at.dims;
    outcome.distribution = at.distribution;
    outcome.hidden = at.hidden;
    outcome.verdict = disagreement.verdict;
    outcome.elements = disagreement.elements;
    outcome.max_error = disagreement.max_error;
    if (disagreement.verdict == Verdict::accepted) {
        return outcome;
    }
    outcome.argument = task.args[disagreement.arg].name;
    if (disagreement.diff.untouched) {
        outcome.note = "never written";
    }
    if (!at.hidden) {
        outcome.index = disagreement.diff.first;
        outcome.got = disagreement.diff.got;
        outcome.want = disagreement.diff.want;
        outcome.mismatches = disagreement.diff.mismatches;
        outcome.elements = disagreement.diff.elements;
    }
    return outcome;
}

Rejection reject(const Task& task, const CaseOutcome& outcome) {
    const CheckCase at{outcome.case_name, outcome.dims, outcome.distribution, outcome.hidden};
    Rejection rejection;
    rejection.verdict = outcome.verdict;
    rejection.summary = std::string(name(outcome.verdict)) + ": " + case_label(task, at);
    if (outcome.index >= 0) {
        rejection.summary += ": " + outcome.argument + "[" + std::to_string(outcome.index) +
                             "] = " + outcome.got + ", want " + outcome.want + "; " +
                             std::to_string(outcome.mismatches) + " of " +
                             std::to_string(outcome.elements) + " elements differ";
    } else if (!outcome.argument.empty()) {
        rejection.summary += ": wrong values in " + outcome.argument;
    }
    rejection.detail = outcome.note;
    return rejection;
}

Rejection reject(const Task& task, const CheckCase& at, const RunnerFailure& failure) {
    return {
        failure.verdict,
        failure.summary,
        case_label(task, at) + (failure.detail.empty() ? "" : "\n" + failure.detail)};
}

Result<CheckResult> run_checks(
    const Stage& stage,
    const Task& task,
    const std::filesystem::path& candidate,
    harness::Mode mode,
    const std::filesystem::path& reference,
    const std::vector<CheckCase>& cases,
    SecretStream& secrets,
    const StageObserver& observer) {
    std::vector<DimMap> shapes;
    for (const CheckCase& at : cases) {
        shapes.push_back(at.dims);
    }
    KW_TRY_ASSIGN(const Layout layout, plan_layout(task, shapes, 1));
    const bool sealed = stage.layers.has(Layer::read_only_inputs);
    KW_TRY_ASSIGN(Seat seat, make_seat(layout, sealed ? FutureWrites::no : FutureWrites::yes));
    CheckResult result;
    KW_TRY_ASSIGN(
        const auto contestant,
        Contestant::start(stage, task, candidate, mode, seat, shapes.front()));
    if (contestant->start_failure()) {
        result.rejection = reject(task, cases.front(), *contestant->start_failure());
        return result;
    }
    KW_TRY_ASSIGN(const auto oracle, Oracle::start(stage, task, reference, seat, shapes));
    CaseRunner runner(task, *contestant, *oracle, secrets, stage.layers);
    for (std::size_t i = 0; i < cases.size() && !result.rejection; ++i) {
        if (observer) {
            observer("check", "case " + std::to_string(i + 1) + "/" + std::to_string(cases.size()));
        }
        KW_TRY(runner.run(cases[i], result));
    }
    return result;
}

}  // namespace kw::cpu
