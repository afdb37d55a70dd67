// SPDX-License-Identifier: Apache-2.0
// From source to shared object, in the sandbox: scan the preprocessed source, compile its output
// with a precompiled header, cache by content. Also builds our own references and baselines.
#pragma once

#include "core/candidate.hpp"
#include "core/evaluation.hpp"
#include "core/result.hpp"
#include "core/task.hpp"
#include "sandbox/sandbox.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace kw::cpu {

struct Toolchain {
    std::filesystem::path compiler;  ///< absolute
    std::string family;              ///< "g++" | "clang++"
    std::string version;             ///< "g++ 12.2.0"
    std::string hash;  ///< of the version text and the binary: part of every cache key
};
/// Name or path. Missing: Errc::environment with the package to install.
[[nodiscard]] Result<Toolchain> find_toolchain(const std::string& name);

/// Highest x86-64 level of this machine, 2..4 (0 = not even v2 or not x86-64), and whether `isa`
/// runs here.
[[nodiscard]] int machine_level();
[[nodiscard]] bool machine_has(const std::string& isa);

/// `<task>.h`: types, the task's C function, prepare functions, layout comments. Includable by
/// anyone.
[[nodiscard]] std::string task_header(const Task& task);
/// `<task>_reference.h`: declaration of the reference functions (docs/tasks.md#reference).
[[nodiscard]] std::string reference_header(const Task& task);

/// Symbols of a built shared object (generated trampolines; a wrong signature is a compile error):
///   candidate, baseline:  void kw_entry(void* const* a)
///       a[i] = i-th argument of the task, a[n] = packed weights or null, a[n+1] = const int64_t*
///       dims
///     size_t kw_prepare_size(const int64_t* dims)   0 when the source defines no <task>_prepare
///     void kw_prepare(void* const* a)               as kw_entry, only weights and packed
///     (writable) non-null
///   reference:  void kw_reference(void* const* a)        pointers in the order of
///   <task>_reference, then dims
///               void kw_reference_project(void* const*)  only when task.verify.project
///               void kw_reference_at(void* const*)       only when task.verify.project
enum class SourceKind { candidate, baseline, reference };

struct Artifact {
    std::filesystem::path shared_object;  ///< in the cache; read-only
    std::string key;                      ///< content-addressed cache key
};

struct BuildOutcome {
    Verdict verdict = Verdict::accepted;  ///< accepted = built; else FB CE TO OM XX
    std::string summary;
    std::string detail;  ///< first errors, with lines of the candidate's own file
    std::vector<Finding> findings;
    BuildFacts facts;
    Artifact artifact;
    std::vector<StageTime> stages;
};

struct BuildRequest {
    SourceKind kind = SourceKind::candidate;
    std::string source;
    std::string file_name = "candidate.cpp";  ///< as diagnostics name it
    std::string isa = "native";
    std::vector<std::string> flags;  ///< from directives; checked against the allow-list
    std::vector<std::string> link;   ///< trusted sources only
    bool scan = true;                ///< false: tests of what the scan is good for
};

/// The flags a directive may ask for.
[[nodiscard]] const std::vector<std::string>& allowed_flags();

class Builder {
public:
    Builder(sandbox::Sandbox& sandbox, Toolchain toolchain, std::filesystem::path cache_dir);
    ~Builder();

    /// An Error only when we could not build (sandbox, disk); a bad source is an outcome.
    Result<BuildOutcome> build(const Task& task, const BuildRequest& request);
    [[nodiscard]] const Toolchain& toolchain() const;
    /// True when `g++ -l<name>` links here: decides whether a peer baseline is present.
    bool library_present(const std::string& name);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace kw::cpu
