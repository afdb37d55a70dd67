// SPDX-License-Identifier: Apache-2.0
#include "evaluator/evaluator.hpp"

namespace kw {
namespace {

constexpr std::string_view k_emulated = "emulated:";
constexpr std::string_view k_cuda = "cuda:";

}  // namespace

std::string target_of_device(const std::string& id) {
    return id == "cpu" ? "cpu" : "cuda";
}

Result<std::unique_ptr<Device>> open_device(const std::string& id, const EvaluatorConfig& config) {
    if (id == "cpu") {
        return open_cpu_device(config);
    }
    if (id.starts_with(k_emulated)) {
        return open_emulated_device(id.substr(k_emulated.size()), config);
    }
    if (id.starts_with(k_cuda)) {
        return open_cuda_device(id.substr(k_cuda.size()), config);
    }
    return Error{
        Errc::usage,
        "there is no device '" + id + "'",
        "known: cpu, emulated:sm_80, emulated:sm_89, emulated:sm_90a, cuda:0 and further GPUs"};
}

}  // namespace kw
