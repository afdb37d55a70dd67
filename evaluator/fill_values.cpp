// SPDX-License-Identifier: Apache-2.0
#include "evaluator/fill_values.hpp"

#include "evaluator/fill_parameters.hpp"
#include "evaluator/fill_tables.hpp"
#include "evaluator/scalar.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace kw {
namespace {

constexpr std::size_t k_table = 65536;       // values of 16 random bits
constexpr std::size_t k_chunk = 16384;       // elements drawn at once
constexpr double k_unit = 1.0 / 4294967296;  // 2^-32

Error config_error(std::string what) {
    return {Errc::config, std::move(what), {}};
}

/// quantile(16 or 32 random bits) * scale + shift.
class Independent {
public:
    /// No table: uniform in [shift, shift + scale).
    Independent(Quantiles table, double scale, double shift)
        : table_(std::move(table))
        , scale_(scale)
        , shift_(shift) {}

    [[nodiscard]] double at16(std::uint32_t bits) const {
        if (!table_) {
            return shift_ + scale_ * ((bits + 0.5) / k_table);
        }
        const std::vector<double>& edge = *table_;
        return shift_ + scale_ * (0.5 * (edge[bits] + edge[bits + 1]));
    }
    [[nodiscard]] double at32(std::uint32_t bits) const {
        if (!table_) {
            return shift_ + scale_ * ((bits + 0.5) * k_unit);
        }
        const std::vector<double>& edge = *table_;
        const std::size_t i = bits >> 16;
        const double part = ((bits & 0xffffU) + 0.5) / k_table;
        return shift_ + scale_ * (edge[i] + part * (edge[i + 1] - edge[i]));
    }

private:
    Quantiles table_;
    double scale_;
    double shift_;
};

/// Draws the stream in chunks of `T`s and hands each piece to `use(random, count, out)`.
template <class T, class Use>
Filler chunked(SecretStream& stream, std::size_t size, Use use) {
    return [&stream, size, use, random = std::vector<T>(k_chunk)](
               std::int64_t /*first*/, std::span<std::byte> out) mutable {
        while (!out.empty()) {
            const std::size_t count = std::min(k_chunk, out.size() / size);
            stream.fill(std::as_writable_bytes(std::span(random).first(count)));
            use(random.data(), count, out.data());
            out = out.subspan(count * size);
        }
    };
}

/// One value at a time, from its index; for distributions that are not drawn by the gigabyte.
template <class Value>
Filler one_by_one(DType dtype, Value value) {
    return [dtype, value, size = size_of(dtype)](
               std::int64_t first, std::span<std::byte> out) mutable {
        for (std::size_t at = 0; at < out.size(); at += size) {
            store(value(first++), dtype, out.data() + at);
        }
    };
}

/// Independent elements of one or two bytes: a table from 16 random bits straight to the element,
/// built only when there are more elements than entries.
template <class Element>
Filler narrow_filler(const Independent& source, const FillTarget& target, SecretStream& stream) {
    const DType dtype = target.dtype;
    if (target.elements < static_cast<std::int64_t>(k_table)) {
        return chunked<std::uint16_t>(
            stream,
            sizeof(Element),
            [source, dtype](const std::uint16_t* random, std::size_t count, std::byte* out) {
                for (std::size_t i = 0; i < count; ++i) {
                    store(source.at16(random[i]), dtype, out + i * sizeof(Element));
                }
            });
    }
    auto table = std::make_shared<std::vector<Element>>(k_table);
    for (std::uint32_t bits = 0; bits < k_table; ++bits) {
        store(source.at16(bits), dtype, reinterpret_cast<std::byte*>(&(*table)[bits]));
    }
    return chunked<std::uint16_t>(
        stream,
        sizeof(Element),
        [table](const std::uint16_t* random, std::size_t count, std::byte* out) {
            const Element* entry = table->data();
            for (std::size_t i = 0; i < count; ++i) {
                std::memcpy(out + i * sizeof(Element), entry + random[i], sizeof(Element));
            }
        });
}

Filler independent(const Independent& source, const FillTarget& target, SecretStream& stream) {
    const std::size_t size = size_of(target.dtype);
    if (size == 1) {
        return narrow_filler<std::uint8_t>(source, target, stream);
    }
    if (size == 2) {
        return narrow_filler<std::uint16_t>(source, target, stream);
    }
    return chunked<std::uint32_t>(
        stream,
        size,
        [source, dtype = target.dtype, size](
            const std::uint32_t* random, std::size_t count, std::byte* out) {
            for (std::size_t i = 0; i < count; ++i) {
                store(source.at32(random[i]), dtype, out + i * size);
            }
        });
}

Filler raw_bytes(SecretStream& stream) {
    return [&stream](std::int64_t /*first*/, std::span<std::byte> out) {
        stream.fill(out);
    };
}

/// lo + (0 .. range - 1) from 32 random bits; the bias is below range / 2^32.
template <class Element>
Filler ranged(std::int64_t from, std::uint64_t range, SecretStream& stream) {
    return chunked<std::uint32_t>(
        stream,
        sizeof(Element),
        [from, range](const std::uint32_t* random, std::size_t count, std::byte* out) {
            for (std::size_t i = 0; i < count; ++i) {
                const auto value = static_cast<Element>(
                    from + static_cast<std::int64_t>((random[i] * range) >> 32));
                std::memcpy(out + i * sizeof(Element), &value, sizeof(Element));
            }
        });
}

/// Integers lo..hi, both included; two's complement, so that the unsigned types do for all.
Result<Filler> uniform_integers(
    double lo, double hi, const FillTarget& target, SecretStream& stream) {
    const double most = largest(target.dtype);
    const double least = is_signed(target.dtype) ? -most - 1 : 0;
    if (lo != std::nearbyint(lo) || hi != std::nearbyint(hi) || lo < least || hi > most ||
        std::abs(lo) > 0x1p53 || std::abs(hi) > 0x1p53) {
        return config_error(
            "uniform: [" + show_number(lo) + ", " + show_number(hi) + "] is not a range of " +
            std::string(name(target.dtype)));
    }
    const auto from = static_cast<std::int64_t>(lo);
    const auto range = static_cast<std::uint64_t>(static_cast<std::int64_t>(hi) - from) + 1;
    if (range > (std::uint64_t{1} << 32)) {
        return chunked<std::uint64_t>(
            stream, 8, [=](const std::uint64_t* random, std::size_t count, std::byte* out) {
                for (std::size_t i = 0; i < count; ++i) {
                    const std::uint64_t value =
                        static_cast<std::uint64_t>(from) + random[i] % range;
                    std::memcpy(out + i * 8, &value, 8);
                }
            });
    }
    switch (size_of(target.dtype)) {
        case 1: return ranged<std::uint8_t>(from, range, stream);
        case 2: return ranged<std::uint16_t>(from, range, stream);
        case 4: return ranged<std::uint32_t>(from, range, stream);
        default: return ranged<std::uint64_t>(from, range, stream);
    }
}

Result<Filler> uniform(
    double lo, double hi, const Fill& fill, const FillTarget& target, SecretStream& stream) {
    const bool missing = !fill.params.contains("lo") && !fill.params.contains("hi");
    if (missing && !is_float(target.dtype)) {
        return raw_bytes(stream);
    }
    if (lo > hi) {
        return config_error("uniform: lo is above hi");
    }
    if (!is_float(target.dtype)) {
        return uniform_integers(lo, hi, target, stream);
    }
    if (!std::isfinite(hi - lo)) {
        return config_error("uniform: the range is too wide");
    }
    return independent({nullptr, hi - lo, lo}, target, stream);
}

std::uint32_t bits32(SecretStream& stream) {
    return static_cast<std::uint32_t>(stream.next_u64() >> 32);
}

/// Per group along the last axis: a draw when a group begins, then a value per element.
template <class Begin, class Value>
Filler grouped(const FillTarget& target, double group, Begin begin, Value value) {
    const auto length = static_cast<std::int64_t>(group);
    return one_by_one(
        target.dtype, [columns = target.columns, length, begin, value](std::int64_t index) mutable {
            if (index % columns % length == 0) {
                begin();
            }
            return value();
        });
}

Filler zero_groups(const FillParameters& p, const FillTarget& target, SecretStream& stream) {
    const Independent source(normal_quantiles(), p[2], 0);
    auto zero = std::make_shared<bool>(false);
    return grouped(
        target,
        p[0],
        [zero, &stream, fraction = p[1]] { *zero = stream.uniform() < fraction; },
        [zero, &stream, source] { return *zero ? 0.0 : source.at32(bits32(stream)); });
}

Filler constant_groups(const FillParameters& p, const FillTarget& target, SecretStream& stream) {
    const Independent source(normal_quantiles(), p[1], 0);
    auto value = std::make_shared<double>(0);
    return grouped(
        target,
        p[0],
        [value, &stream, source] { *value = source.at32(bits32(stream)); },
        [value] { return *value; });
}

Filler outlier(const FillParameters& p, const FillTarget& target, SecretStream& stream) {
    const Independent source(normal_quantiles(), p[0], 0);
    const auto every = static_cast<std::int64_t>(p[1]);
    const auto chosen = static_cast<std::int64_t>(
        stream.below(static_cast<std::uint64_t>(std::min(every, target.columns))));
    return one_by_one(
        target.dtype, [=, &stream, columns = target.columns, scale = p[2]](std::int64_t index) {
            const double value = source.at32(bits32(stream));
            return index % columns % every == chosen ? value * scale : value;
        });
}

Filler ramp(const FillTarget& target) {
    if (is_float(target.dtype)) {
        return one_by_one(target.dtype, [](std::int64_t index) {
            return static_cast<double>(index % 509 - 254) / 64;
        });
    }
    return [size = size_of(target.dtype)](std::int64_t first, std::span<std::byte> out) {
        for (std::size_t at = 0; at < out.size(); at += size, ++first) {
            std::memcpy(out.data() + at, &first, size);
        }
    };
}

/// One value that kernels get wrong. `mood` is drawn for 32 neighbours, so that blocks of only
/// tiny, only huge and of mixed values all occur; a NaN or infinity is one element in 128.
double special_value(DType dtype, std::uint32_t mood, bool nonfinite, std::uint64_t bits) {
    const double sign = (bits & 1U) != 0 ? -1.0 : 1.0;
    const auto kind = static_cast<std::uint32_t>(bits >> 1) & 7U;
    const double part = static_cast<double>(static_cast<std::uint32_t>(bits >> 32)) * k_unit;
    if (!is_float(dtype)) {
        const double most = largest(dtype);
        const double least = is_signed(dtype) ? -most - 1 : 0;
        const std::array<double, 8> values{
            0,
            1,
            is_signed(dtype) ? -1.0 : 2.0,
            most,
            least,
            most - 1,
            least + 1,
            std::nearbyint(least + part * (most - least))};
        return values[kind];
    }
    if (nonfinite && (bits >> 4 & 127U) == 0) {
        return kind < 4 ? std::numeric_limits<double>::quiet_NaN()
                        : sign * std::numeric_limits<double>::infinity();
    }
    const double unit = least_subnormal(dtype);
    const double subnormal = sign * unit * std::floor(1 + part * 127);
    const double huge = sign * largest(dtype) * (1 - part * part * 0.75);
    const double plain = sign * (0.25 + part * 3);
    switch (mood) {
        case 0: return kind == 0 ? sign * 0.0 : subnormal;
        case 1: return kind < 4 ? huge : plain;
        case 2: return kind < 3 ? sign * 0.0 : kind == 3 ? subnormal : plain;
        default:
            return kind == 0   ? sign * 0.0
                   : kind == 1 ? subnormal
                   : kind == 2 ? huge
                   : kind == 3 ? sign * unit * 0x1p12
                               : plain;
    }
}

Filler special(bool nonfinite, const FillTarget& target, SecretStream& stream) {
    return one_by_one(
        target.dtype,
        [&stream, nonfinite, dtype = target.dtype, mood = 0U](std::int64_t index) mutable {
            if (index % 32 == 0) {
                mood = static_cast<std::uint32_t>(stream.below(4));
            }
            return special_value(dtype, mood, nonfinite, stream.next_u64());
        });
}

Filler one_hot(const FillTarget& target, SecretStream& stream) {
    const auto hot = static_cast<std::int64_t>(
        stream.below(static_cast<std::uint64_t>(std::max<std::int64_t>(target.elements, 1))));
    return one_by_one(target.dtype, [hot](std::int64_t index) { return index == hot ? 1.0 : 0.0; });
}

Filler constant(double value, DType dtype) {
    std::array<std::byte, 8> element{};
    store(value, dtype, element.data());
    return [element, size = size_of(dtype)](std::int64_t /*first*/, std::span<std::byte> out) {
        // One element, then what is there is doubled.
        std::size_t done = std::min(size, out.size());
        std::memcpy(out.data(), element.data(), done);
        while (done < out.size()) {
            const std::size_t more = std::min({done, out.size() - done, std::size_t{1} << 20});
            std::memcpy(out.data() + done, out.data(), more);
            done += more;
        }
    };
}

}  // namespace

