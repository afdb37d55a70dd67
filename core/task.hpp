// SPDX-License-Identifier: Apache-2.0
// A kernel task as its folder states it: arguments, cases, tolerance, costs, baselines. Pure
// values; reading the folder is core/task_file.hpp. docs/tasks.md is the user's description of
// every key.
#pragma once

#include "core/dim_expr.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace kw {

enum class DType { f16, bf16, f32, f64, i8, u8, i16, u16, i32, u32, i64, u64 };
[[nodiscard]] std::size_t size_of(DType dtype);      ///< bytes of one element
[[nodiscard]] std::string_view name(DType dtype);    ///< "f16"
[[nodiscard]] std::string_view c_type(DType dtype);  ///< "kw_f16", "int8_t", ...
[[nodiscard]] std::optional<DType> dtype_from_name(std::string_view name);

/// Who owns an argument's bytes, and when they change.
enum class Role {
    weight,     ///< read-only; the same for many calls; what `prepare` may see
    in,         ///< read-only; fresh for every pair of calls
    out,        ///< poisoned before the call, compared after it
    inout,      ///< fresh before the call, compared after it
    workspace,  ///< scratch; content undefined
};
[[nodiscard]] std::string_view name(Role role);
[[nodiscard]] std::optional<Role> role_from_name(std::string_view name);

struct RecordField;

/// How an argument is filled. `dist` is one of
///   zero | constant(value) | uniform(lo,hi: floats; integers inclusive) | bytes (uniform random
///   bits) | normal(mean,sigma) | student_t(nu,sigma) | outlier(sigma,every,scale: each `every`-th
///   column x scale) | log_uniform(lo,hi) | ties (values that land on rounding midpoints) | special
///   (mix of 0, -0, subnormals, huge; NaN/Inf only when nonfinite=1) | one_hot (one element 1, rest
///   0) | ramp | zero_groups(group,fraction,sigma) | constant_groups(group,sigma) | records (packed
///   structs, see `record`)
/// Values are rounded to the argument's dtype (RNE).
struct Fill {
    std::string dist = "normal";
    std::map<std::string, double> params;
    std::vector<RecordField>
        record;  ///< dist == "records": the fields of one packed record, in byte order
    bool operator==(const Fill&) const = default;
};

struct RecordField {
    DType dtype = DType::u8;
    std::int64_t count = 1;
    Fill fill;
    bool operator==(const RecordField&) const = default;
};

/// How an output is compared with the reference (docs/tasks.md#tolerance).
enum class Tolerance {
    exact,  ///< same bytes. The reference writes the output itself
    bound,  ///< |y-ref| <= u_out*|ref| + (c*u_acc*sqrt(k) + u_op)*mag + tiny. The reference writes
            ///< two f64 per element: ref, and mag = sum of |products|
    codes,  ///< equal, or equal to a second allowed code. The reference writes two outputs: want
            ///< and alt
};
[[nodiscard]] std::string_view name(Tolerance tolerance);
[[nodiscard]] std::optional<Tolerance> tolerance_from_name(std::string_view name);

struct Check {
    Tolerance tolerance = Tolerance::exact;
    DimExpr k;                             ///< bound: reduction length
    double u_out = 0;                      ///< bound: output rounding, e.g. 2^-11 for f16
    double u_acc = 5.9604644775390625e-8;  ///< bound: accumulator rounding, 2^-24
    double u_op = 0;                       ///< bound: operand rounding the task allows
    double c = 4;                          ///< bound: constant of the random-walk term
    double tiny = 0;                       ///< bound: absolute slack
    int code_bits = 8;  ///< codes: 4 = two codes a byte, compared nibble by nibble
};

struct Arg {
    std::string name;
    DType dtype = DType::f32;
    Role role = Role::in;
    std::vector<DimExpr> shape;  ///< row-major; elements of dtype
    std::string layout;  ///< byte and bit order, packing: prose shown to models and in the header
    Fill fill;           ///< default distribution
    Check check;         ///< roles out and inout
};

struct Dim {
    std::string name;
    std::int64_t min = 1;
    std::int64_t max = 1 << 20;
    std::int64_t multiple_of = 1;
    std::string about;
};

/// One shape with its distribution. `timed` cases are also the ranked shapes.
struct Case {
    std::string name;
    DimMap dims;
    std::string
        distribution;  ///< name of an entry of Task::distributions; "" = each argument's own fill
    bool timed = false;
    bool probe = false;  ///< cheapest first check of a candidate (one small case)
    /// The emulated device takes this case: a timed one is modelled there, any other is checked in
    /// full. Default: timed cases, and what fits_emulated().
    bool emulated = false;
};

/// Hidden cases: dims drawn from the secret stream, for check and for promotion.
struct HiddenCases {
    int count = 3;
    std::map<std::string, std::vector<std::int64_t>> choose;  ///< values to draw from, per dim
    std::vector<std::string> distributions;                   ///< drawn from these
};

