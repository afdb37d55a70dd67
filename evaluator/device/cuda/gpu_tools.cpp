// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cuda/gpu_tools.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <sstream>

namespace kw::cuda {
namespace {

namespace fs = std::filesystem;

constexpr const char* k_tools[] = {"memcheck", "racecheck", "synccheck", "initcheck"};
constexpr std::string_view k_mark = "=========";  // begins each line of compute-sanitizer
constexpr std::string_view k_summary = "ERROR SUMMARY: ";
constexpr std::string_view k_race_summary = "RACECHECK SUMMARY: ";
constexpr std::size_t k_most_line = 200;
constexpr int k_most_lines = 5;
constexpr std::size_t k_most_cases = 2;

fs::path first_executable(const std::vector<fs::path>& places) {
    for (const fs::path& place : places) {
        if (!place.empty() && ::access(place.c_str(), X_OK) == 0) {
            std::error_code ignored;
            return fs::canonical(place, ignored);
        }
    }
    return {};
}

std::vector<fs::path> places_of(const Toolkit& toolkit, const std::string& name) {
    std::vector<fs::path> places{
        toolkit.root / "bin" / name, toolkit.root / name.substr(0, name.find('.')) / name};
    std::stringstream path(std::getenv("PATH") == nullptr ? "" : std::getenv("PATH"));
    for (std::string folder; std::getline(path, folder, ':');) {
        places.emplace_back(folder.empty() ? fs::path() : fs::path(folder) / name);
    }
    return places;
}

/// The tool's folder, unless it lies below /usr, which every child sees.
std::vector<fs::path> folders_of(const fs::path& tool) {
    const fs::path folder = tool.parent_path();
    return folder.string().starts_with("/usr/") ? std::vector<fs::path>{}
                                                : std::vector<fs::path>{folder};
}

std::string plain_line(std::string_view line) {
    std::string text(line.substr(0, k_most_line));
    std::erase_if(text, [](unsigned char c) { return c < 32 || c > 126; });
    return text;
}

/// The lines that compute-sanitizer itself wrote, without their mark.
std::vector<std::string> marked_lines(const std::string& report) {
    std::vector<std::string> lines;
    std::istringstream in(report);
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with(k_mark)) {
            const std::string_view rest = std::string_view(line).substr(k_mark.size());
            const auto begin = rest.find_first_not_of(' ');
            lines.push_back(begin == std::string_view::npos ? "" : plain_line(rest.substr(begin)));
        }
    }
    return lines;
}

Verdict verdict_of(const std::string& tool) {
    if (tool == "memcheck") {
        return Verdict::out_of_bounds;
    }
    return tool == "racecheck" ? Verdict::race : Verdict::runtime_error;
}

/// The number before `word` in the summaries: of "12 errors" 12, of "3 hazards displayed (1 error,
/// 2 warnings)" 1 and 2. -1 when no summary has it.
long counted(const std::vector<std::string>& lines, std::string_view word) {
    long most = -1;
    for (const std::string& line : lines) {
        const auto at = line.find(word);
        if (at == std::string::npos ||
            !(line.starts_with(k_summary) || line.starts_with(k_race_summary))) {
            continue;
        }
        const auto before = line.find_last_not_of("0123456789", at - 1);
        long value = 0;
        std::from_chars(line.data() + before + 1, line.data() + at, value);
        most = std::max(most, value);
    }
    return most;
}

long errors_in(const std::vector<std::string>& lines) {
    return counted(lines, " error");
}

