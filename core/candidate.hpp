// SPDX-License-Identifier: Apache-2.0
// An unjudged source, as it is proposed and judged.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace kw {

struct Candidate {
    std::string task;                ///< task name
    std::string target = "cpu";      ///< "cpu" | "cuda"
    std::string isa = "native";      ///< "native" | "x86-64-v2" | "x86-64-v3" | "x86-64-v4"
    std::string arch;                ///< CUDA: "sm_90a"; "" = that of the device
    std::string source;              ///< one C++ file, as proposed
    std::vector<std::string> flags;  ///< from directives; only those of the allow-list
    std::string hash;                ///< content hash of (task, target, source), CUDA: and arch
};

/// Reads `//!kwright task=... target=... isa=... arch=... flags=...` and computes the hash. The
/// directive overrides the defaults given.
[[nodiscard]] Candidate make_candidate(
    const std::string& task,
    std::string source,
    const std::string& default_isa = "native",
    const std::string& default_target = "cpu",
    const std::string& default_arch = "");

/// What the code is made for, as rows show it: the isa of a CPU candidate, else its arch.
[[nodiscard]] const std::string& code_level(const Candidate& candidate);

/// The architecture a device's id names: "sm_90a" of "emulated:sm_90a"; "" when it names none.
[[nodiscard]] std::string arch_of_device(const std::string& device_id);

/// Why a candidate cannot be judged for `target` on architecture `arch` ("" = any), in words for
/// its author; nothing when it can.
[[nodiscard]] std::optional<std::string> disagreement(
    const Candidate& candidate, const std::string& target, const std::string& arch);

/// Hash of the source's tokens: comments, white space and line breaks do not count, except where
/// they change the build (preprocessor lines; isa=, arch= and flags= of a directive; launch plans).
/// Finds duplicates before anything is built. Any bytes are accepted.
[[nodiscard]] std::string token_hash(const std::string& source);

}  // namespace kw
