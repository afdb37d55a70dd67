// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/cpu_device.hpp"

#include "core/clock.hpp"
#include "core/hash.hpp"
#include "core/text_file.hpp"
#include "evaluator/device/cpu/judgement.hpp"
#include "evaluator/device/cpu/lane.hpp"
#include "evaluator/device/cpu/summary.hpp"
#include "evaluator/harness_program.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace kw::cpu {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::minutes k_limits_hold{10};  // a measurement takes seconds
constexpr double k_busy = 0.05;                    // below it are the kernel's own threads
constexpr double k_many_aside = 0.1;               // of all pairs

}  // namespace

/// Everything kept about one task between judgements.
struct CpuDevice::TaskBench {
    Task task;
    struct Shape {
        std::unique_ptr<TimingBench> bench;
        Seed pool_seed;  ///< what its weights were drawn from
    };
    Seed pool_seed = random_seed();
    std::filesystem::path reference;
    std::vector<BuiltBaseline> baselines;
    std::map<std::string, Shape> shapes;
};

Result<std::unique_ptr<CpuDevice>> CpuDevice::open(const EvaluatorConfig& config) {
    if (machine_level() < 3) {
        return Error{
            Errc::environment,
            "opening the CPU device: this processor lacks AVX2 (x86-64-v3)",
            "judging CPU kernels needs an x86-64 processor with AVX2; boards and reports work "
            "anywhere"};
    }
    std::unique_ptr<CpuDevice> device(new CpuDevice());
    device->config_ = config;
    KW_TRY_ASSIGN(device->sandbox_, sandbox::open_sandbox(config.sandbox_mode));
    KW_TRY_ASSIGN(Toolchain toolchain, find_toolchain(config.compiler));
    device->builder_ = std::make_unique<Builder>(
        *device->sandbox_, std::move(toolchain), config.cache_dir / "build");
    KW_TRY_ASSIGN(
        device->runner_program_, place_program(*device->sandbox_, config.harness_dir, "kw-runner"));
    KW_TRY_ASSIGN(
        device->calibration_, calibrate(*device->sandbox_, config.harness_dir, config.cache_dir));
    device->cores_ = choose_cores();
    return device;
}

std::string CpuDevice::description() const {
    return "cpu: " + calibration_.cpu + ", " + std::to_string(calibration_.cores) +
           " cores, x86-64-v" + std::to_string(calibration_.isa_level);
}

Result<CpuDevice::TaskBench*> CpuDevice::bench_of(const Task& task) {
    if (bench_ && bench_->task.hash == task.hash) {
        return bench_.get();
    }
    bench_.reset();
    auto bench = empty_bench(task);
    KW_TRY(seat_reference(*bench));
    KW_TRY(seat_baselines(*bench));
    bench_ = std::move(bench);
    return bench_.get();
}

std::unique_ptr<CpuDevice::TaskBench> CpuDevice::empty_bench(const Task& task) {
    auto bench = std::make_unique<TaskBench>();
    bench->task = task;
    return bench;
}

/// In place of the baselines, and as hostile as the candidate.
Result<void> CpuDevice::seat_rival(TaskBench& bench, const Candidate& rival) {
    const std::string name = short_id('k', rival.hash);
    if (!machine_has(rival.isa)) {
        return Error{
            Errc::usage,
            "comparing with " + name + ": this machine lacks " + rival.isa,
            "compare on a machine that has it"};
    }
    BuildRequest request;
    request.source = rival.source;
    request.isa = rival.isa;
    request.flags = rival.flags;
    KW_TRY_ASSIGN(const BuildOutcome outcome, builder_->build(bench.task, request));
    if (outcome.verdict != Verdict::accepted) {
        return Error{
            Errc::usage,
            "building " + name + " to compare with: " + outcome.summary,
            "both kernels must be accepted by themselves: see kwright verify"};
    }
    bench.baselines = {{name, outcome.artifact.shared_object, harness::mode_candidate}};
    return {};
}

