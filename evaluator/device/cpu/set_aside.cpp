// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/set_aside.hpp"

namespace kw::cpu {
namespace {

constexpr std::size_t k_least_others = 6;
constexpr std::size_t k_most_per_other = 9;

}  // namespace

void SetAside::add(const Sample& sample, bool disturbed, stats::PairedTest& test) {
    if (disturbed) {
        samples_.push_back(sample);
    } else {
        test.add(sample);
    }
}

bool SetAside::settle(stats::PairedTest& test) {
    const std::size_t others = test.samples().size();
    if (samples_.empty()) {
        return true;
    }
    if (others < k_least_others) {
        for (const Sample& sample : samples_) {
            test.add(sample);
        }
        return false;
    }
    return samples_.size() <= k_most_per_other * others;
}

}  // namespace kw::cpu
