// SPDX-License-Identifier: Apache-2.0
#include "core/candidate.hpp"

#include "core/ascii.hpp"
#include "core/hash.hpp"

#include <algorithm>
#include <string_view>

namespace kw {
namespace {

constexpr std::string_view k_directive = "//!kwright";

/// The next word of `text`, which it is removed from.
std::string_view next_word(std::string_view& text) {
    text = trimmed(text);
    const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(end);
    return word;
}

std::vector<std::string> split_list(std::string_view text) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(','), text.size());
        if (end > 0) {
            parts.emplace_back(text.substr(0, end));
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

// An unknown key is no error here: the build scan says so, with the line (evaluator).
void apply_directive(std::string_view line, Candidate& candidate) {
    while (true) {
        const std::string_view word = next_word(line);
        if (word.empty()) {
            return;
        }
        const std::size_t equals = word.find('=');
        if (equals == std::string_view::npos || equals + 1 == word.size()) {
            continue;
        }
        const std::string_view key = word.substr(0, equals);
        const std::string_view value = word.substr(equals + 1);
        if (key == "task") {
            candidate.task = value;
        } else if (key == "target") {
            candidate.target = value;
        } else if (key == "isa") {
            candidate.isa = value;
        } else if (key == "arch") {
            candidate.arch = value;
        } else if (key == "flags") {
            for (std::string& flag : split_list(value)) {
                candidate.flags.push_back(std::move(flag));
            }
        }
    }
}

}  // namespace

Candidate make_candidate(
    const std::string& task,
    std::string source,
    const std::string& default_isa,
    const std::string& default_target,
    const std::string& default_arch) {
    Candidate candidate;
    candidate.task = task;
    candidate.target = default_target;
    candidate.isa = default_isa;
    candidate.arch = default_arch;
    candidate.source = std::move(source);
    std::string_view rest = candidate.source;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        const std::string_view line = trimmed(rest.substr(0, end));
        if (line.starts_with(k_directive)) {
            const std::string_view words = line.substr(k_directive.size());
            if (words.empty() || words.front() == ' ' || words.front() == '\t') {
                apply_directive(words, candidate);
            }
        }
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    Hasher hasher;
    hasher.add("kwright.candidate/1").add(candidate.task).add(candidate.target);
    hasher.add(candidate.source);
    if (candidate.target == "cuda") {
        // One source is another kernel on another architecture; rows name the one it was made for.
        hasher.add(candidate.arch);
    }
    candidate.hash = hasher.hex();
    return candidate;
}

const std::string& code_level(const Candidate& candidate) {
    return candidate.target == "cpu" ? candidate.isa : candidate.arch;
}

std::string arch_of_device(const std::string& device_id) {
    const std::size_t colon = device_id.find(':');
    const std::string rest = colon == std::string::npos ? "" : device_id.substr(colon + 1);
    return rest.starts_with("sm_") ? rest : "";
}

std::optional<std::string> disagreement(
    const Candidate& candidate, const std::string& target, const std::string& arch) {
    if (candidate.target != target) {
        return "its //!kwright line says target=" + candidate.target + ", and it is judged for " +
               target;
    }
    if (target == "cuda" && !arch.empty() && !candidate.arch.empty() && candidate.arch != arch) {
        return "its //!kwright line says arch=" + candidate.arch + ", and the device is " + arch;
    }
    return std::nullopt;
}

}  // namespace kw