Result<std::filesystem::path> CpuDevice::build_trusted(
    const Task& task,
    SourceKind kind,
    const std::filesystem::path& file,
    const std::vector<std::string>& link) {
    BuildRequest request;
    request.kind = kind;
    KW_TRY_ASSIGN(request.source, read_text_file(file));
    request.file_name = file.filename().string();
    request.isa = "native";  // the time to beat is the best this machine can do with that source
    request.link = link;
    KW_TRY_ASSIGN(const BuildOutcome outcome, builder_->build(task, request));
    if (outcome.verdict != Verdict::accepted) {
        return Error{
            Errc::config,
            "building " + file.string() + ": " + outcome.summary + "\n" + outcome.detail,
            "a task's reference and baselines must compile"};
    }
    return outcome.artifact.shared_object;
}

Result<void> CpuDevice::seat_reference(TaskBench& bench) {
    KW_TRY_ASSIGN(
        bench.reference,
        build_trusted(bench.task, SourceKind::reference, bench.task.reference, {}));
    return {};
}

Result<void> CpuDevice::seat_baselines(TaskBench& bench) {
    const Task& task = bench.task;
    for (const Baseline& baseline : task.baselines) {
        const bool linkable = std::ranges::all_of(
            baseline.link,
            [this](const std::string& library) { return builder_->library_present(library); });
        if (!linkable || (!baseline.isa.empty() && !machine_has(baseline.isa))) {
            continue;
        }
        KW_TRY_ASSIGN(
            auto object, build_trusted(task, SourceKind::baseline, baseline.file, baseline.link));
        bench.baselines.push_back(
            {baseline.name,
             std::move(object),
             baseline.trusted_peer ? harness::mode_peer : harness::mode_trusted});
    }
    if (bench.baselines.empty()) {
        return Error{
            Errc::config, "task " + task.name + " has no baseline that this machine can run", ""};
    }
    return {};
}

Result<std::map<std::string, std::optional<Rejection>>> CpuDevice::check_peers(
    const Task& task, const StageObserver& observer) {
    KW_TRY_ASSIGN(const TaskBench* bench, bench_of(task));
    const PinnedThread pinned(cores_.judge);
    JudgeOptions options;
    options.timed = false;  // timed shapes are cases like the others
    // A library's threads may add up in any order.
    const Stage stage{*sandbox_, runner_program_, cores_, Layers{}.without(Layer::second_call)};
    SecretStream secrets(random_seed(), "check");
    const std::vector<CheckCase> plan = plan_checks(task, options, secrets);
    std::map<std::string, std::optional<Rejection>> checked;
    for (const BuiltBaseline& baseline : bench->baselines) {
        const auto of_task = std::ranges::find(task.baselines, baseline.name, &Baseline::name);
        if (of_task == task.baselines.end() || of_task->link.empty()) {
            continue;
        }
        KW_TRY_ASSIGN(
            CheckResult result,
            run_checks(
                stage,
                task,
                baseline.shared_object,
                baseline.mode,
                bench->reference,
                plan,
                secrets,
                observer));
        checked[baseline.name] = std::move(result.rejection);
    }
    return checked;
}

Result<TimingBench*> CpuDevice::timing_bench(TaskBench& bench, const Case& shape, Layers layers) {
    TaskBench::Shape& slot = bench.shapes[shape.name];
    if (slot.bench && slot.pool_seed == bench.pool_seed) {
        return slot.bench.get();
    }
    if (slot.bench) {
        const auto renewed = slot.bench->renew(bench.baselines, bench.reference, bench.pool_seed);
        if (!renewed) {
            slot.bench.reset();
            return renewed.error();
        }
    } else {
        const Stage stage{*sandbox_, runner_program_, cores_, layers};
        KW_TRY_ASSIGN(
            slot.bench,
            TimingBench::create(
                stage,
                bench.task,
                shape,
                bench.baselines,
                bench.reference,
                calibration_,
                bench.pool_seed));
    }
    slot.pool_seed = bench.pool_seed;
    return slot.bench.get();
}

Result<bool> CpuDevice::measure_limits_again() {
    const auto now = steady_clock::now();
    if (measured_again_ && now - *measured_again_ < k_limits_hold) {
        return false;
    }
    measured_again_ = now;
    KW_TRY_ASSIGN(calibration_, calibrate(*sandbox_, config_.harness_dir, config_.cache_dir, true));
    return true;
}

