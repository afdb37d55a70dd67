// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/input_source.hpp"

#include <algorithm>
#include <cstring>

namespace kw::cpu {
namespace {

constexpr std::size_t k_small = std::size_t{1} << 20;
constexpr int k_replaced = 64;

}  // namespace

Result<InputSource> InputSource::create(
    const Task& task, const DimMap& dims, const std::string& distribution, SecretStream& stream) {
    InputSource source;
    source.task_ = &task;
    source.dims_ = dims;
    source.distribution_ = distribution;
    KW_TRY_ASSIGN(source.current_, draw_inputs(task, dims, distribution, stream));
    std::size_t total = 0;
    for (const auto& arg : source.current_.args) {
        total += arg.size();
    }
    if (total > k_small) {
        source.pool_ = source.current_;
    }
    return source;
}

Result<const Inputs*> InputSource::next(SecretStream& stream) {
    if (pool_.args.empty()) {
        KW_TRY_ASSIGN(current_, draw_inputs(*task_, dims_, distribution_, stream));
        return &current_;
    }
    for (std::size_t i = 0; i < pool_.args.size(); ++i) {
        if (!pool_.args[i].empty()) {
            renew(i, stream);
        }
    }
    return &current_;
}

void InputSource::renew(std::size_t arg, SecretStream& stream) {
    const Arg& spec = task_->args[arg];
    const std::vector<std::byte>& pool = pool_.args[arg];
    std::vector<std::byte>& out = current_.args[arg];
    const std::size_t element = size_of(spec.dtype);
    const auto last = static_cast<std::size_t>(spec.shape.back().eval(dims_).value());
    const std::size_t row = std::max<std::size_t>(last * element, 1);
    const std::size_t rows = pool.size() / row;
    // One row only: rotate by elements instead.
    const std::size_t unit = rows >= 16 ? row : element;
    const std::size_t shift = stream.below(pool.size() / unit) * unit;
    std::memcpy(out.data(), pool.data() + shift, pool.size() - shift);
    std::memcpy(out.data() + pool.size() - shift, pool.data(), shift);
    if (spec.fill.dist == "records") {
        return;
    }
    const std::size_t elements = pool.size() / element;
    for (int i = 0; i < k_replaced; ++i) {
        std::memcpy(
            out.data() + stream.below(elements) * element,
            pool.data() + stream.below(elements) * element,
            element);
    }
}

}  // namespace kw::cpu
