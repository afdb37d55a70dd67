// SPDX-License-Identifier: Apache-2.0
#include "evaluator/task_probes.hpp"

#include "core/check.hpp"
#include "evaluator/compare.hpp"
#include "evaluator/fill.hpp"
#include "evaluator/scalar.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

namespace kw {
namespace {

std::span<const std::byte> view_of(const ArgumentBytes& bytes, std::size_t i) {
    return bytes[i];
}

/// Faults of which no task may say that they change nothing. A sum does not depend on the order of
/// what it adds; that it depends on all of it stays true.
bool always_matters(InputFault fault) {
    return fault == InputFault::other_values || fault == InputFault::zeros ||
           fault == InputFault::last_column || fault == InputFault::last_row ||
           fault == InputFault::outliers;
}

/// One fault of one subject on its way through the cases.
template <class Fault>
struct Trial {
    Fault fault;
    ArgPart part;
    bool asked = false;    ///< some case changed
    bool differs = false;  ///< some result did
    std::string told_by;   ///< the first case that rejects it
    std::string unread;    ///< why the reference cannot read such inputs
};

/// A case with its inputs and what the reference says about them.
struct Subject {
    const Case& entry;
    ArgumentBytes inputs;
    ArgumentBytes others;  ///< of another draw
    ArgumentBytes before;  ///< what outputs hold before a call
    Wanted wanted;
    ArgumentBytes right;  ///< what an honest kernel writes
};

class Prober {
public:
    Prober(const Task& task, const ReferenceCall& reference, const ReferenceCall& again, Seed seed)
        : task_(task)
        , reference_(reference)
        , again_(again)
        , seed_(seed) {
        for (const ArgPart& part : input_parts(task)) {
            for (const InputFault fault : input_faults()) {
                if (auto why = cannot_have(fault, part)) {
                    note(std::string(name(fault)), part.name, *why);
                } else {
                    inputs_.push_back({fault, part, false, false, "", ""});
                }
            }
        }
        for (std::size_t i = 0; i < task.args.size(); ++i) {
            if (!is_written(task.args[i])) {
                continue;
            }
            const ArgPart part = output_part(task, i);
            for (const OutputFault fault : output_faults()) {
                if (auto why = cannot_have(fault, task.args[i])) {
                    note(std::string(name(fault)), part.name, *why);
                } else {
                    outputs_.push_back({fault, part, false, false, "", ""});
                }
            }
            stale_.push_back({i, part, false, false, "", ""});
            for (std::size_t from = 0; from < task.args.size(); ++from) {
                if (is_read(task.args[from])) {
                    copies_.push_back({from, part, false, false, "", ""});
                }
            }
        }
    }

    Result<void> run(const Case& entry) {
        KW_TRY_ASSIGN(const Subject subject, make_subject(entry));
        KW_TRY(check_repeated(subject));
        KW_TRY(check_honest(subject));
        KW_TRY(try_outputs(subject));
        KW_TRY(try_stale(subject));
        KW_TRY(try_copies(subject));
        return try_inputs(subject);
    }

    std::vector<ProbeAnswer> answers() {
        std::vector<ProbeAnswer> all;
        all.push_back(verdict("reference deterministic", unsteady_, "two processes, same bytes"));
        all.push_back(verdict("honest output accepted", refused_, "rounded once, every case"));
        for (const auto& trial : outputs_) {
            all.push_back(answer(std::string(name(trial.fault)), trial.part.name, trial, false));
        }
        for (const auto& trial : stale_) {
            all.push_back(answer("output of the call before", trial.part.name, trial, false));
        }
        for (const auto& trial : copies_) {
            if (trial.asked) {
                const std::string& from = task_.args[trial.fault].name;
                const bool own = trial.fault == trial.part.arg;
                all.push_back(answer(
                    "output a copy of an input",
                    own ? trial.part.name : trial.part.name + " = " + from,
                    trial,
                    false));
            }
        }
        for (const auto& trial : inputs_) {
            all.push_back(answer(
                std::string(name(trial.fault)),
                trial.part.name,
                trial,
                !always_matters(trial.fault)));
        }
        all.insert(all.end(), notes_.begin(), notes_.end());
        return all;
    }

private:
    void note(std::string probe, std::string subject, std::string why) {
        notes_.push_back(
            {std::move(probe), std::move(subject), ProbeState::not_applicable, std::move(why)});
    }

