// SPDX-License-Identifier: Apache-2.0
// The judge's end of kw-gpu: a process that holds one context on one GPU, for one candidate, and is
// thrown away with it. What comes out of it is read as hostile bytes: device code runs in its
// context, and a driver is no boundary (docs/threat-model.md).
#pragma once

#include "core/result.hpp"
#include "evaluator/device/cpu/shared_memory.hpp"
#include "evaluator/harness/gpu_protocol.hpp"
#include "sandbox/sandbox.hpp"

#include <chrono>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace kw::cuda {

/// Where the driver's libraries are, and how a process of ours reaches them.
struct GpuAccess {
    std::filesystem::path program;        ///< kw-gpu in a run directory
    std::string driver = "libcuda.so.1";  ///< a name for the loader, or a path
    std::filesystem::path matmul;         ///< cuBLASLt; empty = none
    /// What a sandboxed process must see beside /usr: folders of the two above.
    std::vector<std::filesystem::path> folders;
    /// That it may open: all there are until a device is chosen, then those it needs.
    std::vector<std::filesystem::path> nodes;
    /// Environment that chooses among devices; CUDA_VISIBLE_DEVICES for a MIG instance.
    std::vector<std::pair<std::string, std::string>> env;
};
/// "" in `driver`: the loader's own. A path's folder is made visible inside.
[[nodiscard]] GpuAccess gpu_access(std::filesystem::path program, const std::string& driver);

/// A program that runs kw-gpu under it: compute-sanitizer, ncu.
struct GpuWrapper {
    std::vector<std::string> argv;               ///< before kw-gpu's own; argv[0] absolute
    std::vector<std::filesystem::path> folders;  ///< that it needs
    [[nodiscard]] bool empty() const { return argv.empty(); }
};

/// How an order ended. `died` and `hung`: there is no process any more. `lost`: there is one that
/// cannot be ended, because the device does not answer its driver.
struct GpuAnswer {
    enum class State { done, failed, died, hung, lost };
    State state = State::done;
    harness::Answer answer;  ///< of done and failed
    std::string words;       ///< of died: how, and what it wrote last
    [[nodiscard]] bool ok() const { return state == State::done; }
};

class GpuRunner {
public:
    /// Errors are the sandbox's. The driver is loaded by the first order.
    static Result<std::unique_ptr<GpuRunner>> start(
        sandbox::Sandbox& sandbox,
        const GpuAccess& access,
        std::int64_t transfer_bytes,
        const GpuWrapper& wrapper = {});
    ~GpuRunner();
    GpuRunner(const GpuRunner&) = delete;
    GpuRunner& operator=(const GpuRunner&) = delete;

    /// Waits for the answer at most `limit`, then kills the process.
    GpuAnswer order(const harness::Order& order, std::chrono::milliseconds limit);
    /// Shared with the process: whatever is read from it may change meanwhile.
    [[nodiscard]] std::span<std::byte> transfer() const { return transfer_->bytes(); }
    /// Ends it (as asked, or by force) and returns all that was written: a wrapper's report.
    sandbox::Outcome finish(std::chrono::milliseconds limit);

private:
    GpuRunner() = default;
    GpuAnswer lost(GpuAnswer::State state);

    std::unique_ptr<sandbox::Child> child_;
    std::shared_ptr<cpu::SharedMemory> transfer_;
    int orders_ = -1;
    int answers_ = -1;
};

}  // namespace kw::cuda
