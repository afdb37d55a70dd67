// SPDX-License-Identifier: Apache-2.0
// The one table of supported forms. Each part declares its binders in bind_<part>.hpp.
#include "evaluator/device/emulated/engine/insn.hpp"

#if __has_include("evaluator/device/emulated/engine/bind_arithmetic.hpp")
#include "evaluator/device/emulated/engine/bind_arithmetic.hpp"
#endif
#if __has_include("evaluator/device/emulated/engine/bind_control.hpp")
#include "evaluator/device/emulated/engine/bind_control.hpp"
#endif
#if __has_include("evaluator/device/emulated/engine/bind_convert.hpp")
#include "evaluator/device/emulated/engine/bind_convert.hpp"
#endif
#if __has_include("evaluator/device/emulated/engine/bind_machine.hpp")
#include "evaluator/device/emulated/engine/bind_machine.hpp"
#endif
#if __has_include("evaluator/device/emulated/engine/bind_matrix.hpp")
#include "evaluator/device/emulated/engine/bind_matrix.hpp"
#endif
#if __has_include("evaluator/device/emulated/engine/bind_memory.hpp")
#include "evaluator/device/emulated/engine/bind_memory.hpp"
#endif
#if __has_include("evaluator/device/emulated/engine/bind_warp.hpp")
#include "evaluator/device/emulated/engine/bind_warp.hpp"
#endif

namespace kw::emu {

const std::vector<OpcodeRow>& opcode_rows() {
#define KW_OPCODE(row_id, pattern, bind_function) OpcodeRow{#row_id, pattern, &bind_function},
    static const std::vector<OpcodeRow> rows = {
#include "evaluator/device/emulated/engine/opcodes.def"
    };
#undef KW_OPCODE
    return rows;
}

}  // namespace kw::emu
