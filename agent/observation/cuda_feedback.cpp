// SPDX-License-Identifier: Apache-2.0
#include "agent/observation/cuda_feedback.hpp"

#include "agent/text.hpp"

#include <algorithm>
#include <map>
#include <vector>

namespace kw::agent {

namespace {

constexpr std::size_t k_npos = std::string_view::npos;
constexpr std::size_t k_max_detail = 3000;
constexpr std::size_t k_max_lines = 8;
constexpr std::string_view k_hidden = "a hidden case";

std::string_view next_line(std::string_view& text) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return line;
}

/// The numbers behind ".cu:", in order, each once.
std::vector<std::size_t> lines_named(std::string_view text) {
    constexpr std::string_view k_mark = ".cu:";
    std::vector<std::size_t> numbers;
    for (std::size_t at = text.find(k_mark); at != k_npos; at = text.find(k_mark, at)) {
        at += k_mark.size();
        std::size_t number = 0;
        for (; at < text.size() && text[at] >= '0' && text[at] <= '9' && number < 10'000'000;
             ++at) {
            number = number * 10 + static_cast<std::size_t>(text[at] - '0');
        }
        if (number > 0 && std::find(numbers.begin(), numbers.end(), number) == numbers.end()) {
            numbers.push_back(number);
        }
    }
    return numbers;
}

/// " at line 3, 7"
std::string places(std::string_view finding) {
    std::string out;
    for (const std::size_t number : lines_named(finding)) {
        out += (out.empty() ? " at line " : ", ") + std::to_string(number);
    }
    return out;
}

/// "error: shared memory race (read-after-write): ..." -> the part before the second colon; the
/// place is told by the lines.
std::string kind_of(std::string_view finding) {
    const std::size_t first = finding.find(": ");
    if (first == k_npos) {
        return {};
    }
    const std::size_t end = finding.find_first_of(":;", first + 2);
    return one_line(finding.substr(0, end), 100) + places(finding);
}

}  // namespace

std::string note_of(const Finding& finding) {
    const std::string head = one_line(finding.severity, 12) + " " + one_line(finding.rule, 60);
    return finding.phase == "check" ? head + places(finding.evidence)
                                    : head + ": " + one_line(finding.evidence, 300);
}

bool found_by_checks(Verdict verdict) {
    return verdict == Verdict::out_of_bounds || verdict == Verdict::race ||
           verdict == Verdict::runtime_error || verdict == Verdict::timeout ||
           verdict == Verdict::input_mutated || verdict == Verdict::compiled_only;
}

std::string named_lines(std::string_view text, std::string_view source, std::size_t at_most) {
    std::vector<std::size_t> numbers = lines_named(text);
    numbers.resize(std::min(numbers.size(), at_most));
    std::map<std::size_t, std::string> lines;
    for (std::size_t number = 1; !source.empty(); ++number) {
        const std::string_view line = next_line(source);
        if (std::find(numbers.begin(), numbers.end(), number) != numbers.end()) {
            lines[number] = one_line(line, 160);
        }
    }
    std::string out;
    for (const std::size_t number : numbers) {
        if (const auto found = lines.find(number); found != lines.end()) {
            out += std::to_string(number) + ": " + found->second + "\n";
        }
    }
    return out.empty() ? out : fence(out) + "\n";
}

std::string findings_text(const Evaluation& result, std::string_view source) {
    if (result.detail.empty()) {
        return {};
    }
    std::string_view rest = result.detail;
    std::string shown;
    if (rest.starts_with(k_hidden)) {
        shown = "in a hidden case\n";
        next_line(rest);
        while (!rest.empty()) {
            const std::string kind = kind_of(next_line(rest));
            shown += kind.empty() ? "" : kind + "\n";
        }
    } else {
        shown = cut_middle(rest, k_max_detail);
    }
    std::string out = "Found by the checks of the device:\n" + fence(shown) + "\n";
    const std::string lines = named_lines(result.detail, source, k_max_lines);
    return lines.empty() ? out : out + "Lines of the source that they name:\n" + lines;
}

std::string resources_text(const BuildFacts& build) {
    std::map<std::string, std::string> kernels;
    bool spills = false;
    for (const auto& [name, value] : build.resources) {
        const std::size_t dot = name.rfind('.');
        if (dot == std::string::npos) {
            continue;
        }
        std::string what = name.substr(dot + 1);
        spills = spills || (what == "spill_bytes" && value > 0);
        std::replace(what.begin(), what.end(), '_', ' ');
        std::string& line = kernels[name.substr(0, dot)];
        line += (line.empty() ? "" : ", ") + what + " " + std::to_string(value);
    }
    std::string out;
    for (const auto& [kernel, facts] : kernels) {
        out += one_line(kernel, 60) + ": " + one_line(facts, 200) + "\n";
    }
    if (out.empty()) {
        return out;
    }
    out = "What ptxas says of each kernel:\n" + fence(out) + "\n";
    if (spills) {
        out +=
            "Registers are spilled: fewer live values, smaller tiles a thread or "
            "__launch_bounds__ with fewer threads usually cure it.\n";
    }
    return out;
}

}  // namespace kw::agent
