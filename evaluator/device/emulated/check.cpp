// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/check.hpp"

#include "evaluator/device/emulated/call.hpp"

#include <algorithm>
#include <set>

namespace kw::emulated {
namespace {

constexpr std::size_t k_most_findings = 5;  // told to the model

Verdict verdict_of(const std::string& kind) {
    if (kind == "out-of-bounds access") {
        return Verdict::out_of_bounds;
    }
    if (kind == "shared memory race" || kind == "global memory race" ||
        kind == "read of a copy in flight") {
        return Verdict::race;
    }
    return kind == "write to read-only memory" ? Verdict::input_mutated : Verdict::runtime_error;
}

bool fatal(const RunFinding& finding) {
    // What was not written is told by the comparison, element by element.
    return finding.severity == "error" && finding.kind != "output not written";
}

std::optional<cpu::Rejection> rejection_of(const LaunchReport& launch, const std::string& where) {
    const auto first = std::ranges::find_if(launch.findings, fatal);
    if (first != launch.findings.end()) {
        std::string detail = where;
        std::size_t told = 0;
        for (const RunFinding& finding : launch.findings) {
            if (fatal(finding) && told++ < k_most_findings) {
                detail += "\n" + finding.text;
            }
        }
        return cpu::Rejection{
            verdict_of(first->kind), first->kind + " in " + launch.kernel, std::move(detail)};
    }
    if (launch.ending == "completed") {
        return std::nullopt;
    }
    if (launch.ending == "unsupported") {
        return cpu::Rejection{
            Verdict::compiled_only,
            "compiled only: the emulated device cannot run it",
            launch.error};
    }
    if (launch.ending == "hang") {
        return cpu::Rejection{
            Verdict::timeout, launch.kernel + " does not end", where + "\n" + launch.error};
    }
    return cpu::Rejection{Verdict::runtime_error, launch.kernel + ": " + launch.error, where};
}

/// What the checks warned of is perhaps why a result is wrong: told of a public case.
void name_suspects(const RunReport& report, CaseOutcome& outcome) {
    constexpr std::size_t k_most_suspects = 2;
    if (outcome.hidden) {
        return;
    }
    std::size_t told = 0;
    for (const LaunchReport& launch : report.launches) {
        for (const RunFinding& finding : launch.findings) {
            if (finding.severity == "warning" && told++ < k_most_suspects) {
                outcome.note += outcome.note.empty() ? "" : "\n";
                outcome.note += "perhaps the cause: " + finding.text;
            }
        }
    }
}

class CaseRunner {
public:
    CaseRunner(const CheckParts& parts, cpu::Seat& seat, cpu::Oracle& oracle, SecretStream& secrets)
        : parts_(parts)
        , seat_(seat)
        , oracle_(oracle)
        , secrets_(secrets) {}

    Result<void> run(const cpu::CheckCase& at, CheckedCases& checked) {
        const Task& task = parts_.task;
        constexpr int placement = 0;
        KW_TRY(cpu::draw_weights(task, at.dims, at.distribution, secrets_, seat_, 0, placement));
        KW_TRY_ASSIGN(
            const cpu::Inputs inputs, cpu::draw_inputs(task, at.dims, at.distribution, secrets_));
        cpu::write_inputs(task, inputs, placement, seat_);
        KW_TRY_ASSIGN(const Content content, content_of(task, at.dims, seat_, inputs, placement));
        const std::uint64_t salt = secrets_.next_u64();
        KW_TRY_ASSIGN(
            PreparedCall call,
            prepare_call(
                task,
                at.dims,
                parts_.built,
                parts_.device,
                content,
                salt,
                /*again_salt=*/secrets_.next_u64()));
        if (!call.refused.empty()) {
            checked.result.rejection = refusal(call);
            return {};
        }
        call.request.seed = secrets_.next_u64() | 1;
        call.request.again->seed = secrets_.next_u64() | 1;
        call.request.wall_s = parts_.wall_s;
        call.request.threads = parts_.threads;
        KW_TRY_ASSIGN(const RunReport report, parts_.emulator.run(call.request, *call.memory));
        checked.result.rejection = emulated::rejection_of(report, label(at));
        if (checked.result.rejection) {
            return {};
        }
        note_warnings(report, checked);
        const cpu::Question question{at.dims, 0, placement};
        KW_TRY(oracle_.compute(question, secrets_));
        const auto output = [&call](std::size_t arg) -> std::span<const std::byte> {
            return call.buffer(arg);
        };
        KW_TRY_ASSIGN(
            const cpu::Disagreement disagreement, oracle_.compare(output, question, salt));
        checked.result.cases.push_back(cpu::describe(task, at, disagreement));
        if (disagreement.verdict != Verdict::accepted) {
            name_suspects(report, checked.result.cases.back());
            checked.result.rejection = cpu::reject(task, checked.result.cases.back());
            return {};
        }
        judge_again(at, call, report, checked);
        return {};
    }

private:
    [[nodiscard]] std::string label(const cpu::CheckCase& at) const {
        return at.hidden ? "a hidden case"
                         : "case " + at.name + " (" + show_dims(parts_.task, at.dims) + ")";
    }

