// SPDX-License-Identifier: Apache-2.0
// Mutants of PTX that still parse: lines move, numbers change. Mutants of bytes nearly all end in
// the parser; libFuzzer's own make half of the inputs all the same.
#include "evaluator/draws.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace {

using kw::stats::Draws;

constexpr std::array<std::string_view, 14> k_numbers = {
    "0",
    "1",
    "3",
    "4",
    "7",
    "16",
    "31",
    "32",
    "64",
    "255",
    "4096",
    "2147483647",
    "4294967295",
    "-1"};

std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size() - 1);
        lines.emplace_back(text.substr(0, end + 1));
        text.remove_prefix(end + 1);
    }
    return lines;
}

void change_number(std::string& line, Draws& draws) {
    const auto digit = [](char c) {
        return std::isdigit(static_cast<unsigned char>(c)) != 0;
    };
    const auto from = std::find_if(
        line.begin() + static_cast<std::ptrdiff_t>(draws.below(line.size())), line.end(), digit);
    const auto to = std::find_if_not(from, line.end(), digit);
    if (from != line.end()) {
        line.replace(from, to, k_numbers[draws.below(k_numbers.size())]);
    }
}

void mutate(std::vector<std::string>& lines, Draws& draws) {
    const std::size_t at = draws.below(lines.size());
    const std::size_t other = draws.below(lines.size());
    const auto place = lines.begin() + static_cast<std::ptrdiff_t>(at);
    switch (draws.below(6)) {
        case 0: lines.erase(place); break;
        case 1: std::swap(lines[at], lines[other]); break;
        case 2: lines[at] = lines[other]; break;
        case 3: lines.insert(place, std::string(lines[other])); break;
        default: change_number(lines[at], draws);
    }
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(
    std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
    Draws draws(seed);
    std::vector<std::string> lines = lines_of({reinterpret_cast<const char*>(data), size});
    if (lines.size() < 4 || draws.chance(0.5)) {
        return LLVMFuzzerMutate(data, size, most);
    }
    for (std::size_t edits = 1 + draws.below(4); edits > 0 && !lines.empty(); --edits) {
        mutate(lines, draws);
    }
    std::string text;
    for (const std::string& line : lines) {
        text += line;
    }
    text.resize(std::min(text.size(), most));
    std::memcpy(data, text.data(), text.size());
    return text.size();
}
