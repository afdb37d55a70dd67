// SPDX-License-Identifier: Apache-2.0
#include "evaluator/fill.hpp"

#include "evaluator/fill_values.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace kw {
namespace {

constexpr std::int64_t k_records_at_once = 4096;

Error for_argument(const Arg& arg, Error error) {
    error.what = "filling argument '" + arg.name + "': " + error.what;
    return error;
}

Error config_error(std::string what) {
    return {Errc::config, std::move(what), {}};
}

std::int64_t bytes_of(const RecordField& field) {
    return field.count * static_cast<std::int64_t>(size_of(field.dtype));
}

/// Fields one after another for some thousand records at a time, then scattered to their places.
Result<void> fill_records(
    const std::vector<RecordField>& fields,
    std::int64_t columns,
    SecretStream& stream,
    std::span<std::byte> out) {
    std::int64_t record = 0;
    std::int64_t widest = 0;
    for (const RecordField& field : fields) {
        if (field.count < 1 || field.count > columns || field.fill.dist == "records") {
            return config_error("records: a field needs a count and a plain distribution");
        }
        record += bytes_of(field);
        widest = std::max(widest, bytes_of(field));
    }
    if (record == 0 || columns % record != 0) {
        return config_error(
            "records: the last axis (" + std::to_string(columns) +
            " bytes) is no multiple of the record's " + std::to_string(record) + " bytes");
    }
    const std::int64_t total = static_cast<std::int64_t>(out.size()) / record;
    std::vector<Filler> fillers;
    for (const RecordField& field : fields) {
        KW_TRY_ASSIGN(
            Filler filler,
            make_filler(field.fill, {field.dtype, total * field.count, field.count}, stream));
        fillers.push_back(std::move(filler));
    }
    std::vector<std::byte> scratch(
        static_cast<std::size_t>(widest * std::min(total, k_records_at_once)));
    for (std::int64_t first = 0; first < total; first += k_records_at_once) {
        const std::int64_t now = std::min(k_records_at_once, total - first);
        std::byte* place = out.data() + first * record;
        for (std::size_t f = 0; f < fields.size(); ++f) {
            const auto size = static_cast<std::size_t>(bytes_of(fields[f]));
            const std::span<std::byte> values =
                std::span(scratch).first(size * static_cast<std::size_t>(now));
            fillers[f](first * fields[f].count, values);
            for (std::int64_t i = 0; i < now; ++i) {
                std::memcpy(
                    place + i * record, values.data() + static_cast<std::size_t>(i) * size, size);
            }
            place += size;
        }
    }
    return {};
}

}  // namespace

Result<void> fill_argument(
    const Arg& arg,
    const DimMap& dims,
    const Fill& fill,
    SecretStream& stream,
    std::span<std::byte> out) {
    KW_TRY_ASSIGN(const std::int64_t bytes, byte_size(arg, dims));
    KW_CHECK(static_cast<std::int64_t>(out.size()) == bytes);
    FillTarget target{arg.dtype, bytes / static_cast<std::int64_t>(size_of(arg.dtype)), 1};
    if (!arg.shape.empty()) {
        KW_TRY_ASSIGN(target.columns, arg.shape.back().eval(dims));
    }
    if (bytes == 0) {
        return {};
    }
    if (fill.dist == "records") {
        if (size_of(arg.dtype) != 1) {
            return for_argument(arg, config_error("records fill arguments of dtype u8"));
        }
        auto done = fill_records(fill.record, target.columns, stream, out);
        return done.ok() ? Result<void>{} : for_argument(arg, std::move(done).error());
    }
    auto filler = make_filler(fill, target, stream);
    if (!filler.ok()) {
        return for_argument(arg, std::move(filler).error());
    }
    (*filler)(0, out);
    return {};
}

void poison(std::span<std::byte> out, DType dtype, std::uint64_t salt) {
    // Eight bytes at a time: `keep` bits are noise (a NaN's payload and sign), `set` make it a NaN.
    std::uint64_t keep = ~std::uint64_t{0};
    std::uint64_t set = 0;
    switch (dtype) {
        case DType::f16:
            keep = 0x81ff81ff81ff81ffU;
            set = 0x7e007e007e007e00U;
            break;
        case DType::bf16:
            keep = 0x803f803f803f803fU;
            set = 0x7fc07fc07fc07fc0U;
            break;
        case DType::f32:
            keep = 0x803fffff803fffffU;
            set = 0x7fc000007fc00000U;
            break;
        case DType::f64:
            keep = 0x8007ffffffffffffU;
            set = 0x7ff8000000000000U;
            break;
        default: break;
    }
    std::uint64_t state = salt * 0xd1342543de82ef95U + 0x2545f4914f6cdd1dU;
    for (std::size_t at = 0; at < out.size(); at += 8) {
        std::uint64_t z = (state += 0x9e3779b97f4a7c15U);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
        z = ((z ^ (z >> 31)) & keep) | set;
        std::memcpy(out.data() + at, &z, std::min<std::size_t>(8, out.size() - at));
    }
}

}  // namespace kw
