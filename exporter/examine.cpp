// SPDX-License-Identifier: Apache-2.0
#include "exporter/examine.hpp"

#include "evaluator/device/cpu/code_facts.hpp"
#include "evaluator/device/cuda/library_build.hpp"

#include <map>
#include <utility>

namespace kw::exporter {
namespace {

class JudgingExaminer final : public Examiner {
public:
    JudgingExaminer(const EvaluatorConfig& config, const StageObserver& observer)
        : config_(config)
        , observer_(observer) {}

    Result<Examination> examine(
        const Task& task, const Candidate& candidate, const IsaLevel& level) override {
        const std::string key = task.hash + candidate.hash + level.name;
        if (const auto seen = seen_.find(key); seen != seen_.end()) {
            return seen->second;
        }
        KW_TRY_ASSIGN(Examination result, look_at(task, candidate, level));
        return seen_.emplace(key, std::move(result)).first->second;
    }

    Result<std::string> build_cuda(
        const Task& task, const Candidate& candidate, CudaCode& made) override {
        const std::string key = task.hash + candidate.hash;
        auto seen = seen_cuda_.find(key);
        if (seen == seen_cuda_.end()) {
            CudaCode code;
            KW_TRY_ASSIGN(std::string refusal, build(task, candidate, code));
            seen = seen_cuda_.emplace(key, std::pair(std::move(refusal), std::move(code))).first;
        }
        made = seen->second.second;
        return seen->second.first;
    }

private:
    Result<Examination> look_at(
        const Task& task, const Candidate& candidate, const IsaLevel& level) {
        KW_TRY(open());
        Candidate as_level = candidate;
        as_level.isa = level.name;
        if (observer_) {
            observer_("examine", task.name + " for " + level.name);
        }
        KW_TRY_ASSIGN(const cpu::CodeFacts facts, code_->examine(task, as_level));
        Examination result;
        result.keeps_state = facts.keeps_state;
        result.refusal = refusal_of(facts);
        if (!result.refusal.empty() || !cpu::machine_has(level.name)) {
            return result;
        }
        JudgeOptions options;
        options.timed = false;
        KW_TRY_ASSIGN(const Evaluation judged, judge(*device_, task, as_level, options));
        result.checked = judged.verdict == Verdict::accepted;
        if (!result.checked) {
            result.refusal = std::string(code(judged.verdict)) + ": " + judged.summary;
        }
        return result;
    }

    Result<std::string> build(const Task& task, const Candidate& candidate, CudaCode& made) {
        if (!cuda_) {
            KW_TRY_ASSIGN(cuda_, cuda::LibraryBuilder::open(config_));
        }
        if (observer_) {
            observer_("examine", task.name + " for " + candidate.arch);
        }
        KW_TRY_ASSIGN(cuda::BuildOutcome outcome, cuda_->build(task, candidate));
        if (outcome.verdict != Verdict::accepted) {
            return std::string(code(outcome.verdict)) + ": " + outcome.summary;
        }
        made = {
            outcome.arch,
            std::move(outcome.ptx),
            std::move(outcome.cubin),
            std::move(outcome.plan),
            cuda::signatures(outcome.ptx_facts)};
        const auto device = open_device("emulated:" + made.arch, config_);
        if (!device.ok()) {
            return std::string();  // no such emulated device: a GPU judged the row
        }
        JudgeOptions options;
        options.timed = false;
        KW_TRY_ASSIGN(const Evaluation judged, judge(**device, task, candidate, options));
        made.checked = judged.verdict == Verdict::accepted;
        const bool silent = made.checked || judged.verdict == Verdict::compiled_only;
        return silent ? std::string() : std::string(code(judged.verdict)) + ": " + judged.summary;
    }

    static std::string refusal_of(const cpu::CodeFacts& facts) {
        if (facts.verdict != Verdict::accepted) {
            return std::string(code(facts.verdict)) + ": " + facts.summary;
        }
        if (facts.runs_at_load) {
            return "it runs code when it is loaded (a variable that is initialised at run time)";
        }
        if (!facts.cxx_imports.empty()) {
            return "it needs a C++ library (" + facts.cxx_imports.front() + ")";
        }
        return {};
    }

    Result<void> open() {
        if (device_) {
            return {};
        }
        KW_TRY_ASSIGN(code_, cpu::CodeExaminer::open(config_));
        KW_TRY_ASSIGN(device_, open_cpu_device(config_));
        return {};
    }

    EvaluatorConfig config_;
    StageObserver observer_;
    std::unique_ptr<cpu::CodeExaminer> code_;
    std::unique_ptr<Device> device_;
    std::unique_ptr<cuda::LibraryBuilder> cuda_;
    // A pack may be made several times in a run (kwright export --reverify).
    std::map<std::string, Examination> seen_;
    std::map<std::string, std::pair<std::string, CudaCode>> seen_cuda_;
};

}  // namespace

std::unique_ptr<Examiner> judging_examiner(
    const EvaluatorConfig& config, const StageObserver& observer) {
    return std::make_unique<JudgingExaminer>(config, observer);
}

}  // namespace kw::exporter
