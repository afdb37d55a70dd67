// SPDX-License-Identifier: Apache-2.0
// The CUDA device: candidates on a GPU. A process and context for each of them, checked against the
// same reference as on the CPU, timed by the device's clock: docs/gpu.md.
#include "core/hash.hpp"
#include "evaluator/device/cpu/judgement.hpp"
#include "evaluator/device/cpu/lane.hpp"
#include "evaluator/device/cpu/summary.hpp"
#include "evaluator/device/cuda/gpu_failure.hpp"
#include "evaluator/device/cuda/gpu_time.hpp"
#include "evaluator/device/cuda/gpu_tools.hpp"
#include "evaluator/evaluator.hpp"
#include "evaluator/harness_program.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <numeric>
#include <optional>
#include <set>
#include <vector>

namespace kw::cuda {
namespace {

using std::chrono::steady_clock;

constexpr double k_least_share_s = 0.2;  // of the cap, for one shape

std::string profile_of(const sandbox::Profile& profile) {
    // Device nodes are as wide as their driver; the address space has no limit.
    return profile.id + "+gpu-nodes";
}

}  // namespace

class CudaDevice final : public Device {
public:
    static Result<std::unique_ptr<CudaDevice>> open(
        const std::string& which, const EvaluatorConfig& config) {
        std::unique_ptr<CudaDevice> device(new CudaDevice(which, config.cache_dir));
        KW_TRY_ASSIGN(device->sandbox_, sandbox::open_sandbox(config.sandbox_mode));
        KW_TRY_ASSIGN(
            std::filesystem::path program,
            place_program(*device->sandbox_, config.harness_dir, "kw-gpu"));
        device->access_ = gpu_access(std::move(program), config.cuda_driver);
        KW_TRY_ASSIGN(device->gpu_, find_gpu(*device->sandbox_, device->access_, which));
        device->arch_ = arch_of(device->gpu_);
        if (!constants_of_arch(device->arch_)) {
            return Error{
                Errc::environment,
                "opening " + device->id() + ": " + device->gpu_.name + " is " + device->arch_ +
                    ", which kwright does not build for",
                "known: sm_80 and later, see docs/launch-plan.md"};
        }
        ToolkitSearch search = usual_search();
        search.configured = config.cuda_home;
        KW_TRY_ASSIGN(Toolkit toolkit, find_toolkit(search));
        device->tools_ = find_gpu_tools(toolkit);
        device->add_library(toolkit);
        KW_TRY_ASSIGN(
            device->builder_,
            Builder::open(
                *device->sandbox_,
                std::move(toolkit),
                config.harness_dir,
                config.cache_dir / "build"));
        KW_TRY_ASSIGN(cpu::Toolchain toolchain, cpu::find_toolchain(config.compiler));
        device->reference_builder_ = std::make_unique<cpu::Builder>(
            *device->sandbox_, std::move(toolchain), config.cache_dir / "build");
        KW_TRY_ASSIGN(
            device->runner_, place_program(*device->sandbox_, config.harness_dir, "kw-runner"));
        device->nvml_ = Nvml::open(device->access_.driver, device->gpu_.uuid);
        device->cores_ = cpu::choose_cores();
        return device;
    }

    [[nodiscard]] std::string id() const override { return "cuda:" + which_; }
    [[nodiscard]] std::string arch() const override { return arch_; }
    [[nodiscard]] std::string description() const override {
        return "cuda: " + gpu_.name + " (" + arch_ + ", " +
               std::to_string(gpu_.constants.sm_count) + " SMs), driver for CUDA " +
               show_version(gpu_.driver_version);
    }

    Result<Evaluation> judge(
        const Task& task,
        const Candidate& candidate,
        const JudgeOptions& options,
        const StageObserver& observer) override;

private:
    class Judgement;
    /// What is kept of one task between judgements. Shapes refer to the rest.
    struct Bench {
        std::string hash;
        Layers layers;
        std::filesystem::path reference;
        std::vector<BuiltBaseline> baselines;
        std::unique_ptr<GpuStage> gpu;
        std::unique_ptr<cpu::Stage> cpu;
        std::unique_ptr<Task> task;
        std::map<std::string, std::unique_ptr<GpuTimingBench>> shapes;
    };

