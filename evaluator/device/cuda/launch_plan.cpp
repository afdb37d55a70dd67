// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cuda/launch_plan.hpp"

#include "evaluator/device/cuda/plan_parse.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace kw::cuda {
namespace {

constexpr std::size_t k_most_launches = 64;
constexpr std::size_t k_most_args = 32;
constexpr std::size_t k_most_workspaces = 16;
constexpr std::size_t k_most_source = std::size_t{1} << 20;

const std::vector<std::string>& directive_words() {
    static const std::vector<std::string> words{
        "kwright", "launch", "workspace", "tensormap", "tune", "require"};
    return words;
}

std::vector<Clause> clauses_of(const Directive& directive) {
    return split_clauses(directive.text);
}

void read_kwright(PlanReader& reader, const Directive& directive) {
    const auto clauses =
        reader.keyed_clauses(directive, clauses_of(directive), {"task", "target", "arch"});
    LaunchPlan& plan = reader.plan();
    const auto take = [&](const char* key, std::string& into) {
        const auto found = clauses.find(key);
        if (found == clauses.end()) {
            return;
        }
        if (!into.empty()) {
            reader.fail(
                directive, found->second.key_at, std::string(key) + " is given twice in the file");
        }
        into = found->second.value.substr(0, 128);
    };
    take("task", plan.task);
    take("target", plan.target);
    take("arch", plan.arch);
    if (clauses.contains("target") && plan.target != "cuda") {
        reader.fail(
            directive,
            clauses.at("target").value_at,
            "target " + in_message(plan.target) + " of a CUDA candidate",
            "target=cuda");
    }
    if (clauses.contains("arch")) {
        static_cast<void>(reader.choice(directive, clauses.at("arch"), known_archs()));
    }
}

/// A number with a point or an exponent that core's integer grammar does not take.
std::optional<double> real_number(std::string_view text) {
    if (text.find('.') == std::string_view::npos || text.size() > 64) {
        return std::nullopt;
    }
    if (text.back() == 'f' || text.back() == 'F') {
        text.remove_suffix(1);
    }
    double value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = read.ec == std::errc() && read.ptr == text.data() + text.size();
    return whole && std::isfinite(value) ? std::optional(value) : std::nullopt;
}

void read_arg(PlanReader& reader, const Directive& directive, const Piece& piece, Launch& launch) {
    LaunchArg arg;
    arg.text = piece.text.substr(0, 80);
    arg.at = directive.places[std::min(piece.at, directive.places.size() - 1)];
    const auto& maps = reader.plan().tensormaps;
    const bool tensormap = std::any_of(
        maps.begin(), maps.end(), [&](const TensorMap& map) { return map.name == piece.text; });
    if (piece.text.empty()) {
        reader.fail(directive, piece.at, "an empty argument");
        return;
    }
    if (tensormap || reader.is_buffer(piece.text)) {
        arg.kind = tensormap ? LaunchArg::Kind::tensormap : LaunchArg::Kind::pointer;
        arg.name = piece.text;
    } else if (const auto real = real_number(piece.text)) {
        arg.kind = LaunchArg::Kind::real;
        arg.real = *real;
    } else {
        const auto names = reader.expression_names();
        const bool lone =
            is_name(piece.text) && std::find(names.begin(), names.end(), piece.text) == names.end();
        std::vector<std::string> choices = reader.buffer_names();
        for (const TensorMap& map : maps) {
            choices.push_back(map.name);
        }
        choices.insert(choices.end(), names.begin(), names.end());
        if (lone && !reader.is_ambiguous(piece.text)) {
            reader.fail(
                directive,
                piece.at,
                "unknown argument " + in_message(piece.text),
                nearest_or_list(piece.text, choices));
            return;
        }
        arg.value = reader.expression(directive, piece.text, piece.at);
        if (arg.value.expr.empty()) {
            return;
        }
    }
    launch.args.push_back(std::move(arg));
}

void read_args(
    PlanReader& reader, const Directive& directive, const Clause& clause, Launch& launch) {
    std::vector<Piece> pieces;
    if (clause.value.front() != '(') {
        reader.fail(directive, clause.value_at, "args without parentheses", "args=(w, x, y, N)");
        return;
    }
    if (!reader.pieces(directive, clause, pieces)) {
        return;
    }
    if (pieces.size() > k_most_args) {
        reader.fail(directive, clause.value_at, "more than 32 arguments");
        return;
    }
    for (const Piece& piece : pieces) {
        read_arg(reader, directive, piece, launch);
    }
}

void read_sizes(
    PlanReader& reader,
    const Directive& directive,
    const Clause& clause,
    std::array<PlanExpr, 3>& sizes) {
    std::vector<PlanExpr> list = reader.expressions(directive, clause, 3);
    if (list.empty()) {
        return;
    }
    const SourcePlace at = list.front().at;
    for (std::size_t i = 0; i < 3; ++i) {
        sizes[i] = i < list.size() ? std::move(list[i]) : PlanExpr{DimExpr::constant(1), at};
    }
}

void check_launches(PlanReader& reader, const std::vector<Directive>& directives) {
    if (!reader.plan().launches.empty()) {
        return;
    }
    const bool tried = std::any_of(directives.begin(), directives.end(), [](const Directive& d) {
        return d.word == "launch";
    });
    if (!tried) {
        reader.fail_at(
            {1, 1},
            "the file has no //!launch line",
            "//!launch kernel grid=(ceil_div(N, 256)) block=256 args=(...)");
    }
}

}  // namespace

