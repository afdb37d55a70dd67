// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/evaluator/emulated/arithmetic/rig.hpp"

#include "evaluator/device/emulated/engine/lane_loop.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace kw::emu::test {

namespace {

constexpr std::size_t k_slot_bytes = 512;
constexpr std::size_t k_most_slots = 7;

struct Frame {
    alignas(64) std::array<std::byte, k_slot_bytes * k_most_slots> bytes{};
};

void put(Warp& warp, std::uint32_t slot, Width width, int lane, std::uint64_t value, Random& junk) {
    switch (width) {
        case Width::predicate: {
            Lanes& mask = warp.predicate(slot);
            mask = (mask & ~k_lane_bit[static_cast<std::size_t>(lane)]) |
                   (value != 0 ? k_lane_bit[static_cast<std::size_t>(lane)] : 0U);
            break;
        }
        case Width::w64: warp.lanes<std::uint64_t>(slot)[lane] = value; break;
        case Width::w16:
            warp.lanes<std::uint32_t>(slot)[lane] =
                static_cast<std::uint32_t>((value & 0xFFFFU) | (junk.next() << 16));
            break;
        default: warp.lanes<std::uint32_t>(slot)[lane] = static_cast<std::uint32_t>(value);
    }
}

std::uint64_t get(Warp& warp, std::uint32_t slot, Width width, int lane) {
    switch (width) {
        case Width::predicate: return (warp.predicate(slot) >> lane) & 1U;
        case Width::w64: return warp.lanes<std::uint64_t>(slot)[lane];
        case Width::w16: return warp.lanes<std::uint32_t>(slot)[lane] & 0xFFFFU;
        default: return warp.lanes<std::uint32_t>(slot)[lane];
    }
}

/// An instruction with slots of its own, results first.
struct Set {
    std::vector<std::uint32_t> slots;
    Insn insn;

    Set(const Binding& binding,
        const std::vector<Width>& results,
        const std::vector<Column>& sources) {
        std::vector<Width> widths = results;
        for (const Column& source : sources) {
            widths.push_back(source.width);
        }
        for (std::size_t i = 0; i < widths.size(); ++i) {
            slots.push_back(static_cast<std::uint32_t>(i * k_slot_bytes));
            const bool source = i >= results.size();
            const bool negated = source && sources[i - results.size()].negated;
            if (widths[i] == Width::w64 || negated) {
                insn.wide = static_cast<std::uint8_t>(insn.wide | (1U << i));
            }
        }
        insn.run = binding.run;
        insn.mods = binding.mods;
        insn.slot = slots.data();
        insn.slots = static_cast<std::uint16_t>(slots.size());
        insn.vector = static_cast<std::uint8_t>(results.size());
        REQUIRE(insn.slots >= binding.slots_min);
        REQUIRE(insn.slots <= binding.slots_max);
    }
};

using Results = std::vector<std::vector<std::uint64_t>>;

struct Outcome {
    Results all;                ///< every lane active
    std::size_t touched = 0;    ///< lanes that a mask should have kept
    std::size_t differing = 0;  ///< lanes where a mask changed the result
};

void run_rows(
    const Set& set,
    const std::vector<Width>& results,
    const std::vector<Column>& sources,
    std::size_t first,
    Outcome& outcome) {
    const std::size_t count = sources.empty() ? 0 : sources[0].values.size();
    Frame frame;
    Warp warp;
    warp.frame = frame.bytes.data();
    Random junk{first + 1};
    const auto load = [&] {
        for (std::size_t i = 0; i < sources.size(); ++i) {
            for (int lane = 0; lane < k_lanes; ++lane) {
                const std::size_t at = std::min(first + static_cast<std::size_t>(lane), count - 1);
                put(warp,
                    set.slots[results.size() + i],
                    sources[i].width,
                    lane,
                    sources[i].values[at],
                    junk);
            }
        }
    };
    load();
    const Frame before = frame;
    const auto mask = static_cast<Lanes>(junk.next()) | 1U;
    set.insn.run(set.insn, warp, mask);
    Frame masked = frame;
    Warp look;
    look.frame = masked.bytes.data();
    frame = before;
    set.insn.run(set.insn, warp, k_all_lanes);
    for (std::size_t r = 0; r < results.size(); ++r) {
        for (int lane = 0; lane < k_lanes; ++lane) {
            const std::size_t at = first + static_cast<std::size_t>(lane);
            if (at >= count) {
                break;
            }
            const std::uint64_t value = get(warp, set.slots[r], results[r], lane);
            outcome.all[r].push_back(value);
            const std::uint64_t there = get(look, set.slots[r], results[r], lane);
            if (((mask >> lane) & 1U) != 0) {
                outcome.differing += there != value ? 1U : 0U;
            } else {
                outcome.touched += there != 0 ? 1U : 0U;
            }
        }
    }
}

Outcome run_with(
    std::string_view opcode,
    const std::vector<Width>& results,
    const std::vector<Column>& sources) {
    const Binding binding = binding_of(opcode);
    REQUIRE(binding.run != nullptr);
    const Set set(binding, results, sources);
    Outcome outcome;
    outcome.all.resize(results.size());
    for (std::size_t first = 0; first < sources[0].values.size(); first += k_lanes) {
        run_rows(set, results, sources, first, outcome);
    }
    return outcome;
}

/// Once more with the result in the first source's register.
Results run_in_place(
    std::string_view opcode,
    const std::vector<Width>& results,
    const std::vector<Column>& sources) {
    const Binding binding = binding_of(opcode);
    Set set(binding, results, sources);
    set.slots[0] = set.slots[results.size()];
    Outcome outcome;
    outcome.all.resize(results.size());
    const std::size_t rows = std::min<std::size_t>(sources[0].values.size(), 256);
    std::vector<Column> some = sources;
    for (Column& column : some) {
        column.values.resize(rows);
    }
    for (std::size_t first = 0; first < rows; first += k_lanes) {
        run_rows(set, results, some, first, outcome);
    }
    return outcome.all;
}

}  // namespace

