// SPDX-License-Identifier: Apache-2.0
#include "evaluator/arg_part.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace kw {
namespace {

/// The strictest relative rounding that an output of the task allows; 0: same bytes.
double finest_rounding(const Task& task) {
    double finest = 1;
    for (const Arg& arg : task.args) {
        if (is_written(arg)) {
            const bool bound = arg.check.tolerance == Tolerance::bound;
            finest = std::min(finest, bound ? std::max(arg.check.u_out, arg.check.u_op) : 0.0);
        }
    }
    return finest;
}

int forbidden_bits(const Task& task, DType dtype) {
    const double allowed = finest_rounding(task);
    if (allowed <= 0x1p-10 && dtype != DType::bf16) {
        return 8;
    }
    return allowed <= 0x1p-6 ? 4 : allowed <= 0x1p-3 ? 2 : 0;
}

void set_dtype(const Task& task, ArgPart& part, DType dtype, const Fill& fill) {
    part.rounded_bits = forbidden_bits(task, dtype);
    const bool bits = fill.dist == "bytes";
    part.dtype = dtype;
    part.packed = bits && dtype == DType::u8;
    part.words = bits && (dtype == DType::u16 || dtype == DType::u32 || dtype == DType::u64);
}

ArgPart whole(const Task& task, std::size_t arg) {
    const Arg& spec = task.args[arg];
    ArgPart part;
    part.name = spec.name;
    part.arg = arg;
    set_dtype(task, part, spec.dtype, spec.fill);
    return part;
}

}  // namespace

std::vector<ArgPart> input_parts(const Task& task) {
    std::vector<ArgPart> parts;
    for (std::size_t i = 0; i < task.args.size(); ++i) {
        const Arg& arg = task.args[i];
        if (!is_read(arg)) {
            continue;
        }
        if (arg.fill.dist != "records") {
            parts.push_back(whole(task, i));
            continue;
        }
        std::int64_t record = 0;
        for (const RecordField& field : arg.fill.record) {
            record += field.count * static_cast<std::int64_t>(size_of(field.dtype));
        }
        std::int64_t offset = 0;
        for (std::size_t f = 0; f < arg.fill.record.size(); ++f) {
            const RecordField& field = arg.fill.record[f];
            ArgPart part = whole(task, i);
            part.name +=
                " field " + std::to_string(f + 1) + " (" + std::string(name(field.dtype)) + ")";
            set_dtype(task, part, field.dtype, field.fill);
            part.record_bytes = record;
            part.offset = offset;
            part.count = field.count;
            offset += field.count * static_cast<std::int64_t>(size_of(field.dtype));
            parts.push_back(part);
        }
    }
    return parts;
}

ArgPart output_part(const Task& task, std::size_t arg) {
    return whole(task, arg);
}

PartView::PartView(
    const ArgPart& part, const Task& task, const DimMap& dims, std::span<std::byte> bytes)
    : part_(part)
    , bytes_(bytes)
    , width_(static_cast<std::int64_t>(size_of(part.dtype))) {
    const Arg& arg = task.args[part.arg];
    const auto last = arg.shape.empty() ? Result<std::int64_t>(1) : arg.shape.back().eval(dims);
    const auto last_bytes = std::max<std::int64_t>(last.ok() ? *last : 1, 1) *
                            static_cast<std::int64_t>(size_of(arg.dtype));
    rows_ = static_cast<std::int64_t>(bytes.size()) / last_bytes;
    columns_ =
        part.record_bytes > 0 ? last_bytes / part.record_bytes * part.count : last_bytes / width_;
}

std::span<std::byte> PartView::element(std::int64_t row, std::int64_t column) const {
    const std::int64_t index = row * columns_ + column;
    const std::int64_t at = part_.record_bytes > 0 ? index / part_.count * part_.record_bytes +
                                                         part_.offset + index % part_.count * width_
                                                   : index * width_;
    return bytes_.subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(width_));
}

void copy_element(std::span<const std::byte> from, std::span<std::byte> to) {
    std::memcpy(to.data(), from.data(), to.size());
}

void clear_element(std::span<std::byte> element) {
    std::memset(element.data(), 0, element.size());
}

void swap_nibbles(std::span<std::byte> element) {
    element[0] = element[0] << 4 | element[0] >> 4;
}

void shift(const PartView& view, std::int64_t by_rows, std::int64_t by_columns) {
    std::vector<std::byte> old;
    for_each(view, [&](auto element) { old.insert(old.end(), element.begin(), element.end()); });
    std::int64_t at = 0;
    for (std::int64_t r = 0; r < view.rows(); ++r) {
        for (std::int64_t c = 0; c < view.columns(); ++c) {
            const auto to = view.element(r, c);
            const std::int64_t row = (r + by_rows) % view.rows();
            const std::int64_t column = (c + by_columns) % view.columns();
            at = (row * view.columns() + column) * static_cast<std::int64_t>(to.size());
            std::memcpy(to.data(), old.data() + at, to.size());
        }
    }
}

double with_bits(double value, int bits) {
    if (!std::isfinite(value) || value == 0) {
        return value;
    }
    int exponent = 0;
    const double fraction = std::frexp(value, &exponent);
    return std::ldexp(std::nearbyint(std::ldexp(fraction, bits)), exponent - bits);
}

}  // namespace kw
