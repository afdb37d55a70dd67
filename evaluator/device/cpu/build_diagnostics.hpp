// SPDX-License-Identifier: Apache-2.0
// A compiler's messages as a person or a model can use them: first errors, the candidate's own file
// and lines, no paths of the machine, no text of other files.
#pragma once

#include "core/verdict.hpp"
#include "evaluator/device/cpu/build.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace kw::cpu {

struct DiagnosticContext {
    std::string own_file;        ///< "candidate.cpp"
    std::string_view source;     ///< its text: the lines shown come from here alone
    std::string task_function;   ///< for the hint when it is not defined as declared
    std::string task_signature;  ///< as <task>.h declares it, on one line
    std::string work_dir;        ///< removed wherever it appears
};

/// At most about 2 KiB. Errors first; when there are none, the first three warnings of the own
/// file.
[[nodiscard]] std::string clean_diagnostics(
    std::string_view messages, const DiagnosticContext& context);

struct StepFailure {
    Verdict verdict = Verdict::compile_error;
    std::string summary;
};
/// What a finished compiler run means for the source; nothing when it succeeded.
[[nodiscard]] std::optional<StepFailure> judge_step(
    const sandbox::Outcome& outcome, const sandbox::Limits& limits);

/// True when the messages say that the precompiled header, not the source, is at fault.
[[nodiscard]] bool blames_pch(std::string_view messages);

/// True when the link failed for names that are not defined.
[[nodiscard]] bool has_undefined_names(std::string_view messages);

}  // namespace kw::cpu
