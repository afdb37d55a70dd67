// SPDX-License-Identifier: Apache-2.0
// The scan for forbidden constructs. It refuses what has no place in a kernel and attacks the build
// (files read by the assembler, hand-encoded instructions, code at load time, fast-math behind our
// back) and notes names that a kernel has no use for. It is not the wall: the sandbox and the
// run-time filter are. Linear in time on any bytes; never fails.
#pragma once

#include "core/verdict.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace kw::cpu {

struct Violation {
    std::string rule;      ///< stable id: "asm-directive", "line-marker", "attribute", ...
    std::size_t line = 0;  ///< of the candidate's file; 0 = unknown
    std::string what;      ///< "asm uses .incbin"
    std::string advice;    ///< what to do instead
};

struct ScanResult {
    std::vector<Violation> violations;  ///< empty = allowed; at most 8
    std::vector<Finding> findings;      ///< at most 16
};

/// The source as proposed, before anything is run: bytes that are no text, line markers (they would
/// let a source pose as a system header), includes and __has_include of absolute or parent paths.
/// Looks inside comments and strings too, because telling them apart is what an attacker plays on.
[[nodiscard]] ScanResult scan_source(std::string_view source);

struct PreprocessedInput {
    std::string_view text;                   ///< what `-E` printed, with line markers
    std::string own_file;                    ///< name of the candidate's file in the markers
    std::vector<std::string> our_files;      ///< generated headers, by marker name
    std::vector<std::string> allowed_roots;  ///< folders of system headers, each with final '/'
    std::string pch_path;  ///< the one file a pch_preprocess pragma may name; "" = none
};

/// Call only for a source that scan_source allows: only then are line markers the preprocessor's.
[[nodiscard]] ScanResult scan_preprocessed(const PreprocessedInput& input);

/// "candidate.cpp:14: asm uses .incbin. Write ..." one line a violation.
[[nodiscard]] std::string show(const std::vector<Violation>& violations, const std::string& file);

}  // namespace kw::cpu
