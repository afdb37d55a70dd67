// SPDX-License-Identifier: Apache-2.0
#include "exporter/domain.hpp"

#include <algorithm>
#include <numeric>
#include <optional>

namespace kw::exporter {
namespace {

Result<Domain> domain_of(std::vector<DimRange> dims) {
    Domain domain;
    std::string predicate = "1";
    for (const DimRange& dim : dims) {
        const std::string least = std::to_string(dim.min);
        const std::string most = std::to_string(dim.max);
        predicate += " && " + dim.name + " >= " + least + " && " + dim.name + " <= " + most;
        domain.text += (domain.text.empty() ? "" : ", ") + dim.name + " ";
        domain.text += dim.min == dim.max ? least : least + ".." + most;
        if (dim.multiple_of > 1) {
            predicate += " && " + dim.name + " % " + std::to_string(dim.multiple_of) + " == 0";
            domain.text += " (multiple of " + std::to_string(dim.multiple_of) + ")";
        }
    }
    KW_TRY_ASSIGN(domain.predicate, DimExpr::parse(predicate));
    domain.dims = std::move(dims);
    return domain;
}

void cover(DimRange& range, std::int64_t value, bool first) {
    range.min = first ? value : std::min(range.min, value);
    range.max = first ? value : std::max(range.max, value);
    range.multiple_of = std::gcd(range.multiple_of, value);
}

/// A row of the database is not trusted to stay within its task.
bool is_shape_of(const Task& task, const DimMap& dims) {
    return std::all_of(task.dims.begin(), task.dims.end(), [&](const Dim& dim) {
        const auto found = dims.find(dim.name);
        return found != dims.end() && found->second >= dim.min && found->second <= dim.max &&
               found->second % dim.multiple_of == 0;
    });
}

}  // namespace

Result<std::optional<Domain>> verified_domain(const Task& task, const Evaluation& judging) {
    std::vector<const DimMap*> seen;
    for (const CaseOutcome& outcome : judging.cases) {
        if (outcome.verdict == Verdict::accepted && is_shape_of(task, outcome.dims)) {
            seen.push_back(&outcome.dims);
        }
    }
    // A timing on a device compares its calls with the reference; a model compares nothing.
    const bool measured = judging.timing_kind == name(Provenance::measured);
    for (const ShapeTiming& shape : judging.shapes) {
        if (measured && is_shape_of(task, shape.dims)) {
            seen.push_back(&shape.dims);
        }
    }
    if (seen.empty()) {
        return std::optional<Domain>();
    }
    std::vector<DimRange> ranges;
    for (const Dim& dim : task.dims) {
        DimRange range{dim.name, 0, 0, 0};
        for (const DimMap* shape : seen) {
            cover(range, shape->at(dim.name), shape == seen.front());
        }
        range.multiple_of = std::max<std::int64_t>(range.multiple_of, 1);
        ranges.push_back(range);
    }
    KW_TRY_ASSIGN(Domain domain, domain_of(std::move(ranges)));
    return std::optional(std::move(domain));
}

Result<Domain> whole_domain(const Task& task) {
    std::vector<DimRange> ranges;
    for (const Dim& dim : task.dims) {
        ranges.push_back({dim.name, dim.min, dim.max, dim.multiple_of});
    }
    return domain_of(std::move(ranges));
}

}  // namespace kw::exporter
