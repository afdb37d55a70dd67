// SPDX-License-Identifier: Apache-2.0
// A small valid task folder that tests break in one place.
#pragma once

#include "core/task_file.hpp"
#include "tests/unit/core/support.hpp"

namespace kw::test {

/// 67 lines; keep the line numbers of task_file_test.cpp in step.
inline const std::string k_task_toml = R"toml(schema = "kwright.task/1"
name = "gemv"
title = "A small product"
summary = "y[n] = sum_k w[n][k] * x[k]"
targets = ["cpu"]
judge_cap_s = 5
hints = ["Read w once."]
[[dims]]
name = "N"
min = 1
max = 65536
about = "outputs"
[[dims]]
name = "K"
min = 32
max = 65536
multiple_of = 32
[[args]]
name = "w"
dtype = "u8"
role = "weight"
shape = ["N", "K / 32 * 18"]
layout = "records of 18 bytes"
fill = { dist = "records", record = [ { dtype = "f16", fill = { dist = "uniform", lo = 0.1, hi = 0.2 } }, { dtype = "u8", count = 16, fill = { dist = "bytes" } } ] }
[[args]]
name = "x"
dtype = "f32"
role = "in"
shape = ["K"]
fill = { dist = "normal", sigma = 2.0 }
[[args]]
name = "y"
dtype = "f32"
role = "out"
shape = ["N"]
check = { tolerance = "bound", k = "K", u_out = 6e-8 }
[prepare]
[cost]
flop = "2 * N * K"
bytes = "N * K / 32 * 18 + 4 * (N + K)"
op_class = "f32"
reference_flop = "3 * N * K"
[verify]
project = "y"
products = "N * K"
[[cases]]
name = "tiny"
dims = { N = 4, K = 32 }
probe = true
[[cases]]
name = "big"
dims = { N = 512, K = 1024 }
distribution = "spread"
timed = true
[distributions.spread]
x = { dist = "log_uniform", lo = 1e-3, hi = 1e3 }
[hidden]
count = 2
choose = { N = [1, 7], K = [32, 96] }
distributions = ["", "spread"]
[[baselines]]
name = "naive"
file = "baselines/naive.cpp"
[seed]
file = "seed.cpp"
)toml";

inline void write_task(const std::filesystem::path& folder, const std::string& toml = k_task_toml) {
    write_file(folder / "task.toml", toml);
    write_file(folder / "reference.cpp", "void gemv_reference();\n");
    write_file(folder / "baselines" / "naive.cpp", "void gemv();\n");
    write_file(folder / "seed.cpp", "void gemv();\n");
    write_file(folder / "cuda" / "naive.cu", "//!launch gemv\n");  // read only where it is named
    write_file(folder / "cuda" / "seed.cu", "//!launch gemv\n//!tune\n");
}

}  // namespace kw::test
