// SPDX-License-Identifier: Apache-2.0
// The "GPU" behind the double of the driver (fake_cuda.cpp) and of its management library
// (fake_nvml.cpp): memory in the host's, kernels run by the PTX interpreter, a clock of its own.
#pragma once

#include "evaluator/device/emulated/engine/machine.hpp"
#include "evaluator/device/emulated/engine/tensor_map.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

// Named, so that the functions that take these types keep their external names.
namespace fake_cuda {

using namespace kw;

constexpr int k_success = 0;
constexpr int k_invalid_value = 1;
constexpr int k_out_of_memory = 2;
constexpr int k_no_binary = 209;
constexpr int k_invalid_ptx = 218;
constexpr int k_operating_system = 304;
constexpr int k_not_found = 500;
constexpr int k_illegal_address = 700;
constexpr int k_assert = 710;
constexpr int k_misaligned = 716;
constexpr int k_launch_failed = 719;
constexpr int k_static_shared = 1;   // CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES
constexpr int k_dynamic_shared = 8;  // CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
constexpr std::uint32_t k_free_shared = 48 * 1024;  // static and dynamic, without asking
constexpr unsigned k_event_external = 1;
constexpr int k_no_such_device = 101;
constexpr double k_launch_ns = 2000;      // of any kernel
constexpr double k_ns_per_warp_insn = 4;  // one SM of our interpreter's
constexpr double k_event_ns = 500;        // an event costs a little

struct FakeModule {
    std::string text;
    emu::ParseResult parsed;
    bool hold = false;
};
struct FakeFunction {
    FakeModule* module = nullptr;
    std::string name;
    std::uint32_t opted_in = 0;  // bytes of dynamic shared memory that it asked for
};
struct FakeEvent {
    double at_ns = 0;
};
using Work = std::function<int()>;
struct FakeGraph {
    std::vector<Work> work;
};
struct FakeStream {
    std::vector<Work> queue;
    bool capturing = false;
    std::vector<Work> captured;
};

struct Block {
    std::unique_ptr<std::byte[]> bytes;
    std::size_t size = 0;
    bool live = true;
};

class FakeGpu {
public:
    FakeGpu() {
        Dl_info info{};
        if (dladdr(&k_self, &info) != 0 && info.dli_fname != nullptr) {
            const std::string path = info.dli_fname;
            folder_ = path.substr(0, path.rfind('/') + 1);
            std::ifstream file(folder_ + "fake.conf");
            for (std::string line; std::getline(file, line);) {
                std::istringstream words(line);
                std::string key, name;
                long value = 0;
                words >> key;
                if (key == "fail" && words >> name >> value) {
                    failures_[name] = static_cast<int>(value);
                } else if (words >> value) {
                    settings_[key] = value;
                }
            }
        }
    }

    struct Visible {
        std::string uuid;  // 16 bytes
        std::string name;
    };
    /// 16 bytes that go up from `first`.
    static std::string bytes_from(int first) {
        std::string bytes;
        for (int i = 0; i < 16; ++i) {
            bytes += static_cast<char>(first + i);
        }
        return bytes;
    }
    static std::string shown(const std::string& kind, const std::string& bytes) {
        std::string text = kind;
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            char digits[3];
            std::snprintf(digits, sizeof(digits), "%02x", static_cast<unsigned char>(bytes[i]));
            text += (i == 4 || i == 6 || i == 8 || i == 10) ? "-" : "";
            text += digits;
        }
        return text;
    }
    static std::string mig_bytes(int instance) { return bytes_from(0x80 + 0x10 * instance); }
    /// As CUDA_VISIBLE_DEVICES has it: all GPUs, one of them, or one MIG instance by its whole
    /// name.
    std::vector<Visible> visible() const {
        const char* asked = std::getenv("CUDA_VISIBLE_DEVICES");
        const std::string only = asked == nullptr ? "" : asked;
        std::vector<Visible> devices;
        for (int i = 0; i < setting("devices", 1); ++i) {
            const std::string uuid = bytes_from(0x10 * (i + 1));
            if (only.empty() || shown("GPU-", uuid).starts_with(only)) {
                devices.push_back({uuid, "Fake GPU"});
            }
        }
        for (int i = 0; i < setting("mig", 0); ++i) {
            if (only == shown("MIG-", mig_bytes(i))) {
                devices.push_back({mig_bytes(i), "Fake GPU MIG 1g.18gb"});
            }
        }
        return devices;
    }
    /// What lowers the clocks right now.
    long slowed_by() const {
        return std::ifstream(folder_ + "slowed") ? 4 : setting("slowed_by", 0);
    }

