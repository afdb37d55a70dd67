// SPDX-License-Identifier: Apache-2.0
#include "evaluator/output_faults.hpp"

#include "evaluator/scalar.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

namespace kw {
namespace {

constexpr int k_bf16_bits = 8;  // of the significand, the hidden one counted
constexpr int k_half_bits = 11;

/// Significand of the next lower format; 0: there is none.
int lower_bits(DType dtype) {
    switch (dtype) {
        case DType::f64: return 24;
        case DType::f16: return k_bf16_bits;
        case DType::bf16: return 4;
        case DType::i8:
        case DType::u8: return 0;
        default: return k_half_bits;
    }
}

double value_at(const PartView& view, std::int64_t index) {
    return load(
        view.element(index / view.columns(), index % view.columns()).data(), view.part().dtype);
}

void zero_smaller_half(const PartView& view) {
    std::vector<std::pair<double, std::int64_t>> sizes;
    for (std::int64_t i = 0; i < view.rows() * view.columns(); ++i) {
        const double size = std::fabs(value_at(view, i));
        if (size > 0) {  // NaN is no value that could be small
            sizes.emplace_back(size, i);
        }
    }
    std::ranges::sort(sizes);
    for (std::size_t i = 0; i < (sizes.size() + 1) / 2; ++i) {
        const std::int64_t at = sizes[i].second;
        clear_element(view.element(at / view.columns(), at % view.columns()));
    }
}

/// An accumulator of half precision is off by half a unit of its last place at least once; partial
/// sums are of the size mag / sqrt(k).
Result<void> round_sums(const Arg& arg, const PartView& view, const OutputFacts& facts) {
    KW_TRY_ASSIGN(const std::int64_t k, arg.check.k.eval(facts.dims));
    const double shrink = std::ldexp(1.0, -k_half_bits) /
                          std::sqrt(static_cast<double>(std::max<std::int64_t>(k, 1)));
    for (std::int64_t i = 0; i < view.rows() * view.columns(); ++i) {
        double magnitude = 0;
        std::memcpy(&magnitude, facts.magnitude.data() + 8 * i, 8);
        const auto element = view.element(i / view.columns(), i % view.columns());
        const double value = load(element.data(), arg.dtype);
        if (std::isfinite(value) && std::isfinite(magnitude)) {
            store(value + (i % 2 == 0 ? shrink : -shrink) * magnitude, arg.dtype, element.data());
        }
    }
    return {};
}

void restore(const PartView& view, std::span<const std::byte> before, std::int64_t first) {
    for (std::int64_t i = first; i < view.rows() * view.columns(); ++i) {
        const auto element = view.element(i / view.columns(), i % view.columns());
        copy_element(
            before.subspan(static_cast<std::size_t>(i) * element.size(), element.size()), element);
    }
}

}  // namespace

const std::vector<OutputFault>& output_faults() {
    static const std::vector<OutputFault> all{
        OutputFault::unwritten,
        OutputFault::zeros,
        OutputFault::constant,
        OutputFault::not_a_number,
        OutputFault::scrubbed_nan,
        OutputFault::half_zero,
        OutputFault::last_element,
        OutputFault::last_row,
        OutputFault::next_element,
        OutputFault::swapped_nibbles,
        OutputFault::lower_precision,
        OutputFault::half_sums};
    return all;
}

std::string_view name(OutputFault fault) {
    switch (fault) {
        case OutputFault::unwritten: return "output unwritten";
        case OutputFault::zeros: return "output zero";
        case OutputFault::constant: return "output constant";
        case OutputFault::not_a_number: return "output NaN";
        case OutputFault::scrubbed_nan: return "NaN scrubbed to 0";
        case OutputFault::half_zero: return "smaller half of the values zero";
        case OutputFault::last_element: return "last element unwritten";
        case OutputFault::last_row: return "last row unwritten";
        case OutputFault::next_element: return "every value one place off";
        case OutputFault::swapped_nibbles: return "nibbles of the output swapped";
        case OutputFault::lower_precision: return "output in the next lower precision";
        case OutputFault::half_sums: return "sums in half precision";
    }
    return "";
}

std::optional<std::string> cannot_have(OutputFault fault, const Arg& arg) {
    const std::string type = std::string(name(arg.dtype)) + " elements";
    const bool bound = arg.check.tolerance == Tolerance::bound;
    switch (fault) {
        case OutputFault::not_a_number:
        case OutputFault::scrubbed_nan:
            return is_float(arg.dtype) ? std::nullopt : std::optional(type + ": no NaN");
        case OutputFault::swapped_nibbles:
            return arg.dtype == DType::u8 ? std::nullopt : std::optional(type + ": no nibbles");
        case OutputFault::lower_precision:
            if (lower_bits(arg.dtype) == 0) {
                return type + ": there is no lower precision";
            }
            if (bound && arg.check.u_op > 0) {
                return "u_op allows rounded operands";
            }
            return std::nullopt;
        case OutputFault::half_sums:
            if (!bound) {
                return "tolerance " + std::string(name(arg.check.tolerance)) +
                       ": see the next lower precision";
            }
            if (arg.check.u_acc >= 0x1p-12 || arg.check.u_op > 0) {
                return "u_acc or u_op allows it";
            }
            if (arg.dtype == DType::bf16) {
                return "bf16 elements are coarser than half precision";
            }
            return std::nullopt;
        default: return std::nullopt;
    }
}

Result<void> plant(
    OutputFault fault, const Arg& arg, const PartView& view, const OutputFacts& facts) {
    const std::int64_t elements = view.rows() * view.columns();
    const auto set_where_nan = [&](bool only_nan, double value) {
        for_each(view, [&](auto element) {
            if (!only_nan || std::isnan(load(element.data(), arg.dtype))) {
                store(value, arg.dtype, element.data());
            }
        });
    };
    switch (fault) {
        case OutputFault::unwritten: restore(view, facts.before, 0); break;
        case OutputFault::zeros: for_each(view, clear_element); break;
        case OutputFault::constant: {
            const auto first = view.element(0, 0);
            const std::vector<std::byte> value(first.begin(), first.end());
            for_each(view, [&](auto element) { copy_element(value, element); });
            break;
        }
        case OutputFault::not_a_number: set_where_nan(false, std::nan("")); break;
        case OutputFault::scrubbed_nan: set_where_nan(true, 0); break;
        case OutputFault::half_zero: zero_smaller_half(view); break;
        case OutputFault::last_element: restore(view, facts.before, elements - 1); break;
        case OutputFault::last_row:
            restore(view, facts.before, (view.rows() - 1) * view.columns());
            break;
        case OutputFault::next_element: shift(view, 0, 1); break;
        case OutputFault::swapped_nibbles: for_each(view, swap_nibbles); break;
        case OutputFault::lower_precision:
            for_each(view, [&](auto element) {
                const double value = load(element.data(), arg.dtype);
                store(with_bits(value, lower_bits(arg.dtype)), arg.dtype, element.data());
            });
            break;
        case OutputFault::half_sums: return round_sums(arg, view, facts);
    }
    return {};
}

}  // namespace kw
