// SPDX-License-Identifier: Apache-2.0
#include "cli/board_table.hpp"

#include "core/clock.hpp"
#include "core/hash.hpp"

#include <array>
#include <cmath>
#include <cstdio>
#include <map>

namespace kw::cli {
namespace {

std::string ratio(double value) {
    if (!(value > 0)) {
        return "-";
    }
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.2fx", value);
    return text.data();
}

/// "cpu: AMD EPYC 9R14 96-Core Processor, 2 cores, x86-64-v4" is too long for a column.
std::string short_device(const std::string& device) {
    const std::string text = device.substr(0, device.find(','));
    return text.size() > 24 ? text.substr(0, 24) : text;
}

bool is_modelled(const BoardRow& row) {
    return row.timing_kind == name(Provenance::modelled);
}

/// Rows of one timing kind, with their own summary: the two are never ranked together.
std::string group(const std::vector<BoardRow>& rows, const Console& console) {
    const bool modelled = is_modelled(rows.front());
    Table table;
    table.head = {
        "task",
        "kernel",
        "speed-up",
        "min",
        "vs naive",
        "SOL",
        "loc",
        "device",
        "isa",
        "timing",
        "date",
        "by"};
    table.right = {false, false, false, true, true, true, true};
    for (const BoardRow& row : rows) {
        std::string speedup = show_ratio(row.speedup.value, row.speedup.lo, row.speedup.hi);
        switch (row.comparison) {
            case Comparison::faster: speedup = console.paint(speedup, Ink::green); break;
            case Comparison::slower: speedup = console.paint(speedup, Ink::yellow); break;
            case Comparison::same:
            case Comparison::unclear: speedup += " " + std::string(name(row.comparison)); break;
        }
        table.rows.push_back(
            {row.task,
             short_id('k', row.candidate_hash),
             speedup,
             ratio(row.min_speedup),
             ratio(row.vs_naive.value),
             show_percent(row.sol),
             std::to_string(row.lines_of_code),
             modelled ? row.device_id : short_device(row.device),
             row.isa,
             row.timing_kind,
             iso8601(row.created_ms).substr(0, 10),
             row.campaign + " " + std::to_string(row.step) + "." + std::to_string(row.slot)});
    }
    return render(table) + "\n" + console.paint(board_footer(rows), Ink::dim);
}

}  // namespace

std::string board_table(const std::vector<BoardRow>& rows, const Console& console) {
    std::vector<BoardRow> measured;
    std::vector<BoardRow> modelled;
    for (const BoardRow& row : rows) {
        (is_modelled(row) ? modelled : measured).push_back(row);
    }
    std::string text = measured.empty() ? "" : group(measured, console);
    if (!modelled.empty()) {
        text += measured.empty() ? "" : "\n\n";
        text += console.paint("modelled on emulated devices, not measured:", Ink::bold) + "\n" +
                group(modelled, console);
    }
    return text;
}

std::string board_footer(const std::vector<BoardRow>& rows) {
    const bool modelled = !rows.empty() && is_modelled(rows.front());
    std::map<std::string, double> best;
    for (const BoardRow& row : rows) {
        double& value = best[row.task];
        value = std::max(value, row.speedup.value);
    }
    double log_sum = 0;
    int above_one = 0;
    int above_half_more = 0;
    for (const auto& [task, value] : best) {
        log_sum += std::log(std::max(value, 1e-9));
        above_one += value > 1 ? 1 : 0;
        above_half_more += value > 1.5 ? 1 : 0;
    }
    const auto count = static_cast<double>(best.size());
    std::array<char, 200> text{};
    std::snprintf(
        text.data(),
        text.size(),
        "fast_1 %d/%d   fast_1.5 %d/%d   geometric mean of bests %.2fx   (speed-up = fastest "
        "baseline / kernel, %s; min = worst shape%s)",
        above_one,
        static_cast<int>(best.size()),
        above_half_more,
        static_cast<int>(best.size()),
        best.empty() ? 0.0 : std::exp(log_sum / count),
        modelled ? "modelled" : "cold, measured",
        modelled ? "" : "; intervals 95 %");
    return text.data();
}

}  // namespace kw::cli
