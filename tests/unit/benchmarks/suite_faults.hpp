// SPDX-License-Identifier: Apache-2.0
// The faults that a checker of low-precision kernels must find. Every task plants each of them or
// says why it cannot: an absence is a failure, and the table of all tasks is printed.
#pragma once

#include "tests/support/catch.hpp"
#include "tests/unit/benchmarks/task_bench.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace kw::test {

inline const std::vector<std::string> k_suite_faults{
    "nibble order",
    "scale index",
    "last K block",
    "ragged edge",
    "half sums",
    "outliers",
    "zero point",
    "bias",
    "bf16 scale",
    "NaN scrubbed",
    "stale output",
    "constant output"};
/// Planted by require_bad_outputs_rejected() in every task.
inline const std::vector<std::string> k_outputs_alone{"stale output", "constant output"};

/// Why a task cannot have a fault, by fault.
using Reasons = std::map<std::string, std::string>;

inline void require_suite_faults_covered(
    const Task& task, const std::vector<Fault>& faults, const Reasons& not_expressed) {
    for (const Fault& fault : faults) {
        INFO("not among the suite's faults: " << fault.suite);
        CHECK((fault.suite.empty() || std::ranges::count(k_suite_faults, fault.suite) == 1));
    }
    for (const std::string& name : k_suite_faults) {
        std::string planted;
        for (const Fault& fault : faults) {
            if (fault.suite == name) {
                planted += (planted.empty() ? "" : "; ") + fault.what;
            }
        }
        if (std::ranges::count(k_outputs_alone, name) > 0) {
            planted = "output of another call, of one value";
        }
        const auto reason = not_expressed.find(name);
        const bool explained = reason != not_expressed.end() && !reason->second.empty();
        INFO(task.name << ": neither planted nor explained, or both: " << name);
        CHECK(planted.empty() == explained);
        const std::string text = explained ? "not applicable: " + reason->second : planted;
        std::printf("%-18s %-16s %s\n", task.name.c_str(), name.c_str(), text.c_str());
    }
}

/// A kernel that returns what it computed for the call before, and one that writes its first value
/// everywhere.
inline void require_bad_outputs_rejected(const TaskBench& bench, const Library& library) {
    const Task& task = bench.task();
    std::string stale, constant;
    for (const auto& [label, drawn] : bench.cases()) {
        std::string complaint;
        const Drawn other = bench.draw(drawn.dims, drawn.distribution, label + "/before");
        const std::vector<Buffer> before = bench.run(library, other, complaint);
        const std::vector<Buffer> now = bench.run(library, drawn, complaint);
        REQUIRE(complaint.empty());
        std::vector<std::span<std::byte>> old, same;
        for (std::size_t i = 0; i < task.args.size(); ++i) {
            const bool written = task.args[i].role == Role::out || task.args[i].role == Role::inout;
            old.push_back(written ? before[i].bytes() : drawn.args[i].bytes());
            same.push_back(now[i].bytes());
            const std::size_t width = size_of(task.args[i].dtype);
            for (std::size_t at = width; written && at < same[i].size(); at += width) {
                std::memcpy(same[i].data() + at, same[i].data(), width);
            }
        }
        stale += bench.check(drawn, old);
        constant += bench.check(drawn, same);
    }
    INFO(task.name << " accepts the output of the call before");
    CHECK_FALSE(stale.empty());
    INFO(task.name << " accepts a constant output");
    CHECK_FALSE(constant.empty());
}

}  // namespace kw::test
