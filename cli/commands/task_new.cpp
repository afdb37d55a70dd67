// SPDX-License-Identifier: Apache-2.0
// A new task folder that is sound as it stands: y = w * x, to be changed.
#include "cli/commands/commands.hpp"
#include "cli/console.hpp"
#include "cli/context.hpp"

#include <cctype>
#include <filesystem>
#include <fstream>
#include <utility>
#include <vector>

namespace kw::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* k_task_toml = R"(# What the kernel must do. Every key: docs/tasks.md
schema  = "kwright.task/1"
name    = "@T@"
title   = "y = w * x, to be changed"
summary = """y[i] = w[i] * x[i], in f32."""
source  = "own"
license = "Apache-2.0"
targets = [@TARGETS@]
judge_cap_s = 10

[[dims]]
name = "N"
min = 1
max = 4194304
about = "elements"

[[args]]
name   = "w"
dtype  = "f32"
role   = "weight"
shape  = ["N"]
layout = "plain"
fill   = { dist = "uniform", lo = 0.5, hi = 1.5 }
[[args]]
name   = "x"
dtype  = "f32"
role   = "in"
shape  = ["N"]
layout = "plain"
fill   = { dist = "normal", sigma = 1.0 }
[[args]]
name   = "y"
dtype  = "f32"
role   = "out"
shape  = ["N"]
layout = "plain"
check  = { tolerance = "bound", k = "1", u_out = 5.9604644775390625e-8, tiny = 1e-30 }

[cost]
flop  = "N"
bytes = "12 * N"
op_class = "f32"
reference_flop = "N"

[[cases]]
name = "tiny"
dims = { N = 7 }
probe = true
[[cases]]
name = "ragged"
dims = { N = 1023 }
[[cases]]
name = "large"
dims = { N = 262144 }
timed = true

[hidden]
count = 3
choose = { N = [1, 15, 129, 4097] }
distributions = [""]

[[baselines]]
name = "naive"
file = "baselines/naive.cpp"

[seed]
file = "seed.cpp"
)";

constexpr const char* k_cuda_section = R"(
[cuda]                                 # launch plans: docs/launch-plan.md
seed = "cuda/seed.cu"
[[cuda.baselines]]
name = "naive"
file = "cuda/naive.cu"
)";

constexpr const char* k_reference =
    R"(// The oracle: plain and wide. y_mag is the sum of the products' magnitudes, the scale of the
// allowed error.
#include "@T@_reference.h"

#include <cmath>

void @T@_reference(const float* w, const float* x, double* y_ref, double* y_mag, int64_t N) {
    for (int64_t i = 0; i < N; ++i) {
        y_ref[i] = static_cast<double>(w[i]) * static_cast<double>(x[i]);
        y_mag[i] = std::fabs(y_ref[i]);
    }
}
)";

constexpr const char* k_naive = R"(// The loop a person would write first.
#include "@T@.h"

void @T@(const float* w, const float* x, float* y, int64_t N) {
    for (int64_t i = 0; i < N; ++i) {
        y[i] = w[i] * x[i];
    }
}
)";

constexpr const char* k_seed = R"(//!kwright task=@T@ target=cpu
//!tune BLOCK = {1, 4, 8, 16}
#define BLOCK 1
#include "@T@.h"

void @T@(const float* w, const float* x, float* y, int64_t N) {
    int64_t i = 0;
    for (; i + BLOCK <= N; i += BLOCK) {
        for (int64_t j = 0; j < BLOCK; ++j) {
            y[i + j] = w[i + j] * x[i + j];
        }
    }
    for (; i < N; ++i) {
        y[i] = w[i] * x[i];
    }
}
)";

constexpr const char* k_cuda_naive =
    R"(// The kernel a person would write first: a thread an element.
//!kwright task=@T@ target=cuda
//!launch @T@ grid=ceil_div(N, 256) block=256 args=(w, x, y, N)
extern "C" __global__ void @T@(const float* w, const float* x, float* y, int64_t N) {
    const int64_t i = blockIdx.x * 256LL + threadIdx.x;
    if (i < N) {
        y[i] = w[i] * x[i];
    }
}
)";