    std::vector<std::byte> outputs(const PreparedCall& call, std::int64_t shift) const {
        std::vector<std::byte> bytes;
        for (std::size_t i = 0; i < parts_.task.args.size(); ++i) {
            const Role role = parts_.task.args[i].role;
            if (role == Role::out || role == Role::inout) {
                const auto view = call.buffer(i, shift);
                bytes.insert(bytes.end(), view.begin(), view.end());
            }
        }
        return bytes;
    }

    // Other poison and another order of warps: what depends on either shows.
    void judge_again(
        const cpu::CheckCase& at,
        const PreparedCall& call,
        const RunReport& report,
        CheckedCases& checked) const {
        RunReport second;
        second.launches = report.again;
        checked.result.rejection = emulated::rejection_of(second, label(at));
        if (!checked.result.rejection && second.launches.size() != call.request.launches.size()) {
            second.problem = "it ran the launches once, not twice";
            checked.result.rejection = emulated::rejection_of(second, label(at));
        }
        if (checked.result.rejection ||
            outputs(call, 0) == outputs(call, call.request.again->shift)) {
            return;
        }
        CaseOutcome& outcome = checked.result.cases.back();
        outcome.verdict = Verdict::non_deterministic;
        outcome.note =
            "two calls on the same inputs gave different bytes: the result depends on the order of "
            "warps or on memory that was never written";
        name_suspects(report, outcome);
        checked.result.rejection = cpu::reject(parts_.task, outcome);
    }

    void note_warnings(const RunReport& report, CheckedCases& checked) {
        for (const LaunchReport& launch : report.launches) {
            for (const RunFinding& finding : launch.findings) {
                const std::string key = finding.kind + " " + std::to_string(finding.line);
                if (!fatal(finding) && finding.kind != "output not written" &&
                    told_.insert(key).second && told_.size() <= k_most_findings) {
                    checked.findings.push_back({finding.kind, "warning", "check", finding.text});
                }
            }
        }
    }

    const CheckParts& parts_;
    cpu::Seat& seat_;
    cpu::Oracle& oracle_;
    SecretStream& secrets_;
    std::set<std::string> told_;
};

}  // namespace

std::vector<cpu::CheckCase> cases_for_emulation(
    const Task& task, std::vector<cpu::CheckCase> plan) {
    std::erase_if(plan, [&task](const cpu::CheckCase& at) {
        const auto entry = std::ranges::find(task.cases, at.name, &Case::name);
        const bool listed = !at.hidden && entry != task.cases.end();
        return listed ? !entry->emulated || entry->timed : !fits_emulated(task, at.dims);
    });
    return plan;
}

std::optional<cpu::Rejection> rejection_of(const RunReport& report, const std::string& where) {
    if (report.timed_out) {
        return cpu::Rejection{Verdict::timeout, "the kernels do not end", where};
    }
    if (report.out_of_memory) {
        return cpu::Rejection{
            Verdict::memory_limit, "the kernels need more memory than a device has", where};
    }
    if (!report.problem.empty()) {
        return cpu::Rejection{
            Verdict::internal, "the emulated device failed: " + report.problem, where};
    }
    for (const LaunchReport& launch : report.launches) {
        if (auto rejection = rejection_of(launch, where)) {
            return rejection;
        }
    }
    return std::nullopt;
}

Result<CheckedCases> run_checks(
    const CheckParts& parts,
    const std::vector<cpu::CheckCase>& cases,
    SecretStream& secrets,
    const StageObserver& observer) {
    CheckedCases checked;
    std::vector<DimMap> shapes;
    for (const cpu::CheckCase& at : cases) {
        shapes.push_back(at.dims);
    }
    if (shapes.empty()) {
        return checked;
    }
    KW_TRY_ASSIGN(const cpu::Layout layout, cpu::plan_layout(parts.task, shapes, 1));
    KW_TRY_ASSIGN(cpu::Seat seat, cpu::make_seat(layout));
    KW_TRY_ASSIGN(
        const auto oracle,
        cpu::Oracle::start(parts.stage, parts.task, parts.reference, seat, shapes));
    CaseRunner runner(parts, seat, *oracle, secrets);
    for (std::size_t i = 0; i < cases.size() && !checked.result.rejection; ++i) {
        if (observer) {
            observer("check", "case " + std::to_string(i + 1) + "/" + std::to_string(cases.size()));
        }
        KW_TRY(runner.run(cases[i], checked));
    }
    return checked;
}

}  // namespace kw::emulated
