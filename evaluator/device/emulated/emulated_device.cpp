// SPDX-License-Identifier: Apache-2.0
// The emulated CUDA device: the compiler's PTX, interpreted in the sandbox against the same
// reference as on the CPU; times are modelled.
#include "core/hash.hpp"
#include "evaluator/device/cpu/build.hpp"
#include "evaluator/device/cpu/judgement.hpp"
#include "evaluator/device/cuda/task_build.hpp"
#include "evaluator/device/emulated/check.hpp"
#include "evaluator/device/emulated/task_bench.hpp"
#include "evaluator/evaluator.hpp"
#include "evaluator/harness_program.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <thread>

namespace kw::emulated {
namespace {

using std::chrono::steady_clock;

constexpr const char* k_protocol_modelled = "kw-model/1";

std::string ratio_text(double ratio) {
    char text[32];
    std::snprintf(text, sizeof(text), "%.2fx", ratio);
    return text;
}

}  // namespace

class EmulatedDevice final : public Device {
public:
    static Result<std::unique_ptr<EmulatedDevice>> open(
        const std::string& arch, const EvaluatorConfig& config) {
        const auto model = model_of_arch(arch);
        const auto constants = cuda::constants_of_arch(arch);
        if (!model || !constants) {
            return Error{
                Errc::usage,
                "there is no emulated device '" + arch + "'",
                "known: emulated:sm_80, emulated:sm_89, emulated:sm_90a"};
        }
        std::unique_ptr<EmulatedDevice> device(new EmulatedDevice(*model, *constants));
        KW_TRY_ASSIGN(device->sandbox_, sandbox::open_sandbox(config.sandbox_mode));
        cuda::ToolkitSearch search = cuda::usual_search();
        search.configured = config.cuda_home;
        KW_TRY_ASSIGN(cuda::Toolkit toolkit, cuda::find_toolkit(search));
        KW_TRY_ASSIGN(
            device->builder_,
            cuda::Builder::open(
                *device->sandbox_,
                std::move(toolkit),
                config.harness_dir,
                config.cache_dir / "build"));
        KW_TRY_ASSIGN(cpu::Toolchain toolchain, cpu::find_toolchain(config.compiler));
        device->reference_builder_ = std::make_unique<cpu::Builder>(
            *device->sandbox_, std::move(toolchain), config.cache_dir / "build");
        KW_TRY_ASSIGN(
            device->runner_, place_program(*device->sandbox_, config.harness_dir, "kw-runner"));
        KW_TRY_ASSIGN(Emulator emulator, Emulator::open(*device->sandbox_, config.harness_dir));
        device->emulator_.emplace(std::move(emulator));
        device->cores_ = cpu::choose_cores();
        device->threads_ =
            static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1U, 16U));
        return device;
    }

    [[nodiscard]] std::string id() const override { return "emulated:" + model_.arch; }
    [[nodiscard]] std::string description() const override {
        return id() + ": PTX interpreted, times modelled for " + model_.product;
    }

    Result<Evaluation> judge(
        const Task& task,
        const Candidate& candidate,
        const JudgeOptions& options,
        const StageObserver& observer) override;

private:
    class Judgement;
    EmulatedDevice(ModelArch model, cuda::DeviceConstants constants)
        : model_(std::move(model))
        , constants_(constants) {}

    Result<TaskBench*> bench_of(const Task& task);
    [[nodiscard]] ModelParts model_parts(const Task& task) {
        return {task, model_, constants_, *emulator_, 30, threads_};
    }
    [[nodiscard]] BenchBuilders builders() {
        return {*builder_, *reference_builder_, model_.arch, id()};
    }

    ModelArch model_;
    cuda::DeviceConstants constants_;
    std::unique_ptr<sandbox::Sandbox> sandbox_;
    std::unique_ptr<cuda::Builder> builder_;
    std::unique_ptr<cpu::Builder> reference_builder_;
    std::filesystem::path runner_;
    std::optional<Emulator> emulator_;
    cpu::Cores cores_;
    int threads_ = 1;
    std::unique_ptr<TaskBench> bench_;
};

Result<TaskBench*> EmulatedDevice::bench_of(const Task& task) {
    if (bench_ && bench_->hash == task.hash) {
        return bench_.get();
    }
    KW_TRY_ASSIGN(bench_, make_bench(builders(), task));
    return bench_.get();
}

/// One judgement from source to Evaluation.
class EmulatedDevice::Judgement : cpu::JudgementBase {
public:
    Judgement(
        EmulatedDevice& device,
        const Task& task,
        const Candidate& candidate,
        const JudgeOptions& options,
        const StageObserver& observer)
        : JudgementBase(task, candidate, options, observer)
        , device_(device) {
        describe_device(
            device.description(), sha256_hex(device.description()), device.sandbox_->profile().id);
        commit_to(to_hex(seed_));
        result_.protocol = k_protocol_modelled;
        result_.timing_kind = std::string(name(Provenance::modelled));
    }

    Result<Evaluation> run() {
        const auto begin = steady_clock::now();
        KW_TRY(stages());
        return take(begin);
    }

private:
    Result<void> stages() {
        KW_TRY_ASSIGN(const bool built, build());
        if (!built) {
            return {};
        }
        if (options_.built_only) {
            finish({Verdict::compiled_only, "built, not run", ""});
            return {};
        }
        KW_TRY(choose_bench());
        KW_TRY_ASSIGN(const bool correct, check());
        return correct && accept() ? time() : Result<void>();
    }

