// SPDX-License-Identifier: Apache-2.0
// From a type's name in an opcode to a C++ type: with_integer(".s32", f) calls f with an int32_t.
#pragma once

#include "evaluator/device/emulated/engine/lane_loop.hpp"

#include <cstdint>
#include <string_view>
#include <type_traits>

namespace kw::emu {

/// f(value of the type) for ".u16" ... ".s64"; the binding that supports nothing for other names.
template <class F>
[[nodiscard]] Binding with_integer(std::string_view type, F&& f) {
    if (type == ".u16") {
        return f(std::uint16_t{});
    }
    if (type == ".s16") {
        return f(std::int16_t{});
    }
    if (type == ".u32") {
        return f(std::uint32_t{});
    }
    if (type == ".s32") {
        return f(std::int32_t{});
    }
    if (type == ".u64") {
        return f(std::uint64_t{});
    }
    if (type == ".s64") {
        return f(std::int64_t{});
    }
    return {};
}

/// The unsigned type of as many bits for ".b16", ".u16", ".s16", ".f16" ... ".f64".
template <class F>
[[nodiscard]] Binding with_bits(std::string_view type, F&& f) {
    if (type.ends_with("16")) {
        return f(std::uint16_t{});
    }
    if (type.ends_with("32")) {
        return f(std::uint32_t{});
    }
    if (type.ends_with("64")) {
        return f(std::uint64_t{});
    }
    return {};
}

/// In what arithmetic on T does not overflow into undefined behaviour: unsigned, at least 32 bits.
template <class T>
using Modular = std::conditional_t<(sizeof(T) < 4), std::uint32_t, std::make_unsigned_t<T>>;

/// The type of twice as many bits, of the same sign.
template <class T>
using Twice = std::conditional_t<
    sizeof(T) == 2,
    std::conditional_t<std::is_signed_v<T>, std::int32_t, std::uint32_t>,
    std::conditional_t<
        sizeof(T) == 4,
        std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>,
        std::conditional_t<std::is_signed_v<T>, i128, u128>>>;

}  // namespace kw::emu
