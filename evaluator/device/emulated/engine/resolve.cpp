// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/resolve.hpp"

#include <cstddef>
#include <string>
#include <unordered_map>
#include <utility>

namespace kw::emu {

namespace {

constexpr std::size_t k_longest_opcode = 160;  ///< far above any real one: bounds the back-tracking

bool add_alternatives(std::string_view body, bool base, PatternPiece& piece) {
    while (true) {
        const std::size_t bar = body.find('|');
        const std::string_view one = body.substr(0, bar);
        if (one.empty() || (one.front() == '.') == base ||
            one.find_first_of("()?") != std::string_view::npos) {
            return false;
        }
        piece.alternatives.push_back(one);
        if (bar == std::string_view::npos) {
            return true;
        }
        body.remove_prefix(bar + 1);
    }
}

bool at_component_end(std::string_view opcode, std::size_t at) {
    return at == opcode.size() || opcode[at] == '.';
}

bool match_from(
    const Pattern& pattern,
    std::size_t piece_index,
    std::string_view opcode,
    std::size_t at,
    std::vector<std::string_view>& parts) {
    if (piece_index == pattern.pieces.size()) {
        return at == opcode.size();
    }
    const PatternPiece& piece = pattern.pieces[piece_index];
    const bool keeps_part = piece.group || piece_index == 0;
    for (const std::string_view alternative : piece.alternatives) {
        const std::size_t end = at + alternative.size();
        if (opcode.substr(at, alternative.size()) != alternative ||
            !at_component_end(opcode, end)) {
            continue;
        }
        if (keeps_part) {
            parts.push_back(alternative);
        }
        if (match_from(pattern, piece_index + 1, opcode, end, parts)) {
            return true;
        }
        if (keeps_part) {
            parts.pop_back();
        }
    }
    if (!piece.optional) {
        return false;
    }
    parts.emplace_back();
    if (match_from(pattern, piece_index + 1, opcode, at, parts)) {
        return true;
    }
    parts.pop_back();
    return false;
}

std::string_view base_name(std::string_view opcode) {
    return opcode.substr(0, opcode.find('.'));
}

struct Index {
    std::vector<std::optional<Pattern>> patterns;                           ///< by row
    std::unordered_map<std::string_view, std::vector<std::uint16_t>> rows;  ///< by base name
};

Index build_index() {
    Index index;
    for (const OpcodeRow& row : opcode_rows()) {
        const auto number = static_cast<std::uint16_t>(index.patterns.size());
        index.patterns.push_back(compile_pattern(row.pattern));
        if (index.patterns.back()) {
            for (const std::string_view name : index.patterns.back()->pieces[0].alternatives) {
                index.rows[base_name(name)].push_back(number);
            }
        }
    }
    return index;
}

}  // namespace

std::optional<Pattern> compile_pattern(std::string_view pattern) {
    Pattern compiled;
    while (!pattern.empty()) {
        const bool base = compiled.pieces.empty();
        PatternPiece piece;
        piece.group = pattern.front() == '(';
        // A fixed base name ends at its first dot, so that parts[0] is "cp" and not "cp.async".
        const std::size_t end =
            piece.group ? pattern.find(')') : pattern.find_first_of(base ? ".(" : "(");
        if (piece.group && end == std::string_view::npos) {
            return std::nullopt;
        }
        const std::string_view body =
            piece.group ? pattern.substr(1, end - 1) : pattern.substr(0, end);
        if (!add_alternatives(body, base, piece) ||
            (!piece.group && piece.alternatives.size() != 1)) {
            return std::nullopt;
        }
        pattern.remove_prefix(body.size() + (piece.group ? 2 : 0));
        if (!pattern.empty() && pattern.front() == '?') {
            if (base || !piece.group) {
                return std::nullopt;
            }
            piece.optional = true;
            pattern.remove_prefix(1);
        }
        compiled.pieces.push_back(std::move(piece));
    }
    if (compiled.pieces.empty()) {
        return std::nullopt;
    }
    return compiled;
}

std::optional<Match> match_pattern(const Pattern& pattern, std::string_view opcode) {
    if (opcode.size() > k_longest_opcode) {
        return std::nullopt;
    }
    Match match;
    if (!match_from(pattern, 0, opcode, 0, match.parts)) {
        return std::nullopt;
    }
    return match;
}

std::optional<Resolved> resolve(std::string_view opcode) {
    static const Index index = build_index();
    const auto found = index.rows.find(base_name(opcode));
    if (found == index.rows.end()) {
        return std::nullopt;
    }
    for (const std::uint16_t row : found->second) {
        if (std::optional<Match> match = match_pattern(*index.patterns[row], opcode)) {
            return Resolved{row, std::move(*match)};
        }
    }
    return std::nullopt;
}

std::vector<std::string> expand(std::string_view pattern, std::size_t limit) {
    const std::optional<Pattern> compiled = compile_pattern(pattern);
    std::vector<std::string> texts;
    if (!compiled || limit == 0) {
        return texts;
    }
    // An odometer: choice i runs over the alternatives of piece i, and one more for "absent".
    std::vector<std::size_t> choice(compiled->pieces.size(), 0);
    while (texts.size() < limit) {
        std::string& text = texts.emplace_back();
        for (std::size_t i = 0; i < choice.size(); ++i) {
            const PatternPiece& piece = compiled->pieces[i];
            if (choice[i] < piece.alternatives.size()) {
                text += piece.alternatives[choice[i]];
            }
        }
        std::size_t wheel = choice.size();
        while (wheel > 0) {
            const PatternPiece& piece = compiled->pieces[wheel - 1];
            if (++choice[wheel - 1] < piece.alternatives.size() + (piece.optional ? 1 : 0)) {
                break;
            }
            choice[--wheel] = 0;
        }
        if (wheel == 0) {
            break;
        }
    }
    return texts;
}

}  // namespace kw::emu
