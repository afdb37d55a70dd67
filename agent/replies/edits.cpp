// SPDX-License-Identifier: Apache-2.0
#include "agent/replies/edits.hpp"

#include <cstdint>
#include <functional>
#include <string.h>  // memmem: linear, which string_view::find is not
#include <utility>

namespace kw::agent {

namespace {

std::string_view trimmed(std::string_view line) {
    const std::size_t begin = line.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos) {
        return {};
    }
    return line.substr(begin, line.find_last_not_of(" \t\r\n") - begin + 1);
}

/// "<<<<<<< SEARCH": at least five marks, then the word (or nothing when the word is empty).
bool is_marker(std::string_view line, char mark, std::string_view word) {
    line = trimmed(line);
    const std::size_t marks = line.find_first_not_of(mark);
    if (marks == std::string_view::npos) {
        return word.empty() && line.size() >= 5;
    }
    return marks >= 5 && !word.empty() && trimmed(line.substr(marks)) == word;
}

/// Next line without its '\n'; moves `at` behind it.
std::string_view next_line(std::string_view text, std::size_t& at) {
    const std::size_t end = text.find('\n', at);
    const std::string_view line =
        text.substr(at, end == std::string_view::npos ? std::string_view::npos : end - at);
    at = end == std::string_view::npos ? text.size() : end + 1;
    return line;
}

struct Lines {
    std::vector<std::size_t> begin;  ///< offsets; one more at the end
    std::vector<std::uint64_t> key;
};

std::uint64_t line_key(std::string_view line, bool tolerant) {
    if (!tolerant) {
        return std::hash<std::string_view>{}(line);
    }
    std::string squeezed;
    for (const char c : trimmed(line)) {
        const bool space = c == ' ' || c == '\t';
        if (!space || (!squeezed.empty() && squeezed.back() != ' ')) {
            squeezed += space ? ' ' : c;
        }
    }
    return std::hash<std::string>{}(squeezed);
}

Lines lines_of(std::string_view text, bool tolerant) {
    Lines lines;
    for (std::size_t at = 0; at < text.size();) {
        lines.begin.push_back(at);
        lines.key.push_back(line_key(next_line(text, at), tolerant));
    }
    lines.begin.push_back(text.size());
    return lines;
}

struct Place {
    std::size_t begin = 0;
    std::size_t end = 0;
    int count = 0;  ///< how often the search occurs (counting stops at 2)
};

/// Knuth-Morris-Pratt over line keys.
Place find_lines(const Lines& text, const Lines& search) {
    Place place;
    const std::vector<std::uint64_t>& key = search.key;
    if (key.empty()) {
        return place;
    }
    std::vector<std::size_t> fail(key.size(), 0);
    for (std::size_t i = 1, k = 0; i < key.size(); ++i) {
        while (k > 0 && key[i] != key[k]) {
            k = fail[k - 1];
        }
        k += key[i] == key[k] ? 1 : 0;
        fail[i] = k;
    }
    for (std::size_t i = 0, k = 0; i < text.key.size() && place.count < 2; ++i) {
        while (k > 0 && text.key[i] != key[k]) {
            k = fail[k - 1];
        }
        k += text.key[i] == key[k] ? 1 : 0;
        if (k == key.size()) {
            if (place.count++ == 0) {
                place.begin = text.begin[i + 1 - k];
                place.end = text.begin[i + 1];
            }
            k = fail[k - 1];
        }
    }
    return place;
}

/// Blank lines around the search text are a matter of taste, not of content.
std::string_view without_blank_edges(std::string_view text) {
    std::size_t begin = 0;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t line_begin = at;
        if (!trimmed(next_line(text, at)).empty()) {
            begin = line_begin;
            break;
        }
        begin = at;
    }
    text.remove_prefix(begin);
    const std::size_t last = text.find_last_not_of(" \t\r\n");
    if (last == std::string_view::npos) {
        return {};
    }
    const std::size_t end = text.find('\n', last);
    return end == std::string_view::npos ? text : text.substr(0, end + 1);
}

