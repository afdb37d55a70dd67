// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/tensor_map.hpp"

#include <algorithm>

namespace kw::emu {
namespace {

constexpr std::uint32_t k_most_box = 256;
constexpr std::uint32_t k_most_step = 8;
constexpr std::uint64_t k_most_stride = std::uint64_t{1} << 40;
/// Of a box in shared memory: more than any block has.
constexpr std::uint64_t k_most_footprint = std::uint64_t{1} << 20;

std::uint32_t counted(const TensorMap& map, std::size_t dim) {
    // Without interleaving the innermost dim has no element stride.
    const std::uint32_t step = dim == 0 ? 1 : map.step[dim];
    return (map.box[dim] + step - 1) / step;
}

const char* problem_of_dims(const TensorMap& map) {
    for (std::size_t i = 0; i < k_tensor_dims; ++i) {
        if (i >= map.rank) {
            if (map.last[i] != 0 || map.box[i] != 0 || map.step[i] != 0 ||
                map.strides[i - 1] != 0) {
                return "it has entries for dims that it does not have";
            }
            continue;
        }
        if (map.box[i] == 0 || map.box[i] > k_most_box) {
            return "its box is not from 1 to 256 elements";
        }
        if (map.step[i] == 0 || map.step[i] > k_most_step) {
            return "its element strides are not from 1 to 8";
        }
        if (i > 0 &&
            (map.strides[i - 1] % k_copy_unit != 0 || map.strides[i - 1] >= k_most_stride)) {
            return "its strides are no multiples of 16 bytes below 2^40";
        }
    }
    return "";
}

}  // namespace

std::uint32_t element_bytes(TensorType type) {
    switch (type) {
        case TensorType::u8: return 1;
        case TensorType::u16:
        case TensorType::f16:
        case TensorType::bf16: return 2;
        case TensorType::u64:
        case TensorType::i64:
        case TensorType::f64: return 8;
        default: return 4;
    }
}

const char* problem_of(const TensorMap& map) {
    if (map.magic != k_tensor_magic) {
        return "it is no tensor map";
    }
    if (map.rank == 0 || map.rank > k_tensor_dims || map.type >= TensorType::count ||
        map.swizzle > 3 || map.interleave != 0 || map.fill > TensorFill::nan ||
        map.reserved != decltype(map.reserved){}) {
        return "its fields are out of range";
    }
    if (map.base % k_copy_unit != 0) {
        return "its address is no multiple of 16";
    }
    if (const char* problem = problem_of_dims(map); *problem != 0) {
        return problem;
    }
    const std::uint32_t row = map.box[0] * element_bytes(map.type);
    if (row % k_copy_unit != 0 || (map.swizzle != 0 && row > k_copy_unit << map.swizzle)) {
        return "its innermost box does not fit the swizzle or is no multiple of 16 bytes";
    }
    std::uint64_t footprint = map.swizzle != 0 ? k_copy_unit << map.swizzle : row;
    for (std::size_t i = 1; i < map.rank; ++i) {
        footprint *= counted(map, i);
        if (footprint > k_most_footprint) {
            return "its box is larger than shared memory";
        }
    }
    return "";
}

TensorBox::TensorBox(const TensorMap& map, const std::array<std::int32_t, k_tensor_dims>& at)
    : map_(map)
    , element_(element_bytes(map.type))
    , swizzle_((1U << map.swizzle) - 1) {
    for (std::size_t i = 0; i < map.rank; ++i) {
        at_[i] = at[i];
        count_[i] = counted(map, i);
        rows_ *= i == 0 ? 1 : count_[i];
    }
    row_bytes_ = count_[0] * element_;
    pitch_ = map.swizzle == 0 ? row_bytes_ : k_copy_unit << map.swizzle;
}

TensorBox::Inside TensorBox::inside(std::uint32_t row) const {
    const std::int64_t extent = std::int64_t{map_.last[0]} + 1;
    const std::int64_t first = std::max<std::int64_t>(0, -at_[0]);
    const std::int64_t end = std::min<std::int64_t>(count_[0], extent - at_[0]);
    if (first >= end) {
        return {};
    }
    // Unsigned: whatever the map says, the address wraps and is checked where it is used.
    std::uint64_t address = map_.base + static_cast<std::uint64_t>(at_[0] + first) * element_;
    for (std::size_t i = 1; i < map_.rank; ++i) {
        const std::int64_t x = at_[i] + std::int64_t{row % count_[i]} * map_.step[i];
        row /= count_[i];
        if (x < 0 || x > std::int64_t{map_.last[i]}) {
            return {};
        }
        address += static_cast<std::uint64_t>(x) * map_.strides[i - 1];
    }
    return {
        static_cast<std::uint32_t>(first) * element_,
        static_cast<std::uint32_t>(end) * element_,
        address};
}

}  // namespace kw::emu
