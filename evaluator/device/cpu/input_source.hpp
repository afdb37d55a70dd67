// SPDX-License-Identifier: Apache-2.0
// Fresh inputs for every pair of timed calls. Small ones are drawn anew. Big ones (megabytes:
// drawing them would cost more than the call) start at a secret row of a secret pool and have
// secret elements replaced by others: a candidate that remembers earlier outputs cannot know which
// are still right without reading everything.
#pragma once

#include "evaluator/device/cpu/seat.hpp"

namespace kw::cpu {

class InputSource {
public:
    static Result<InputSource> create(
        const Task& task,
        const DimMap& dims,
        const std::string& distribution,
        SecretStream& stream);

    /// The next pair's inputs; valid until the next call.
    Result<const Inputs*> next(SecretStream& stream);
    /// The last ones again: what a judge without fresh inputs would give.
    Result<const Inputs*> same() const { return &current_; }

private:
    void renew(std::size_t arg, SecretStream& stream);

    const Task* task_ = nullptr;
    DimMap dims_;
    std::string distribution_;
    Inputs current_;
    Inputs pool_;  ///< empty for small inputs
};

}  // namespace kw::cpu
