// SPDX-License-Identifier: Apache-2.0
// What the parsers of the directives share: names in scope, expressions with places, messages.
// Not for other folders.
#pragma once

#include "evaluator/device/cuda/launch_plan.hpp"

#include <set>

namespace kw::cuda {

class PlanReader {
public:
    PlanReader(std::string_view source, const PlanScope& scope, ParsedPlan& out);

    /// Notes a mistake at an offset of the directive.
    void fail(
        const Directive& directive, std::size_t at, std::string what, std::string expected = {});
    void fail_at(SourcePlace at, std::string what, std::string expected = {});

    /// An expression whose names are known; empty (and noted) otherwise.
    [[nodiscard]] PlanExpr expression(
        const Directive& directive, std::string_view text, std::size_t at);
    /// `(a, b, c)` or one expression: at least one, at most `most`.
    [[nodiscard]] std::vector<PlanExpr> expressions(
        const Directive& directive, const Clause& clause, std::size_t most);
    /// Pieces of a clause's value; false (and noted) when parentheses do not balance.
    [[nodiscard]] bool pieces(
        const Directive& directive, const Clause& clause, std::vector<Piece>& out);

    /// Each clause is `key=value` with a known key, once. What is wrong is noted and left out.
    [[nodiscard]] std::map<std::string, Clause, std::less<>> keyed_clauses(
        const Directive& directive,
        const std::vector<Clause>& clauses,
        const std::vector<std::string>& keys);
    /// Notes which of `keys` are missing.
    void require_keys(
        const Directive& directive,
        const std::string& what,
        const std::map<std::string, Clause, std::less<>>& clauses,
        const std::vector<std::string>& keys);
    /// One of `choices`, or "" and a note.
    [[nodiscard]] std::string choice(
        const Directive& directive, const Clause& clause, const std::vector<std::string>& choices);

    /// Takes a name for a workspace or a tensor map.
    bool claim(const Directive& directive, std::string_view name, std::size_t at);

    [[nodiscard]] const PlanScope& scope() const { return scope_; }
    [[nodiscard]] bool is_buffer(std::string_view name) const;
    [[nodiscard]] std::vector<std::string> buffer_names() const;
    [[nodiscard]] std::vector<std::string> expression_names() const;
    /// A constant of the file without a single value.
    [[nodiscard]] bool is_ambiguous(std::string_view name) const {
        return ambiguous_.contains(name);
    }
    [[nodiscard]] LaunchPlan& plan() { return out_.plan; }

private:
    void read_constants(std::string_view source);
    [[nodiscard]] bool names_known(
        const Directive& directive, const DimExpr& expr, std::string_view text, std::size_t at);

    const PlanScope& scope_;
    ParsedPlan& out_;
    std::set<std::string, std::less<>> ambiguous_;
    std::set<std::string, std::less<>> claimed_;
    bool unbalanced_ = false;  ///< a clause of the directive at hand
};

/// "a, b or c"; at most twelve.
[[nodiscard]] std::string one_of_list(const std::vector<std::string>& names);
/// The nearest of `names`, or the list of them.
[[nodiscard]] std::string nearest_or_list(
    std::string_view given, const std::vector<std::string>& names);

void read_workspace(PlanReader& reader, const Directive& directive);
void read_tensormap(PlanReader& reader, const Directive& directive);
void read_launch(PlanReader& reader, const Directive& directive);

}  // namespace kw::cuda