constexpr const char* k_cuda_seed = R"(//!kwright task=@T@ target=cuda
//!launch @T@ grid=ceil_div(N, BLOCK * EACH) block=BLOCK args=(w, x, y, N)
//!tune BLOCK = {64, 128, 256}
#define BLOCK 128
//!tune EACH = {1, 2, 4}
#define EACH 1
extern "C" __global__ void @T@(const float* w, const float* x, float* y, int64_t N) {
    int64_t i = static_cast<int64_t>(blockIdx.x) * BLOCK * EACH + threadIdx.x;
    for (int n = 0; n < EACH; ++n, i += BLOCK) {
        if (i < N) {
            y[i] = w[i] * x[i];
        }
    }
}
)";

constexpr const char* k_readme = R"(# @T@

What it computes, where the format comes from, which layout traps there are.

    kwright task check @T@
    kwright run @T@ --proposer tune
)";

std::string replaced(std::string text, const std::string& what, const std::string& with) {
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at)) {
        text.replace(at, what.size(), with);
        at += with.size();
    }
    return text;
}

bool is_identifier(const std::string& name) {
    if (name.empty() || name.size() > 48 ||
        std::isdigit(static_cast<unsigned char>(name[0])) != 0) {
        return false;
    }
    for (const char c : name) {
        if (c != '_' && (c < 'a' || c > 'z') && (c < '0' || c > '9')) {
            return false;
        }
    }
    return true;
}

Result<void> write(const fs::path& file, const std::string& text) {
    std::ofstream stream(file, std::ios::binary);
    stream << text;
    stream.close();
    if (!stream) {
        return Error{
            Errc::environment, "writing " + file.string() + " failed", "choose a writable folder"};
    }
    return {};
}

/// The files' names, for the user.
Result<std::string> write_files(const fs::path& folder, const std::string& name, bool cuda) {
    std::vector<std::pair<std::string, std::string>> files{
        {"task.toml", replaced(k_task_toml, "@TARGETS@", cuda ? R"("cpu", "cuda")" : R"("cpu")")},
        {"reference.cpp", k_reference},
        {"baselines/naive.cpp", k_naive},
        {"seed.cpp", k_seed},
        {"README.md", k_readme}};
    if (cuda) {
        files.front().second += k_cuda_section;
        files.emplace_back("cuda/naive.cu", k_cuda_naive);
        files.emplace_back("cuda/seed.cu", k_cuda_seed);
    }
    std::string written;
    for (const auto& [file, text] : files) {
        std::error_code error;
        fs::create_directories((folder / file).parent_path(), error);
        if (error) {
            return Error{
                Errc::environment,
                "creating " + folder.string() + ": " + error.message(),
                "choose a writable folder"};
        }
        KW_TRY(write(folder / file, replaced(text, "@T@", name)));
        written += (written.empty() ? "" : ", ") + file;
    }
    return written;
}

Result<int> task_new(const Invocation& invocation, Console& console) {
    const std::string name = invocation.text("NAME");
    const bool cuda = invocation.has("cuda");
    if (!is_identifier(name)) {
        return Error{
            Errc::usage,
            "\"" + name + "\" cannot name a task",
            "use lower-case letters, digits and _: it becomes the C function's name"};
    }
    const std::string own = invocation.config.text("tasks_dir");
    const fs::path folder = (own.empty() ? fs::path("benchmarks") : fs::path(own)) / name;
    std::error_code error;
    if (fs::exists(folder, error)) {
        return Error{Errc::usage, folder.string() + " exists already", "choose another name"};
    }
    KW_TRY_ASSIGN(const std::string written, write_files(folder, name, cuda));
    console.print("created   " + folder.string() + "/{" + written + "}");
    console.say("next      edit them, then: kwright task check " + name);
    return 0;
}

}  // namespace

CommandSpec task_new_command() {
    CommandSpec spec;
    spec.name = "task new";
    spec.group = "Tasks";
    spec.summary = "a task folder to start from, in ./benchmarks (or tasks_dir)";
    spec.examples = {"kwright task new int8_dot", "kwright task new int8_dot --cuda"};
    spec.positionals = {{"NAME", "C identifier, lower case", true, false, ""}};
    spec.options = {
        {"--cuda", "", "with a CUDA baseline and a CUDA seed too", "", false, "Options", {}}};
    spec.run = task_new;
    return spec;
}

}  // namespace kw::cli
