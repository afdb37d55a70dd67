// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/tensor_maps.hpp"

#include <algorithm>

namespace kw::emulated {
namespace {

struct NamedType {
    std::string_view name;
    emu::TensorType type;
};
constexpr NamedType k_types[] = {
    {"u8", emu::TensorType::u8},
    {"i8", emu::TensorType::u8},
    {"u16", emu::TensorType::u16},
    {"i16", emu::TensorType::u16},
    {"u32", emu::TensorType::u32},
    {"i32", emu::TensorType::i32},
    {"u64", emu::TensorType::u64},
    {"i64", emu::TensorType::i64},
    {"f16", emu::TensorType::f16},
    {"bf16", emu::TensorType::bf16},
    {"f32", emu::TensorType::f32},
    {"f64", emu::TensorType::f64},
    {"f32_ftz", emu::TensorType::f32_ftz},
    {"tf32", emu::TensorType::tf32},
    {"tf32_ftz", emu::TensorType::tf32_ftz}};

constexpr std::string_view k_swizzles[] = {"none", "32B", "64B", "128B"};

}  // namespace

std::optional<emu::TensorMap> tensor_map_of(
    const cuda::EvaluatedTensorMap& map, std::uint64_t base) {
    const auto* type = std::ranges::find(k_types, map.dtype, &NamedType::name);
    const auto* swizzle = std::ranges::find(k_swizzles, map.swizzle);
    if (map.interleave != "none" || type == std::end(k_types) || swizzle == std::end(k_swizzles)) {
        return std::nullopt;
    }
    emu::TensorMap out;
    out.base = base;
    out.rank = static_cast<std::uint8_t>(map.dims.size());
    out.type = type->type;
    out.swizzle = static_cast<std::uint8_t>(swizzle - k_swizzles);
    out.fill = map.oob == "nan" ? emu::TensorFill::nan : emu::TensorFill::zero;
    for (std::size_t i = 0; i < map.dims.size(); ++i) {
        out.last[i] = static_cast<std::uint32_t>(map.dims[i] - 1);
        out.box[i] = static_cast<std::uint16_t>(map.box[i]);
        out.step[i] = static_cast<std::uint8_t>(map.element_strides[i]);
    }
    std::ranges::copy(map.strides, out.strides.begin());
    return out;
}

}  // namespace kw::emulated