    /// The warm one, or one of its own that goes with this judgement.
    Result<void> choose_bench() {
        if (!options_.independent && options_.rival == nullptr) {
            KW_TRY_ASSIGN(bench_, device_.bench_of(task_));
            return {};
        }
        KW_TRY_ASSIGN(own_bench_, make_bench(device_.builders(), task_));
        bench_ = own_bench_.get();
        return options_.rival == nullptr
                   ? Result<void>()
                   : seat_rival(device_.builders(), *bench_, task_, *options_.rival);
    }

    Result<bool> build() {
        observe("build", "CUDA " + device_.builder_->toolkit().version);
        KW_TRY_ASSIGN(
            const auto refused,
            cuda::build_candidate(
                *device_.builder_,
                task_,
                candidate_,
                device_.model_.arch,
                device_.id(),
                options_.independent,
                built_,
                result_));
        if (refused) {
            finish(*refused);
        }
        return !refused;
    }

    Result<bool> check() {
        const auto begin = steady_clock::now();
        SecretStream secrets(seed_, "check");
        const std::vector<cpu::CheckCase> cases =
            cases_for_emulation(task_, cpu::plan_checks(task_, options_, secrets));
        const cpu::Stage stage{*device_.sandbox_, device_.runner_, device_.cores_};
        const CheckParts parts{
            stage,
            task_,
            bench_->reference,
            built_,
            device_.constants_,
            *device_.emulator_,
            20,
            device_.threads_};
        KW_TRY_ASSIGN(CheckedCases checked, run_checks(parts, cases, secrets, observer_));
        stage_done("check", begin);
        result_.cases = std::move(checked.result.cases);
        append(checked.findings);
        if (checked.result.rejection) {
            finish(*checked.result.rejection);
            return false;
        }
        return true;
    }

    Result<void> time() {
        const auto begin = steady_clock::now();
        SecretStream secrets(seed_, "time");
        std::string limiter;
        for (const Case& shape : task_.cases) {
            if (!shape.timed || !shape.emulated) {
                continue;
            }
            observe("time", shape.name + " (modelled)");
            const ModelParts parts = device_.model_parts(task_);
            KW_TRY_ASSIGN(
                TaskBench::Shape * bench,
                shape_of(device_.builders(), parts, *bench_, shape, secrets));
            KW_TRY_ASSIGN(
                ModelledCall call, model_call(parts, shape, built_, bench->content, secrets));
            hold_to_floor(call, shape.name, bench->floor, options_.layers.has(Layer::floor));
            if (call.rejection) {
                finish(*call.rejection);
                return {};
            }
            append(call.findings);
            limiter = call.limiter;
            add_shape(shape, *bench, call.ns);
        }
        stage_done("time", begin);
        summarise(limiter);
        return {};
    }

    void add_shape(const Case& shape, const TaskBench::Shape& bench, double ns) {
        const auto fastest = std::ranges::min_element(
            bench.baseline_ns, {}, &std::pair<std::string, double>::second);
        ShapeTiming timing;
        timing.case_name = shape.name;
        timing.dims = shape.dims;
        timing.baseline = fastest->first;
        timing.candidate_ns = ns;
        timing.baseline_ns = fastest->second;
        timing.naive_ns = bench.baseline_ns.front().second;
        const double ratio = fastest->second / ns;
        timing.speedup = {ratio, ratio, ratio};  // the model has no noise, and unknown error
        timing.comparison = compared(ratio);
        timing.floor_ns = bench.floor.ns;
        timing.sol = bench.floor.ns / ns;
        timing.gb_per_s = static_cast<double>(bench.floor.bytes) / ns;
        timing.stop_reason = "modelled";
        result_.shapes.push_back(std::move(timing));
    }

    [[nodiscard]] Comparison compared(double ratio) const {
        if (std::abs(ratio - 1) <= options_.dead_band) {
            return Comparison::same;
        }
        return ratio > 1 ? Comparison::faster : Comparison::slower;
    }

    void summarise(const std::string& limiter) {
        if (result_.shapes.empty()) {
            return;
        }
        double log_ratio = 0, log_naive = 0, log_sol = 0;
        result_.min_speedup = result_.shapes.front().speedup.value;
        for (const ShapeTiming& shape : result_.shapes) {
            log_ratio += std::log(shape.speedup.value);
            log_naive += std::log(shape.naive_ns / shape.candidate_ns);
            log_sol += std::log(std::max(shape.sol, 1e-9));
            result_.min_speedup = std::min(result_.min_speedup, shape.speedup.value);
        }
        const auto count = static_cast<double>(result_.shapes.size());
        const double ratio = std::exp(log_ratio / count);
        const double naive = std::exp(log_naive / count);
        result_.speedup = {ratio, ratio, ratio};
        result_.vs_naive = {naive, naive, naive};
        result_.sol = std::exp(log_sol / count);
        result_.comparison = compared(ratio);
        result_.summary =
            "modelled " + ratio_text(ratio) + " of the fastest baseline, limited by " + limiter;
    }

    EmulatedDevice& device_;
    std::unique_ptr<TaskBench> own_bench_;
    TaskBench* bench_ = nullptr;
    cuda::BuildOutcome built_;
};

Result<Evaluation> EmulatedDevice::judge(
    const Task& task,
    const Candidate& candidate,
    const JudgeOptions& options,
    const StageObserver& observer) {
    KW_TRY(cuda::need_cuda_side(task));
    Result<Evaluation> result = Judgement(*this, task, candidate, options, observer).run();
    if (!options.keep_baselines_warm) {
        bench_.reset();
    }
    return result;
}

}  // namespace kw::emulated

namespace kw {

Result<std::unique_ptr<Device>> open_emulated_device(
    const std::string& arch, const EvaluatorConfig& config) {
    KW_TRY_ASSIGN(auto device, emulated::EmulatedDevice::open(arch, config));
    return std::unique_ptr<Device>(std::move(device));
}

}  // namespace kw
