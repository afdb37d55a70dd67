// SPDX-License-Identifier: Apache-2.0
#include "cli/emu_text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace kw::cli {
namespace {

using emulated::Count;
using emulated::LaunchReport;
using nlohmann::json;

constexpr std::size_t k_most_lines = 20;  // of memory accesses, on the screen

template <class T>
std::string triple(const std::array<T, 3>& value) {
    return "(" + std::to_string(value[0]) + "," + std::to_string(value[1]) + "," +
           std::to_string(value[2]) + ")";
}

std::string plural(std::size_t count, const std::string& what) {
    return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

std::string head_line(const EmuShown& shown, const Console& console) {
    const LaunchReport& report = shown.report;
    const std::size_t errors = error_count(report);
    const bool good = errors == 0 && report.ending == "completed";
    std::string text = report.kernel + " grid " + triple(shown.launch.grid) + " block " +
                       triple(shown.launch.block) + " on " + shown.device + ": ";
    text +=
        console.paint(report.ending, good ? Ink::green : Ink::red) + ", " + plural(errors, "error");
    if (const std::size_t others = report.findings.size() - errors; others > 0) {
        text += ", " + plural(others, "remark");
    }
    return text + (report.error.empty() ? "" : "\n  " + report.error);
}

std::string number_or_dash(std::int64_t value) {
    return value == 0 ? "-" : std::to_string(value);
}

std::string work_table(const LaunchReport& report) {
    Table table;
    table.head = {
        "class",
        "warp instructions",
        "thread instructions",
        "requests",
        "sectors",
        "lines",
        "wavefronts",
        "excess",
        "divergent"};
    table.right = {false, true, true, true, true, true, true, true, true};
    for (const auto& [work, count] : report.by_work) {
        table.rows.push_back(
            {work,
             std::to_string(count.warps),
             std::to_string(count.threads),
             number_or_dash(count.requests),
             number_or_dash(count.sectors),
             number_or_dash(count.lines),
             number_or_dash(count.wavefronts),
             number_or_dash(count.excess),
             number_or_dash(count.divergent)});
    }
    table.rows.push_back(
        {"all",
         std::to_string(report.warp_instructions),
         std::to_string(report.thread_instructions),
         "",
         "",
         "",
         "",
         "",
         ""});
    return render(table);
}

std::string memory_table(const LaunchReport& report) {
    Table table;
    table.head = {"line", "requests", "sectors", "wavefronts", "excess", "opcode"};
    table.right = {true, true, true, true, true, false};
    for (const emulated::MemoryInsn& insn : report.memory) {
        const bool told = insn.count.sectors > 0 || insn.count.wavefronts > 0;
        if (told && table.rows.size() < k_most_lines) {
            table.rows.push_back(
                {number_or_dash(insn.line),
                 std::to_string(insn.count.requests),
                 number_or_dash(insn.count.sectors),
                 number_or_dash(insn.count.wavefronts),
                 number_or_dash(insn.count.excess),
                 insn.opcode});
        }
    }
    return table.rows.empty() ? "" : "\n\n" + render(table);
}

/// Every term that takes any time: the largest limits.
std::string terms_line(const emulated::ModelledTime& time) {
    std::string terms;
    for (const emulated::Term& term : time.terms) {
        if (term.ns >= 1) {
            terms += (terms.empty() ? "" : ", ") + term.name + " " + show_time(term.ns);
        }
    }
    return "modelled  " + show_time(time.ns) + ", limited by " + time.limiter + "\nterms     " +
           terms + "\noccupancy " + show_percent(time.occupancy) + ", " +
           plural(static_cast<std::size_t>(time.blocks_per_sm), "block") + " a SM";
}

json count_json(const Count& count) {
    return {
        {"warps", count.warps},
        {"threads", count.threads},
        {"requests", count.requests},
        {"sectors", count.sectors},
        {"lines", count.lines},
        {"wavefronts", count.wavefronts},
        {"excess", count.excess},
        {"divergent", count.divergent}};
}

json counters_json(const LaunchReport& report) {
    json counters = {
        {"warp_instructions", report.warp_instructions},
        {"thread_instructions", report.thread_instructions},
        {"barriers", report.barriers},
        {"mma", report.mma},
        {"blocks", report.blocks_run},
        {"by_class", json::object()},
        {"memory", json::array()}};
    for (const auto& [work, count] : report.by_work) {
        counters["by_class"][work] = count_json(count);
    }
    for (const emulated::MemoryInsn& insn : report.memory) {
        json entry = count_json(insn.count);
        entry["opcode"] = insn.opcode;
        entry["class"] = insn.work;
        entry["line"] = insn.line;
        counters["memory"].push_back(std::move(entry));
    }
    return counters;
}

json modelled_json(const std::optional<emulated::ModelledTime>& time) {
    if (!time) {
        return nullptr;
    }
    json terms = json::array();
    for (const emulated::Term& term : time->terms) {
        terms.push_back({{"term", term.name}, {"ns", term.ns}});
    }
    return {
        {"ns", time->ns},
        {"limiter", time->limiter},
        {"terms", std::move(terms)},
        {"occupancy", time->occupancy},
        {"blocks_per_sm", time->blocks_per_sm}};
}

}  // namespace

std::size_t error_count(const LaunchReport& report) {
    return static_cast<std::size_t>(
        std::ranges::count(report.findings, "error", &emulated::RunFinding::severity));
}

std::string emu_text(const EmuShown& shown, const Console& console) {
    const LaunchReport& report = shown.report;
    std::string text = head_line(shown, console) + "\n";
    for (const emulated::RunFinding& finding : report.findings) {
        text += "  " + finding.text + "\n";
    }
    if (report.thread_instructions > 0) {
        text += "\n" + work_table(report) + memory_table(report) + "\n";
    }
    if (shown.modelled) {
        text += "\n" + terms_line(*shown.modelled) + "\n";
    }
    if (!report.log.empty()) {
        text += "\nprintf\n" + report.log;
    }
    text.erase(text.find_last_not_of('\n') + 1);
    return text;
}

json emu_json(const EmuShown& shown) {
    const LaunchReport& report = shown.report;
    json findings = json::array();
    for (const emulated::RunFinding& finding : report.findings) {
        findings.push_back(
            {{"kind", finding.kind},
             {"severity", finding.severity},
             {"text", finding.text},
             {"line", finding.line},
             {"ptx_line", finding.ptx_line},
             {"block", finding.block},
             {"thread", finding.thread},
             {"count", finding.count}});
    }
    return {
        {"kernel", report.kernel},
        {"device", shown.device},
        {"grid", shown.launch.grid},
        {"block", shown.launch.block},
        {"cluster", shown.launch.cluster},
        {"smem", shown.launch.smem},
        {"ending", report.ending},
        {"error", report.error},
        {"errors", error_count(report)},
        {"findings", std::move(findings)},
        {"counters", counters_json(report)},
        {"shared_bytes", report.shared_bytes},
        {"local_bytes", report.local_bytes},
        {"modelled", modelled_json(shown.modelled)},
        {"log", report.log}};
}

}  // namespace kw::cli