    CudaDevice(std::string which, std::filesystem::path cache)
        : which_(std::move(which))
        , cache_(std::move(cache)) {}
    void add_library(const Toolkit& toolkit);
    Result<std::unique_ptr<Bench>> make_bench(const Task& task, const JudgeOptions& options);
    Result<Bench*> bench_of(const Task& task, const JudgeOptions& options);

    std::string which_;
    std::filesystem::path cache_;
    std::unique_ptr<sandbox::Sandbox> sandbox_;
    GpuAccess access_;
    GpuInfo gpu_;
    std::string arch_;
    GpuTools tools_;
    std::unique_ptr<Builder> builder_;
    std::unique_ptr<cpu::Builder> reference_builder_;
    std::filesystem::path runner_;
    std::unique_ptr<Nvml> nvml_;
    cpu::Cores cores_;
    std::unique_ptr<Bench> bench_;
    std::set<std::string> looked_at_;  ///< hashes of candidates that the tools found nothing in
};

/// cuBLASLt of the toolkit, for baselines that link it.
void CudaDevice::add_library(const Toolkit& toolkit) {
    for (const char* folder : {"lib64", "lib", "targets/x86_64-linux/lib"}) {
        for (const char* name : {"libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so"}) {
            std::error_code error;
            const auto file = std::filesystem::canonical(toolkit.root / folder / name, error);
            if (!error && access_.matmul.empty()) {
                access_.matmul = file;
                access_.folders.push_back(file.parent_path());
                // It needs its siblings wherever they lie.
                access_.env.emplace_back("LD_LIBRARY_PATH", file.parent_path().string());
            }
        }
    }
}

Result<std::unique_ptr<CudaDevice::Bench>> CudaDevice::make_bench(
    const Task& task, const JudgeOptions& options) {
    auto bench = std::make_unique<Bench>();
    bench->hash = task.hash;
    bench->layers = options.layers;
    bench->task = std::make_unique<Task>(task);
    bench->gpu = std::make_unique<GpuStage>(GpuStage{*sandbox_, access_, gpu_, options.layers});
    bench->cpu =
        std::make_unique<cpu::Stage>(cpu::Stage{*sandbox_, runner_, cores_, options.layers});
    KW_TRY_ASSIGN(bench->reference, build_reference(*reference_builder_, task));
    if (options.rival != nullptr) {
        KW_TRY_ASSIGN(BuiltBaseline rival, build_rival(*builder_, task, *options.rival, arch_));
        bench->baselines.push_back(std::move(rival));
        return bench;
    }
    KW_TRY_ASSIGN(
        bench->baselines, build_baselines(*builder_, task, arch_, !access_.matmul.empty()));
    return bench;
}

Result<CudaDevice::Bench*> CudaDevice::bench_of(const Task& task, const JudgeOptions& options) {
    if (!bench_ || bench_->hash != task.hash || bench_->layers != options.layers) {
        bench_.reset();  // its contexts hold memory of the device
        KW_TRY_ASSIGN(bench_, make_bench(task, options));
    }
    return bench_.get();
}

class CudaDevice::Judgement : cpu::JudgementBase {
public:
    Judgement(
        CudaDevice& device,
        const Task& task,
        const Candidate& candidate,
        const JudgeOptions& options,
        const StageObserver& observer)
        : JudgementBase(task, candidate, options, observer)
        , device_(device) {
        describe_device(
            device.description(),
            sha256_hex(device.gpu_.uuid + device.description()),
            profile_of(device.sandbox_->profile()));
        commit_to(to_hex(seed_));
    }

