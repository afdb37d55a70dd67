// SPDX-License-Identifier: Apache-2.0
// Sums and products of several words through the carry flags, against 128-bit arithmetic.
#include "evaluator/device/emulated/engine/lane_loop.hpp"
#include "tests/unit/evaluator/emulated/arithmetic/rig.hpp"

#include <array>

namespace kw::emu::test {

namespace {

__extension__ using unsigned_wide = unsigned __int128;

constexpr std::uint32_t k_slot = 512;

/// A warp with registers r0, r1 ... of 8-byte slots that keeps its flags from one to the next.
struct Chain {
    alignas(64) std::array<std::byte, k_slot * 16> frame{};
    Warp warp;

    Chain() { warp.frame = frame.data(); }

    template <class T>
    T* lanes(std::uint32_t reg) {
        return warp.lanes<T>(reg * k_slot);
    }
    void run(std::string_view opcode, std::vector<std::uint32_t> registers, Lanes active) {
        const Binding binding = binding_of(opcode);
        REQUIRE(registers.size() >= binding.slots_min);
        REQUIRE(registers.size() <= binding.slots_max);
        for (std::uint32_t& reg : registers) {
            reg *= k_slot;
        }
        Insn insn;
        insn.slot = registers.data();
        insn.slots = static_cast<std::uint16_t>(registers.size());
        insn.mods = binding.mods;
        binding.run(insn, warp, active);
    }
};

unsigned_wide join(std::uint64_t low, std::uint64_t high) {
    return (static_cast<unsigned_wide>(high) << 64) | low;
}

}  // namespace

TEST_CASE("arithmetic: carries and borrows run through words and stay with their lanes") {
    KW_GOLDEN("add_carry");
    KW_GOLDEN("addc");
    const auto low = some_integers<std::uint64_t>(2048, 1);
    const auto high = some_integers<std::uint64_t>(2048, 2);
    const auto low2 = some_integers<std::uint64_t>(2048, 3);
    const auto high2 = some_integers<std::uint64_t>(2048, 4);
    constexpr Lanes mask = 0xF0F0A5A5U;
    std::size_t wrong = 0;
    for (std::size_t first = 0; first < low.size(); first += k_lanes) {
        for (const bool subtract : {false, true}) {
            Chain chain;
            chain.warp.carry = 0x12345678U;
            for (std::uint32_t i = 0; i < k_lanes; ++i) {
                chain.lanes<std::uint64_t>(0)[i] = low[first + i];
                chain.lanes<std::uint64_t>(1)[i] = high[first + i];
                chain.lanes<std::uint64_t>(2)[i] = low2[first + i];
                chain.lanes<std::uint64_t>(3)[i] = high2[first + i];
            }
            chain.run(subtract ? "sub.cc.u64" : "add.cc.u64", {4, 0, 2}, mask);
            CHECK((chain.warp.carry & ~mask) == (0x12345678U & ~mask));
            chain.run(subtract ? "subc.cc.u64" : "addc.cc.u64", {5, 1, 3}, mask);
            chain.run(subtract ? "subc.u64" : "addc.s64", {6, 7, 7}, mask);
            for (std::uint32_t i = 0; i < k_lanes; ++i) {
                const unsigned_wide a = join(low[first + i], high[first + i]);
                const unsigned_wide b = join(low2[first + i], high2[first + i]);
                const unsigned_wide sum = subtract ? a - b : a + b;
                const bool flag = subtract ? a < b : sum < a;
                const bool active = ((mask >> i) & 1U) != 0;
                const std::uint64_t top = flag ? (subtract ? ~std::uint64_t{0} : 1) : 0;
                wrong += chain.lanes<std::uint64_t>(4)[i] !=
                         (active ? static_cast<std::uint64_t>(sum) : 0);
                wrong += chain.lanes<std::uint64_t>(5)[i] !=
                         (active ? static_cast<std::uint64_t>(sum >> 64) : 0);
                wrong += chain.lanes<std::uint64_t>(6)[i] != (active ? top : 0);
            }
        }
    }
    CHECK(wrong == 0);
}

TEST_CASE("arithmetic: the 64-bit product of the manual comes out of 32-bit steps") {
    KW_GOLDEN("mad_carry");
    KW_GOLDEN("madc");
    const auto a = some_integers<std::uint64_t>(2048, 5);
    const auto b = some_integers<std::uint64_t>(2048, 6);
    std::size_t wrong = 0;
    for (std::size_t first = 0; first < a.size(); first += k_lanes) {
        Chain chain;  // r4 r5: a, r6 r7: b, r8: 0
        for (std::uint32_t i = 0; i < k_lanes; ++i) {
            chain.lanes<std::uint32_t>(4)[i] = static_cast<std::uint32_t>(a[first + i]);
            chain.lanes<std::uint32_t>(5)[i] = static_cast<std::uint32_t>(a[first + i] >> 32);
            chain.lanes<std::uint32_t>(6)[i] = static_cast<std::uint32_t>(b[first + i]);
            chain.lanes<std::uint32_t>(7)[i] = static_cast<std::uint32_t>(b[first + i] >> 32);
        }
        chain.run("mul.lo.u32", {0, 4, 6}, k_all_lanes);
        chain.run("mul.hi.u32", {1, 4, 6}, k_all_lanes);
        chain.run("mad.lo.cc.u32", {1, 5, 6, 1}, k_all_lanes);
        chain.run("madc.hi.u32", {2, 5, 6, 8}, k_all_lanes);
        chain.run("mad.lo.cc.u32", {1, 4, 7, 1}, k_all_lanes);
        chain.run("madc.hi.cc.u32", {2, 4, 7, 2}, k_all_lanes);
        chain.run("addc.u32", {3, 8, 8}, k_all_lanes);
        chain.run("mad.lo.cc.u32", {2, 5, 7, 2}, k_all_lanes);
        chain.run("madc.hi.u32", {3, 5, 7, 3}, k_all_lanes);
        for (std::uint32_t i = 0; i < k_lanes; ++i) {
            const auto product = static_cast<unsigned_wide>(a[first + i]) * b[first + i];
            for (std::uint32_t word = 0; word < 4; ++word) {
                wrong += chain.lanes<std::uint32_t>(word)[i] !=
                         static_cast<std::uint32_t>(product >> (32 * word));
            }
        }
    }
    CHECK(wrong == 0);
}

TEST_CASE("arithmetic: the high half of a signed product with carry is signed") {
    const auto a = some_integers<std::int64_t>(1024, 7);
    const auto b = some_integers<std::int64_t>(1024, 8);
    __extension__ using wide = __int128;
    std::size_t wrong = 0;
    for (std::size_t first = 0; first < a.size(); first += k_lanes) {
        Chain chain;
        for (std::uint32_t i = 0; i < k_lanes; ++i) {
            chain.lanes<std::int64_t>(0)[i] = a[first + i];
            chain.lanes<std::int64_t>(1)[i] = b[first + i];
            chain.lanes<std::int64_t>(2)[i] = -1;
        }
        chain.run("mad.lo.cc.s64", {3, 0, 1, 2}, k_all_lanes);
        chain.run("madc.hi.s64", {4, 0, 1, 2}, k_all_lanes);
        for (std::uint32_t i = 0; i < k_lanes; ++i) {
            // product + 2^128 - 1, both words all ones.
            const wide expected = wide{a[first + i]} * b[first + i] - 1;
            wrong += chain.lanes<std::int64_t>(3)[i] != static_cast<std::int64_t>(expected);
            wrong += chain.lanes<std::int64_t>(4)[i] != static_cast<std::int64_t>(expected >> 64);
        }
    }
    CHECK(wrong == 0);
}

}  // namespace kw::emu::test
