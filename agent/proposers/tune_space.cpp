// SPDX-License-Identifier: Apache-2.0
// Reading and writing //!tune parameters; the search over them is tuner.cpp.
#include "agent/proposers/tuner.hpp"
#include "core/ascii.hpp"

#include <algorithm>
#include <charconv>
#include <set>

namespace kw::agent {

namespace {

constexpr std::size_t k_npos = std::string_view::npos;
constexpr std::size_t k_max_params = 32;
constexpr std::size_t k_max_values = 256;

bool is_value_char(char c) {
    return is_word(c) || c == '.' || c == '+' || c == '-';
}

Error at_line(int line, const std::string& what) {
    return {
        Errc::config,
        "reading tune parameters: line " + std::to_string(line) + ": " + what,
        "write //!tune NAME = {1, 2, 4} and on the next line #define NAME 1"};
}

/// What follows `//!word` (formatters put spaces around the '!'), if the line is one.
std::optional<std::string_view> directive(std::string_view line, std::string_view word) {
    line = trimmed(line);
    if (!line.starts_with("//")) {
        return std::nullopt;
    }
    line = trimmed(line.substr(2));
    if (!line.starts_with("!") || !trimmed(line.substr(1)).starts_with(word)) {
        return std::nullopt;
    }
    const std::string_view rest = trimmed(line.substr(1)).substr(word.size());
    if (!rest.empty() && is_word(rest.front())) {
        return std::nullopt;
    }
    return trimmed(rest);
}

struct ValueSpan {
    std::size_t begin = 0;
    std::size_t length = 0;
};

/// Where NAME's value stands in a definition line; length 0 = this line does not define it.
ValueSpan value_in(std::string_view line, std::string_view name) {
    const std::string_view text = trimmed(line);
    const bool define = text.starts_with("#") && trimmed(text.substr(1)).starts_with("define");
    const bool variable = text.starts_with("constexpr") || text.starts_with("const") ||
                          text.starts_with("static") || text.starts_with("inline");
    if (!define && !variable) {
        return {};
    }
    for (std::size_t at = line.find(name); at != k_npos; at = line.find(name, at + 1)) {
        std::size_t end = at + name.size();
        const bool word =
            (at == 0 || !is_word(line[at - 1])) && (end < line.size() && !is_word(line[end]));
        if (!word) {
            continue;
        }
        end = line.find_first_not_of(" \t", end);
        if (variable) {
            if (end == k_npos || line[end] != '=') {
                continue;
            }
            end = line.find_first_not_of(" \t", end + 1);
        }
        if (end == k_npos) {
            return {};
        }
        std::size_t stop = end;
        while (stop < line.size() && is_value_char(line[stop])) {
            ++stop;
        }
        return {end, stop - end};
    }
    return {};
}

/// Calls visit(name, value span in the source) for each declared parameter with a definition.
template <class Visit>
void for_each_definition(const TuneSpace& space, std::string_view source, Visit visit) {
    std::size_t pending = k_npos;
    for (std::size_t at = 0; at < source.size();) {
        const std::size_t end = std::min(source.find('\n', at), source.size());
        const std::string_view line = source.substr(at, end - at);
        if (const auto rest = directive(line, "tune")) {
            const std::string_view name = trimmed(rest->substr(0, rest->find('=')));
            pending = k_npos;
            for (std::size_t i = 0; i < space.params.size(); ++i) {
                pending = space.params[i].name == name ? i : pending;
            }
        } else if (
            pending != k_npos && !trimmed(line).empty() && !trimmed(line).starts_with("//")) {
            const ValueSpan span = value_in(line, space.params[pending].name);
            if (span.length > 0) {
                visit(pending, ValueSpan{at + span.begin, span.length});
            }
            pending = k_npos;
        }
        at = end + 1;
    }
}

Result<TuneParam> read_param(std::string_view rest, int line) {
    TuneParam param;
    const std::size_t equal = rest.find('=');
    param.name = trimmed(rest.substr(0, equal));
    const bool named = !param.name.empty() && !is_digit(param.name.front()) &&
                       std::all_of(param.name.begin(), param.name.end(), is_word);
    if (!named) {
        return at_line(line, "a name is expected behind //!tune");
    }
    const std::string_view list = equal == k_npos ? "" : trimmed(rest.substr(equal + 1));
    const std::size_t close = list.find('}');
    if (!list.starts_with("{") || close == k_npos) {
        return at_line(line, "the values of " + param.name + " are expected in braces");
    }
    std::string_view values = list.substr(1, close - 1);
    while (true) {
        const std::size_t comma = values.find(',');
        const std::string_view value = trimmed(values.substr(0, comma));
        if (value.empty() || !std::all_of(value.begin(), value.end(), is_value_char)) {
            return at_line(line, "a value of " + param.name + " is empty or not one word");
        }
        if (std::find(param.values.begin(), param.values.end(), value) == param.values.end()) {
            param.values.emplace_back(value);
        }
        if (comma == k_npos) {
            break;
        }
        values.remove_prefix(comma + 1);
    }
    if (param.values.size() > k_max_values) {
        return at_line(line, param.name + " has more than 256 values");
    }
    return param;
}

}  // namespace

Result<TuneSpace> read_tune_space(std::string_view source) {
    TuneSpace space;
    std::set<std::string> names;
    int number = 0;
    for (std::size_t at = 0; at < source.size();) {
        const std::size_t end = std::min(source.find('\n', at), source.size());
        const std::string_view line = source.substr(at, end - at);
        at = end + 1;
        ++number;
        if (const auto rest = directive(line, "tune")) {
            KW_TRY_ASSIGN(TuneParam param, read_param(*rest, number));
            if (!names.insert(param.name).second) {
                return at_line(number, param.name + " is declared twice");
            }
            space.params.push_back(std::move(param));
        } else if (const auto condition = directive(line, "require")) {
            Result<DimExpr> expr = DimExpr::parse(*condition);
            if (!expr) {
                return at_line(number, expr.error().what);
            }
            space.require.push_back(std::move(expr).value());
        }
    }
    if (space.params.size() > k_max_params) {
        return at_line(number, "more than 32 tune parameters");
    }
    std::set<std::size_t> defined;
    for_each_definition(space, source, [&](std::size_t i, ValueSpan) { defined.insert(i); });
    for (std::size_t i = 0; i < space.params.size(); ++i) {
        if (!defined.contains(i)) {
            return at_line(
                number, space.params[i].name + " has no definition behind its //!tune line");
        }
    }
    for (const DimExpr& require : space.require) {
        for (const std::string& name : require.names()) {
            if (!names.contains(name)) {
                return at_line(number, "//!require names " + name + ", which is not a parameter");
            }
        }
    }
    return space;
}

std::optional<TunePoint> point_of(const TuneSpace& space, std::string_view source) {
    TunePoint point(space.params.size(), k_npos);
    for_each_definition(space, source, [&](std::size_t i, ValueSpan span) {
        const std::vector<std::string>& values = space.params[i].values;
        const auto found =
            std::find(values.begin(), values.end(), source.substr(span.begin, span.length));
        if (found != values.end()) {
            point[i] = static_cast<std::size_t>(found - values.begin());
        }
    });
    if (std::find(point.begin(), point.end(), k_npos) != point.end()) {
        return std::nullopt;
    }
    return point;
}

std::string with_point(const TuneSpace& space, std::string_view source, const TunePoint& point) {
    std::string out;
    std::size_t copied = 0;
    for_each_definition(space, source, [&](std::size_t i, ValueSpan span) {
        out += source.substr(copied, span.begin - copied);
        out += space.params[i].values[point[i]];
        copied = span.begin + span.length;
    });
    out += source.substr(copied);
    return out;
}

std::string show_point(const TuneSpace& space, const TunePoint& point) {
    std::string out;
    for (std::size_t i = 0; i < point.size(); ++i) {
        out += (i > 0 ? " " : "") + space.params[i].name + "=" + space.params[i].values[point[i]];
    }
    return out;
}

}  // namespace kw::agent