Result<Filler> make_filler(const Fill& fill, const FillTarget& target, SecretStream& stream) {
    KW_TRY_ASSIGN(const FillParameters p, read_fill_parameters(fill));
    const std::string_view name = fill.dist;
    if (name == "zero") {
        return constant(0, target.dtype);
    }
    if (name == "constant") {
        return constant(p[0], target.dtype);
    }
    if (name == "bytes") {
        return raw_bytes(stream);
    }
    if (name == "uniform") {
        return uniform(p[0], p[1], fill, target, stream);
    }
    if (name == "normal") {
        return independent({normal_quantiles(), p[1], p[0]}, target, stream);
    }
    if (name == "student_t") {
        return independent({student_t_quantiles(p[0]), p[1], 0}, target, stream);
    }
    if (name == "log_uniform") {
        if (p[0] > p[1]) {
            return config_error("log_uniform: lo is above hi");
        }
        return independent({log_uniform_quantiles(p[0], p[1]), 1, 0}, target, stream);
    }
    if (name == "outlier") {
        return outlier(p, target, stream);
    }
    if (name == "ties") {
        return one_by_one(target.dtype, [&stream, half = p[0] / 2](std::int64_t /*index*/) {
            return half * (2.0 * static_cast<double>(bits32(stream) >> 24) - 255);
        });
    }
    if (name == "special") {
        return special(p[0] != 0, target, stream);
    }
    if (name == "one_hot") {
        return one_hot(target, stream);
    }
    if (name == "ramp") {
        return ramp(target);
    }
    return name == "zero_groups" ? zero_groups(p, target, stream)
                                 : constant_groups(p, target, stream);
}

}  // namespace kw
