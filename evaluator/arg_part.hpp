// SPDX-License-Identifier: Apache-2.0
// An argument seen as rows and columns of elements, also when it is made of packed records.
#pragma once

#include "core/task.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace kw {

/// Bytes of every argument of the task in its order; empty where a role has none.
using ArgumentBytes = std::vector<std::vector<std::byte>>;

[[nodiscard]] inline bool is_written(const Arg& arg) {
    return arg.role == Role::out || arg.role == Role::inout;
}
[[nodiscard]] inline bool is_read(const Arg& arg) {
    return arg.role == Role::weight || arg.role == Role::in || arg.role == Role::inout;
}

/// Elements of one dtype in an argument: all of it, or one field of its records.
struct ArgPart {
    std::string name;  ///< "s"; of records "w field 1 (f16)"
    std::size_t arg = 0;
    DType dtype = DType::f32;
    std::int64_t record_bytes = 0;  ///< 0: the argument has none
    std::int64_t offset = 0;        ///< of the field in a record
    std::int64_t count = 1;         ///< elements of the field in a record
    bool packed = false;            ///< u8 filled with `bytes`: two codes in a byte
    bool words = false;             ///< u16, u32 or u64 filled with `bytes`: any bits
    /// Significand of the next precision that the tolerance forbids operands, 8 (bf16), 4 or 2; 0:
    /// none.
    int rounded_bits = 0;
};
/// The parts of every argument of role weight, in and inout.
[[nodiscard]] std::vector<ArgPart> input_parts(const Task& task);
/// An output as one part.
[[nodiscard]] ArgPart output_part(const Task& task, std::size_t arg);

/// A part seen as rows and columns (the last axis); a record's elements stand side by side. An axis
/// that is shorter than a record, as a case without records may have, gives no columns.
class PartView {
public:
    PartView(const ArgPart& part, const Task& task, const DimMap& dims, std::span<std::byte> bytes);
    [[nodiscard]] std::int64_t rows() const { return rows_; }
    [[nodiscard]] std::int64_t columns() const { return columns_; }
    [[nodiscard]] std::span<std::byte> element(std::int64_t row, std::int64_t column) const;
    [[nodiscard]] const ArgPart& part() const { return part_; }

private:
    const ArgPart& part_;
    std::span<std::byte> bytes_;
    std::int64_t rows_ = 1;
    std::int64_t columns_ = 1;
    std::int64_t width_ = 1;  ///< bytes of an element
};

/// Calls `change` with every element, in memory order.
template <class Change>
void for_each(const PartView& view, Change change) {
    for (std::int64_t r = 0; r < view.rows(); ++r) {
        for (std::int64_t c = 0; c < view.columns(); ++c) {
            change(view.element(r, c));
        }
    }
}

void copy_element(std::span<const std::byte> from, std::span<std::byte> to);
void clear_element(std::span<std::byte> element);
/// Of the one byte that it has.
void swap_nibbles(std::span<std::byte> element);
/// Every element from the place `by_rows` and `by_columns` further on, cyclically.
void shift(const PartView& view, std::int64_t by_rows, std::int64_t by_columns);
/// `value` with `bits` of significand, the hidden one counted, ties to even; any exponent.
[[nodiscard]] double with_bits(double value, int bits);

}  // namespace kw
