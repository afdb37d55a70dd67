// SPDX-License-Identifier: Apache-2.0
#include "db/pack.hpp"

#include <nlohmann/json.hpp>
#include <zstd.h>

#include <bit>
#include <limits>
#include <memory>
#include <optional>

namespace kw::db {

namespace {

constexpr int k_zstd_level = 6;
constexpr std::byte k_samples_version{1};
constexpr std::size_t k_sample_bytes = 2 * sizeof(double) + 2;
constexpr std::size_t k_json_limit = std::size_t{1} << 20;

Error unreadable(const std::string& why) {
    return {Errc::database, why, "the row was damaged or made by another program"};
}

Result<Bytes> compress(std::span<const std::byte> plain, std::size_t prefix) {
    if (plain.size() > k_unpacked_limit) {
        return Error{
            Errc::database,
            "a text of " + std::to_string(plain.size()) + " bytes is over the limit of " +
                std::to_string(k_unpacked_limit),
            ""};
    }
    // A context takes longer to set up than a kernel's source to compress: one a thread is kept.
    struct Free {
        void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
    };
    thread_local const std::unique_ptr<ZSTD_CCtx, Free> context(ZSTD_createCCtx());
    KW_CHECK(context != nullptr);
    Bytes out(prefix + ZSTD_compressBound(plain.size()));
    const std::size_t size = ZSTD_compressCCtx(
        context.get(),
        out.data() + prefix,
        out.size() - prefix,
        plain.data(),
        plain.size(),
        k_zstd_level);
    KW_CHECK(ZSTD_isError(size) == 0);
    out.resize(prefix + size);
    return out;
}

/// The size that a frame claims, if it is one frame and within the limit.
Result<std::size_t> claimed_size(std::span<const std::byte> packed, std::size_t limit) {
    const unsigned long long claimed = ZSTD_getFrameContentSize(packed.data(), packed.size());
    if (claimed == ZSTD_CONTENTSIZE_ERROR || claimed == ZSTD_CONTENTSIZE_UNKNOWN) {
        return unreadable("a blob is not a sized zstd frame");
    }
    if (claimed > limit) {
        return unreadable("a blob unpacks to more than " + std::to_string(limit) + " bytes");
    }
    return static_cast<std::size_t>(claimed);
}

/// `out` has the claimed size; the frame may not hold more or less.
Result<void> decompress(std::span<const std::byte> packed, std::span<std::byte> out) {
    const std::size_t size = ZSTD_decompress(out.data(), out.size(), packed.data(), packed.size());
    if (ZSTD_isError(size) != 0 || size != out.size()) {
        return unreadable("a blob does not unpack");
    }
    return {};
}

void write_plane(Bytes& out, std::size_t& at, std::uint64_t bits, std::size_t count) {
    for (std::size_t plane = 0; plane < sizeof bits; ++plane) {
        out[at + plane * count] = static_cast<std::byte>(bits >> (8 * plane) & 0xff);
    }
    ++at;
}

double read_plane(const Bytes& in, std::size_t at, std::size_t count) {
    std::uint64_t bits = 0;
    for (std::size_t plane = 0; plane < sizeof bits; ++plane) {
        bits |= std::to_integer<std::uint64_t>(in[at + plane * count]) << (8 * plane);
    }
    return std::bit_cast<double>(bits);
}

template <class Map>
std::string dump(const Map& map) {
    using nlohmann::json;
    return json(map).dump(-1, ' ', false, json::error_handler_t::replace);
}

std::optional<std::int64_t> integer_within(
    const nlohmann::json& value, std::int64_t least, std::int64_t most) {
    if (!value.is_number_integer() ||
        (value.is_number_unsigned() &&
         value.get<std::uint64_t>() > static_cast<std::uint64_t>(most))) {
        return std::nullopt;
    }
    const auto number = value.get<std::int64_t>();
    return number < least || number > most ? std::nullopt : std::optional(number);
}

template <class Map>
Result<void> parse(const std::string& text, Map& map) {
    using Value = typename Map::mapped_type;
    using nlohmann::json;
    if (text.size() > k_json_limit) {
        return unreadable("a JSON column is too long");
    }
    const json parsed = json::parse(text, nullptr, false);
    if (!parsed.is_object()) {
        return unreadable("a JSON column is not an object");
    }
    map.clear();
    for (const auto& [key, value] : parsed.items()) {
        const auto number = integer_within(
            value, std::numeric_limits<Value>::min(), std::numeric_limits<Value>::max());
        if (!number) {
            return unreadable("a JSON column holds something else than integers");
        }
        map[key] = static_cast<Value>(*number);
    }
    return {};
}

}  // namespace

Result<Bytes> pack_text(std::string_view text) {
    return compress(std::as_bytes(std::span(text.data(), text.size())), 0);
}

Result<std::string> unpack_text(std::span<const std::byte> packed, std::size_t limit) {
    KW_TRY_ASSIGN(const std::size_t size, claimed_size(packed, limit));
    std::string out(size, '\0');
    KW_TRY(decompress(packed, std::as_writable_bytes(std::span(out.data(), out.size()))));
    return out;
}

Result<Bytes> pack_samples(const std::vector<Sample>& samples) {
    const std::size_t count = samples.size();
    Bytes plain(count * k_sample_bytes);
    std::size_t baseline = 0;
    std::size_t candidate = count * sizeof(double);
    std::size_t tail = 2 * count * sizeof(double);
    for (const Sample& sample : samples) {
        write_plane(plain, baseline, std::bit_cast<std::uint64_t>(sample.baseline_ns), count);
        write_plane(plain, candidate, std::bit_cast<std::uint64_t>(sample.candidate_ns), count);
        plain[tail] = std::byte{sample.placement};
        plain[tail + count] = std::byte{sample.order};
        ++tail;
    }
    KW_TRY_ASSIGN(Bytes packed, compress(plain, 1));
    packed[0] = k_samples_version;
    return packed;
}

Result<std::vector<Sample>> unpack_samples(std::span<const std::byte> packed) {
    if (packed.empty() || packed[0] != k_samples_version) {
        return unreadable("samples are of an unknown version");
    }
    packed = packed.subspan(1);
    KW_TRY_ASSIGN(const std::size_t size, claimed_size(packed, k_unpacked_limit));
    if (size % k_sample_bytes != 0) {
        return unreadable("a list of samples has a broken end");
    }
    Bytes plain(size);
    KW_TRY(decompress(packed, plain));
    const std::size_t count = size / k_sample_bytes;
    const std::size_t tail = 2 * count * sizeof(double);
    std::vector<Sample> samples(count);
    for (std::size_t i = 0; i < count; ++i) {
        samples[i].baseline_ns = read_plane(plain, i, count);
        samples[i].candidate_ns = read_plane(plain, count * sizeof(double) + i, count);
        samples[i].placement = std::to_integer<std::uint8_t>(plain[tail + i]);
        samples[i].order = std::to_integer<std::uint8_t>(plain[tail + count + i]);
    }
    return samples;
}

std::string json_of(const std::map<std::string, int>& counts) {
    return dump(counts);
}
std::string json_of(const DimMap& dims) {
    return dump(dims);
}

Result<void> from_json(const std::string& json, std::map<std::string, int>& counts) {
    return parse(json, counts);
}

Result<void> from_json(const std::string& json, DimMap& dims) {
    return parse(json, dims);
}

}  // namespace kw::db
