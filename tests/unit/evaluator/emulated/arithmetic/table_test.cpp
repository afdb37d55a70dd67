// SPDX-License-Identifier: Apache-2.0
// What holds for every opcode the rows stand for.
#include "tests/unit/evaluator/emulated/arithmetic/rig.hpp"

#include <algorithm>
#include <array>

namespace kw::emu::test {

namespace {

/// Rows of these parts, by their place among all rows.
std::vector<std::uint16_t> own_rows() {
    std::vector<std::uint16_t> rows;
    for (std::size_t i = 0; i < opcode_rows().size(); ++i) {
        const auto is_this = [&](const GoldenRow& row) {
            return row.id == opcode_rows()[i].id &&
                   (row.part == "arithmetic" || row.part == "convert");
        };
        if (std::any_of(golden_rows().begin(), golden_rows().end(), is_this)) {
            rows.push_back(static_cast<std::uint16_t>(i));
        }
    }
    return rows;
}

}  // namespace

TEST_CASE("arithmetic: every row has a golden test") {
    CHECK(golden_gaps({"arithmetic", "convert"}) == std::vector<std::string>{});
}

TEST_CASE("arithmetic: every opcode of a row comes back to it and binds soundly") {
    std::size_t opcodes = 0;
    for (const std::uint16_t row : own_rows()) {
        std::size_t bound = 0;
        for (const std::string& opcode : expand(opcode_rows()[row].pattern)) {
            ++opcodes;
            const auto resolved = resolve(opcode);
            INFO(opcode);
            REQUIRE(resolved.has_value());
            const OpcodeRow& found = opcode_rows()[resolved->row];
            const Binding binding = found.bind(resolved->match);
            if (binding.run == nullptr) {
                continue;
            }
            ++bound;
            if (resolved->row != row) {
                // Two rows may share conversions; the first one to claim it has to bind it.
                CHECK(std::string_view(found.id).starts_with("cvt"));
            }
            const bool sound = !binding.widths.empty() && binding.slots_min >= 2 &&
                               binding.slots_max <= 8 && binding.slots_min <= binding.slots_max &&
                               binding.widths.size() <= binding.slots_max &&
                               binding.work != Work::other;
            CHECK(sound);
        }
        INFO(opcode_rows()[row].id);
        CHECK(bound > 0);
    }
    CHECK(opcodes > 4000);
}

TEST_CASE("arithmetic: every bound opcode runs on garbage with any mask") {
    // Inactive lanes are computed too, whatever lies in them.
    alignas(64) static std::array<std::byte, 512 * 8> frame;
    Random random{1};
    Warp warp;
    warp.frame = frame.data();
    std::size_t ran = 0;
    for (const std::uint16_t row : own_rows()) {
        for (const std::string& opcode : expand(opcode_rows()[row].pattern)) {
            const auto resolved = resolve(opcode);
            const Binding binding = opcode_rows()[resolved->row].bind(resolved->match);
            if (binding.run == nullptr) {
                continue;
            }
            for (std::size_t i = 0; i < frame.size(); i += 8) {
                const std::uint64_t bits = random.next();
                std::memcpy(frame.data() + i, &bits, 8);
            }
            for (std::uint16_t count = binding.slots_min; count <= binding.slots_max; ++count) {
                std::vector<std::uint32_t> slots;
                for (std::uint32_t i = 0; i < count; ++i) {
                    slots.push_back(static_cast<std::uint32_t>(i * 512));
                }
                Insn insn;
                insn.slot = slots.data();
                insn.slots = count;
                insn.mods = binding.mods;
                insn.wide = static_cast<std::uint8_t>(random.next());
                binding.run(insn, warp, static_cast<Lanes>(random.next()) | 1U);
                binding.run(insn, warp, k_all_lanes);
                ++ran;
            }
        }
    }
    CHECK(ran > 3000);
}

}  // namespace kw::emu::test
