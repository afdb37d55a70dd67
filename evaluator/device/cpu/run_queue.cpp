// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/run_queue.hpp"

#include <algorithm>
#include <fstream>

namespace kw::cpu {
namespace {

std::optional<double> waited_ns() {
    std::ifstream stat("/proc/thread-self/schedstat");
    double ran = 0;
    double waited = 0;
    if (stat >> ran >> waited) {
        return waited;
    }
    return std::nullopt;
}

}  // namespace

RunQueueWatch::RunQueueWatch()
    : begin_ns_(waited_ns())
    , begin_(std::chrono::steady_clock::now()) {}

std::optional<double> RunQueueWatch::waited() const {
    const std::optional<double> now_ns = waited_ns();
    const std::chrono::duration<double, std::nano> passed =
        std::chrono::steady_clock::now() - begin_;
    if (!begin_ns_ || !now_ns || passed.count() <= 0) {
        return std::nullopt;
    }
    return std::clamp((*now_ns - *begin_ns_) / passed.count(), 0.0, 1.0);
}

}  // namespace kw::cpu