    static ProbeAnswer verdict(
        const std::string& probe, const std::string& problem, const std::string& fine) {
        return problem.empty() ? ProbeAnswer{probe, "", ProbeState::holds, fine}
                               : ProbeAnswer{probe, "", ProbeState::fails, problem};
    }

    /// `order`: a fault that changes nothing where the order of elements does not count.
    template <class Fault>
    static ProbeAnswer answer(
        const std::string& probe,
        const std::string& subject,
        const Trial<Fault>& trial,
        bool order) {
        if (!trial.told_by.empty()) {
            return {probe, subject, ProbeState::holds, "case " + trial.told_by};
        }
        if (!trial.unread.empty()) {
            return {
                probe,
                subject,
                ProbeState::not_applicable,
                "the reference cannot read such inputs: " + trial.unread};
        }
        if (!trial.asked) {
            return {probe, subject, ProbeState::not_applicable, "no case has room for it"};
        }
        if (trial.differs) {
            return {
                probe,
                subject,
                ProbeState::fails,
                "the results differ, and the tolerance lets every one pass"};
        }
        if (order) {
            return {probe, subject, ProbeState::not_applicable, "the result does not depend on it"};
        }
        return {probe, subject, ProbeState::fails, "no case tells it from a right kernel"};
    }

    Result<ArgumentBytes> draw(const Case& entry, const std::string& label) const {
        ArgumentBytes bytes(task_.args.size());
        for (std::size_t i = 0; i < task_.args.size(); ++i) {
            const Arg& arg = task_.args[i];
            if (!is_read(arg)) {
                continue;
            }
            KW_TRY_ASSIGN(const std::int64_t size, byte_size(arg, entry.dims));
            bytes[i].resize(static_cast<std::size_t>(size));
            SecretStream stream(seed_, label + "/" + entry.name + "/" + arg.name);
            KW_TRY(fill_argument(
                arg, entry.dims, fill_of(task_, arg, entry.distribution), stream, bytes[i]));
        }
        return bytes;
    }

    Result<Subject> make_subject(const Case& entry) {
        Subject subject{entry, {}, {}, {}, {}, {}};
        KW_TRY_ASSIGN(subject.inputs, draw(entry, "one"));
        KW_TRY_ASSIGN(subject.others, draw(entry, "other"));
        subject.before = subject.inputs;
        for (std::size_t i = 0; i < task_.args.size(); ++i) {
            const Arg& arg = task_.args[i];
            if (arg.role == Role::out) {
                KW_TRY_ASSIGN(const std::int64_t size, byte_size(arg, entry.dims));
                subject.before[i].resize(static_cast<std::size_t>(size));
                poison(subject.before[i], arg.dtype, 1);
            }
        }
        KW_TRY_ASSIGN(subject.wanted, reference_(entry.dims, subject.inputs));
        subject.right = honest(subject.wanted);
        return subject;
    }

    /// The reference's values as a kernel would write them.
    ArgumentBytes honest(const Wanted& wanted) const {
        ArgumentBytes outputs(task_.args.size());
        for (std::size_t i = 0; i < task_.args.size(); ++i) {
            const Arg& arg = task_.args[i];
            if (!is_written(arg)) {
                continue;
            }
            outputs[i] = wanted.first[i];
            if (arg.check.tolerance != Tolerance::bound) {
                continue;
            }
            const std::size_t width = size_of(arg.dtype);
            const std::size_t elements = wanted.first[i].size() / 8;
            outputs[i].assign(elements * width, std::byte{0});
            for (std::size_t n = 0; n < elements; ++n) {
                double value = 0;
                std::memcpy(&value, wanted.first[i].data() + 8 * n, 8);
                store(rounded(value, arg.dtype), arg.dtype, outputs[i].data() + n * width);
            }
        }
        return outputs;
    }