/// One judgement from source to Evaluation.
class CpuDevice::Judgement : JudgementBase {
public:
    Judgement(
        CpuDevice& device,
        const Task& task,
        const Candidate& candidate,
        const JudgeOptions& options,
        const StageObserver& observer)
        : JudgementBase(task, candidate, options, observer)
        , device_(device) {
        describe_device(
            device.description(), device.calibration_.hash, device.sandbox_->profile().id);
    }

    Result<Evaluation> run() {
        const auto begin = steady_clock::now();
        KW_TRY(stages(begin));
        return take(begin);
    }

private:
    Result<void> stages(Moment begin) {
        if (!machine_has(candidate_.isa)) {
            finish(
                {Verdict::compiled_only,
                 "compiled only: this machine lacks " + candidate_.isa,
                 ""});
            return {};
        }
        KW_TRY_ASSIGN(const bool built, build());
        if (!built) {
            return {};
        }
        if (options_.built_only) {
            finish({Verdict::compiled_only, "built, not run", ""});
            return {};
        }
        KW_TRY(choose_bench());
        commit_to(to_hex(seed_) + to_hex(bench_->pool_seed));  // weights come from the pool
        KW_TRY_ASSIGN(const bool correct, check());
        if (!correct || !accept()) {
            return {};
        }
        return time(ms_since(begin) / 1000);
    }

    /// The warm one, renewed shape by shape for an independent measurement; a rival gets one of its
    /// own, which goes with this judgement.
    Result<void> choose_bench() {
        if (options_.rival != nullptr) {
            own_bench_ = empty_bench(task_);
            bench_ = own_bench_.get();
            KW_TRY(device_.seat_reference(*own_bench_));
            return device_.seat_rival(*own_bench_, *options_.rival);
        }
        KW_TRY_ASSIGN(bench_, device_.bench_of(task_));
        if (options_.independent) {
            bench_->pool_seed = random_seed();
        }
        return {};
    }

    Result<bool> build() {
        observe("build", device_.builder_->toolchain().version);
        BuildRequest request;
        request.source = candidate_.source;
        request.isa = candidate_.isa;
        request.flags = candidate_.flags;
        request.scan = options_.layers.has(Layer::source_scan);
        KW_TRY_ASSIGN(BuildOutcome outcome, device_.builder_->build(task_, request));
        result_.stages.insert(result_.stages.end(), outcome.stages.begin(), outcome.stages.end());
        result_.findings = std::move(outcome.findings);
        result_.build = std::move(outcome.facts);
        object_ = outcome.artifact.shared_object;
        if (outcome.verdict != Verdict::accepted) {
            finish({outcome.verdict, outcome.summary, outcome.detail});
            return false;
        }
        return true;
    }

    Result<bool> check() {
        const auto begin = steady_clock::now();
        const PinnedThread pinned(device_.cores_.judge);
        SecretStream secrets(seed_, "check");
        const std::vector<CheckCase> plan = plan_checks(task_, options_, secrets);
        const Stage stage{
            *device_.sandbox_, device_.runner_program_, device_.cores_, options_.layers};
        KW_TRY_ASSIGN(
            CheckResult checked,
            run_checks(
                stage,
                task_,
                object_,
                harness::mode_candidate,
                bench_->reference,
                plan,
                secrets,
                observer_));
        stage_done("check", begin);
        result_.cases = std::move(checked.cases);
        if (checked.rejection) {
            finish(*checked.rejection);
            return false;
        }
        return true;
    }