    long setting(const char* key, long otherwise) const {
        const auto found = settings_.find(key);
        return found == settings_.end() ? otherwise : found->second;
    }
    int begin(const char* function) const {
        const auto found = failures_.find(function);
        return found != failures_.end() ? found->second : sticky_;
    }

    std::uint64_t allocate(std::size_t bytes) {
        const auto most = static_cast<std::size_t>(setting("memory_mib", 256)) << 20;
        if (used_ + bytes > most) {
            return 0;
        }
        Block block{std::make_unique<std::byte[]>(bytes), bytes};
        emu::Allocation allocation;
        allocation.name = "block" + std::to_string(blocks_.size());
        allocation.host = block.bytes.get();
        allocation.bytes = bytes;
        const std::uint64_t address = memory_.add(std::move(allocation));
        used_ += address == 0 ? 0 : bytes;
        blocks_.emplace(address, std::move(block));
        return address;
    }
    bool release(std::uint64_t address) {
        const auto found = blocks_.find(address);
        emu::Allocation* allocation = memory_.find(address);
        if (found == blocks_.end() || !found->second.live || allocation == nullptr) {
            return false;
        }
        used_ -= found->second.size;
        allocation->bytes = 0;
        found->second.live = false;
        found->second.bytes.reset();
        return true;
    }
    /// Host bytes of a range on the device, or null.
    std::byte* at(std::uint64_t address, std::size_t bytes) {
        emu::Allocation* allocation = memory_.find(address);
        if (allocation == nullptr || address < allocation->address || bytes > allocation->bytes ||
            address - allocation->address > allocation->bytes - bytes) {
            return nullptr;
        }
        return allocation->host + (address - allocation->address);
    }

    int run(const FakeModule& module, const emu::Launch& launch, std::uint32_t opted_in) {
        if (launch.kernel.find("fake_hang") != std::string::npos) {
            for (;;) {
                pause();
            }
        }
        if (const long code = setting("launch_error", 0); code != 0) {
            return sticky_ = static_cast<int>(code);
        }
        emu::Options options;
        options.seed = ++launches_;
        options.wall_budget_ms = 20'000;
        if (!memory_.load(module.parsed.module).empty()) {
            return sticky_ = k_launch_failed;
        }
        const emu::Report report = emu::run(module.parsed.module, launch, memory_, options);
        clock_ns_ += k_launch_ns +
                     k_ns_per_warp_insn * static_cast<double>(report.counters.warp_instructions);
        // The driver says so at the launch; static shared memory is known here.
        if (report.shared_bytes > k_free_shared && launch.dynamic_shared > opted_in) {
            return sticky_ = k_invalid_value;
        }
        if (report.ending == emu::Ending::completed) {
            return k_success;
        }
        if (report.ending == emu::Ending::hang) {
            for (;;) {
                pause();  // a GPU would not come back either
            }
        }
        int code = k_launch_failed;
        for (const emu::Finding& finding : report.findings) {
            switch (finding.kind) {
                case emu::FindingKind::out_of_bounds: code = k_illegal_address; break;
                case emu::FindingKind::misaligned: code = k_misaligned; break;
                case emu::FindingKind::assertion: code = k_assert; break;
                default: continue;
            }
            break;
        }
        return sticky_ = code;
    }

    int drain(FakeStream& stream) {
        std::vector<Work> queue;
        queue.swap(stream.queue);
        for (const Work& work : queue) {
            if (const int result = work(); result != k_success) {
                return result;
            }
        }
        return begin("");
    }
    void queue(FakeStream& stream, Work work) {
        (stream.capturing ? stream.captured : stream.queue).push_back(std::move(work));
    }

    double clock_ns_ = 0;
    emu::Memory memory_;

private:
    static const char k_self;
    std::map<std::string, long> settings_;
    std::map<std::string, int> failures_;
    std::map<std::uint64_t, Block> blocks_;
    std::size_t used_ = 0;
    std::uint64_t launches_ = 0;
    std::string folder_;
    int sticky_ = 0;
};
/// One a copy of the library, and a process may have several: not inline.
FakeGpu& gpu();

#define FAKE_BEGIN(name)                              \
    if (const int fake_failed = gpu().begin(#name)) { \
        return fake_failed;                           \
    }

}  // namespace fake_cuda

#define FAKE extern "C" __attribute__((visibility("default"))) int
