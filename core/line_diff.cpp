// SPDX-License-Identifier: Apache-2.0
#include "core/line_diff.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

namespace kw {
namespace {

using Lines = std::vector<std::string_view>;

constexpr int k_context = 3;
constexpr int k_max_edits = 3000;  // the trace takes the square of it

Lines lines_of(const std::string& text) {
    Lines lines;
    std::size_t begin = 0;
    while (begin < text.size()) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        lines.push_back(std::string_view(text).substr(begin, end - begin));
        begin = end + 1;
    }
    return lines;
}

struct Edit {
    char kind = ' ';  // ' ' both, '-' old only, '+' new only
    int old_line = 0;
    int new_line = 0;
};

std::vector<Edit> replace_all(int old_size, int new_size) {
    std::vector<Edit> edits;
    for (int i = 0; i < old_size; ++i) {
        edits.push_back({'-', i, 0});
    }
    for (int i = 0; i < new_size; ++i) {
        edits.push_back({'+', old_size, i});
    }
    return edits;
}

/// Myers 1986: furthest[k] is the furthest old line reached on diagonal k = old - new with d edits;
/// one copy per d is kept to walk back.
std::vector<Edit> shortest_script(const Lines& before, const Lines& after) {
    const int n = static_cast<int>(before.size());
    const int m = static_cast<int>(after.size());
    const int most = std::min(n + m, k_max_edits);
    const auto at = [most](int k) {
        return static_cast<std::size_t>(k + most + 1);
    };
    std::vector<int> furthest(static_cast<std::size_t>(2 * most + 3), 0);
    std::vector<std::vector<int>> trace;
    const auto line = [](const Lines& lines, int i) {
        return lines[static_cast<std::size_t>(i)];
    };
    int edits_needed = -1;
    for (int d = 0; d <= most && edits_needed < 0; ++d) {
        trace.push_back({furthest.begin() + (most + 1 - d), furthest.begin() + (most + 2 + d)});
        for (int k = -d; k <= d; k += 2) {
            const bool down = k == -d || (k != d && furthest[at(k - 1)] < furthest[at(k + 1)]);
            int x = down ? furthest[at(k + 1)] : furthest[at(k - 1)] + 1;
            while (x < n && x - k < m && line(before, x) == line(after, x - k)) {
                ++x;
            }
            furthest[at(k)] = x;
            if (x >= n && x - k >= m) {
                edits_needed = d;
                break;
            }
        }
    }
    if (edits_needed < 0) {
        return replace_all(n, m);
    }
    std::vector<Edit> edits;
    int x = n;
    int y = m;
    for (int d = edits_needed; d >= 0; --d) {
        // trace[d] holds diagonals -d..d as they were before round d.
        const auto reached = [&](int k) {
            return trace[static_cast<std::size_t>(d)][static_cast<std::size_t>(k + d)];
        };
        const int k = x - y;
        int from_x = 0;
        int from_y = 0;
        if (d > 0) {
            const bool down = k == -d || (k != d && reached(k - 1) < reached(k + 1));
            const int from_k = down ? k + 1 : k - 1;
            from_x = reached(from_k);
            from_y = from_x - from_k;
        }
        while (x > from_x && y > from_y) {
            edits.push_back({' ', --x, --y});
        }
        if (d > 0) {
            edits.push_back(x == from_x ? Edit{'+', x, --y} : Edit{'-', --x, y});
        }
    }
    std::ranges::reverse(edits);
    return edits;
}

std::string range(int begin, int count) {
    return std::to_string(count == 0 ? begin : begin + 1) +
           (count == 1 ? "" : "," + std::to_string(count));
}

}  // namespace

std::string unified_diff(
    const std::string& old_text,
    const std::string& new_text,
    const std::string& old_name,
    const std::string& new_name) {
    if (old_text == new_text) {
        return "";
    }
    const Lines before = lines_of(old_text);
    const Lines after = lines_of(new_text);
    const std::vector<Edit> edits = shortest_script(before, after);
    std::vector<bool> shown(edits.size(), false);
    for (std::size_t i = 0; i < edits.size(); ++i) {
        if (edits[i].kind != ' ') {
            const std::size_t begin = i > k_context ? i - k_context : 0;
            const std::size_t end = std::min(edits.size(), i + k_context + 1);
            std::fill(
                shown.begin() + static_cast<std::ptrdiff_t>(begin),
                shown.begin() + static_cast<std::ptrdiff_t>(end),
                true);
        }
    }
    std::string text;
    for (std::size_t i = 0; i < edits.size();) {
        if (!shown[i]) {
            ++i;
            continue;
        }
        std::string body;
        const Edit& first = edits[i];
        int old_count = 0;
        int new_count = 0;
        for (; i < edits.size() && shown[i]; ++i) {
            const Edit& edit = edits[i];
            old_count += edit.kind != '+' ? 1 : 0;
            new_count += edit.kind != '-' ? 1 : 0;
            body += edit.kind;
            body += edit.kind == '+' ? after[static_cast<std::size_t>(edit.new_line)]
                                     : before[static_cast<std::size_t>(edit.old_line)];
            body += '\n';
        }
        text += "@@ -" + range(first.old_line, old_count) + " +" +
                range(first.new_line, new_count) + " @@\n" + body;
    }
    return text.empty() ? "" : "--- " + old_name + "\n+++ " + new_name + "\n" + text;
}

}  // namespace kw
