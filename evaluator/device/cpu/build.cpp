// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/build.hpp"

#include "core/clock.hpp"
#include "core/hash.hpp"
#include "evaluator/device/cpu/build_cache.hpp"
#include "evaluator/device/cpu/build_diagnostics.hpp"
#include "evaluator/device/cpu/build_flags.hpp"
#include "evaluator/device/cpu/build_job.hpp"
#include "evaluator/device/cpu/build_pch.hpp"
#include "evaluator/device/cpu/machine_isa.hpp"
#include "evaluator/device/cpu/scan.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>

namespace kw::cpu {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr const char* k_builder_version = "kw-build/1";
constexpr std::size_t k_most_source_bytes = std::size_t{1} << 20;

/// -march=native depends on the machine; a named level does not.
std::string isa_identity(const std::string& isa) {
    return isa == "native" ? "native " + machine_isa_id() : isa;
}

bool is_library_name(const std::string& name) {
    return !name.empty() && name.size() <= 64 && name.front() != '-' &&
           std::all_of(name.begin(), name.end(), [](unsigned char c) {
               return std::isalnum(c) != 0 || c == '_' || c == '+' || c == '.' || c == '-';
           });
}

std::string safe_file_name(const std::string& name) {
    const bool plain = !name.empty() && name.size() <= 64 && name.front() != '-' &&
                       name.front() != '.' &&
                       std::all_of(name.begin(), name.end(), [](unsigned char c) {
                           return std::isalnum(c) != 0 || c == '_' || c == '.' || c == '-';
                       });
    return plain && fs::path(name).extension() == ".cpp" ? name : "candidate.cpp";
}

/// What is wrong with the request itself, before any tool is run.
std::optional<BuildOutcome> refuse(const BuildRequest& request) {
    BuildOutcome outcome;
    outcome.verdict = Verdict::forbidden;
    if (request.source.size() > k_most_source_bytes) {
        outcome.summary = "the source is larger than 1 MiB";
        return outcome;
    }
    if (!is_isa_name(request.isa)) {
        outcome.summary = "unknown instruction set '" + request.isa.substr(0, 40) + "'";
        outcome.detail = "choose native, x86-64-v2, x86-64-v3, x86-64-v4 or x86-64-v4-vnni\n";
        return outcome;
    }
    if (const auto flag = first_forbidden_flag(request.flags)) {
        outcome.summary = "the flag '" + flag->substr(0, 60) + "' is not allowed";
        outcome.detail = "allowed:";
        for (const std::string& allowed : allowed_flags()) {
            outcome.detail += " " + allowed;
        }
        outcome.detail += "\n";
        return outcome;
    }
    return std::nullopt;
}

}  // namespace

struct Builder::Impl {
    Impl(sandbox::Sandbox& box, Toolchain tools, fs::path cache)
        : sandbox(box)
        , toolchain(std::move(tools))
        , cache_dir(std::move(cache))
        , pch(box, toolchain, cache_dir) {}

    [[nodiscard]] std::string key_of(
        const BuildJob& job, const std::vector<std::string>& flags) const {
        Hasher hasher;
        hasher.add(k_builder_version)
            .add(toolchain.hash)
            .add(isa_identity(job.request.isa))
            .add(std::to_string(static_cast<int>(job.request.kind)))
            .add(job.request.scan ? "scanned" : "not scanned")
            .add(job.file_name)
            .add(job.header)
            .add(pch_header_text())
            .add(job.request.source);
        for (const auto* list : {&flags, &job.request.link}) {
            hasher.add(std::to_string(list->size()));
            for (const std::string& item : *list) {
                hasher.add(item);
            }
        }
        for (const std::string& flag : link_flags()) {
            hasher.add(flag);
        }
        return hasher.hex();
    }

    sandbox::Sandbox& sandbox;
    Toolchain toolchain;
    fs::path cache_dir;
    PchStore pch;
    std::mutex mutex;
    std::map<std::string, bool> libraries;
};

Builder::Builder(sandbox::Sandbox& sandbox, Toolchain toolchain, fs::path cache_dir)
    : impl_(std::make_unique<Impl>(sandbox, std::move(toolchain), std::move(cache_dir))) {}
Builder::~Builder() = default;

const Toolchain& Builder::toolchain() const {
    return impl_->toolchain;
}

Result<BuildOutcome> Builder::build(const Task& task, const BuildRequest& request) {
    const auto start = Clock::now();
    if (auto refused = refuse(request)) {
        return std::move(*refused);
    }
    for (const std::string& library : request.link) {
        if (!is_library_name(library) || request.kind == SourceKind::candidate) {
            return Error{
                Errc::config,
                "building " + request.file_name + ": cannot link '" + library + "'",
                "only baselines and references link libraries, by their plain names"};
        }
    }
    const bool reference = request.kind == SourceKind::reference;
    BuildJob job{impl_->sandbox, impl_->toolchain, task, request};
    job.file_name = safe_file_name(request.file_name);
    job.header = reference ? reference_header(task) : task_header(task);
    job.header_name = task.name + (reference ? "_reference.h" : ".h");
    job.flags = compile_flags(impl_->toolchain, request.kind, request.isa, request.flags);
    const std::string key = impl_->key_of(job, job.flags);
    if (auto cached = find_build(impl_->cache_dir, key)) {
        BuildOutcome outcome;
        outcome.facts = std::move(cached->facts);
        outcome.findings = std::move(cached->findings);
        outcome.artifact = std::move(cached->artifact);
        outcome.summary = "built (cached)";
        outcome.stages = {{"scan", 0}, {"build", ms_since(start)}};
        return outcome;
    }
    const auto pch_start = Clock::now();
    if (!reference) {
        job.pch_folder =
            impl_->pch.folder_for(job.flags, isa_identity(request.isa), request.flags.empty());
    }
    job.pch_ms = ms_since(pch_start);
    KW_TRY_ASSIGN(BuiltObject built, run_build_job(job));
    BuildOutcome outcome = std::move(built.outcome);
    if (outcome.verdict == Verdict::accepted) {
        outcome.facts.seconds = ms_since(start) / 1000;
        KW_TRY_ASSIGN(
            outcome.artifact,
            store_build(
                impl_->cache_dir, key, built.shared_object, outcome.facts, outcome.findings));
    }
    double scan_ms = 0;
    for (const StageTime& stage : outcome.stages) {
        scan_ms += stage.stage == "scan" ? stage.ms : 0;
    }
    outcome.stages.push_back({"build", ms_since(start) - scan_ms});
    return outcome;
}

bool Builder::library_present(const std::string& name) {
    if (!is_library_name(name)) {
        return false;
    }
    const std::lock_guard lock(impl_->mutex);
    const auto known = impl_->libraries.find(name);
    if (known != impl_->libraries.end()) {
        return known->second;
    }
    const bool present = links_with(impl_->sandbox, impl_->toolchain, name);
    return impl_->libraries[name] = present;
}

}  // namespace kw::cpu