void read_workspace(PlanReader& reader, const Directive& directive) {
    const std::vector<Clause> clauses = clauses_of(directive);
    if (clauses.empty()) {
        reader.fail_at(directive.word_at, "//!workspace is empty", "//!workspace name=bytes");
    }
    for (const Clause& clause : clauses) {
        if (!clause.assigned || clause.value.empty()) {
            reader.fail(
                directive,
                clause.key_at,
                "unexpected " + in_message(clause.key) + " in //!workspace",
                "name=bytes; a size with blanks in parentheses");
            continue;
        }
        if (reader.plan().workspaces.size() >= k_most_workspaces) {
            reader.fail(directive, clause.key_at, "more than 16 workspaces");
            return;
        }
        std::vector<PlanExpr> bytes = reader.expressions(directive, clause, 1);
        if (reader.claim(directive, clause.key, clause.key_at) && !bytes.empty()) {
            reader.plan().workspaces.push_back({std::string(clause.key), std::move(bytes[0])});
        }
    }
}

void read_launch(PlanReader& reader, const Directive& directive) {
    std::vector<Clause> clauses = clauses_of(directive);
    Launch launch;
    launch.at = directive.word_at;
    if (clauses.empty() || clauses[0].assigned || !is_name(clauses[0].key)) {
        reader.fail(
            directive,
            clauses.empty() ? 0 : clauses[0].key_at,
            "//!launch without the name of a kernel",
            "//!launch kernel grid=... block=... args=(...)");
    } else {
        launch.kernel = clauses[0].key;
        launch.at = directive.places[clauses[0].key_at];
        clauses.erase(clauses.begin());
    }
    if (reader.plan().launches.size() >= k_most_launches) {
        reader.fail_at(directive.word_at, "more than 64 launches");
        return;
    }
    const auto keyed = reader.keyed_clauses(
        directive, clauses, {"grid", "block", "cluster", "smem", "args", "when", "cooperative"});
    if (!launch.kernel.empty()) {
        reader.require_keys(
            directive,
            "//!launch of " + in_message(launch.kernel),
            keyed,
            {"grid", "block", "args"});
    }
    for (const auto& [key, clause] : keyed) {
        if (key == "args") {
            read_args(reader, directive, clause, launch);
        } else if (key == "cooperative") {
            launch.cooperative = reader.choice(directive, clause, {"0", "1"}) == "1";
        } else if (key == "smem" || key == "when") {
            std::vector<PlanExpr> value = reader.expressions(directive, clause, 1);
            if (!value.empty()) {
                (key == "smem" ? launch.smem : launch.when) = std::move(value[0]);
            }
        } else {
            read_sizes(
                reader,
                directive,
                clause,
                key == "grid" ? launch.grid : (key == "block" ? launch.block : launch.cluster));
        }
    }
    reader.plan().launches.push_back(std::move(launch));
}

PlanScope scope_of(const Task& task) {
    PlanScope scope;
    for (const Dim& dim : task.dims) {
        scope.dims.push_back(dim.name);
    }
    for (const Arg& arg : task.args) {
        scope.buffers.push_back(arg.name);
    }
    return scope;
}

ParsedPlan parse_launch_plan(std::string_view source, const PlanScope& scope) {
    ParsedPlan out;
    if (source.size() > k_most_source) {
        out.problems.push_back({{1, 1}, "the file is larger than 1 MiB", {}});
        return out;
    }
    const DirectiveList list = find_directives(source);
    out.problems = list.problems;
    PlanReader reader(source, scope, out);
    // Launches may name what stands below them.
    using Read = void (*)(PlanReader&, const Directive&);
    struct Pass {
        std::string_view word;
        Read read;
    };
    for (const Pass& pass :
         {Pass{"kwright", read_kwright},
          Pass{"workspace", read_workspace},
          Pass{"tensormap", read_tensormap},
          Pass{"launch", read_launch}}) {
        for (const Directive& directive : list.directives) {
            if (directive.word == pass.word) {
                pass.read(reader, directive);
            }
        }
    }
    for (const Directive& directive : list.directives) {
        const auto& words = directive_words();
        if (std::find(words.begin(), words.end(), directive.word) == words.end()) {
            std::vector<std::string> marked;
            for (const std::string& word : words) {
                marked.push_back("//!" + word);
            }
            reader.fail_at(
                directive.word_at,
                "unknown directive " + in_message("//!" + directive.word),
                nearest_or_list("//!" + directive.word, marked));
        }
    }
    check_launches(reader, list.directives);
    std::stable_sort(
        out.problems.begin(), out.problems.end(), [](const PlanProblem& a, const PlanProblem& b) {
            return a.at.line != b.at.line ? a.at.line < b.at.line : a.at.column < b.at.column;
        });
    return out;
}

}  // namespace kw::cuda
