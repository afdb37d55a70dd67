// SPDX-License-Identifier: Apache-2.0
// A device that is not here, in the words of one that is.
#include "evaluator/evaluator.hpp"

namespace kw {
namespace {

class WaitingDevice final : public Device {
public:
    WaitingDevice(std::string id, std::string why, std::unique_ptr<Device> stand_in)
        : id_(std::move(id))
        , why_(std::move(why))
        , stand_in_(std::move(stand_in)) {}

    [[nodiscard]] std::string id() const override { return id_; }
    [[nodiscard]] std::string description() const override {
        return id_ + " is not here (" + why_ + "): checked on " + stand_in_->description();
    }
    [[nodiscard]] std::string arch() const override { return stand_in_->arch(); }
    [[nodiscard]] bool waits() const override { return true; }

    Result<Evaluation> judge(
        const Task& task,
        const Candidate& candidate,
        const JudgeOptions& options,
        const StageObserver& observer) override {
        KW_TRY_ASSIGN(Evaluation result, stand_in_->judge(task, candidate, options, observer));
        if (result.verdict == Verdict::accepted) {
            result.summary += "; waits for " + id_;
            result.findings.push_back(
                {"waiting-device",
                 "info",
                 "time",
                 "modelled on " + stand_in_->id() + "; kwright campaign drain --device " + id_ +
                     " measures it"});
        }
        return result;
    }

private:
    std::string id_;
    std::string why_;
    std::unique_ptr<Device> stand_in_;
};

}  // namespace

Result<std::unique_ptr<Device>> open_waiting_device(
    const std::string& id,
    const std::string& arch,
    const std::string& why,
    const EvaluatorConfig& config) {
    KW_TRY_ASSIGN(auto stand_in, open_device("emulated:" + arch, config));
    return std::unique_ptr<Device>(std::make_unique<WaitingDevice>(id, why, std::move(stand_in)));
}

}  // namespace kw
