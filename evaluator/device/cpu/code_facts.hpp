// SPDX-License-Identifier: Apache-2.0
// What a library has to know of a kernel's code before it links it: does it build for an
// instruction set, does it run anything at load time, does it keep memory of its own.
#pragma once

#include "core/candidate.hpp"
#include "core/result.hpp"
#include "core/task.hpp"
#include "evaluator/device/cpu/build.hpp"
#include "evaluator/evaluator.hpp"
#include "sandbox/sandbox.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace kw::cpu {

struct CodeFacts {
    Verdict verdict = Verdict::accepted;  ///< accepted = built; else as BuildOutcome
    std::string summary;
    bool runs_at_load = false;
    bool keeps_state = false;              ///< has writable memory of its own, thread-local apart
    std::vector<std::string> cxx_imports;  ///< what only a C++ library could give
    std::string compiler;                  ///< "g++ 12.2.0"
};

/// Names of writable variables (.data, .bss) in an object's symbol table, those of the compiler's
/// start files apart. Nothing when the bytes are no well-formed object.
[[nodiscard]] std::vector<std::string> writable_variables(std::string_view object);

class CodeExaminer {
public:
    /// Errors: no compiler, no sandbox.
    static Result<std::unique_ptr<CodeExaminer>> open(const EvaluatorConfig& config);

    /// Builds the candidate for its isa, in the sandbox and with the judge's cache.
    Result<CodeFacts> examine(const Task& task, const Candidate& candidate);

private:
    CodeExaminer() = default;
    std::unique_ptr<sandbox::Sandbox> sandbox_;
    std::unique_ptr<Builder> builder_;
};

}  // namespace kw::cpu
