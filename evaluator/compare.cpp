// SPDX-License-Identifier: Apache-2.0
#include "evaluator/compare.hpp"

#include "evaluator/compare_values.hpp"
#include "evaluator/scalar.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <string_view>

namespace kw {
namespace {

constexpr double k_most_error = 1e9;  // stands for "no error was allowed"
constexpr std::size_t k_chunk = 1024;

Error size_error(const Arg& arg, std::string_view which, std::size_t have, std::int64_t want) {
    return {
        Errc::config,
        "comparing output '" + arg.name + "': " + std::string(which) + " has " +
            std::to_string(have) + " bytes instead of " + std::to_string(want),
        {}};
}

/// Where the pieces of one comparison lie: element i of the output, entry i of the references.
struct View {
    const Arg& arg;
    std::span<const std::byte> got;
    std::span<const std::byte> poison;
    std::span<const std::byte> ref0;
    std::span<const std::byte> ref1;
    Allowance allowance;  ///< bound only

    [[nodiscard]] std::size_t size() const { return size_of(arg.dtype); }
};

double reference_value(std::span<const std::byte> values, std::size_t entry) {
    return load(values.data() + entry * sizeof(double), DType::f64);
}

/// Verdict on one element: the slow, complete rules.
struct ElementDiff {
    bool equal = true;
    bool non_finite = false;
    double error = 0;  ///< fraction of the allowed one
};

ElementDiff diff_bound(const View& view, const std::byte* got, std::size_t entry) {
    const double value = load(got, view.arg.dtype);
    const double want = reference_value(view.ref0, entry);
    if (std::isnan(want) || std::isnan(value)) {
        const bool both = std::isnan(want) && std::isnan(value);
        return {both, !both && std::isnan(value), both ? 0 : k_most_error};
    }
    if (std::isinf(value) || std::isinf(want)) {
        const bool same = rounded(want, view.arg.dtype) == value;
        return {same, !same && std::isinf(value), same ? 0 : k_most_error};
    }
    const double error = std::abs(value - want);
    const double allowed = view.allowance.of(want, reference_value(view.ref1, entry));
    if (error <= allowed) {
        return {true, false, error == 0 ? 0 : error / allowed};
    }
    return {false, false, std::min(k_most_error, allowed > 0 ? error / allowed : k_most_error)};
}

bool nibbles_allowed(std::byte got, std::byte want, std::byte alt) {
    for (const std::byte mask : {std::byte{0x0f}, std::byte{0xf0}}) {
        if ((got & mask) != (want & mask) && (got & mask) != (alt & mask)) {
            return false;
        }
    }
    return true;
}

ElementDiff diff_bytes(const View& view, const std::byte* got, std::size_t entry) {
    const std::size_t size = view.size();
    const std::byte* want = view.ref0.data() + entry * size;
    ElementDiff diff;
    diff.equal = std::memcmp(got, want, size) == 0;
    if (!diff.equal && view.arg.check.tolerance == Tolerance::codes) {
        const std::byte* alt = view.ref1.data() + entry * size;
        diff.equal =
            std::memcmp(got, alt, size) == 0 ||
            (view.arg.check.code_bits == 4 && size == 1 && nibbles_allowed(*got, *want, *alt));
    }
    if (!diff.equal) {
        diff.error = k_most_error;
        diff.non_finite = is_float(view.arg.dtype) && !std::isfinite(load(got, view.arg.dtype)) &&
                          std::isfinite(load(want, view.arg.dtype));
    }
    return diff;
}

ElementDiff diff_element(const View& view, const std::byte* got, std::size_t entry) {
    return view.arg.check.tolerance == Tolerance::bound ? diff_bound(view, got, entry)
                                                        : diff_bytes(view, got, entry);
}

std::string show_code(std::byte code, bool high) {
    return std::to_string(std::to_integer<int>(high ? code >> 4 : code & std::byte{0x0f})) +
           (high ? " (high nibble)" : " (low nibble)");
}

/// Prints the element the diff is about.
void show(const View& view, const std::byte* got, std::size_t entry, OutputDiff& diff) {
    const Check& check = view.arg.check;
    if (check.tolerance == Tolerance::bound) {
        diff.got = show_element(got, view.arg.dtype);
        diff.want = show_number(reference_value(view.ref0, entry));
        return;
    }
    const std::byte* want = view.ref0.data() + entry * view.size();
    if (check.tolerance == Tolerance::codes && check.code_bits == 4 && view.size() == 1) {
        const std::byte low{0x0f};
        const std::byte alt = view.ref1[entry];
        const bool high = nibbles_allowed(*got & low, *want & low, alt & low);
        diff.got = show_code(*got, high);
        diff.want = show_code(*want, high);
        return;
    }
    diff.got = show_element(got, view.arg.dtype);
    diff.want = show_element(want, view.arg.dtype);
}

/// Takes one element into the sum; `index` is its place in the output.
void count(const View& view, std::size_t index, std::size_t entry, OutputDiff& diff) {
    const std::byte* got = view.got.data() + index * view.size();
    const ElementDiff one = diff_element(view, got, entry);
    diff.max_error = std::max(diff.max_error, one.error);
    if (one.equal) {
        return;
    }
    diff.equal = false;
    diff.non_finite = diff.non_finite || one.non_finite;
    ++diff.mismatches;
    if (diff.first < 0) {
        diff.first = static_cast<std::int64_t>(index);
        diff.untouched =
            !view.poison.empty() &&
            std::memcmp(got, view.poison.data() + index * view.size(), view.size()) == 0;
        show(view, got, entry, diff);
    }
}

/// True when nothing in [from, from + n) needs a closer look; then max_error is up to date.
bool chunk_is_fine(const View& view, std::size_t from, std::size_t n, OutputDiff& diff) {
    const std::size_t size = view.size();
    const std::byte* got = view.got.data() + from * size;
    switch (view.arg.check.tolerance) {
        case Tolerance::exact:
            return std::memcmp(got, view.ref0.data() + from * size, n * size) == 0;
        case Tolerance::codes: {
            const std::byte* want = view.ref0.data() + from * size;
            return std::memcmp(got, want, n * size) == 0 ||
                   codes_fine(
                       got,
                       want,
                       view.ref1.data() + from * size,
                       n * size,
                       size == 1 && view.arg.check.code_bits == 4,
                       size);
        }
        case Tolerance::bound: break;
    }
    std::array<double, k_chunk> values{};
    widen(got, view.arg.dtype, n, values.data());
    const double worst = worst_error(
        values.data(),
        view.ref0.data() + from * sizeof(double),
        view.ref1.data() + from * sizeof(double),
        n,
        view.allowance);
    if (!(worst <= 1)) {
        return false;
    }
    diff.max_error = std::max(diff.max_error, worst);
    return true;
}

Result<Allowance> allowance_of(const Arg& arg, const DimMap& dims) {
    const Check& check = arg.check;
    if (check.tolerance != Tolerance::bound) {
        return Allowance{};
    }
    std::int64_t k = 1;
    if (!check.k.empty()) {
        KW_TRY_ASSIGN(k, check.k.eval(dims));
    }
    const double walk =
        check.c * check.u_acc * std::sqrt(static_cast<double>(std::max<std::int64_t>(k, 0)));
    return Allowance{check.u_out, walk + check.u_op, check.tiny};
}

Result<void> check_sizes(const View& view, std::int64_t elements, std::int64_t entries) {
    const auto whole = elements * static_cast<std::int64_t>(view.size());
    if (static_cast<std::int64_t>(view.got.size()) != whole) {
        return size_error(view.arg, "the output", view.got.size(), whole);
    }
    if (!view.poison.empty() && view.poison.size() != view.got.size()) {
        return size_error(view.arg, "the poison", view.poison.size(), whole);
    }
    for (const int which : {0, 1}) {
        const auto have = which == 0 ? view.ref0.size() : view.ref1.size();
        const std::int64_t want = reference_bytes(view.arg, entries, which);
        if (static_cast<std::int64_t>(have) != want) {
            return size_error(
                view.arg, which == 0 ? "the reference" : "its second buffer", have, want);
        }
    }
    return {};
}

}  // namespace

std::int64_t reference_bytes(const Arg& arg, std::int64_t elements, int which) {
    switch (arg.check.tolerance) {
        case Tolerance::exact:
            return which == 0 ? elements * static_cast<std::int64_t>(size_of(arg.dtype)) : 0;
        case Tolerance::bound: return elements * static_cast<std::int64_t>(sizeof(double));
        case Tolerance::codes: return elements * static_cast<std::int64_t>(size_of(arg.dtype));
    }
    return 0;
}

Result<OutputDiff> compare_output(
    const Arg& arg,
    const DimMap& dims,
    std::span<const std::byte> got,
    std::span<const std::byte> poison,
    std::span<const std::byte> ref0,
    std::span<const std::byte> ref1) {
    KW_TRY_ASSIGN(const std::int64_t elements, element_count(arg, dims));
    KW_TRY_ASSIGN(const Allowance allowance, allowance_of(arg, dims));
    const View view{arg, got, poison, ref0, ref1, allowance};
    KW_TRY(check_sizes(view, elements, elements));
    OutputDiff diff;
    diff.elements = elements;
    const auto total = static_cast<std::size_t>(elements);
    for (std::size_t from = 0; from < total; from += k_chunk) {
        const std::size_t n = std::min(k_chunk, total - from);
        if (chunk_is_fine(view, from, n, diff)) {
            continue;
        }
        for (std::size_t i = from; i < from + n; ++i) {
            count(view, i, i, diff);
        }
    }
    return diff;
}

Result<OutputDiff> compare_at(
    const Arg& arg,
    const DimMap& dims,
    std::span<const std::byte> got,
    std::span<const std::int64_t> indices,
    std::span<const std::byte> ref0,
    std::span<const std::byte> ref1) {
    KW_TRY_ASSIGN(const std::int64_t elements, element_count(arg, dims));
    KW_TRY_ASSIGN(const Allowance allowance, allowance_of(arg, dims));
    const View view{arg, got, {}, ref0, ref1, allowance};
    KW_TRY(check_sizes(view, elements, static_cast<std::int64_t>(indices.size())));
    OutputDiff diff;
    diff.elements = static_cast<std::int64_t>(indices.size());
    for (std::size_t entry = 0; entry < indices.size(); ++entry) {
        KW_CHECK(indices[entry] >= 0 && indices[entry] < elements);
        count(view, static_cast<std::size_t>(indices[entry]), entry, diff);
    }
    return diff;
}

namespace {

/// Rows and columns of an output; r has one entry a column, the projections one a row.
struct Grid {
    std::size_t rows = 0;
    std::size_t columns = 0;
};

Result<Grid> grid_of(const Arg& arg, const DimMap& dims) {
    KW_TRY_ASSIGN(const std::int64_t elements, element_count(arg, dims));
    std::int64_t columns = 1;
    if (!arg.shape.empty()) {
        KW_TRY_ASSIGN(columns, arg.shape.back().eval(dims));
    }
    if (columns <= 0) {
        return Grid{};
    }
    return Grid{static_cast<std::size_t>(elements / columns), static_cast<std::size_t>(columns)};
}

void count_row(OutputDiff& diff, std::size_t row, double error, std::string got, std::string want) {
    diff.max_error = std::max(diff.max_error, std::min(error, k_most_error));
    if (error <= 1) {
        return;
    }
    diff.equal = false;
    ++diff.mismatches;
    if (diff.first < 0) {
        diff.first = static_cast<std::int64_t>(row);
        diff.got = std::move(got);
        diff.want = std::move(want);
    }
}

std::uint64_t word(std::span<const std::byte> words, std::size_t i) {
    std::uint64_t value = 0;
    std::memcpy(&value, words.data() + i * sizeof value, sizeof value);
    return value;
}

std::string row_text(const std::string& value) {
    return "row sum " + value;
}

void project_integers(const View& view, Grid grid, std::span<const std::byte> r, OutputDiff& diff) {
    for (std::size_t row = 0; row < grid.rows; ++row) {
        const std::byte* at = view.got.data() + row * grid.columns * view.size();
        const std::uint64_t sum = wrapped_dot(at, view.arg.dtype, r.data(), grid.columns);
        const std::uint64_t want = word(view.ref0, row);
        if (sum != want) {
            count_row(
                diff,
                row,
                k_most_error,
                row_text(std::to_string(static_cast<std::int64_t>(sum))),
                row_text(std::to_string(static_cast<std::int64_t>(want))));
        }
    }
}

Result<void> project_reals(
    const View& view, Grid grid, std::span<const std::byte> r, OutputDiff& diff) {
    double weights = 0;
    for (std::size_t n = 0; n < grid.columns; ++n) {
        weights += std::abs(reference_value(r, n));
    }
    for (std::size_t row = 0; row < grid.rows; ++row) {
        const std::byte* at = view.got.data() + row * grid.columns * view.size();
        const Projection sum = project_row(at, view.arg.dtype, r.data(), grid.columns);
        const double want = reference_value(view.ref0, row);
        const double magnitude = reference_value(view.ref1, row);
        if (!std::isfinite(want) || !std::isfinite(magnitude)) {
            return Error{
                Errc::config,
                "comparing output '" + view.arg.name + "': the reference's projection of row " +
                    std::to_string(row) + " is not finite",
                "compare this case in full: raise verify.project_above or change its distribution"};
        }
        if (!std::isfinite(sum.value)) {
            diff.non_finite = true;
            count_row(
                diff,
                row,
                k_most_error,
                row_text(show_number(sum.value)),
                row_text(show_number(want)));
            continue;
        }
        const double allowed = view.allowance.of_projection(sum, magnitude, weights, grid.columns);
        const double error = std::abs(sum.value - want);
        count_row(
            diff,
            row,
            error == 0 ? 0 : error / allowed,
            error <= allowed ? std::string{} : row_text(show_number(sum.value)),
            error <= allowed ? std::string{} : row_text(show_number(want)));
    }
    return {};
}

}  // namespace

Result<OutputDiff> compare_projection(
    const Arg& arg,
    const DimMap& dims,
    std::span<const std::byte> got,
    std::span<const std::byte> r,
    std::span<const std::byte> projected,
    std::span<const std::byte> projected_mag) {
    KW_TRY_ASSIGN(const Grid grid, grid_of(arg, dims));
    KW_TRY_ASSIGN(const Allowance allowance, allowance_of(arg, dims));
    const bool reals = arg.check.tolerance == Tolerance::bound;
    if (!reals && (arg.check.tolerance != Tolerance::exact || is_float(arg.dtype))) {
        return Error{
            Errc::config,
            "comparing output '" + arg.name + "': only 'bound' and exact integer outputs project",
            {}};
    }
    const View view{arg, got, {}, projected, projected_mag, allowance};
    const std::size_t whole = grid.rows * grid.columns * view.size();
    if (got.size() != whole) {
        return size_error(arg, "the output", got.size(), static_cast<std::int64_t>(whole));
    }
    if (r.size() != grid.columns * 8) {
        return size_error(arg, "the vector", r.size(), static_cast<std::int64_t>(grid.columns * 8));
    }
    if (projected.size() != grid.rows * 8 || (reals && projected_mag.size() != grid.rows * 8)) {
        return size_error(
            arg, "the projection", projected.size(), static_cast<std::int64_t>(grid.rows * 8));
    }
    OutputDiff diff;
    diff.elements = static_cast<std::int64_t>(grid.rows);
    if (reals) {
        KW_TRY(project_reals(view, grid, r, diff));
    } else {
        project_integers(view, grid, r, diff);
    }
    return diff;
}

}  // namespace kw
