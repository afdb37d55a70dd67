// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cuda/build.hpp"

#include "core/clock.hpp"
#include "core/hash.hpp"
#include "evaluator/device/cpu/build_cache.hpp"
#include "evaluator/device/cpu/build_files.hpp"
#include "evaluator/device/cuda/build_job.hpp"
#include "evaluator/device/cuda/shims.hpp"
#include "evaluator/device/cuda/source_scan.hpp"

#include <algorithm>
#include <chrono>

namespace kw::cuda {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr const char* k_builder_version = "kw-cuda-build/1";
constexpr std::size_t k_most_source_bytes = std::size_t{1} << 20;

std::string safe_file_name(const std::string& name) {
    const bool plain = !name.empty() && name.size() <= 64 && name.front() != '-' &&
                       name.front() != '.' &&
                       std::all_of(name.begin(), name.end(), [](unsigned char c) {
                           return std::isalnum(c) != 0 || c == '_' || c == '.' || c == '-';
                       });
    return plain && fs::path(name).extension() == ".cu" ? name : "candidate.cu";
}

Result<fs::path> place_harness(sandbox::Sandbox& sandbox, const fs::path& harness_dir) {
    const fs::path from = harness_dir / "kw-nvrtc";
    KW_TRY_ASSIGN(const fs::path dir, sandbox.make_run_dir("harness"));
    const fs::path to = dir / "kw-nvrtc";
    std::error_code error;
    fs::copy_file(from, to, fs::copy_options::overwrite_existing, error);
    if (!error) {
        fs::permissions(to, static_cast<fs::perms>(0755), error);
    }
    if (error) {
        return Error{
            Errc::environment,
            "placing the harness program " + from.string() + ": " + error.message(),
            "reinstall kwright, or set KWRIGHT_HARNESS_DIR to the folder that holds kw-nvrtc"};
    }
    return to;
}

std::string show_problems(const std::vector<PlanProblem>& problems, const std::string& file) {
    std::string text;
    for (const PlanProblem& problem : problems) {
        text += show(problem, file) + "\n";
    }
    return text;
}

/// What no task and no plan is needed to refuse; `outcome` gets the findings anyway.
bool refused_by_scan(const BuildRequest& request, BuildOutcome& outcome) {
    const std::string file = safe_file_name(request.file_name);
    if (request.source.size() > k_most_source_bytes) {
        outcome.verdict = Verdict::forbidden;
        outcome.summary = "the source is larger than 1 MiB";
        return true;
    }
    cpu::ScanResult scan = scan_source(request.source);
    outcome.findings = std::move(scan.findings);
    if (scan.violations.empty()) {
        return false;
    }
    outcome.verdict = Verdict::forbidden;
    for (const cpu::Violation& violation : scan.violations) {
        outcome.findings.push_back(
            {violation.rule,
             "violation",
             "scan",
             "line " + std::to_string(violation.line) + ": " + violation.what});
    }
    const cpu::Violation& first = scan.violations.front();
    outcome.summary = file + ":" + std::to_string(first.line) + ": " + first.what;
    outcome.detail = cpu::show(scan.violations, file);
    return true;
}

}  // namespace

std::optional<BuildOutcome> refuse_source(
    const Task& task, const BuildRequest& request, LaunchPlan& plan) {
    BuildOutcome outcome;
    if (refused_by_scan(request, outcome)) {
        return outcome;
    }
    ParsedPlan parsed = parse_launch_plan(request.source, scope_of(task));
    if (parsed.problems.empty() && !parsed.plan.task.empty() && parsed.plan.task != task.name) {
        parsed.problems.push_back(
            {{1, 1}, "task " + in_message(parsed.plan.task) + " is not this task", task.name});
    }
    if (!parsed.problems.empty()) {
        const std::string file = safe_file_name(request.file_name);
        outcome.verdict = Verdict::forbidden;
        outcome.summary = show(parsed.problems.front(), file);
        outcome.detail = show_problems(parsed.problems, file);
        return outcome;
    }
    plan = std::move(parsed.plan);
    return std::nullopt;
}

struct Builder::Impl {
    Impl(sandbox::Sandbox& box, Toolkit tools, fs::path program, fs::path cache)
        : sandbox(box)
        , toolkit(std::move(tools))
        , harness(std::move(program))
        , cache_dir(std::move(cache)) {}

    [[nodiscard]] std::string key_of(
        const BuildRequest& request, const std::string& file, const std::string& arch) const {
        Hasher hasher;
        hasher.add(k_builder_version)
            .add(toolkit.hash)
            .add(arch)
            .add(request.route == Route::nvcc ? "nvcc" : "automatic")
            .add(file)
            .add(request.source);
        for (const std::string& option : compile_options(arch)) {
            hasher.add(option);
        }
        for (const auto* shims : {&nvrtc_shims(), &nvcc_shims()}) {
            for (const Shim& shim : *shims) {
                hasher.add(shim.path).add(shim.text);
            }
        }
        return hasher.hex();
    }