    Result<Evaluation> run() {
        const auto begin = steady_clock::now();
        KW_TRY(stages());
        return take(begin);
    }

private:
    Result<void> stages() {
        observe("build", "CUDA " + device_.builder_->toolkit().version);
        KW_TRY_ASSIGN(
            const auto refused,
            build_candidate(
                *device_.builder_,
                task_,
                candidate_,
                device_.arch_,
                device_.id(),
                options_.independent,
                built_,
                result_));
        if (refused) {
            finish(*refused);
            return {};
        }
        if (options_.built_only) {
            finish({Verdict::compiled_only, "built, not run", ""});
            return {};
        }
        // One judgement at a time on a device, whatever the number of kwright processes.
        KW_TRY_ASSIGN(
            const auto lane,
            cpu::TimingLane::take(device_.cache_ / "lanes", "cuda-" + device_.gpu_.uuid));
        KW_TRY(look_at_health());
        KW_TRY(choose_bench());
        KW_TRY_ASSIGN(const bool correct, check());
        return correct && accept() ? time() : Result<void>();
    }

    Result<void> look_at_health() {
        if (!device_.nvml_) {
            result_.findings.push_back(
                {"no-nvml",
                 "info",
                 "time",
                 "clocks, temperature and power are not known: no libnvidia-ml.so.1"});
            return {};
        }
        const GpuReading now = device_.nvml_->read();
        if (now.broken_memory.value_or(0) > 0) {
            return Error{
                Errc::environment,
                "judging on " + device_.id() + ": " + std::to_string(*now.broken_memory) +
                    " uncorrected memory errors since the last reset",
                "nvidia-smi --gpu-reset, or another device"};
        }
        // Those of our own baselines that are kept warm do not count.
        const bool alone = now.processes.value_or(0) == 0 || device_.bench_ != nullptr;
        if (!alone) {
            result_.findings.push_back(
                {"busy-device",
                 "warning",
                 "time",
                 std::to_string(*now.processes) + " other processes compute on " + device_.id()});
        }
        return {};
    }

    Result<void> choose_bench() {
        if (!options_.independent && options_.rival == nullptr) {
            KW_TRY_ASSIGN(bench_, device_.bench_of(task_, options_));
            return {};
        }
        device_.bench_.reset();
        KW_TRY_ASSIGN(own_bench_, device_.make_bench(task_, options_));
        bench_ = own_bench_.get();
        return {};
    }

    /// A verdict that a broken device may cause as well stands only when a fresh process finds the
    /// device well.
    Result<void> confirm(const cpu::Rejection& rejection, bool suspect) {
        if (!suspect) {
            return {};
        }
        bench_->shapes.clear();  // a reset may have taken their contexts, too
        if (rejection.verdict == Verdict::internal) {
            return Error{
                Errc::environment,
                "judging on " + device_.id() + ": " + rejection.summary,
                "see dmesg for Xid; nvidia-smi --gpu-reset, or reboot"};
        }
        return probe_device(*bench_->gpu);
    }

    Result<bool> check() {
        const auto begin = steady_clock::now();
        SecretStream secrets(seed_, "check");
        const std::vector<cpu::CheckCase> cases = cpu::plan_checks(task_, options_, secrets);
        const auto limit = std::chrono::milliseconds(
            static_cast<std::int64_t>(std::clamp(cap_s(), 1.0, 20.0) * 1000));
        const GpuCheck parts{*bench_->gpu, *bench_->cpu, task_, bench_->reference, built_, limit};
        KW_TRY_ASSIGN(GpuCheckResult checked, run_gpu_checks(parts, cases, secrets, observer_));
        result_.cases = std::move(checked.result.cases);
        append(checked.findings);
        if (checked.result.rejection) {
            KW_TRY(confirm(*checked.result.rejection, checked.suspect));
            finish(*checked.result.rejection);
        } else if (options_.independent && device_.looked_at_.insert(candidate_.hash).second) {
            // They take a hundred times a plain run: for what is about to be believed alone.
            KW_TRY_ASSIGN(
                const ToolsResult tools,
                run_gpu_tools(device_.tools_, parts, cases, secrets, observer_));
            append(tools.findings);
            checked.result.rejection = tools.rejection;
            if (tools.rejection) {
                device_.looked_at_.erase(candidate_.hash);
                finish(*tools.rejection);
            }
        }
        stage_done("check", begin);
        return !checked.result.rejection;
    }