struct Baseline {
    std::string name;
    std::filesystem::path file;  ///< absolute
    std::vector<std::string>
        link;         ///< libraries, e.g. "dnnl"; missing ones make the baseline absent
    std::string isa;  ///< needs this level ("x86-64-v3"); "" = any
    bool trusted_peer =
        false;  ///< profile `trusted-peer`: a library that may map code and start threads
};

struct Cost {
    DimExpr flop;            ///< operations of one call (multiply and add counted apart)
    DimExpr bytes;           ///< least bytes moved by one call
    std::string op_class;    ///< peak the compute floor uses: "f32" | "i8" | "bit" | "none"
    DimExpr reference_flop;  ///< what one reference call costs, for the plan
};

/// How timed outputs of big products are verified (Freivalds): y*r against the reference's
/// projection.
struct Verify {
    bool project = false;  ///< the reference has <task>_reference_project
    std::string arg;       ///< the output that is projected along its last axis
    DimExpr products;      ///< multiply-adds; full comparison while <= project_above
    std::int64_t project_above = 100'000'000;
};

/// The task for CUDA candidates: what their PTX may and must use ("an fp8 GEMM must not run as
/// bf16"), and its own sources in the form of docs/launch-plan.md.
struct CudaRules {
    std::vector<std::string> require;  ///< at least one of these instruction classes; empty = any
    std::vector<std::string> forbid;   ///< none of these
    std::vector<Baseline> baselines;   ///< the first is naive; empty without target cuda
    std::filesystem::path seed;        ///< absolute; may be empty
};
/// Every instruction class, sorted: mma.T and wgmma.T (T: f16 bf16 tf32 f64 s8 u8 s4 u4 b1 e4m3
/// e5m2 e2m3 e3m2 e2m1), tcgen05.KIND, dp4a, dp2a, fma.f16, fma.f16x2, fma.bf16, fma.bf16x2.
[[nodiscard]] const std::vector<std::string>& cuda_class_names();

struct Task {
    std::string name;  ///< C identifier; also the C function
    std::string title;
    std::string summary;  ///< maths and contract, prose for people and models
    std::string source;   ///< paper or specification
    std::string license;
    std::vector<std::string> targets;  ///< "cpu", "cuda"
    std::vector<Dim> dims;             ///< order of the C signature
    std::vector<Arg> args;             ///< order of the C signature
    bool prepare = false;              ///< weight packing allowed
    DimExpr prepare_max_bytes;         ///< cap on <task>_prepare_size
    Cost cost;
    Verify verify;
    std::vector<Case> cases;
    std::map<std::string, std::map<std::string, Fill>> distributions;  ///< name -> argument -> fill
    HiddenCases hidden;
    CudaRules cuda;
    std::vector<Baseline> baselines;  ///< the first is naive
    std::filesystem::path folder;     ///< absolute
    std::filesystem::path reference;  ///< absolute
    std::filesystem::path seed;       ///< start source for the tuner and the search; may be empty
    std::vector<std::string> hints;   ///< optional advice for models
    double judge_cap_s = 20;          ///< wall seconds one judgement may take
    std::string hash;                 ///< SHA-256 over the canonical text and every file it names
    std::string cpu_hash;             ///< the same without what only target cuda has
};

/// What candidates for `target` are judged by: CUDA sources come and go without making CPU rows
/// rows of another task.
[[nodiscard]] const std::string& hash_for(const Task& task, std::string_view target);

/// Whether a row of `target` that stored this hash was judged by this task. CPU rows from before
/// there was a cpu_hash stored the whole folder's.
[[nodiscard]] bool is_same_task(
    const Task& task, std::string_view target, std::string_view stored_hash);

/// Whether candidates for `target` ("cpu", "cuda") are judged by this task.
[[nodiscard]] bool has_target(const Task& task, std::string_view target);

/// Most operations (cost.flop) of a shape that the emulated device checks in full unless its case
/// says otherwise.
inline constexpr std::int64_t k_emulated_flop = 20'000'000;
/// Whether a shape, also a hidden one, is small enough for a full check on the emulated device.
[[nodiscard]] bool fits_emulated(const Task& task, const DimMap& dims);

/// Bytes of an argument for these dims.
[[nodiscard]] Result<std::int64_t> byte_size(const Arg& arg, const DimMap& dims);
/// Elements of an argument for these dims.
[[nodiscard]] Result<std::int64_t> element_count(const Arg& arg, const DimMap& dims);
/// Dims in the order of the C signature.
[[nodiscard]] std::vector<std::int64_t> ordered_dims(const Task& task, const DimMap& dims);
/// "N=4096 K=4096", in the order of the C signature.
[[nodiscard]] std::string show_dims(const Task& task, const DimMap& dims);
/// The fill of `arg` under the case's distribution.
[[nodiscard]] const Fill& fill_of(
    const Task& task, const Arg& arg, const std::string& distribution);

}  // namespace kw
