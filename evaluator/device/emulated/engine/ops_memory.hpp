// SPDX-License-Identifier: Apache-2.0
// What loads, stores and atomics have in common: the bits of Insn::mods, their types.
#pragma once

#include "evaluator/device/emulated/engine/access.hpp"

namespace kw::emu {

inline constexpr std::uint32_t k_window_bits = 7;  ///< a Window
inline constexpr std::uint32_t k_strong_bit = 8;
inline constexpr std::uint32_t k_signed_bit = 16;
inline constexpr std::uint32_t k_release_bit = 32;  ///< publishes without a fence of its own

[[nodiscard]] inline Window window_of(const Insn& insn) {
    return static_cast<Window>(insn.mods & k_window_bits);
}
[[nodiscard]] inline Order order_of(const Insn& insn) {
    return (insn.mods & k_strong_bit) != 0 ? Order::strong : Order::plain;
}

/// Window, class of work, strength of a matched ld, st, atom or red.
struct MemoryForm {
    Window window = Window::generic;
    Work work = Work::generic;
    std::uint32_t mods = 0;
    int bytes = 0;  ///< of an element
    bool is_signed = false;
    int vector = 1;
    bool hint = false;  ///< a cache policy operand follows
};
[[nodiscard]] MemoryForm memory_form(const Match& match);

/// A strong store or atomic is about to be made visible: it publishes what came before a fence.
void publish(WarpState& warp, const Insn& insn, const Reach& reach);
/// A strong load or atomic takes over what was published.
void acquire(WarpState& warp, const Reach& reach);

}  // namespace kw::emu
