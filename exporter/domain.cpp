// SPDX-License-Identifier: Apache-2.0
#include "exporter/domain.hpp"

#include <algorithm>
#include <numeric>

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

void cover(DimRange& range, std::int64_t value, bool& first) {
    range.min = first ? value : std::min(range.min, value);
    range.max = first ? value : std::max(range.max, value);
    range.multiple_of = std::gcd(range.multiple_of, value);
    first = false;
}

}  // namespace

Result<Domain> verified_domain(const Task& task, const Evaluation& judging) {
    std::vector<const DimMap*> shapes;
    for (const Case& each : task.cases) {
        shapes.push_back(&each.dims);
    }
    for (const CaseOutcome& outcome : judging.cases) {
        if (outcome.verdict == Verdict::accepted) {
            shapes.push_back(&outcome.dims);
        }
    }
    for (const ShapeTiming& shape : judging.shapes) {
        shapes.push_back(&shape.dims);
    }
    std::vector<DimRange> ranges;
    for (const Dim& dim : task.dims) {
        DimRange range{dim.name, dim.min, dim.min, 0};
        bool first = true;
        for (const DimMap* shape : shapes) {
            // A row of the database is not trusted to stay within its task.
            const auto found = shape->find(dim.name);
            if (found != shape->end() && found->second >= dim.min && found->second <= dim.max &&
                found->second % dim.multiple_of == 0) {
                cover(range, found->second, first);
            }
        }
        range.multiple_of = std::max<std::int64_t>(range.multiple_of, 1);
        ranges.push_back(range);
    }
    return domain_of(std::move(ranges));
}

Result<Domain> whole_domain(const Task& task) {
    std::vector<DimRange> ranges;
    for (const Dim& dim : task.dims) {
        ranges.push_back({dim.name, dim.min, dim.max, dim.multiple_of});
    }
    return domain_of(std::move(ranges));
}

}  // namespace kw::exporter