    bool from_cache(const std::string& key, BuildOutcome& outcome) const {
        auto cached = cpu::find_build(cache_dir, key);
        if (!cached) {
            return false;
        }
        const auto bytes =
            cpu::read_file(cached->artifact.shared_object, cpu::k_build_output_limit * 3);
        auto product = bytes ? from_bundle(*bytes) : std::nullopt;
        if (!product) {
            return false;
        }
        outcome.facts = std::move(cached->facts);
        outcome.findings.insert(
            outcome.findings.end(), cached->findings.begin(), cached->findings.end());
        take(std::move(*product), outcome);
        outcome.summary = "built (cached)";
        return true;
    }

    static void take(Product product, BuildOutcome& outcome) {
        outcome.route = std::move(product.route);
        outcome.ptx = std::move(product.ptx);
        outcome.cubin = std::move(product.cubin);
        outcome.kernels = std::move(product.kernels);
    }

    Result<void> compile(
        const BuildRequest& request,
        const std::string& file,
        const std::string& key,
        BuildOutcome& outcome) const {
        const auto start = Clock::now();
        const BuildJob job{
            sandbox,
            toolkit,
            harness,
            request.source,
            file,
            outcome.arch,
            request.route,
            request.limits};
        KW_TRY_ASSIGN(JobResult made, run_build_job(job));
        outcome.verdict = made.verdict;
        outcome.summary = std::move(made.summary);
        outcome.detail = std::move(made.detail);
        outcome.stages.insert(outcome.stages.end(), made.stages.begin(), made.stages.end());
        outcome.facts.compiler = std::move(made.compiler);
        outcome.facts.command = std::move(made.command);
        outcome.facts.diagnostics = std::move(made.diagnostics);
        outcome.facts.seconds = ms_since(start) / 1000;
        if (outcome.verdict == Verdict::accepted) {
            const std::string bundle = to_bundle(made.product);
            outcome.facts.text_bytes = static_cast<std::int64_t>(made.product.cubin.size());
            outcome.facts.artifact_sha256 = sha256_hex(bundle);
            KW_TRY(cpu::store_build(cache_dir, key, bundle, outcome.facts, made.findings));
            take(std::move(made.product), outcome);
        }
        outcome.findings.insert(outcome.findings.end(), made.findings.begin(), made.findings.end());
        return {};
    }

    sandbox::Sandbox& sandbox;
    Toolkit toolkit;
    fs::path harness;
    fs::path cache_dir;
};

Builder::Builder(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}
Builder::~Builder() = default;

const Toolkit& Builder::toolkit() const {
    return impl_->toolkit;
}

Result<std::unique_ptr<Builder>> Builder::open(
    sandbox::Sandbox& sandbox, Toolkit toolkit, const fs::path& harness_dir, fs::path cache_dir) {
    if (toolkit.nvrtc.empty()) {
        return Error{
            Errc::environment,
            "opening the CUDA toolkit " + toolkit.root.string() + ": it has no libnvrtc",
            "install it beside nvcc (it decides what is host code): pip install "
            "nvidia-cuda-nvrtc, or the full toolkit"};
    }
    KW_TRY_ASSIGN(fs::path harness, place_harness(sandbox, harness_dir));
    return std::unique_ptr<Builder>(new Builder(std::make_unique<Impl>(
        sandbox, std::move(toolkit), std::move(harness), std::move(cache_dir))));
}

Result<BuildOutcome> Builder::build(const Task& task, const BuildRequest& request) {
    const auto start = Clock::now();
    LaunchPlan plan;
    if (auto refused = refuse_source(task, request, plan)) {
        refused->stages = {{"scan", ms_since(start)}};
        return std::move(*refused);
    }
    BuildOutcome outcome;
    outcome.findings = scan_source(request.source).findings;
    outcome.stages = {{"scan", ms_since(start)}};
    outcome.arch = plan.arch.empty() ? request.arch : plan.arch;
    outcome.plan = std::move(plan);
    KW_TRY(produce(request, outcome));
    if (outcome.verdict == Verdict::accepted) {
        judge_ptx(task, safe_file_name(request.file_name), outcome);
    }
    return outcome;
}

Result<BuildOutcome> Builder::compile(const BuildRequest& request) {
    BuildOutcome outcome;
    if (refused_by_scan(request, outcome)) {
        return outcome;
    }
    outcome.arch = request.arch;
    KW_TRY(produce(request, outcome));
    return outcome;
}

Result<void> Builder::produce(const BuildRequest& request, BuildOutcome& outcome) const {
    const auto& archs = known_archs();
    if (std::find(archs.begin(), archs.end(), outcome.arch) == archs.end()) {
        return Error{
            Errc::usage,
            "building for the architecture " + in_message(outcome.arch) + ": it is not known",
            "choose sm_80, sm_89, sm_90a, ... (docs/launch-plan.md)"};
    }
    const auto build_start = Clock::now();
    const std::string file = safe_file_name(request.file_name);
    const std::string key = impl_->key_of(request, file, outcome.arch);
    if (!impl_->from_cache(key, outcome)) {
        KW_TRY(impl_->compile(request, file, key, outcome));
    }
    outcome.stages.push_back({"build", ms_since(build_start)});
    return {};
}

}  // namespace kw::cuda
