// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cuda/ptxas_facts.hpp"

#include <algorithm>

namespace kw::cuda {
namespace {

constexpr std::size_t k_most_kernels = 4096;

/// The number that stands before `words`, as in "24 bytes stack frame"; 0 without one.
std::int64_t number_before(std::string_view line, std::string_view words) {
    std::size_t at = line.find(words);
    if (at == std::string_view::npos) {
        return 0;
    }
    while (at > 0 && line[at - 1] == ' ') {
        --at;
    }
    std::int64_t value = 0;
    std::int64_t scale = 1;
    while (at > 0 && line[at - 1] >= '0' && line[at - 1] <= '9' && scale < 1'000'000'000'000) {
        value += scale * (line[--at] - '0');
        scale *= 10;
    }
    return value;
}

}  // namespace

std::vector<KernelResources> ptxas_facts(std::string_view log) {
    constexpr std::string_view k_entry = "Compiling entry function '";
    std::vector<KernelResources> kernels;
    bool of_entry = false;  // properties of device functions are printed alike
    while (!log.empty()) {
        const std::size_t end = std::min(log.find('\n'), log.size());
        const std::string_view line = log.substr(0, end);
        log.remove_prefix(std::min(end + 1, log.size()));
        if (const std::size_t at = line.find(k_entry); at != std::string_view::npos) {
            const std::string_view rest = line.substr(at + k_entry.size());
            if (kernels.size() >= k_most_kernels) {
                break;
            }
            kernels.push_back({});
            kernels.back().name = rest.substr(0, rest.find('\''));
        } else if (const std::size_t of = line.find("Function properties for ");
                   of != std::string_view::npos) {
            of_entry = !kernels.empty() && line.substr(of + 24) == kernels.back().name;
        } else if (kernels.empty()) {
            continue;
        } else if (line.find("bytes stack frame") != std::string_view::npos && of_entry) {
            KernelResources& kernel = kernels.back();
            kernel.stack_bytes = number_before(line, "bytes stack frame");
            kernel.spill_store_bytes = number_before(line, "bytes spill stores");
            kernel.spill_load_bytes = number_before(line, "bytes spill loads");
        } else if (const std::size_t used = line.find("Used "); used != std::string_view::npos) {
            KernelResources& kernel = kernels.back();
            kernel.registers = static_cast<int>(number_before(line, "registers"));
            kernel.barriers = static_cast<int>(number_before(line, "barriers"));
            kernel.static_smem = number_before(line, "bytes smem");
        }
    }
    return kernels;
}

}  // namespace kw::cuda