Column predicates(const std::vector<bool>& values) {
    Column column;
    column.width = Width::predicate;
    for (const bool value : values) {
        column.values.push_back(value ? 1 : 0);
    }
    return column;
}

Binding binding_of(std::string_view opcode) {
    const std::optional<Resolved> resolved = resolve(opcode);
    INFO(opcode);
    REQUIRE(resolved.has_value());
    return opcode_rows()[resolved->row].bind(resolved->match);
}

std::vector<std::vector<std::uint64_t>> run_opcode(
    std::string_view opcode,
    const std::vector<Width>& results,
    const std::vector<Column>& sources) {
    INFO(opcode);
    const bool modern = modern_allowed();
    const Outcome outcome = run_with(opcode, results, sources);
    CHECK(outcome.touched == 0);
    CHECK(outcome.differing == 0);
    if (results.size() == 1 && results[0] == sources[0].width) {
        const Results again = run_in_place(opcode, results, sources);
        CHECK(std::equal(again[0].begin(), again[0].end(), outcome.all[0].begin()));
    }
    if (modern) {
        modern_allowed() = false;
        const Outcome plain = run_with(opcode, results, sources);
        modern_allowed() = true;
        CHECK(plain.all == outcome.all);
    }
    return outcome.all;
}

std::vector<float> some_floats(std::size_t count, std::uint64_t seed) {
    static constexpr std::uint32_t edges[] = {
        0x00000000, 0x00000001, 0x00000002, 0x007FFFFF, 0x00800000, 0x00800001, 0x33000000,
        0x33800000, 0x38800000, 0x387FE000, 0x3F000000, 0x3F7FFFFF, 0x3F800000, 0x3F800001,
        0x3FC00000, 0x40000000, 0x40200000, 0x477FE000, 0x477FF000, 0x4B000000, 0x4B7FFFFF,
        0x4F000000, 0x4EFFFFFF, 0x4F7FFFFF, 0x4F800000, 0x5F000000, 0x5F800000, 0x7E800000,
        0x7E800001, 0x7F000000, 0x7F7FFFFF, 0x7F800000, 0x7F800001, 0x7FC00000, 0x7FFFFFFF};
    Random random{seed};
    std::vector<float> values;
    for (std::size_t i = 0; i < count; ++i) {
        auto bits = static_cast<std::uint32_t>(random.next());
        const std::uint64_t choice = random.next() % 4;
        if (choice == 0) {
            bits = edges[random.next() % std::size(edges)] | (bits & 0x80000000U);
        } else if (choice == 1) {  // exponents near one another
            bits = (bits & 0x807FFFFFU) |
                   ((120U + static_cast<std::uint32_t>(random.next() % 14)) << 23);
        } else if (choice == 2) {  // few significant places, so that ties arise
            bits &= 0xFFFFF000U | (random.next() % 2 != 0 ? 0x800U : 0U);
        }
        values.push_back(std::bit_cast<float>(bits));
    }
    return values;
}

std::vector<double> some_doubles(std::size_t count, std::uint64_t seed) {
    static constexpr std::uint64_t edges[] = {
        0,
        1,
        2,
        0x000FFFFFFFFFFFFF,
        0x0010000000000000,
        0x0010000000000001,
        0x3FE0000000000000,
        0x3FEFFFFFFFFFFFFF,
        0x3FF0000000000000,
        0x3FF0000000000001,
        0x3FF8000000000000,
        0x41DFFFFFFFC00000,
        0x41E0000000000000,
        0x43E0000000000000,
        0x43F0000000000000,
        0x4330000000000000,
        0x47EFFFFFE0000000,
        0x47EFFFFFF0000000,
        0x7FEFFFFFFFFFFFFF,
        0x7FF0000000000000,
        0x7FF0000000000001,
        0x7FF8000000000000,
        0x3690000000000000,
        0x36A0000000000000,
        0x3810000000000000,
        0x40EFFDFFFFFFFFFF,
        0x40EFFE0000000000};
    Random random{seed};
    std::vector<double> values;
    for (std::size_t i = 0; i < count; ++i) {
        std::uint64_t bits = random.next();
        const std::uint64_t choice = random.next() % 4;
        if (choice == 0) {
            bits = edges[random.next() % std::size(edges)] | (bits & 0x8000000000000000U);
        } else if (choice == 1) {
            bits = (bits & 0x800FFFFFFFFFFFFFU) | ((1015U + random.next() % 60) << 52);
        } else if (choice == 2) {
            bits &= 0xFFFFFFFFF0000000U;
        }
        values.push_back(std::bit_cast<double>(bits));
    }
    return values;
}

bool same(float a, float b) {
    return (a != a && b != b) || std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}

bool same(double a, double b) {
    return (a != a && b != b) || std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

}  // namespace kw::emu::test
