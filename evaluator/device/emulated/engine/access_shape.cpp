// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/access_shape.hpp"

#include <algorithm>

namespace kw::emu {
namespace {

constexpr std::uint32_t k_banks = 32;
constexpr std::uint64_t k_far = std::uint64_t{1} << 33;

std::uint16_t distinct(std::array<std::uint64_t, k_lanes * 2>& values, std::size_t count) {
    std::sort(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(count));
    const auto end =
        std::unique(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(count));
    return static_cast<std::uint16_t>(end - values.begin());
}

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
                (shape.delta[static_cast<std::size_t>(lane)] + (shape.phase & 3)) / 4;
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

/// Lanes in any order: whether two of them touch the same bytes.
bool overlap(const AccessShape& shape) {
    std::array<std::int64_t, k_lanes> sorted{};
    std::size_t count = 0;
    for (std::size_t lane = 0; lane < k_lanes; ++lane) {
        if (((shape.lanes >> lane) & 1) != 0) {
            sorted[count++] = static_cast<std::int64_t>(shape.delta[lane]);
        }
    }
    std::sort(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(count));
    for (std::size_t i = 1; i < count; ++i) {
        if (sorted[i] - sorted[i - 1] < std::int64_t{shape.bytes}) {
            return true;
        }
    }
    return false;
}

}  // namespace

void measure_lines(AccessShape& shape, std::uint64_t first) {
    shape.phase = first % 128;
    if (shape.kind == AccessShape::Kind::contiguous && shape.aligned) {
        shape.sectors = static_cast<std::uint16_t>((first % 32 + shape.above + 31) / 32);
        shape.lines = static_cast<std::uint16_t>((first % 128 + shape.above + 127) / 128);
        return;
    }
    const std::uint64_t last = shape.bytes - 1;
    if (shape.ascending && shape.bytes <= 32 && shape.aligned && first % shape.bytes == 0) {
        std::uint32_t sectors = 1;
        std::uint32_t lines = 1;
        std::uint64_t before = first;
        for (int lane = 0; lane < k_lanes; ++lane) {
            if (((shape.lanes >> lane) & 1) != 0) {
                const std::uint64_t at = first + shape.delta[static_cast<std::size_t>(lane)];
                sectors += at / 32 != before / 32 ? 1 : 0;
                lines += at / 128 != before / 128 ? 1 : 0;
                before = at;
            }
        }
        shape.sectors = static_cast<std::uint16_t>(sectors);
        shape.lines = static_cast<std::uint16_t>(lines);
        return;
    }
    std::array<std::uint64_t, k_lanes * 2> sectors{};
    std::array<std::uint64_t, k_lanes * 2> lines{};
    std::size_t count = 0;
    for (int lane = 0; lane < k_lanes; ++lane) {
        if (((shape.lanes >> lane) & 1) != 0) {
            const std::uint64_t at = first + shape.delta[static_cast<std::size_t>(lane)];
            for (const std::uint64_t end : {at, at + last}) {
                sectors[count] = end / 32;
                lines[count++] = end / 128;
            }
        }
    }
    shape.sectors = distinct(sectors, count);
    shape.lines = distinct(lines, count);
}

void measure(AccessShape& shape, const std::uint64_t* address, Lanes lanes, std::uint32_t bytes) {
    const std::uint64_t first = address[__builtin_ctz(lanes)];
    shape.lanes = lanes;
    shape.bytes = bytes;
    shape.ascending = true;
    shape.below = 0;
    shape.above = bytes;
    shape.compact = true;
    bool contiguous = lanes == k_all_lanes;
    bool uniform = true;
    std::uint64_t unaligned = 0;
    std::int64_t before = 0;
    shape.overlapping = false;
    bool any = false;
    for (std::uint32_t lane = 0; lane < k_lanes; ++lane) {
        const std::uint64_t delta = address[lane] - first;
        shape.delta[lane] = delta;
        if (((lanes >> lane) & 1) == 0) {
            continue;
        }
        const auto distance = static_cast<std::int64_t>(delta);
        contiguous = contiguous && delta == std::uint64_t{lane} * bytes;
        uniform = uniform && delta == 0;
        unaligned |= delta & (bytes - 1);
        shape.ascending = shape.ascending && distance >= before;
        shape.overlapping = shape.overlapping || (any && distance - before < std::int64_t{bytes});
        any = true;
        before = distance;
        if (delta + k_far >= 2 * k_far) {
            shape.compact = false;
        } else if (distance < 0) {
            shape.below = std::max(shape.below, 0 - delta);
        } else {
            shape.above = std::max(shape.above, delta + bytes);
        }
    }
    shape.aligned = unaligned == 0;
    if (shape.overlapping && !shape.ascending) {
        shape.overlapping = overlap(shape);
    }
    shape.kind = contiguous ? AccessShape::Kind::contiguous
                 : uniform  ? AccessShape::Kind::uniform
                            : AccessShape::Kind::scattered;
    measure_lines(shape, first);
    measure_banks(shape);
}

}  // namespace kw::emu
