// SPDX-License-Identifier: Apache-2.0
#include "cli/critique_text.hpp"

#include "agent/text.hpp"

namespace kw::cli {
namespace {

using agent::HypothesisState;
using agent::JudgedCritique;

Ink ink_of(HypothesisState state) {
    return state == HypothesisState::confirmed ? Ink::green
           : state == HypothesisState::refuted ? Ink::red
                                               : Ink::yellow;
}

std::string figures_of(const JudgedCritique& judged) {
    std::string text;
    if (judged.row.expected_gain > 0) {
        text += "expected " + agent::figure(judged.row.expected_gain, 2) + "x";
    }
    if (judged.gain.value > 0) {
        text += (text.empty() ? "measured " : ", measured ") + agent::show_speedup(judged.gain);
    }
    return text.empty() ? text : "  (" + text + ")";
}

}  // namespace

std::string critique_line(const JudgedCritique& judged, const Console& console) {
    const CritiqueRow& row = judged.row;
    const std::string place = std::to_string(row.step) + "." + std::to_string(row.slot) + "  ";
    if (!row.usable) {
        return place + console.paint("no critique", Ink::yellow) + "  " +
               agent::one_line(row.diagnosis, 200);
    }
    return place + console.paint(agent::name(judged.state), ink_of(judged.state)) + "  " +
           agent::one_line(row.bottleneck, agent::k_max_bottleneck) + ": " +
           agent::one_line(row.change, 200) + figures_of(judged);
}

}  // namespace kw::cli