    // Making a bench (pools, choice of the baseline) is paid once a task and not by the candidate
    // that came first.
    Result<void> time(double spent_s) {
        const auto asked = steady_clock::now();
        KW_TRY_ASSIGN(const auto lane, TimingLane::take(device_.config_.cache_dir, "cpu"));
        if (ms_since(asked) >= 1) {  // somebody else was timing: no budget pays for that
            stage_done("lane", asked);
        }
        std::vector<const Case*> shapes;
        for (const Case& entry : task_.cases) {
            if (entry.timed) {
                shapes.push_back(&entry);
            }
        }
        double waited = 0;
        int disturbed = 0;
        std::string warm;
        for (std::size_t i = 0; i < shapes.size(); ++i) {
            const auto setup_begin = steady_clock::now();
            KW_TRY_ASSIGN(
                TimingBench * bench, device_.timing_bench(*bench_, *shapes[i], options_.layers));
            stage_done("bench", setup_begin);
            const double left = cap_s() - spent_s;
            const double share = std::max(0.2, left / static_cast<double>(shapes.size() - i));
            KW_TRY_ASSIGN(auto timed, time_shape(*shapes[i], *bench, share, spent_s));
            if (timed.rejection) {
                finish(*timed.rejection);
                return {};
            }
            waited = std::max(waited, timed.waited);
            disturbed += timed.disturbed;
            if (bench->rotation().sets > 1 && bench->rotation().cold < 1) {
                warm += (warm.empty() ? "" : ", ") + shapes[i]->name;
            }
            result_.shapes.push_back(std::move(timed.timing));
        }
        note_disturbance(waited, disturbed);
        if (!warm.empty()) {
            result_.findings.push_back(
                {"short-rotation",
                 "info",
                 "time",
                 "weights may have stayed in a cache of " +
                     std::to_string(device_.calibration_.llc_bytes >> 20) + " MiB: " + warm});
        }
        summarise_accepted(result_, options_.dead_band);
        return {};
    }

    /// Before a kernel is called too fast, the machine is measured again: a neighbour that was busy
    /// while it was calibrated has hidden what it can do. No budget pays for that.
    Result<TimingBench::Timed> time_shape(
        const Case& shape, TimingBench& bench, double share, double& spent_s) {
        SecretStream secrets(seed_, "time/" + shape.name);
        const auto once = [&] {
            const auto begin = steady_clock::now();
            auto timed =
                bench.time(object_, device_.calibration_, options_, share, secrets, observer_);
            stage_done("time", begin);
            spent_s += ms_since(begin) / 1000;
            return timed;
        };
        KW_TRY_ASSIGN(auto timed, once());
        if (!timed.below_floor()) {
            return timed;
        }
        observe("time", "below the floor: measuring the machine again");
        const auto begin = steady_clock::now();
        KW_TRY_ASSIGN(const bool again, device_.measure_limits_again());
        stage_done("calibrate", begin);
        return again ? once() : std::move(timed);
    }

    /// `waited`: the judge's own share; `disturbed`: pairs set aside, of all shapes.
    void note_disturbance(double waited, int disturbed) {
        std::size_t used = 0;
        for (const ShapeTiming& shape : result_.shapes) {
            used += shape.samples.size();
        }
        const auto aside = static_cast<double>(disturbed);
        if (waited <= k_busy && aside <= k_many_aside * (aside + static_cast<double>(used))) {
            return;
        }
        result_.findings.push_back(
            {"busy-machine",
             "warning",
             "time",
             "other programs had the judge's processor for " +
                 std::to_string(std::lround(100 * waited)) + " % of the time, and " +
                 std::to_string(disturbed) + " pairs were set aside beside " +
                 std::to_string(used) + ": judge again on an idle machine"});
    }

    CpuDevice& device_;
    std::unique_ptr<TaskBench> own_bench_;
    TaskBench* bench_ = nullptr;
    std::filesystem::path object_;
};

Result<Evaluation> CpuDevice::judge(
    const Task& task,
    const Candidate& candidate,
    const JudgeOptions& options,
    const StageObserver& observer) {
    if (!options.layers.all()) {
        bench_.reset();
    }
    Result<Evaluation> result = Judgement(*this, task, candidate, options, observer).run();
    // A bench holds processes and memories that were made for its layers.
    if (!options.keep_baselines_warm || !options.layers.all()) {
        bench_.reset();
    }
    return result;
}

}  // namespace kw::cpu

namespace kw {

Result<std::unique_ptr<Device>> open_cpu_device(const EvaluatorConfig& config) {
    KW_TRY_ASSIGN(auto device, cpu::CpuDevice::open(config));
    return std::unique_ptr<Device>(std::move(device));
}

}  // namespace kw
