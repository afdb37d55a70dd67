// SPDX-License-Identifier: Apache-2.0
#include "agent/ablate/bed_file.hpp"

#include "core/toml_tree.hpp"

#include <array>
#include <charconv>
#include <optional>

namespace kw::agent {

namespace {

constexpr int k_max_ideas = 100;
constexpr int k_max_calls = 1000;

/// One number of the file. The reader and the writer are one table.
struct Field {
    const char* section;
    const char* key;
    double* value;
    double least;
    double most;
};

/// Whole numbers stand apart: they are integers in TOML.
struct Numbers {
    std::array<Field, 22> reals;
    Field ideas;
    Field concurrent;
};

/// Views of `p`; `counts` holds the two whole numbers meanwhile.
Numbers numbers_of(SyntheticParams& p, std::array<double, 2>& counts) {
    return {
        {{
            {"change", "no_reply", &p.no_reply, 0, 1},
            {"change", "compile_error", &p.compile_error, 0, 1},
            {"change", "wrong", &p.wrong, 0, 1},
            {"change", "hit", &p.hit, 0, 1},
            {"change", "jump", &p.jump, 0, 1},
            {"repair", "works", &p.repair, 0, 1},
            {"first", "mean", &p.first.mean, -20, 20},
            {"first", "sd", &p.first.sd, 0, 20},
            {"first", "shared", &p.first_shared, 0, 1},
            {"next", "mean", &p.next.mean, -20, 20},
            {"next", "sd", &p.next.sd, 0, 20},
            {"miss", "mean", &p.miss.mean, -20, 20},
            {"miss", "sd", &p.miss.sd, 0, 20},
            {"task", "headroom_mean", &p.headroom.mean, 0, 20},
            {"task", "headroom_sd", &p.headroom.sd, 0, 20},
            {"task", "ceiling_least", &p.ceiling_least, 0, 1},
            {"judge", "noise", &p.noise, 0, 1},
            {"judge", "seconds", &p.judge_seconds, 0, 1e6},
            {"cost", "task_tokens", &p.task_tokens, 0, 1e9},
            {"cost", "source_tokens", &p.source_tokens, 0, 1e9},
            {"cost", "line_tokens", &p.line_tokens, 0, 1e9},
            {"cost", "critique_tokens", &p.critique_tokens, 0, 1e9},
        }},
        {"task", "ideas", &counts[0], 1, k_max_ideas},
        {"cost", "concurrent_calls", &counts[1], 1, k_max_calls}};
}

std::array<Field, 3> prices_of(SyntheticParams& p) {
    return {{
        {"cost", "usd_per_mtok_in", &p.usd_per_mtok_in, 0, 1e6},
        {"cost", "usd_per_mtok_out", &p.usd_per_mtok_out, 0, 1e6},
        {"cost", "tokens_per_second", &p.tokens_per_second, 1e-3, 1e9},
    }};
}

constexpr std::array<const char*, 8> k_sections = {
    "change", "repair", "first", "next", "miss", "task", "judge", "cost"};

/// Shortest text that reads back to the same number; TOML wants a point in a float.
std::string number_text(double value) {
    std::array<char, 32> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    std::string out(text.data(), end);
    return out.find_first_of(".e") == std::string::npos ? out + ".0" : out;
}

}  // namespace

Result<SyntheticParams> parse_bed(const std::string& text, const std::string& file_name) {
    KW_TRY_ASSIGN(const TomlValue root, parse_toml(text, file_name));
    Mistakes mistakes(file_name);
    TableReader top(root, "the file", mistakes);
    SyntheticParams params;
    std::array<double, 2> counts{};
    const Numbers numbers = numbers_of(params, counts);
    const auto prices = prices_of(params);
    for (const char* section : k_sections) {
        const TomlValue* table = top.find_kind(section, TomlValue::Kind::table, Need::required);
        if (table == nullptr) {
            continue;
        }
        TableReader reader(*table, "[" + std::string(section) + "]", mistakes);
        const auto read = [&](const Field& field) {
            if (std::string_view(field.section) == section) {
                *field.value =
                    reader.number(field.key, field.least, field.least, field.most, Need::required);
            }
        };
        const auto count = [&](const Field& field) {
            if (std::string_view(field.section) == section) {
                *field.value = static_cast<double>(reader.integer(
                    field.key,
                    1,
                    static_cast<std::int64_t>(field.least),
                    static_cast<std::int64_t>(field.most),
                    Need::required));
            }
        };
        for (const Field& field : numbers.reals) {
            read(field);
        }
        for (const Field& field : prices) {
            read(field);
        }
        count(numbers.ideas);
        count(numbers.concurrent);
        reader.finish();
    }
    top.finish();
    if (params.no_reply + params.compile_error + params.wrong > 1) {
        mistakes.add(top.place(), "[change]: the chances of failure add up to more than 1");
    }
    if (!mistakes.none()) {
        return mistakes.error();
    }
    params.ideas = static_cast<int>(counts[0]);
    params.concurrent_calls = static_cast<int>(counts[1]);
    return params;
}

std::string bed_text(const SyntheticParams& params, const std::vector<std::string>& remarks) {
    SyntheticParams copy = params;
    std::array<double, 2> counts = {
        static_cast<double>(params.ideas), static_cast<double>(params.concurrent_calls)};
    const Numbers numbers = numbers_of(copy, counts);
    const auto prices = prices_of(copy);
    std::string out;
    for (const std::string& remark : remarks) {
        out += "# " + remark + "\n";
    }
    for (const char* section : k_sections) {
        out += (out.empty() ? "[" : "\n[") + std::string(section) + "]\n";
        const auto write = [&](const Field& field, const std::string& value) {
            if (std::string_view(field.section) == section) {
                out += std::string(field.key) + " = " + value + "\n";
            }
        };
        for (const Field& field : numbers.reals) {
            write(field, number_text(*field.value));
        }
        for (const Field& field : prices) {
            write(field, number_text(*field.value));
        }
        write(numbers.ideas, std::to_string(params.ideas));
        write(numbers.concurrent, std::to_string(params.concurrent_calls));
    }
    return out;
}

}  // namespace kw::agent