struct Metric {
    const char* name;
    const char* rule;
    const char* words;
    const char* unit;
};
constexpr Metric k_metrics[] = {
    {"gpu__time_duration.sum", "ncu-time", "time under the profiler", "ns"},
    {"sm__throughput.avg.pct_of_peak_sustained_elapsed", "ncu-compute", "compute roof", "%"},
    {"gpu__compute_memory_throughput.avg.pct_of_peak_sustained_elapsed",
     "ncu-memory",
     "memory roof",
     "%"},
    {"sm__inst_executed_pipe_tensor.avg.pct_of_peak_sustained_active",
     "ncu-tensor",
     "tensor pipe in use",
     "%"},
    {"l1tex__data_bank_conflicts_pipe_lsu.sum", "ncu-bank-conflicts", "bank conflicts", ""},
    {"l1tex__average_t_sectors_per_request_pipe_lsu_mem_global_op_ld.ratio",
     "ncu-sectors",
     "sectors a request of global loads",
     ""},
    {"smsp__average_warps_issue_stalled_long_scoreboard_per_issue_active.ratio",
     "ncu-stall-memory",
     "warps that wait for memory, per issue",
     ""},
    {"smsp__average_warps_issue_stalled_barrier_per_issue_active.ratio",
     "ncu-stall-barrier",
     "warps that wait at a barrier, per issue",
     ""},
    {"smsp__average_warps_issue_stalled_math_pipe_throttle_per_issue_active.ratio",
     "ncu-stall-math",
     "warps that wait for an arithmetic pipe, per issue",
     ""},
};

/// Cells of one CSV line with quotes.
std::vector<std::string> cells_of(const std::string& line) {
    std::vector<std::string> cells(1);
    bool quoted = false;
    for (const char c : line) {
        if (c == '"') {
            quoted = !quoted;
        } else if (c == ',' && !quoted) {
            cells.emplace_back();
        } else if (cells.back().size() < k_most_line) {
            cells.back() += c;
        }
    }
    return cells;
}

}  // namespace

GpuTools find_gpu_tools(const Toolkit& toolkit) {
    return {
        first_executable(places_of(toolkit, "compute-sanitizer")),
        first_executable(places_of(toolkit, "ncu"))};
}

GpuWrapper sanitizer_wrapper(const fs::path& sanitizer, const std::string& tool) {
    return {
        {sanitizer.string(), "--tool", tool, "--print-limit", "20", "--target-processes", "all"},
        folders_of(sanitizer)};
}

bool sanitizer_ran(const std::string& report) {
    return errors_in(marked_lines(report)) >= 0;
}

std::optional<cpu::Rejection> read_sanitizer(const std::string& tool, const std::string& report) {
    const std::vector<std::string> lines = marked_lines(report);
    const long errors = errors_in(lines);
    if (errors <= 0) {
        return std::nullopt;
    }
    cpu::Rejection rejection{
        verdict_of(tool),
        std::string(name(verdict_of(tool))) + ": compute-sanitizer " + tool + " counts " +
            std::to_string(errors),
        ""};
    int told = 0;
    for (const std::string& line : lines) {
        if (!line.empty() && !line.starts_with("COMPUTE-SANITIZER") &&
            line.find("SUMMARY") == std::string::npos && told++ < k_most_lines) {
            rejection.detail += (rejection.detail.empty() ? "" : "\n") + line;
        }
    }
    return rejection;
}

std::optional<Finding> sanitizer_warnings(const std::string& tool, const std::string& report) {
    const long warnings = counted(marked_lines(report), " warning");
    if (warnings <= 0) {
        return std::nullopt;
    }
    return Finding{
        "compute-sanitizer-warning",
        "warning",
        "check",
        tool + " warns of " + std::to_string(warnings) + " hazards"};
}

GpuWrapper profiler_wrapper(const fs::path& profiler) {
    std::string metrics;
    for (const Metric& metric : k_metrics) {
        metrics += (metrics.empty() ? "" : ",") + std::string(metric.name);
    }
    return {
        {profiler.string(),
         "--csv",
         "--page",
         "raw",
         "--kernel-name",
         "regex:^(?!kw_hold)",
         "--launch-count",
         "8",
         "--metrics",
         metrics},
        folders_of(profiler)};
}

