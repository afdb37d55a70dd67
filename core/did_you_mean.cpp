// SPDX-License-Identifier: Apache-2.0
#include "core/config.hpp"

#include <algorithm>
#include <cctype>

namespace kw {
namespace {

constexpr std::size_t k_longest = 64;  // what is typed is short; the cost is the square of it

std::string lower(const std::string& text) {
    std::string out = text;
    for (char& c : out) {
        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    return out;
}

/// Damerau-Levenshtein, optimal string alignment: insert, delete, replace, swap neighbours.
std::size_t edit_distance(const std::string& a, const std::string& b) {
    std::vector<std::size_t> two_back(b.size() + 1);
    std::vector<std::size_t> back(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) {
        back[j] = j;
    }
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = back[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = std::min({back[j] + 1, row[j - 1] + 1, replaced});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = std::min(row[j], two_back[j - 2] + 1);
            }
        }
        two_back = back;
        back = row;
    }
    return back[b.size()];
}

}  // namespace

std::optional<std::string> did_you_mean(
    const std::string& given, const std::vector<std::string>& choices) {
    if (given.empty() || given.size() > k_longest) {
        return std::nullopt;
    }
    // A third of the letters may be wrong; one in very short words.
    std::size_t best = std::clamp<std::size_t>(given.size() / 3, 1, 4) + 1;
    std::optional<std::string> nearest;
    for (const std::string& choice : choices) {
        if (choice.size() > k_longest) {
            continue;
        }
        const std::size_t distance = edit_distance(lower(given), lower(choice));
        if (distance < best && distance < choice.size()) {
            best = distance;
            nearest = choice;
        }
    }
    return nearest;
}

}  // namespace kw