    Result<OutputDiff> compare(
        const Subject& subject, std::size_t arg, std::span<const std::byte> got) const {
        return compare_output(
            task_.args[arg],
            subject.entry.dims,
            got,
            view_of(subject.before, arg),
            view_of(subject.wanted.first, arg),
            view_of(subject.wanted.second, arg));
    }

    Result<void> check_repeated(const Subject& subject) {
        KW_TRY_ASSIGN(const Wanted other, again_(subject.entry.dims, subject.inputs));
        for (std::size_t i = 0; i < task_.args.size() && unsteady_.empty(); ++i) {
            if (other.first[i] != subject.wanted.first[i] ||
                other.second[i] != subject.wanted.second[i]) {
                unsteady_ =
                    "case " + subject.entry.name + ": two processes write different bytes to " +
                    task_.args[i].name +
                    ": it keeps something between calls, draws lots, or leaves elements out";
            }
        }
        return {};
    }

    Result<void> check_honest(const Subject& subject) {
        for (std::size_t i = 0; i < task_.args.size() && refused_.empty(); ++i) {
            if (!is_written(task_.args[i])) {
                continue;
            }
            KW_TRY_ASSIGN(const OutputDiff diff, compare(subject, i, view_of(subject.right, i)));
            if (!diff.equal) {
                refused_ = "case " + subject.entry.name + ": " + task_.args[i].name + "[" +
                           std::to_string(diff.first) + "]: the reference's own value as " +
                           std::string(name(task_.args[i].dtype)) + ", " + diff.got +
                           ", is rejected (want " + diff.want + "): the tolerance is too tight";
            }
        }
        return {};
    }

    template <class Fault>
    Result<void> judge_output(
        const Subject& subject, std::span<const std::byte> got, Trial<Fault>& trial) {
        if (!std::ranges::equal(got, subject.right[trial.part.arg])) {
            trial.asked = true;
            trial.differs = true;
            KW_TRY_ASSIGN(const OutputDiff diff, compare(subject, trial.part.arg, got));
            trial.told_by = diff.equal ? "" : subject.entry.name;
        }
        return {};
    }

    Result<void> try_outputs(const Subject& subject) {
        for (auto& trial : outputs_) {
            if (!trial.told_by.empty()) {
                continue;
            }
            const std::size_t i = trial.part.arg;
            std::vector<std::byte> got = subject.right[i];
            const Arg& arg = task_.args[i];
            const bool bound = arg.check.tolerance == Tolerance::bound;
            const OutputFacts facts{
                subject.entry.dims,
                subject.before[i],
                bound ? view_of(subject.wanted.second, i) : std::span<const std::byte>()};
            KW_TRY(plant(
                trial.fault, arg, PartView(trial.part, task_, subject.entry.dims, got), facts));
            const bool several = got.size() > size_of(arg.dtype);
            trial.asked = trial.asked || trial.fault == OutputFault::zeros ||
                          (trial.fault == OutputFault::constant && several);
            KW_TRY(judge_output(subject, got, trial));
        }
        return {};
    }

    Result<void> try_stale(const Subject& subject) {
        const bool open =
            std::ranges::any_of(stale_, [](const auto& trial) { return trial.told_by.empty(); });
        if (!open) {
            return {};
        }
        KW_TRY_ASSIGN(const Wanted wanted, reference_(subject.entry.dims, subject.others));
        const ArgumentBytes before = honest(wanted);
        for (auto& trial : stale_) {
            if (trial.told_by.empty()) {
                trial.asked = true;
                KW_TRY(judge_output(subject, view_of(before, trial.part.arg), trial));
            }
        }
        return {};
    }