Place find_part(std::string_view text, std::string_view search) {
    Place place;
    if (search.empty()) {
        return place;
    }
    const void* first = ::memmem(text.data(), text.size(), search.data(), search.size());
    if (first == nullptr) {
        return place;
    }
    place.begin = static_cast<std::size_t>(static_cast<const char*>(first) - text.data());
    place.end = place.begin + search.size();
    const std::string_view rest = text.substr(place.begin + 1);
    place.count =
        ::memmem(rest.data(), rest.size(), search.data(), search.size()) == nullptr ? 1 : 2;
    return place;
}

std::string replace_at(
    std::string_view text, const Place& place, std::string_view with, bool whole_lines) {
    if (!whole_lines && !with.empty() && with.back() == '\n') {
        with.remove_suffix(1);
    }
    std::string out(text.substr(0, place.begin));
    out += with;
    out += text.substr(place.end);
    return out;
}

/// One edit on `text`; returns the problem, empty when it was applied.
std::string apply_one(std::string& text, const Edit& edit) {
    if (trimmed(edit.search).empty()) {
        return "has an empty SEARCH part";
    }
    const std::string_view search = without_blank_edges(edit.search);
    for (const bool tolerant : {false, true}) {
        const Place place = find_lines(lines_of(text, tolerant), lines_of(search, tolerant));
        if (place.count > 1) {
            return "matches more than one place: give more lines around it";
        }
        if (place.count == 1) {
            text = replace_at(text, place, edit.replace, true);
            return {};
        }
    }
    const Place place = find_part(text, trimmed(search));
    if (place.count == 1) {
        text = replace_at(text, place, trimmed(edit.replace), false);
        return {};
    }
    return place.count > 1 ? "matches more than one place: give whole lines"
                           : "does not match the parent source";
}

}  // namespace

EditList find_edits(std::string_view text) {
    enum class Part { outside, search, replace };
    EditList list;
    Part part = Part::outside;
    Edit edit;
    const auto fail = [&](const char* why) {
        list.problem = "edit " + std::to_string(list.edits.size() + 1) + " " + why;
    };
    for (std::size_t at = 0; at < text.size() && list.problem.empty();) {
        const std::size_t begin = at;
        const std::string_view line = next_line(text, at);
        if (is_marker(line, '<', "SEARCH")) {
            if (part != Part::outside) {
                fail("is not ended before the next one begins");
            } else if (list.edits.size() == k_max_edits) {
                list.problem = "more than " + std::to_string(k_max_edits) + " edits";
            }
            part = Part::search;
            edit = {};
            list.last_offset = begin;
        } else if (part == Part::search && is_marker(line, '=', "")) {
            part = Part::replace;
        } else if (part != Part::outside && is_marker(line, '>', "REPLACE")) {
            if (part == Part::search) {
                fail("has no ======= line");
            }
            list.edits.push_back(std::move(edit));
            part = Part::outside;
        } else if (part != Part::outside) {
            std::string& target = part == Part::search ? edit.search : edit.replace;
            target.append(line);
            target += '\n';
        }
    }
    if (list.problem.empty() && part != Part::outside) {
        fail("has no >>>>>>> REPLACE line");
    }
    return list;
}

EditResult apply_edits(std::string_view parent, const std::vector<Edit>& edits) {
    EditResult result{std::string(parent), {}};
    if (!result.source.empty() && result.source.back() != '\n') {
        result.source += '\n';
    }
    for (std::size_t i = 0; i < edits.size(); ++i) {
        const std::string problem = apply_one(result.source, edits[i]);
        if (!problem.empty()) {
            result.problem = "edit " + std::to_string(i + 1) + " " + problem;
            break;
        }
    }
    return result;
}

}  // namespace kw::agent
