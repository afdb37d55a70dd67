// SPDX-License-Identifier: Apache-2.0
#include "agent/ablate/tune_table.hpp"

#include "core/clock.hpp"
#include "core/toml_tree.hpp"
#include "db/store.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <optional>
#include <sstream>
#include <utility>

namespace kw::agent {

namespace {

constexpr std::size_t k_max_points = 100'000;
constexpr std::size_t k_max_tables = 100;

std::vector<std::string> words_of(const std::string& line) {
    std::istringstream in(line);
    std::vector<std::string> words;
    for (std::string word; in >> word;) {
        words.push_back(std::move(word));
    }
    return words;
}

std::optional<TunePoint> point_from(const TuneSpace& space, const std::vector<std::string>& words) {
    if (words.size() < space.params.size()) {
        return std::nullopt;
    }
    TunePoint point;
    for (std::size_t i = 0; i < space.params.size(); ++i) {
        std::size_t index = 0;
        const char* end = words[i].data() + words[i].size();
        const auto [stop, error] = std::from_chars(words[i].data(), end, index);
        if (error != std::errc{} || stop != end || index >= space.params[i].values.size()) {
            return std::nullopt;
        }
        point.push_back(index);
    }
    return point;
}

std::optional<double> positive(const std::string& word) {
    double value = 0;
    const char* end = word.data() + word.size();
    const auto [stop, error] = std::from_chars(word.data(), end, value);
    if (error != std::errc{} || stop != end || !std::isfinite(value) || value <= 0) {
        return std::nullopt;
    }
    return value;
}

/// The words behind a point: verdict and, when it is accepted, three numbers.
std::optional<TuneResult> result_from(const std::vector<std::string>& words, std::size_t at) {
    if (at >= words.size()) {
        return std::nullopt;
    }
    const auto verdict = verdict_from_code(words[at]);
    const bool accepted = verdict == Verdict::accepted;
    if (!verdict || words.size() != at + (accepted ? 4 : 1)) {
        return std::nullopt;
    }
    TuneResult result{*verdict, {}};
    if (accepted) {
        const auto value = positive(words[at + 1]);
        const auto lo = positive(words[at + 2]);
        const auto hi = positive(words[at + 3]);
        if (!value || !lo || !hi) {
            return std::nullopt;
        }
        result.speedup = {*value, *lo, *hi};
    }
    return result;
}

void read_space(TableReader& reader, TuneSpace& space, Mistakes& mistakes) {
    for (const std::string& line : reader.texts("params", 32)) {
        std::vector<std::string> words = words_of(line);
        if (words.size() < 2) {
            mistakes.add(reader.place_of("params"), "params: a name and its values are expected");
            continue;
        }
        TuneParam param{words.front(), {words.begin() + 1, words.end()}};
        space.params.push_back(std::move(param));
    }
    for (const std::string& line : reader.texts("require", 32)) {
        Result<DimExpr> expr = DimExpr::parse(line);
        if (expr) {
            space.require.push_back(std::move(expr).value());
        } else {
            mistakes.add(reader.place_of("require"), "require: " + expr.error().what);
        }
    }
}

TuneTable read_table(const TomlValue& value, Mistakes& mistakes) {
    TableReader reader(value, "[[space]]", mistakes);
    TuneTable table;
    table.task = reader.text("task", Need::required, 64);
    table.device = reader.text("device", Need::required, 200);
    table.recorded = reader.text("recorded", Need::required, 32);
    table.judge_seconds = reader.number("judge_seconds", 0, 0, 1e6, Need::required);
    read_space(reader, table.space, mistakes);
    for (const std::string& line : reader.texts("points", k_max_points)) {
        const std::vector<std::string> words = words_of(line);
        const auto point = point_from(table.space, words);
        const auto result = point ? result_from(words, point->size()) : std::nullopt;
        if (!result || !table.results.emplace(*point, *result).second) {
            mistakes.add(
                reader.place_of("points"),
                "points: " + in_quotes(line) + " is no new point with a verdict");
        }
    }
    const std::string start = reader.text("start", Need::required, 400);
    const auto point = point_from(table.space, words_of(start));
    if (!point || !table.results.contains(*point)) {
        mistakes.add(reader.place_of("start"), "start: " + in_quotes(start) + " is not a point");
    } else {
        table.start = *point;
    }
    reader.finish();
    return table;
}

std::string four_digits(double value) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.4g", value);
    return text.data();
}

std::string indices(const TunePoint& point) {
    std::string out;
    for (const std::size_t index : point) {
        out += (out.empty() ? "" : " ") + std::to_string(index);
    }
    return out;
}

std::string result_text(const TuneResult& result) {
    std::string out(code(result.verdict));
    if (result.verdict == Verdict::accepted) {
        out += " " + four_digits(result.speedup.value) + " " + four_digits(result.speedup.lo) +
               " " + four_digits(result.speedup.hi);
    }
    return out;
}

/// Names come from a database, which may hold any bytes.
std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
        out += c == '"' || c == '\\' || c < 32 || c > 126 ? ' ' : c;
    }
    return out + "\"";
}

std::string list_text(const std::vector<std::string>& items, const char* separator) {
    std::string out;
    for (const std::string& item : items) {
        out += (out.empty() ? "" : separator) + quoted(item);
    }
    return out;
}

