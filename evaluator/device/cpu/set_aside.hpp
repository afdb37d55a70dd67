// SPDX-License-Identifier: Apache-2.0
// Pairs in whose calls other programs were in the way: they say how busy the machine is, and
// nothing of the kernels.
#pragma once

#include "evaluator/paired_test.hpp"

#include <vector>

namespace kw::cpu {

class SetAside {
public:
    /// To `test`, or aside.
    void add(const Sample& sample, bool disturbed, stats::PairedTest& test);
    /// After the last pair. False when hardly any pair was undisturbed (fewer than six, or one in
    /// ten): then the test gets the disturbed ones too, where it has fewer than six, and whatever
    /// it shows may be another program.
    [[nodiscard]] bool settle(stats::PairedTest& test);
    [[nodiscard]] int count() const { return static_cast<int>(samples_.size()); }

private:
    std::vector<Sample> samples_;
};

}  // namespace kw::cpu
