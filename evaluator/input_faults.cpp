// SPDX-License-Identifier: Apache-2.0
#include "evaluator/input_faults.hpp"

#include "evaluator/scalar.hpp"

#include <algorithm>
#include <cmath>

namespace kw {
namespace {

void reverse_bits(std::span<std::byte> element) {
    std::ranges::reverse(element);
    for (std::byte& byte : element) {
        byte = (byte & std::byte{0xf0}) >> 4 | (byte & std::byte{0x0f}) << 4;
        byte = (byte & std::byte{0xcc}) >> 2 | (byte & std::byte{0x33}) << 2;
        byte = (byte & std::byte{0xaa}) >> 1 | (byte & std::byte{0x55}) << 1;
    }
}

/// In every period of the fill the column with the largest magnitude becomes zero.
void clear_outliers(const PartView& view, const Fill& fill) {
    const auto every = fill.params.find("every");
    const std::int64_t period =
        every == fill.params.end() ? 1024 : static_cast<std::int64_t>(every->second);
    for (std::int64_t begin = 0; begin < view.columns();
         begin += std::max<std::int64_t>(period, 1)) {
        const std::int64_t end = std::min(begin + period, view.columns());
        double most = -1;
        std::int64_t worst = begin;
        for (std::int64_t c = begin; c < end; ++c) {
            for (std::int64_t r = 0; r < view.rows(); ++r) {
                const double size = std::fabs(load(view.element(r, c).data(), view.part().dtype));
                if (size > most) {
                    most = size;
                    worst = c;
                }
            }
        }
        for (std::int64_t r = 0; r < view.rows(); ++r) {
            clear_element(view.element(r, worst));
        }
    }
}

std::string of_type(const ArgPart& part) {
    return std::string(name(part.dtype)) + " elements";
}

bool is_word(DType dtype) {
    return dtype == DType::u16 || dtype == DType::u32 || dtype == DType::u64;
}

}  // namespace

const std::vector<InputFault>& input_faults() {
    static const std::vector<InputFault> all{
        InputFault::other_values,
        InputFault::zeros,
        InputFault::last_column,
        InputFault::last_row,
        InputFault::next_column,
        InputFault::next_row,
        InputFault::swapped_nibbles,
        InputFault::top_bit,
        InputFault::reversed_bits,
        InputFault::rounded,
        InputFault::outliers};
    return all;
}

std::string_view name(InputFault fault) {
    switch (fault) {
        case InputFault::other_values: return "input not read";
        case InputFault::zeros: return "input taken as zero";
        case InputFault::last_column: return "end of every row dropped";
        case InputFault::last_row: return "last row dropped";
        case InputFault::next_column: return "index off by one group";
        case InputFault::next_row: return "index off by one row";
        case InputFault::swapped_nibbles: return "nibbles swapped";
        case InputFault::top_bit: return "offset of the codes misread";
        case InputFault::reversed_bits: return "bits of a word reversed";
        case InputFault::rounded: return "input in lower precision";
        case InputFault::outliers: return "outlier columns ignored";
    }
    return "";
}

std::optional<std::string> cannot_have(InputFault fault, const ArgPart& part) {
    switch (fault) {
        case InputFault::swapped_nibbles:
        case InputFault::top_bit:
            if (!part.packed) {
                return part.dtype == DType::u8 ? "u8 elements not filled with `bytes`: no codes"
                                               : of_type(part) + ": no packed codes";
            }
            return std::nullopt;
        case InputFault::reversed_bits:
            if (!part.words) {
                return of_type(part) + (is_word(part.dtype) ? " not filled with `bytes`: numbers"
                                                            : ": no words of bits");
            }
            return std::nullopt;
        case InputFault::rounded:
            if (!is_float(part.dtype)) {
                return of_type(part) + ": nothing to round";
            }
            if (part.rounded_bits == 0) {
                return "the tolerance allows operands of any precision";
            }
            return std::nullopt;
        default: return std::nullopt;
    }
}

void plant(InputFault fault, const PartView& view, const PartView& other, const Fill& fill) {
    const std::int64_t group = view.part().count;  // a record's elements move together
    const std::int64_t rows = view.rows();
    const std::int64_t columns = view.columns();
    switch (fault) {
        case InputFault::other_values:
            for (std::int64_t r = 0; r < rows; ++r) {
                for (std::int64_t c = 0; c < columns; ++c) {
                    copy_element(other.element(r, c), view.element(r, c));
                }
            }
            break;
        case InputFault::zeros: for_each(view, clear_element); break;
        case InputFault::last_column:
            for (std::int64_t r = 0; r < rows && columns > 1; ++r) {
                clear_element(view.element(r, columns - 1));
            }
            break;
        case InputFault::last_row:
            for (std::int64_t c = 0; c < columns && rows > 1; ++c) {
                clear_element(view.element(rows - 1, c));
            }
            break;
        case InputFault::next_column: shift(view, 0, group); break;
        case InputFault::next_row: shift(view, 1, 0); break;
        case InputFault::swapped_nibbles: for_each(view, swap_nibbles); break;
        case InputFault::top_bit:
            for_each(view, [](auto element) { element[0] ^= std::byte{0x88}; });
            break;
        case InputFault::reversed_bits: for_each(view, reverse_bits); break;
        case InputFault::rounded:
            for_each(view, [&](auto element) {
                const DType dtype = view.part().dtype;
                store(
                    with_bits(load(element.data(), dtype), view.part().rounded_bits),
                    dtype,
                    element.data());
            });
            break;
        case InputFault::outliers:
            if (fill.dist == "outlier") {
                clear_outliers(view, fill);
            }
            break;
    }
}

}  // namespace kw