    Result<GpuTimingBench*> bench_for(const Case& shape) {
        std::unique_ptr<GpuTimingBench>& bench = bench_->shapes[shape.name];
        if (!bench) {
            const GpuTiming timing{
                *bench_->gpu,
                *bench_->cpu,
                device_.nvml_.get(),
                *bench_->task,
                bench_->reference,
                bench_->baselines};
            const Seed pool_seed = options_.seed ? *options_.seed : random_seed();
            auto made = GpuTimingBench::create(timing, shape, pool_seed);
            if (!made) {
                bench_->shapes.erase(shape.name);
                return std::move(made).error();
            }
            bench = std::move(*made);
        }
        return bench.get();
    }

    struct Timing {
        const Case* shape = nullptr;
        bool again = false;
        std::optional<ShapeTiming> timing;
    };

    /// The cap is for pairs alone, as on the CPU: the build, the wait for the lane, checks and the
    /// making of a bench are not paid by what is timed. A shape that met lowered clocks in nearly
    /// every pair is queued again, behind the others, once: by then the device may be as usual.
    Result<void> time() {
        const auto begin = steady_clock::now();
        std::vector<Timing> timings;
        for (const Case& shape : task_.cases) {
            if (shape.timed) {
                timings.push_back({&shape, false, {}});
            }
        }
        std::deque<std::size_t> queue(timings.size());
        std::iota(queue.begin(), queue.end(), 0);
        double spent_s = 0;
        SecretStream secrets(seed_, "time");
        while (!queue.empty()) {
            Timing& at = timings[queue.front()];
            const double share = (cap_s() - spent_s) / static_cast<double>(queue.size());
            KW_TRY_ASSIGN(
                const bool good,
                time_shape(at, std::max(k_least_share_s, share), secrets, spent_s));
            if (!good) {
                return {};
            }
            // At most one shape's baseline stays on the device: memory, and contexts in turns.
            if (timings.size() > 1) {
                bench_->shapes.erase(at.shape->name);
            }
            if (at.timing->stop_reason == k_stop_disturbed && !at.again) {
                at.again = true;
                observe("time", at.shape->name + " queued again: its pairs were disturbed");
                queue.push_back(queue.front());
            }
            queue.pop_front();
        }
        for (Timing& at : timings) {
            result_.shapes.push_back(*std::move(at.timing));
        }
        stage_done("time", begin);
        cpu::summarise_accepted(result_, options_.dead_band);
        return {};
    }

    /// False: the candidate is rejected.
    Result<bool> time_shape(Timing& at, double cap_s, SecretStream& secrets, double& spent_s) {
        KW_TRY_ASSIGN(GpuTimingBench * bench, bench_for(*at.shape));
        KW_TRY_ASSIGN(
            GpuTimingBench::Timed timed, bench->time(built_, options_, cap_s, secrets, observer_));
        spent_s += timed.pairs_s;
        append(timed.findings);
        if (timed.rejection) {
            KW_TRY(confirm(*timed.rejection, timed.suspect));
            finish(*timed.rejection);
            return false;
        }
        at.timing = std::move(timed.timing);
        return true;
    }

    CudaDevice& device_;
    std::unique_ptr<Bench> own_bench_;
    Bench* bench_ = nullptr;
    BuildOutcome built_;
};

Result<Evaluation> CudaDevice::judge(
    const Task& task,
    const Candidate& candidate,
    const JudgeOptions& options,
    const StageObserver& observer) {
    KW_TRY(need_cuda_side(task));
    Result<Evaluation> result = Judgement(*this, task, candidate, options, observer).run();
    if (!options.keep_baselines_warm) {
        bench_.reset();
    }
    return result;
}

}  // namespace kw::cuda

namespace kw {

Result<std::unique_ptr<Device>> open_cuda_device(
    const std::string& which, const EvaluatorConfig& config) {
    KW_TRY_ASSIGN(auto device, cuda::CudaDevice::open(which, config));
    return std::unique_ptr<Device>(std::move(device));
}

}  // namespace kw
