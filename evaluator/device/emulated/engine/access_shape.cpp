// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/access_shape.hpp"

#include <algorithm>

namespace kw::emu {
namespace {

constexpr std::uint32_t k_banks = 32;
constexpr std::uint64_t k_far = std::uint64_t{1} << 33;

constexpr std::array<Lanes, k_lanes> k_bit = [] {
    std::array<Lanes, k_lanes> bits{};
    for (std::size_t i = 0; i < k_lanes; ++i) {
        bits[i] = Lanes{1} << i;
    }
    return bits;
}();

/// Shared memory serves 32 banks of 4 bytes a pass. Accesses of 8 bytes go in two halves of the
/// warp, of 16 bytes in four quarters (as NVIDIA's tools count them); lanes that want the same word
/// share it. The words of a lane are spread over passes by the most wanted bank.
void measure_banks(AccessShape& shape) {
    const std::uint32_t words = std::max<std::uint32_t>(1, shape.bytes / 4);
    const int groups = static_cast<int>(std::min<std::uint32_t>(words, 8));
    const int group_lanes = k_lanes / groups;
    std::uint32_t total = 0;
    std::uint32_t ideal = 0;
    for (int g = 0; g < groups; ++g) {
        std::array<std::uint64_t, k_lanes> wanted{};
        std::size_t count = 0;
        for (int lane = g * group_lanes; lane < (g + 1) * group_lanes; ++lane) {
            if (((shape.lanes >> lane) & 1) == 0) {
                continue;
            }
            const std::uint64_t word =
                (shape.delta[static_cast<std::size_t>(lane)] + shape.odd) / 4;
            for (std::uint32_t w = 0; w < words && count < wanted.size(); ++w) {
                wanted[count++] = word + w;
            }
        }
        if (count == 0) {
            continue;
        }
        ++ideal;
        std::sort(wanted.begin(), wanted.begin() + static_cast<std::ptrdiff_t>(count));
        std::array<std::uint16_t, k_banks> load{};
        std::uint16_t most = 1;
        for (std::size_t i = 0; i < count; ++i) {
            if (i == 0 || wanted[i] != wanted[i - 1]) {
                most = std::max(most, ++load[wanted[i] % k_banks]);
            }
        }
        total += most;
    }
    shape.wavefronts = static_cast<std::uint16_t>(total);
    shape.excess = static_cast<std::uint16_t>(total - ideal);
}

/// The places that lanes touch; whether any two overlap.
void sort_places(AccessShape& shape) {
    std::uint32_t count = 0;
    bool ascending = true;
    for (Lanes left = shape.lanes; left != 0; left &= left - 1) {
        const auto lane = static_cast<std::size_t>(__builtin_ctz(left));
        shape.place[count] = static_cast<std::int64_t>(shape.delta[lane]);
        ascending = ascending && (count == 0 || shape.place[count] >= shape.place[count - 1]);
        ++count;
    }
    const auto begin = shape.place.begin();
    if (!ascending) {
        std::sort(begin, begin + count);
    }
    shape.overlapping = false;
    for (std::uint32_t i = 1; i < count; ++i) {
        shape.overlapping =
            shape.overlapping || shape.place[i] - shape.place[i - 1] < std::int64_t{shape.bytes};
    }
    shape.places = static_cast<std::uint32_t>(std::unique(begin, begin + count) - begin);
}

/// Parts the active lanes, in order, into runs.
void find_runs(AccessShape& shape) {
    shape.runs = 0;
    std::size_t before = k_lanes;  // the active lane before
    for (Lanes left = shape.lanes; left != 0; left &= left - 1) {
        const auto lane = static_cast<std::size_t>(__builtin_ctz(left));
        const std::uint64_t delta = shape.delta[lane];
        const bool equal = before != k_lanes && delta == shape.delta[before];
        const bool next = before + 1 == lane && delta - shape.delta[before] == shape.bytes;
        AccessRun* last = shape.runs == 0 ? nullptr : &shape.run[shape.runs - 1];
        const auto quad = static_cast<std::uint8_t>(1U << lane / 4);
        before = lane;
        if (last != nullptr && equal && (last->uniform || last->lanes == 1)) {
            last->uniform = true;
            last->quads |= quad;
            ++last->lanes;
        } else if (last != nullptr && next && !last->uniform) {
            last->quads |= quad;
            ++last->lanes;
        } else if (shape.runs == AccessShape::k_most_runs) {
            shape.runs = 0;
            return;
        } else {
            shape.run[shape.runs++] = {
                delta, static_cast<std::uint8_t>(lane), quad, 1, equal, equal};
        }
    }
}

}  // namespace

LineCount count_lines(const AccessShape& shape, std::uint64_t first) {
    LineCount out;
    out.phase = static_cast<std::uint16_t>(first % 128);
    const bool whole = shape.aligned && shape.bytes <= 32 && first % shape.bytes == 0;
    if (whole && shape.kind == AccessShape::Kind::uniform) {
        out.sectors = 1;
        out.lines = 1;
        return out;
    }
    if (whole && shape.kind == AccessShape::Kind::contiguous) {
        out.sectors = static_cast<std::uint16_t>((first % 32 + shape.above + 31) / 32);
        out.lines = static_cast<std::uint16_t>((first % 128 + shape.above + 127) / 128);
        return out;
    }
    std::uint64_t sector = ~std::uint64_t{0};
    std::uint64_t line = ~std::uint64_t{0};
    for (std::uint32_t i = 0; i < shape.places; ++i) {
        const std::uint64_t at = first + static_cast<std::uint64_t>(shape.place[i]);
        for (const std::uint64_t end : {at, at + shape.bytes - 1}) {
            out.sectors = static_cast<std::uint16_t>(out.sectors + (end / 32 != sector ? 1 : 0));
            out.lines = static_cast<std::uint16_t>(out.lines + (end / 128 != line ? 1 : 0));
            sector = end / 32;
            line = end / 128;
        }
    }
    return out;
}

KW_CLONES bool matches(
    const AccessShape& shape, const std::uint64_t* base, std::uint64_t first, Lanes lanes) {
    const std::uint64_t* from = std::assume_aligned<64>(base);
    std::uint64_t differs = 0;
    if (lanes == k_all_lanes) {
        for (std::size_t i = 0; i < k_lanes; ++i) {
            differs |= (from[i] - first) ^ shape.delta[i];
        }
    } else {
        for (std::size_t i = 0; i < k_lanes; ++i) {
            const std::uint64_t active = 0 - std::uint64_t{(lanes & k_bit[i]) != 0};
            differs |= ((from[i] - first) ^ shape.delta[i]) & active;
        }
    }
    return differs == 0;
}

KW_CLONES bool matches(
    const AccessShape& shape, const std::uint32_t* base, std::uint32_t first, Lanes lanes) {
    const std::uint32_t* from = std::assume_aligned<64>(base);
    std::uint32_t differs = 0;
    if (lanes == k_all_lanes) {
        for (std::size_t i = 0; i < k_lanes; ++i) {
            differs |= (from[i] - first) ^ shape.delta32[i];
        }
    } else {
        for (std::size_t i = 0; i < k_lanes; ++i) {
            const std::uint32_t active = 0 - std::uint32_t{(lanes & k_bit[i]) != 0};
            differs |= ((from[i] - first) ^ shape.delta32[i]) & active;
        }
    }
    return differs == 0;
}

void measure(AccessShape& shape, const std::uint64_t* address, Lanes lanes, std::uint32_t bytes) {
    const std::uint64_t first = address[__builtin_ctz(lanes)];
    shape.lanes = lanes;
    shape.bytes = bytes;
    shape.below = 0;
    shape.above = bytes;
    shape.compact = true;
    bool contiguous = lanes == k_all_lanes;
    bool uniform = true;
    std::uint64_t unaligned = 0;
    for (std::uint32_t lane = 0; lane < k_lanes; ++lane) {
        const std::uint64_t delta = address[lane] - first;
        shape.delta[lane] = delta;
        shape.delta32[lane] = static_cast<std::uint32_t>(delta);
        if (((lanes >> lane) & 1) == 0) {
            continue;
        }
        const auto distance = static_cast<std::int64_t>(delta);
        contiguous = contiguous && delta == std::uint64_t{lane} * bytes;
        uniform = uniform && delta == 0;
        unaligned |= delta & (bytes - 1);
        if (delta + k_far >= 2 * k_far) {
            shape.compact = false;
        } else if (distance < 0) {
            shape.below = std::max(shape.below, 0 - delta);
        } else {
            shape.above = std::max(shape.above, delta + bytes);
        }
    }
    shape.aligned = unaligned == 0;
    sort_places(shape);
    find_runs(shape);
    shape.kind = contiguous ? AccessShape::Kind::contiguous
                 : uniform  ? AccessShape::Kind::uniform
                            : AccessShape::Kind::scattered;
    shape.odd = static_cast<std::uint8_t>(first % 4);
    shape.known.fill(LineCount{});
    measure_banks(shape);
}

}  // namespace kw::emu