std::string table_text(const TuneTable& table) {
    std::vector<std::string> params;
    for (const TuneParam& param : table.space.params) {
        params.push_back(param.name);
        for (const std::string& value : param.values) {
            params.back() += " " + value;
        }
    }
    std::vector<std::string> require;
    for (const DimExpr& expr : table.space.require) {
        require.push_back(expr.text());
    }
    std::vector<std::string> points;
    for (const auto& [point, result] : table.results) {
        points.push_back(indices(point) + " " + result_text(result));
    }
    return "\n[[space]]\ntask = " + quoted(table.task) + "\ndevice = " + quoted(table.device) +
           "\nrecorded = " + quoted(table.recorded) +
           "\njudge_seconds = " + four_digits(table.judge_seconds) + "\nparams = [" +
           list_text(params, ", ") + "]\nrequire = [" + list_text(require, ", ") +
           "]\nstart = " + quoted(indices(table.start)) + "\npoints = [\n    " +
           list_text(points, ",\n    ") + ",\n]\n";
}

Error about(const std::string& campaign, const std::string& what) {
    return {
        Errc::usage,
        "campaign '" + campaign + "': " + what,
        "record one with `kwright run TASK --proposer tune --strategy tune --max-evals 100000`"};
}

TuneResult result_of(const Evaluation& evaluation) {
    const Ratio& speedup = evaluation.speedup;
    if (evaluation.verdict != Verdict::accepted) {
        return {evaluation.verdict, {}};
    }
    for (const double value : {speedup.value, speedup.lo, speedup.hi}) {
        if (!std::isfinite(value) || value <= 0) {
            return {Verdict::internal, {}};  // not what an accepted kernel has
        }
    }
    return {Verdict::accepted, speedup};
}

Result<TuneTable> table_of(db::Store& store, const CampaignRow& campaign) {
    KW_TRY_ASSIGN(const std::vector<EvaluationRow> rows, store.evaluations(campaign.id));
    if (rows.empty() || rows.front().candidate_hash.empty()) {
        return about(campaign.name, "it has no start source");
    }
    TuneTable table;
    table.task = campaign.task;
    table.recorded = iso8601(campaign.created_ms).substr(0, 10);
    double seconds = 0;
    for (const EvaluationRow& row : rows) {
        if (row.candidate_hash.empty()) {
            continue;
        }
        KW_TRY_ASSIGN(const CandidateRow candidate, store.candidate(row.candidate_hash));
        if (table.space.params.empty()) {
            KW_TRY_ASSIGN(table.space, read_tune_space(candidate.source));
        }
        const auto point = point_of(table.space, candidate.source);
        if (table.space.params.empty() || !point) {
            return about(campaign.name, "a source of it is no point of a //!tune space");
        }
        table.results.emplace(*point, result_of(row.result));
        if (table.start.empty()) {
            table.start = *point;
        }
        table.device = row.result.device.empty() ? table.device : row.result.device;
        seconds += row.result.wall_s;
    }
    table.judge_seconds = seconds / static_cast<double>(rows.size());
    return table;
}

}  // namespace

Result<TuneTables> parse_tune_tables(const std::string& text, const std::string& file_name) {
    KW_TRY_ASSIGN(const TomlValue root, parse_toml(text, file_name));
    Mistakes mistakes(file_name);
    TableReader top(root, "the file", mistakes);
    TuneTables tables;
    tables.timing = top.choice("timing", {"measured", "modelled"}, Need::required);
    for (const TomlValue* value : top.tables("space", Need::required, k_max_tables)) {
        tables.tables.push_back(read_table(*value, mistakes));
    }
    top.finish();
    if (mistakes.none() && tables.tables.empty()) {
        mistakes.add(top.place(), "the file holds no [[space]]");
    }
    if (!mistakes.none()) {
        return mistakes.error();
    }
    return tables;
}

std::string tune_tables_text(const TuneTables& tables, const std::vector<std::string>& remarks) {
    std::string out;
    for (const std::string& remark : remarks) {
        out += "# " + remark + "\n";
    }
    out += "timing = " + quoted(tables.timing) + "\n";
    for (const TuneTable& table : tables.tables) {
        out += table_text(table);
    }
    return out;
}

Result<TuneTables> tables_of_campaigns(
    db::Store& store, const std::vector<std::string>& campaigns) {
    TuneTables tables;
    for (const std::string& name : campaigns) {
        KW_TRY_ASSIGN(const auto campaign, store.campaign(name));
        if (!campaign) {
            return Error{Errc::usage, "no campaign '" + name + "'", "see `kwright campaign list`"};
        }
        KW_TRY_ASSIGN(TuneTable table, table_of(store, *campaign));
        KW_TRY_ASSIGN(const std::vector<EvaluationRow> rows, store.evaluations(campaign->id));
        const std::string& timing = rows.front().result.timing_kind;
        if (!tables.timing.empty() && tables.timing != timing) {
            return about(name, "its times are " + timing + ", the others' are not");
        }
        tables.timing = timing;
        tables.tables.push_back(std::move(table));
    }
    return tables;
}

}  // namespace kw::agent
