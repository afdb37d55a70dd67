// SPDX-License-Identifier: Apache-2.0
#include "agent/critic/fact_names.hpp"

#include <algorithm>
#include <array>

namespace kw::agent {

namespace {

constexpr std::array<std::string_view, 13> k_terms = {
    "dram",
    "l2",
    "latency",
    "issue",
    "fma",
    "integer",
    "half",
    "convert",
    "special",
    "double",
    "shared",
    "matrix",
    "load_store"};

}  // namespace

std::span<const std::string_view> limiter_terms() {
    return k_terms;
}

std::string limiter_fact(std::string_view term) {
    return "limited_by_" + std::string(term);
}

std::string verdict_fact(Verdict verdict) {
    std::string out = "verdict_";
    for (const char c : code(verdict)) {
        out += static_cast<char>(c - 'A' + 'a');
    }
    return out;
}

const std::vector<FactSpec>& fact_specs() {
    static const std::vector<FactSpec> k_specs = [] {
        std::vector<FactSpec> specs = {
            {"is_cuda", "0 or 1", "the target is cuda"},
            {"accepted", "0 or 1", "correct on every case, and timed"},
            {"hidden_case", "0 or 1", "the case that failed is a hidden one"},
            {"max_error_pct", "%", "largest error of the failing public case; 100 is allowed"},
            {"mismatch_pct", "%", "wrong elements of the failing public case"},
            {"task_prepare", "0 or 1", "the task allows packing of the weights"},
            {"task_bytes", "bytes", "least bytes one call moves, largest timed shape"},
            {"task_flop_per_byte", "count", "operations a byte, largest timed shape"},
            {"task_weights_pct", "%", "share of the weights in those bytes"},
            {"modelled", "0 or 1", "the time is modelled, not measured"},
            {"speedup_pct", "%", "speed-up over the fastest baseline; 100 is as fast"},
            {"spread_pct", "%", "half width of its 95 % interval"},
            {"vs_naive_pct", "%", "speed-up over the naive baseline"},
            {"vs_parent_pct", "%", "speed-up over the parent"},
            {"vs_best_pct", "%", "speed-up over the best so far"},
            {"worst_shape_pct", "%", "speed-up of the worst shape"},
            {"shape_range_pct", "%", "best shape's speed-up over the worst's"},
            {"hot_speedup_pct", "%", "speed-up with the weights in the cache"},
            {"cold_over_hot_pct", "%", "cold time over hot time; 100 is equal"},
            {"sol_cold_pct", "%", "fraction of the binding roof, cold"},
            {"memory_roof_cold_pct", "%", "fraction of memory bandwidth, cold"},
            {"compute_roof_cold_pct", "%", "fraction of peak arithmetic, cold"},
            {"cache_roof_hot_pct", "%", "fraction of the bandwidth of the nearest cache, hot"},
            {"compute_roof_hot_pct", "%", "fraction of peak arithmetic, hot"},
            {"stack_references", "count", "memory operands on the stack in the hottest loop"},
            {"text_bytes", "bytes", "machine code"},
            {"vector_instructions", "count", "instructions that name a vector register"},
            {"multiplies", "count", "vector multiplies, dot products and bit counts"},
            {"mix_bound_pct",
             "%",
             "multiplies among the vector instructions: a roof of the instruction mix, estimated "
             "over the whole file"},
            {"registers", "count", "registers a thread, worst kernel"},
            {"spill_bytes", "bytes", "spilled by ptxas, worst kernel"},
            {"stack_bytes", "bytes", "stack frame, worst kernel"},
            {"smem_bytes", "bytes", "static shared memory, worst kernel"},
            {"occupancy_pct", "%", "resident warps of those that fit, longest launch"},
            {"sectors_per_request",
             "count",
             "32-byte sectors a global access, worst line; 16 will do"},
            {"bank_passes_pct", "%", "passes of a shared access over the least, worst line"}};
        specs.insert(specs.end(), source_fact_specs().begin(), source_fact_specs().end());
        return specs;
    }();
    return k_specs;
}

std::vector<std::string> fact_names() {
    std::vector<std::string> names;
    for (const FactSpec& spec : fact_specs()) {
        names.push_back(spec.name);
    }
    for (int i = 0; i < k_verdict_count; ++i) {
        names.push_back(verdict_fact(static_cast<Verdict>(i)));
    }
    for (const std::string_view term : limiter_terms()) {
        names.push_back(limiter_fact(term));
    }
    return names;
}

bool is_fact_name(std::string_view name) {
    static const std::vector<std::string> k_names = fact_names();
    return (name.starts_with("class_") && name.size() > 6) ||
           std::find(k_names.begin(), k_names.end(), name) != k_names.end();
}

}  // namespace kw::agent
