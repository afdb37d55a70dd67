// SPDX-License-Identifier: Apache-2.0
#include "cli/bare_floor.hpp"

#include "evaluator/device/cpu/build.hpp"
#include "evaluator/device/cpu/build_flags.hpp"
#include "evaluator/device/cpu/build_pch.hpp"

#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <spawn.h>
#include <stdlib.h>
#include <utility>
#include <vector>

namespace kw::cli {
namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

double ms_since(steady_clock::time_point begin) {
    return std::chrono::duration<double, std::milli>(steady_clock::now() - begin).count();
}

Error failed(const std::string& what) {
    return {Errc::environment, what, "see `kwright doctor`"};
}

Result<void> write_file(const fs::path& file, std::string_view text) {
    std::ofstream stream(file, std::ios::binary);
    stream << text;
    stream.close();
    if (!stream) {
        return failed("writing " + file.string() + " failed");
    }
    return {};
}

/// Runs in `folder`; a status other than 0 is an Error.
Result<void> spawn(const fs::path& folder, std::vector<std::string> words) {
    std::vector<char*> argv;
    for (std::string& word : words) {
        argv.push_back(word.data());
    }
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
    pid_t pid = 0;
    const int problem =
        posix_spawn(&pid, words.front().c_str(), &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (problem != 0) {
        return failed("starting " + words.front() + ": " + std::strerror(problem));
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        return failed(words.front() + " failed on the trivial kernel");
    }
    return {};
}

/// Aligned zeroed memory of one argument.
struct Buffer {
    explicit Buffer(std::size_t bytes)
        : data(std::aligned_alloc(64, (bytes + 127) / 64 * 64)) {
        KW_CHECK(data != nullptr);
        std::memset(data, 0, (bytes + 127) / 64 * 64);
    }
    Buffer(Buffer&& other) noexcept
        : data(std::exchange(other.data, nullptr)) {}
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    ~Buffer() { std::free(data); }
    void* data;
};

class Floor final : public BareFloor {
public:
    Floor(const Task& task, cpu::Toolchain toolchain, fs::path folder)
        : task_(task)
        , toolchain_(std::move(toolchain))
        , folder_(std::move(folder))
        , flags_(cpu::compile_flags(toolchain_, cpu::SourceKind::candidate, "native", {})) {}
    Floor(const Floor&) = delete;
    Floor& operator=(const Floor&) = delete;
    ~Floor() override {
        std::error_code ignored;
        fs::remove_all(folder_, ignored);
    }

    Result<void> prepare() {
        KW_TRY(write_file(folder_ / (task_.name + ".h"), cpu::task_header(task_)));
        KW_TRY(write_file(folder_ / cpu::k_pch_header, cpu::pch_header_text()));
        return spawn(
            folder_,
            command(
                {"-x",
                 "c++-header",
                 cpu::k_pch_header,
                 "-o",
                 std::string(cpu::k_pch_header) + ".gch"}));
    }

    Result<Times> measure(const std::string& source) override {
        const std::string name = "kernel" + std::to_string(runs_++);
        KW_TRY(write_file(folder_ / (name + ".cpp"), source));
        std::vector<std::string> arguments{
            "-Winvalid-pch",
            "-I.",
            "-include",
            cpu::k_pch_header,
            "-DKW_TRAMPOLINES",
            "-include",
            task_.name + ".h"};
        for (const std::string& flag : cpu::link_flags()) {
            arguments.push_back(flag);
        }
        arguments.insert(arguments.end(), {name + ".cpp", "-o", name + ".so"});
        Times times;
        const auto begin = steady_clock::now();
        KW_TRY(spawn(folder_, command(arguments)));
        times.compile_ms = ms_since(begin);
        KW_TRY_ASSIGN(times.call_ms, call(folder_ / (name + ".so")));
        return times;
    }

private:
    [[nodiscard]] std::vector<std::string> command(
        const std::vector<std::string>& arguments) const {
        std::vector<std::string> words{toolchain_.compiler.string()};
        words.insert(words.end(), flags_.begin(), flags_.end());
        words.insert(words.end(), arguments.begin(), arguments.end());
        return words;
    }

    Result<double> call(const fs::path& object) {
        void* library = dlopen(object.c_str(), RTLD_NOW | RTLD_LOCAL);
        if (library == nullptr) {
            return failed(std::string("loading the trivial kernel: ") + dlerror());
        }
        using Entry = void (*)(void* const*);
        Entry entry = nullptr;
        void* const symbol = dlsym(library, "kw_entry");
        std::memcpy(&entry, &symbol, sizeof entry);
        double ms = 0;
        for (const Case& shape : task_.cases) {
            if (!shape.timed || entry == nullptr) {
                continue;
            }
            std::vector<Buffer> buffers;
            std::vector<void*> slots;
            for (const Arg& arg : task_.args) {
                KW_TRY_ASSIGN(const std::int64_t bytes, byte_size(arg, shape.dims));
                slots.push_back(buffers.emplace_back(static_cast<std::size_t>(bytes)).data);
            }
            std::vector<std::int64_t> dims = ordered_dims(task_, shape.dims);
            slots.push_back(nullptr);  // nothing packed
            slots.push_back(dims.data());
            const auto begin = steady_clock::now();
            entry(slots.data());
            ms += ms_since(begin);
        }
        dlclose(library);
        return ms;
    }

    const Task& task_;
    cpu::Toolchain toolchain_;
    fs::path folder_;
    std::vector<std::string> flags_;
    int runs_ = 0;
};

}  // namespace

Result<std::unique_ptr<BareFloor>> BareFloor::open(const Task& task, const std::string& compiler) {
    KW_TRY_ASSIGN(cpu::Toolchain toolchain, cpu::find_toolchain(compiler));
    std::error_code error;
    std::string folder = (fs::temp_directory_path(error) / "kwright-floor-XXXXXX").string();
    if (error || mkdtemp(folder.data()) == nullptr) {
        return failed("making a temporary folder failed");
    }
    auto floor = std::make_unique<Floor>(task, std::move(toolchain), folder);
    KW_TRY(floor->prepare());
    return std::unique_ptr<BareFloor>(std::move(floor));
}

}  // namespace kw::cli
