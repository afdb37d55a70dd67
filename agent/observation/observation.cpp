// SPDX-License-Identifier: Apache-2.0
#include "agent/observation/observation.hpp"

#include "agent/observation/feedback.hpp"
#include "agent/text.hpp"
#include "core/candidate.hpp"
#include "evaluator/device/cpu/build.hpp"
#include "evaluator/evaluator.hpp"

#include <algorithm>
#include <array>

namespace kw::agent {

namespace {

/// How much of each part is shown; build_prompt() tries the levels in order until it fits.
struct Trim {
    std::size_t trajectory_lines;
    std::size_t example_source;  ///< bytes of each example
    std::size_t patterns;
    std::size_t
        other_source;  ///< bytes of best, last and second parent when they are not the parent
    std::size_t refuted;
    std::size_t parent_source;  ///< bytes
    bool hints;
};

constexpr std::array<Trim, 8> k_trims = {{
    {64, 8'000, 5, 24'000, 16, 24'000, true},
    {32, 6'000, 3, 16'000, 16, 24'000, true},
    {8, 2'500, 3, 12'000, 16, 20'000, true},
    {8, 0, 1, 10'000, 8, 20'000, true},
    {8, 0, 1, 4'000, 8, 16'000, true},
    {8, 0, 1, 1'000, 4, 12'000, true},
    {4, 0, 1, 0, 4, 8'000, true},
    {2, 0, 1, 0, 4, 4'000, false},
}};

constexpr std::size_t k_max_header = 12'000;
constexpr std::size_t k_max_summary = 4'000;
constexpr std::size_t k_max_facts = 2'500;

std::string source_block(const std::string& source, std::size_t at_most, bool cuda) {
    return fence(cut_middle(source, at_most), cuda ? "cuda" : "cpp") + "\n";
}

/// "const uint8_t*": what a kernel's parameter for the argument is.
std::string cuda_type(const Arg& arg) {
    std::string type(c_type(arg.dtype));
    if (arg.dtype == DType::f16 || arg.dtype == DType::bf16) {
        type = arg.dtype == DType::f16 ? "__half" : "__nv_bfloat16";
    }
    const bool written = arg.role == Role::out || arg.role == Role::inout;
    return (written || arg.role == Role::workspace ? "" : "const ") + type + "*";
}

std::string timing_text(const std::string& device_id) {
    if (!device_models(device_id)) {
        return "Times are measured on the device, in pairs with the baseline on the same fresh "
               "inputs.";
    }
    return "There is no GPU: the PTX that the compiler makes is interpreted on an emulated device. "
           "Whether results are right is checked there in full, on small, odd and ragged shapes. "
           "Times are *modelled*, never measured: a roofline with occupancy and latency over "
           "counted instructions, 32-byte sectors, bank conflicts and barriers of sampled blocks, "
           "with ptxas' registers. The model orders kernels coarsely; it does not know "
           "instruction scheduling, caches beyond their bandwidth, or clocks. Write what is fast "
           "on the real device rather than what suits the model.";
}

std::string classes_text(const CudaRules& rules) {
    const auto list = [](const std::vector<std::string>& names) {
        std::string out;
        for (const std::string& name : names) {
            out += (out.empty() ? "`" : ", `") + name + "`";
        }
        return out;
    };
    std::string out;
    if (!rules.require.empty()) {
        out += "\n- The task demands at least one of these instruction classes in the PTX: " +
               list(rules.require) + ".";
    }
    if (!rules.forbid.empty()) {
        out += "\n- The task forbids these instruction classes in the PTX: " + list(rules.forbid) +
               ".";
    }
    return out;
}

/// The generated header without the judge's trampolines: nothing in them helps to write a kernel.
std::string header_for_prompt(std::string header) {
    const std::size_t begin = header.find("#ifdef KW_TRAMPOLINES");
    const std::size_t end = header.find("\n#endif\n", begin);
    if (begin != std::string::npos && end != std::string::npos) {
        header.erase(begin, end + 8 - begin);
    }
    return cut_middle(header, k_max_header);
}

std::string label(const Attempt& attempt) {
    return "step " + std::to_string(attempt.step) + " slot " + std::to_string(attempt.slot);
}

std::string shapes_text(const Task& task) {
    std::string out;
    for (const Case& one : task.cases) {
        if (one.timed) {
            out += "- " + one.name + ": " + show_dims(task, one.dims) + "\n";
        }
    }
    return out;
}

std::string dims_text(const Task& task) {
    std::string out;
    for (const Dim& dim : task.dims) {
        out += "- " + dim.name + ": " + std::to_string(dim.min) + " to " + std::to_string(dim.max);
        if (dim.multiple_of > 1) {
            out += ", a multiple of " + std::to_string(dim.multiple_of);
        }
        out += dim.about.empty() ? "\n" : " (" + one_line(dim.about, 120) + ")\n";
    }
    return out;
}

std::string args_text(const Task& task, bool cuda) {
    std::string out;
    for (const Arg& arg : task.args) {
        out += "- " + arg.name + ": " + (cuda ? cuda_type(arg) : std::string(c_type(arg.dtype))) +
               ", " + std::string(name(arg.role)) + ", shape [";
        for (std::size_t i = 0; i < arg.shape.size(); ++i) {
            out += (i > 0 ? ", " : "") + arg.shape[i].text();
        }
        out += "]";
        if (!arg.layout.empty()) {
            out += "; " + one_line(arg.layout, 400);
        }
        const bool compared = arg.role == Role::out || arg.role == Role::inout;
        if (compared && arg.check.tolerance == Tolerance::exact) {
            out += "; compared byte for byte";
        } else if (compared) {
            out += "; compared within the rounding of its type";
        }
        out += "\n";
    }
    return out;
}

std::string hints_text(const Task& task, const std::string& user_hint, bool with_task_hints) {
    std::string out;
    if (with_task_hints) {
        for (const std::string& hint : task.hints) {
            out += "- " + one_line(hint, 300) + "\n";
        }
    }
    if (!user_hint.empty()) {
        out += "- From the user: " + one_line(user_hint, 500) + "\n";
    }
    return out.empty() ? out : "\n## Hints\n" + out;
}

std::string naive_text(const History& done) {
    for (const Attempt& attempt : done.attempts) {
        if (attempt.result.verdict != Verdict::accepted || attempt.result.shapes.empty()) {
            continue;
        }
        std::string out;
        for (const ShapeTiming& shape : attempt.result.shapes) {
            out += "- " + one_line(shape.case_name, 40) + ": naive " + show_time(shape.naive_ns) +
                   ", fastest baseline " + show_time(shape.baseline_ns) + " (" +
                   one_line(shape.baseline, 24) + "), least possible " + show_time(shape.floor_ns) +
                   "\n";
        }
        return (is_modelled(attempt.result) ? "\nTimes to beat, one call, modelled:\n"
                                            : "\nTimes to beat, one call, weights cold:\n") +
               out;
    }
    return {};
}

std::string trajectory_text(const History& done, std::size_t at_most) {
    if (done.attempts.empty()) {
        return {};
    }
    std::string lines;
    const std::size_t first = done.attempts.size() > at_most ? done.attempts.size() - at_most : 0;
    for (std::size_t i = first; i < done.attempts.size(); ++i) {
        const Attempt& attempt = done.attempts[i];
        lines +=
            label(attempt) + ": " + feedback_line(attempt) + (attempt.new_best ? " *best*" : "");
        if (!attempt.note.empty()) {
            lines += "  -- " + one_line(attempt.note, 160);
        }
        lines += "\n";
    }
    std::string out = "\n## What was tried so far\n";
    if (first > 0) {
        out += "(" + std::to_string(first) + " older attempts are left out)\n";
    }
    return out + fence(lines) + "\n";
}

std::string discounted_text(const History& done) {
    return "Score to beat now: " + figure(done.attempts.back().best_discounted, 2) +
           " (the best, raised by " + figure((1 / done.gamma - 1) * 100, 0) +
           " % for every step since: an early find counts more).\n";
}

std::string best_text(const History& done, const Attempt* parent, std::size_t at_most, bool cuda) {
    const Attempt* best = best_of(done);
    if (best == nullptr) {
        return {};
    }
    std::string out = tell_speedup(best->result.speedup.value) + " than the fastest baseline.\n" +
                      shape_table(*best);
    if (best != parent && at_most > 0) {
        out += source_block(best->source, at_most, cuda);
    }
    return out;
}

std::string last_text(const History& done, const Attempt* parent, std::size_t at_most, bool cuda) {
    const std::vector<const Attempt*> steps = trajectory(done);
    if (steps.empty() || steps.back() == parent || steps.back() == best_of(done)) {
        return {};
    }
    const Attempt& last = *steps.back();
    std::string out = "\n## Last attempt (" + label(last) + ")\n" + feedback_text(last);
    if (!last.source.empty() && at_most > 0) {
        out += source_block(last.source, at_most, cuda);
    }
    return out;
}

std::string parent_text(
    const Attempt* parent, const std::string& start, std::size_t at_most, bool cuda) {
    if (parent != nullptr) {
        return "\n## Start from this source (" + label(*parent) + ")\n" + feedback_text(*parent) +
               source_block(parent->source, at_most, cuda);
    }
    if (start.empty()) {
        return {};
    }
    return "\n## Start from this source\n" + source_block(start, at_most, cuda);
}

Result<std::string> answer_text(
    const PromptBook& book, const ObservationInput& input, const Ask& ask) {
    std::string variety;
    if (input.width > 1) {
        variety = "This is proposal " + std::to_string(ask.slot + 1) + " of " +
                  std::to_string(input.width) +
                  " of this step: take another direction than the other proposals would.\n";
    }
    return fill_template(
        book.answer, {{"task", input.task.name}, {"variety", variety}}, "answer.md");
}

Result<std::string> rules_text(const PromptBook& book, const Task& task) {
    const TemplateValues values = {
        {"task", task.name},
        {"classes", classes_text(task.cuda)},
        {"prepare",
         task.prepare ? "The task allows packing of the weights: define " + task.name +
                            "_prepare_size and " + task.name +
                            "_prepare. prepare sees the weights alone, its time is not ranked, its "
                            "result is read-only in the calls."
                      : "The task allows no packing before the call."}};
    return fill_template(book.rules, values, "rules.md");
}

/// What does not change between the prompts of a campaign.
TemplateValues contract_values(const ObservationInput& input) {
    const Task& task = input.task;
    const bool cuda = target_of_device(input.device) == "cuda";
    return {
        {"task", task.name},
        {"title", one_line(task.title, 200)},
        {"summary", cut_middle(task.summary, k_max_summary)},
        {"header", fence(header_for_prompt(input.header), "c")},
        {"args", args_text(task, cuda)},
        {"dims", dims_text(task)},
        {"shapes", shapes_text(task)},
        {"machine", cut_middle(input.machine_facts, k_max_facts)},
        {"isa", input.isa},
        {"naive", naive_text(input.done)},
        {"arch", input.arch.empty() ? arch_of_device(input.device) : input.arch},
        {"timing", timing_text(input.device)}};
}

/// What a prompt is about.
struct Shown {
    const ObservationInput& input;
    const Attempt* parent;         ///< null: not in the history, or not shown
    bool fresh;                    ///< no source is shown at all
    std::vector<Ranked> patterns;  ///< for the parent
    [[nodiscard]] bool has(const char* section) const {
        return has_section(input.sections, section);
    }
};

void add_history(
    const Shown& shown, const std::string& start, const Trim& trim, TemplateValues& values) {
    const ObservationInput& input = shown.input;
    const History& done = input.done;
    const bool cuda = target_of_device(input.device) == "cuda";
    const auto put = [&](const char* section, const auto& text) {
        values[section] = shown.has(section) ? text() : std::string{};
    };
    const Attempt* in_parent_section = shown.has("parent") ? shown.parent : nullptr;
    const std::size_t others = shown.fresh ? 0 : trim.other_source;
    put("trajectory", [&] { return trajectory_text(done, trim.trajectory_lines); });
    put("best", [&] { return best_text(done, in_parent_section, others, cuda); });
    if (const Attempt* best = best_of(done);
        best != nullptr && (shown.has("best") || shown.has("discounted"))) {
        values["best"] = "\n## Best so far (" + label(*best) + ")\n" +
                         (shown.has("discounted") ? discounted_text(done) : "") + values["best"];
    }
    put("last", [&] { return last_text(done, in_parent_section, others, cuda); });
    put("parent", [&] { return parent_text(shown.parent, start, trim.parent_source, cuda); });
    values["hints"] = hints_text(
        input.task,
        shown.has("hint") ? input.hint : std::string{},
        trim.hints && !cuda && shown.has("hints"));  // tasks write them for CPUs
}

void add_advice(const Shown& shown, const Trim& trim, TemplateValues& values) {
    const ObservationInput& input = shown.input;
    const Advice& advice = input.advice;
    static const std::vector<GivenCritique> k_none;
    const std::vector<GivenCritique>& given =
        advice.critiques == nullptr ? k_none : *advice.critiques;
    const auto put = [&](const char* section, const auto& text) {
        values[section] = shown.has(section) ? text() : std::string{};
    };
    put("critique", [&] { return critique_section(input.done, given, shown.parent); });
    put("refuted", [&] { return refuted_section(input.done, given, trim.refuted); });
    put("patterns", [&] { return patterns_section(shown.patterns, trim.patterns); });
    put("examples", [&] { return examples_section(advice.examples, trim.example_source); });
}

}  // namespace

std::string prompt_header(const Task& task, const std::string& device_id) {
    return target_of_device(device_id) == "cpu" ? cpu::task_header(task) : std::string{};
}

bool device_models(const std::string& device_id) {
    return device_id.starts_with("emulated:");
}

Result<Prompt> build_prompt(
    const PromptBook& book,
    const ObservationInput& input,
    const Ask& ask,
    const std::string& start) {
    KW_TRY(check_sections(input.sections));
    const bool carried = ask.op == Operator::transpile && ask.parent_hash.empty();
    const bool fresh = ask.op == Operator::fresh || carried;
    Shown shown{input, fresh ? nullptr : find_attempt(input.done, ask.parent_hash), fresh, {}};
    // Without any source there is nothing to change: the task says what to write.
    const bool starts_from_nothing = shown.parent == nullptr && start.empty();
    const bool can_be_done =
        !starts_from_nothing || (ask.op != Operator::improve && ask.op != Operator::repair);
    if (shown.has("patterns")) {
        shown.patterns = patterns_for(input.task, input.done, input.advice, shown.parent);
    }
    TemplateValues values = contract_values(input);
    KW_TRY_ASSIGN(values["rules"], rules_text(book, input.task));
    KW_TRY_ASSIGN(values["answer"], answer_text(book, input, ask));
    Prompt prompt;
    KW_TRY_ASSIGN(
        prompt.system, fill_template(book.system, {{"task", input.task.name}}, "system.md"));
    for (const Trim& trim : k_trims) {
        add_history(shown, fresh ? std::string{} : start, trim, values);
        add_advice(shown, trim, values);
        values["operator"].clear();
        if (can_be_done) {
            const ObservedAsk what{input.task, input.done, ask, input.advice.foreign};
            KW_TRY_ASSIGN(
                values["operator"],
                operator_section(book, what, trim.parent_source / 2, trim.other_source / 2));
        }
        KW_TRY_ASSIGN(prompt.text, fill_template(book.propose, values, "propose.md"));
        if (prompt.text.size() + prompt.system.size() <= k_max_prompt_bytes) {
            break;
        }
    }
    return prompt;
}

}  // namespace kw::agent
