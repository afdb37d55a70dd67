// SPDX-License-Identifier: Apache-2.0
// Which rows of opcodes.def have a golden test. Put KW_GOLDEN("row_id"); inside the test that
// covers the row (or beside it): it registers when the program starts, also when another test alone
// is run. One test of each part then says CHECK(golden_gaps({"arithmetic", "convert"}) ==
// std::vector<std::string>{});
#pragma once

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace kw::emu::test {

inline std::set<std::string, std::less<>>& goldens() {
    static std::set<std::string, std::less<>> ids;
    return ids;
}

template <std::size_t size>
struct GoldenId {
    char text[size];
    // Implicit, so that a string literal can be a template argument.
    consteval GoldenId(const char (&literal)[size]) { std::copy_n(literal, size, text); }
};

template <GoldenId id>
struct Golden {
    static inline const bool registered = goldens().insert(id.text).second;
};

#define KW_GOLDEN_JOIN(a, b) a##b
#define KW_GOLDEN_NAME(number) KW_GOLDEN_JOIN(kw_golden_, number)
#define KW_GOLDEN(row_id)                                            \
    [[maybe_unused]] static const bool KW_GOLDEN_NAME(__COUNTER__) = \
        ::kw::emu::test::Golden<row_id>::registered

struct GoldenRow {
    std::string_view part;
    std::string_view id;
};

inline const std::vector<GoldenRow>& golden_rows() {
    static const std::vector<GoldenRow> rows = {
#define KW_OPCODE(row_id, pattern, bind_function) GoldenRow{"arithmetic", #row_id},
#include "evaluator/device/emulated/engine/opcodes_arithmetic.def"
#undef KW_OPCODE
#define KW_OPCODE(row_id, pattern, bind_function) GoldenRow{"convert", #row_id},
#include "evaluator/device/emulated/engine/opcodes_convert.def"
#undef KW_OPCODE
#define KW_OPCODE(row_id, pattern, bind_function) GoldenRow{"control", #row_id},
#include "evaluator/device/emulated/engine/opcodes_control.def"
#undef KW_OPCODE
#define KW_OPCODE(row_id, pattern, bind_function) GoldenRow{"memory", #row_id},
#include "evaluator/device/emulated/engine/opcodes_memory.def"
#undef KW_OPCODE
#define KW_OPCODE(row_id, pattern, bind_function) GoldenRow{"warp", #row_id},
#include "evaluator/device/emulated/engine/opcodes_warp.def"
#undef KW_OPCODE
#define KW_OPCODE(row_id, pattern, bind_function) GoldenRow{"matrix", #row_id},
#include "evaluator/device/emulated/engine/opcodes_matrix.def"
#undef KW_OPCODE
    };
    return rows;
}

/// Rows of these parts without a golden test, and goldens that name no row of any part; empty is
/// good.
inline std::vector<std::string> golden_gaps(std::initializer_list<std::string_view> parts) {
    std::vector<std::string> gaps;
    std::set<std::string, std::less<>> known;
    for (const GoldenRow& row : golden_rows()) {
        known.emplace(row.id);
        const bool asked = std::find(parts.begin(), parts.end(), row.part) != parts.end();
        if (asked && !goldens().contains(row.id)) {
            gaps.push_back("no golden test: " + std::string(row.id));
        }
    }
    for (const std::string& id : goldens()) {
        if (!known.contains(id)) {
            gaps.push_back("no such row: " + id);
        }
    }
    return gaps;
}

}  // namespace kw::emu::test