    Result<void> try_copies(const Subject& subject) {
        for (auto& trial : copies_) {
            const std::vector<std::byte>& from = subject.inputs[trial.fault];
            if (trial.told_by.empty() && from.size() == subject.right[trial.part.arg].size()) {
                trial.asked = true;
                KW_TRY(judge_output(subject, from, trial));
            }
        }
        return {};
    }

    Result<void> try_inputs(const Subject& subject) {
        for (auto& trial : inputs_) {
            if (!trial.told_by.empty() || !trial.unread.empty()) {
                continue;
            }
            const std::size_t i = trial.part.arg;
            ArgumentBytes inputs = subject.inputs;
            ArgumentBytes others = subject.others;
            const DimMap& dims = subject.entry.dims;
            plant(
                trial.fault,
                PartView(trial.part, task_, dims, inputs[i]),
                PartView(trial.part, task_, dims, others[i]),
                fill_of(task_, task_.args[i], subject.entry.distribution));
            trial.asked = trial.asked || trial.fault == InputFault::other_values;
            if (inputs[i] == subject.inputs[i]) {
                continue;
            }
            trial.asked = true;
            const auto wanted = reference_(dims, inputs);
            if (!wanted.ok()) {
                // Indices or offsets, say: what the fault makes of them is no input.
                trial.unread = wanted.error().what;
                continue;
            }
            KW_TRY(judge_input(subject, *wanted, trial));
        }
        return {};
    }

    Result<void> judge_input(
        const Subject& subject, const Wanted& wanted, Trial<InputFault>& trial) {
        const ArgumentBytes got = honest(wanted);
        trial.differs = trial.differs || got != subject.right;
        for (std::size_t i = 0; i < task_.args.size() && trial.told_by.empty(); ++i) {
            if (is_written(task_.args[i])) {
                KW_TRY_ASSIGN(const OutputDiff diff, compare(subject, i, view_of(got, i)));
                trial.told_by = diff.equal ? "" : subject.entry.name;
            }
        }
        return {};
    }

    const Task& task_;
    const ReferenceCall& reference_;
    const ReferenceCall& again_;
    Seed seed_;
    std::vector<Trial<InputFault>> inputs_;
    std::vector<Trial<OutputFault>> outputs_;
    std::vector<Trial<std::size_t>> stale_;   ///< fault: the output
    std::vector<Trial<std::size_t>> copies_;  ///< fault: the argument that is copied
    std::vector<ProbeAnswer> notes_;
    std::string unsteady_, refused_;  ///< "" = nothing wrong
};

}  // namespace

std::string_view name(ProbeState state) {
    switch (state) {
        case ProbeState::holds: return "holds";
        case ProbeState::fails: return "fails";
        case ProbeState::not_applicable: return "not applicable";
    }
    return "";
}

std::vector<Case> probe_cases(const Task& task, const std::string& target) {
    std::vector<std::pair<std::int64_t, const Case*>> costs;
    for (const Case& entry : task.cases) {
        if (entry.timed || (target == "cuda" && !entry.emulated)) {
            continue;
        }
        costs.emplace_back(task.cost.reference_flop.eval(entry.dims).value(), &entry);
    }
    std::ranges::stable_sort(costs, {}, [](const auto& cost) { return cost.first; });
    std::vector<Case> cases;
    for (const auto& [flop, entry] : costs) {
        cases.push_back(*entry);
    }
    return cases;
}

Result<std::vector<ProbeAnswer>> probe_task(
    const Task& task,
    const std::vector<Case>& cases,
    const ReferenceCall& reference,
    const ReferenceCall& again,
    const Seed& seed) {
    if (cases.empty()) {
        return std::vector<ProbeAnswer>{
            {"cases to probe",
             "",
             ProbeState::fails,
             "every case is timed or too large for this device: add a small one that is not"}};
    }
    Prober prober(task, reference, again, seed);
    for (const Case& entry : cases) {
        KW_TRY(prober.run(entry));
    }
    return prober.answers();
}

}  // namespace kw
