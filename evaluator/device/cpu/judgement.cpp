// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/judgement.hpp"

#include "core/clock.hpp"
#include "core/hash.hpp"

#include <utility>

namespace kw::cpu {

JudgementBase::JudgementBase(
    const Task& task,
    const Candidate& candidate,
    const JudgeOptions& options,
    const StageObserver& observer)
    : task_(task)
    , candidate_(candidate)
    , options_(options)
    , observer_(observer)
    , seed_(options.seed ? *options.seed : random_seed()) {}

void JudgementBase::describe_device(
    const std::string& description, const std::string& hash, const std::string& profile) {
    result_.device = description;
    result_.device_hash = hash;
    result_.sandbox_profile = profile + options_.layers.note();
}

void JudgementBase::commit_to(const std::string& seeds) {
    result_.seed = seeds;
    result_.seed_commitment = sha256_hex(seeds);
}

void JudgementBase::observe(const std::string& stage, const std::string& text) const {
    if (observer_) {
        observer_(stage, text);
    }
}

void JudgementBase::stage_done(const std::string& stage, Moment begin) {
    result_.stages.push_back({stage, ms_since(begin)});
}

void JudgementBase::append(const std::vector<Finding>& findings) {
    result_.findings.insert(result_.findings.end(), findings.begin(), findings.end());
}

void JudgementBase::finish(const Rejection& rejection) {
    result_.verdict = rejection.verdict;
    result_.summary = rejection.summary;
    result_.detail = rejection.detail;
}

bool JudgementBase::accept() {
    result_.verdict = Verdict::accepted;
    result_.summary = "correct on " + std::to_string(result_.cases.size()) + " cases" +
                      (options_.timed ? "" : ", not timed");
    return options_.timed;
}

double JudgementBase::cap_s() const {
    return options_.cap_s > 0 ? options_.cap_s : task_.judge_cap_s;
}

Evaluation JudgementBase::take(Moment begin) {
    result_.wall_s = ms_since(begin) / 1000;
    return std::move(result_);
}

}  // namespace kw::cpu
