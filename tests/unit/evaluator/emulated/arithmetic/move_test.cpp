// SPDX-License-Identifier: Apache-2.0
// mov in every shape: the destination gets the source's bits, packed from the low end.
#include "evaluator/device/emulated/engine/lane_loop.hpp"
#include "tests/unit/evaluator/emulated/arithmetic/rig.hpp"

#include <array>

namespace kw::emu::test {

namespace {

constexpr std::uint32_t k_slot = 512;

/// Registers of chosen widths, and a mov between them.
struct Registers {
    alignas(64) std::array<std::byte, k_slot * 8> frame{};
    Warp warp;

    Registers() { warp.frame = frame.data(); }

    std::uint64_t get(std::uint32_t reg, unsigned bytes, int lane) {
        return bytes == 8 ? warp.lanes<std::uint64_t>(reg * k_slot)[lane]
                          : warp.lanes<std::uint32_t>(reg * k_slot)[lane];
    }
    void put(std::uint32_t reg, unsigned bytes, int lane, std::uint64_t value) {
        if (bytes == 8) {
            warp.lanes<std::uint64_t>(reg * k_slot)[lane] = value;
        } else {
            warp.lanes<std::uint32_t>(reg * k_slot)[lane] = static_cast<std::uint32_t>(value);
        }
    }
};

struct Shape {
    std::string type;
    unsigned bits;
    unsigned destinations;
    unsigned sources;
    std::vector<unsigned> bytes;  ///< of the lanes of every slot
    std::vector<bool> sink;       ///< of the destinations
};

std::uint64_t cut(std::uint64_t value, unsigned bits) {
    return bits == 64 ? value : value & ((std::uint64_t{1} << bits) - 1);
}

void check(const Shape& shape, Lanes active) {
    const Binding binding = binding_of("mov" + shape.type);
    const unsigned count = shape.destinations + shape.sources;
    REQUIRE(count >= binding.slots_min);
    REQUIRE(count <= binding.slots_max);
    Registers registers;
    Insn insn;
    std::vector<std::uint32_t> slots;
    for (unsigned i = 0; i < count; ++i) {
        const bool sink = i < shape.sink.size() && shape.sink[i];
        CHECK((!sink || ((binding.sinks >> i) & 1U) != 0));
        slots.push_back(sink ? k_no_slot : i * k_slot);
        insn.wide =
            static_cast<std::uint8_t>(insn.wide | (shape.bytes[i] == 8 && !sink ? 1U << i : 0U));
    }
    insn.slot = slots.data();
    insn.slots = static_cast<std::uint16_t>(count);
    insn.vector = static_cast<std::uint8_t>(shape.destinations);
    Random random{shape.bits + count};
    for (unsigned i = 0; i < count; ++i) {
        for (int lane = 0; lane < k_lanes; ++lane) {
            registers.put(i, shape.bytes[i], lane, random.next());
        }
    }
    Registers before = registers;
    before.warp.frame = before.frame.data();
    binding.run(insn, registers.warp, active);
    std::size_t wrong = 0;
    const unsigned part = shape.bits / shape.sources;
    const unsigned piece = shape.bits / shape.destinations;
    for (int lane = 0; lane < k_lanes; ++lane) {
        std::uint64_t whole = 0;
        for (unsigned i = 0; i < shape.sources; ++i) {
            const unsigned slot = shape.destinations + i;
            whole |= cut(before.get(slot, shape.bytes[slot], lane), part) << (i * part);
        }
        for (unsigned i = 0; i < shape.destinations; ++i) {
            const std::uint64_t got = registers.get(i, shape.bytes[i], lane);
            const std::uint64_t old = before.get(i, shape.bytes[i], lane);
            const bool written = ((active >> lane) & 1U) != 0 && slots[i] != k_no_slot;
            wrong += written ? cut(got, piece) != cut(whole >> (i * piece), piece) : got != old;
        }
    }
    INFO(shape.type << " " << shape.destinations << " from " << shape.sources);
    CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("arithmetic: mov copies packs and unpacks") {
    KW_GOLDEN("mov");
    const std::vector<Shape> shapes = {
        {".b16", 16, 1, 1, {4, 4}, {}},
        {".u16", 16, 1, 1, {4, 4}, {}},
        {".s16", 16, 1, 1, {4, 4}, {}},
        {".b32", 32, 1, 1, {4, 4}, {}},
        {".u32", 32, 1, 1, {4, 4}, {}},
        {".s32", 32, 1, 1, {4, 4}, {}},
        {".f32", 32, 1, 1, {4, 4}, {}},
        {".b64", 64, 1, 1, {8, 8}, {}},
        {".u64", 64, 1, 1, {8, 8}, {}},
        {".s64", 64, 1, 1, {8, 8}, {}},
        {".f64", 64, 1, 1, {8, 8}, {}},
        // An immediate may lie in lanes of the other width.
        {".b32", 32, 1, 1, {4, 8}, {}},
        {".b64", 32, 1, 1, {8, 4}, {}},
        {".b16", 16, 2, 1, {4, 4, 4}, {}},
        {".b16", 16, 1, 2, {4, 4, 4}, {}},
        {".b32", 32, 2, 1, {4, 4, 4}, {}},
        {".b32", 32, 1, 2, {4, 4, 4}, {}},
        {".b32", 32, 4, 1, {4, 4, 4, 4, 4}, {}},
        {".b32", 32, 1, 4, {4, 4, 4, 4, 4}, {}},
        {".b64", 64, 2, 1, {4, 4, 8}, {}},
        {".b64", 64, 1, 2, {8, 4, 4}, {}},
        {".b64", 64, 4, 1, {4, 4, 4, 4, 8}, {}},
        {".b64", 64, 1, 4, {8, 4, 4, 4, 4}, {}},
        {".b64", 64, 2, 1, {4, 4, 8}, {true, false}},
        {".b64", 64, 2, 1, {4, 4, 8}, {false, true}},
        {".b32", 32, 2, 1, {4, 4, 4}, {true, false}},
        {".b64", 64, 4, 1, {4, 4, 4, 4, 8}, {true, false, true, false}},
    };
    for (const Shape& shape : shapes) {
        check(shape, k_all_lanes);
        check(shape, 0x80000001U);
        check(shape, 0x0FF0CC35U);
    }
}

TEST_CASE("arithmetic: a sink where mov reads is harmless") {
    // No decoder lets it through; a handler must not read outside the frame all the same.
    for (const std::string type : {".b16", ".b32", ".b64"}) {
        const Binding binding = binding_of("mov" + type);
        for (std::uint8_t destinations = 1; destinations < 3; ++destinations) {
            Registers registers;
            const std::vector<std::uint32_t> slots = {0, k_no_slot, k_no_slot};
            Insn insn;
            insn.slot = slots.data();
            insn.slots = 3;
            insn.vector = destinations;
            binding.run(insn, registers.warp, k_all_lanes);
            insn.slots = 2;
            insn.vector = 1;
            binding.run(insn, registers.warp, k_all_lanes);
            CHECK(registers.get(0, 4, 7) == 0);
        }
    }
}

TEST_CASE("move: 128 bits are copied, packed of two halves and unpacked") {
    const Binding binding = binding_of("mov.b128");
    for (const Lanes active : {k_all_lanes, Lanes{0x0F0F3001}}) {
        for (const unsigned sources : {1U, 2U}) {
            for (const unsigned destinations : {1U, 2U}) {
                if (sources + destinations > binding.slots_max) {
                    continue;
                }
                Registers registers;
                Insn insn;
                const std::uint32_t slots[] = {0, k_slot, 2 * k_slot};
                insn.slot = slots;
                insn.slots = static_cast<std::uint16_t>(sources + destinations);
                insn.vector = static_cast<std::uint8_t>(destinations);
                // Words of 64 bits: lane by lane, low half first, whatever register has them.
                const auto word = [&registers](unsigned reg, unsigned parts, int lane, int half) {
                    const auto h = static_cast<unsigned>(half);
                    return registers.frame.data() + (parts == 2 ? reg + h : reg) * k_slot +
                           (parts == 2 ? 8 * lane : 16 * lane + 8 * half);
                };
                for (int lane = 0; lane < k_lanes; ++lane) {
                    for (int half = 0; half < 2; ++half) {
                        const std::uint64_t bits =
                            0x9E3779B97F4A7C15U * static_cast<std::uint64_t>(2 * lane + half + 1);
                        std::memcpy(word(destinations, sources, lane, half), &bits, 8);
                    }
                }
                binding.run(insn, registers.warp, active);
                for (int lane = 0; lane < k_lanes; ++lane) {
                    for (int half = 0; half < 2; ++half) {
                        std::uint64_t bits = 0;
                        std::memcpy(&bits, word(0, destinations, lane, half), 8);
                        const bool on = (active >> lane & 1) != 0;
                        CHECK(
                            bits == (on ? 0x9E3779B97F4A7C15U *
                                              static_cast<std::uint64_t>(2 * lane + half + 1)
                                        : 0));
                    }
                }
            }
        }
    }
}

}  // namespace kw::emu::test