std::vector<Finding> read_profile(const std::string& report) {
    std::istringstream in(report);
    std::vector<std::string> head;
    std::map<std::string, double> sums;
    std::map<std::string, int> counts;
    for (std::string line; std::getline(in, line);) {
        if (!line.starts_with('"')) {
            continue;
        }
        const std::vector<std::string> cells = cells_of(line);
        if (cells.front() == "ID") {
            head = cells;
            continue;
        }
        for (std::size_t i = 0; i < std::min(head.size(), cells.size()); ++i) {
            std::string digits = cells[i];
            std::erase(digits, ',');
            double value = 0;
            const auto [end, error] =
                std::from_chars(digits.data(), digits.data() + digits.size(), value);
            if (error == std::errc{} && end == digits.data() + digits.size() && !digits.empty()) {
                sums[head[i]] += value;
                ++counts[head[i]];
            }
        }
    }
    std::vector<Finding> findings;
    for (const Metric& metric : k_metrics) {
        if (counts[metric.name] > 0) {
            std::array<char, 200> text;
            std::snprintf(
                text.data(),
                text.size(),
                "%s: %.4g%s%s",
                metric.words,
                sums[metric.name] / counts[metric.name],
                *metric.unit == '\0' ? "" : " ",
                metric.unit);
            findings.push_back({metric.rule, "info", "profile", text.data()});
        }
    }
    return findings;
}

Result<ToolsResult> run_gpu_tools(
    const GpuTools& tools,
    const GpuCheck& check,
    const std::vector<cpu::CheckCase>& cases,
    SecretStream& secrets,
    const StageObserver& observer) {
    ToolsResult result;
    const auto skipped = [&result](const std::string& tool, const std::string& why) {
        result.findings.push_back({tool + "-skipped", "info", "check", "not run: " + why});
    };
    const std::vector<cpu::CheckCase> few(
        cases.begin(),
        cases.begin() + static_cast<std::ptrdiff_t>(std::min(cases.size(), k_most_cases)));
    const auto run = [&](GpuWrapper wrapper) -> Result<GpuCheckResult> {
        GpuStage stage = check.gpu;
        stage.wrapper = std::move(wrapper);
        // Tools slow a kernel down by up to a hundred times.
        const GpuCheck wrapped{
            stage, check.cpu, check.task, check.reference, check.built, check.limit * 10};
        return run_gpu_checks(wrapped, few, secrets, {});
    };
    if (tools.sanitizer.empty()) {
        skipped("compute-sanitizer", "it is not installed");
    }
    for (const char* tool : k_tools) {
        if (tools.sanitizer.empty() || result.rejection) {
            break;
        }
        if (observer) {
            observer("check", std::string("compute-sanitizer ") + tool);
        }
        const auto checked = run(sanitizer_wrapper(tools.sanitizer, tool));
        if (!checked || !sanitizer_ran(checked->tool_output)) {
            skipped(
                "compute-sanitizer",
                checked ? std::string(tool) + " gave no summary" : checked.error().what);
            break;
        }
        result.rejection = read_sanitizer(tool, checked->tool_output);
        if (const auto warned = sanitizer_warnings(tool, checked->tool_output)) {
            result.findings.push_back(*warned);
        }
    }
    if (tools.profiler.empty()) {
        skipped("ncu", "it is not installed");
    } else if (!result.rejection) {
        const auto checked = run(profiler_wrapper(tools.profiler));
        std::vector<Finding> facts =
            checked ? read_profile(checked->tool_output) : std::vector<Finding>{};
        if (facts.empty()) {
            const bool forbidden =
                checked && checked->tool_output.find("ERR_NVGPUCTRPERM") != std::string::npos;
            skipped(
                "ncu",
                forbidden ? "performance counters are for administrators here "
                            "(NVreg_RestrictProfilingToAdminUsers)"
                          : "it reported nothing");
        }
        result.findings.insert(result.findings.end(), facts.begin(), facts.end());
    }
    return result;
}

}  // namespace kw::cuda
