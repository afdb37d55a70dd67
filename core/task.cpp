// SPDX-License-Identifier: Apache-2.0
#include "core/task.hpp"

#include "core/check.hpp"

#include <algorithm>
#include <array>

namespace kw {
namespace {

struct DTypeInfo {
    DType dtype;
    std::size_t bytes;
    std::string_view name;
    std::string_view c_type;
};

// Order of the enum.
constexpr std::array<DTypeInfo, 12> k_dtypes{{
    {DType::f16, 2, "f16", "kw_f16"},
    {DType::bf16, 2, "bf16", "kw_bf16"},
    {DType::f32, 4, "f32", "float"},
    {DType::f64, 8, "f64", "double"},
    {DType::i8, 1, "i8", "int8_t"},
    {DType::u8, 1, "u8", "uint8_t"},
    {DType::i16, 2, "i16", "int16_t"},
    {DType::u16, 2, "u16", "uint16_t"},
    {DType::i32, 4, "i32", "int32_t"},
    {DType::u32, 4, "u32", "uint32_t"},
    {DType::i64, 8, "i64", "int64_t"},
    {DType::u64, 8, "u64", "uint64_t"},
}};

constexpr std::array<std::string_view, 5> k_roles{"weight", "in", "out", "inout", "workspace"};
constexpr std::array<std::string_view, 3> k_tolerances{"exact", "bound", "codes"};

const DTypeInfo& info(DType dtype) {
    const DTypeInfo& entry = k_dtypes.at(static_cast<std::size_t>(dtype));
    KW_CHECK(entry.dtype == dtype);
    return entry;
}

template <class Enum, std::size_t N>
std::optional<Enum> from_name(
    const std::array<std::string_view, N>& names, std::string_view wanted) {
    for (std::size_t i = 0; i < N; ++i) {
        if (names[i] == wanted) {
            return static_cast<Enum>(i);
        }
    }
    return std::nullopt;
}

Error size_error(const Arg& arg, const std::string& what) {
    return {Errc::config, "computing the size of argument " + arg.name + ": " + what, {}};
}

}  // namespace

std::size_t size_of(DType dtype) {
    return info(dtype).bytes;
}
std::string_view name(DType dtype) {
    return info(dtype).name;
}
std::string_view c_type(DType dtype) {
    return info(dtype).c_type;
}

std::optional<DType> dtype_from_name(std::string_view name) {
    for (const DTypeInfo& entry : k_dtypes) {
        if (entry.name == name) {
            return entry.dtype;
        }
    }
    return std::nullopt;
}

std::string_view name(Role role) {
    return k_roles.at(static_cast<std::size_t>(role));
}
std::optional<Role> role_from_name(std::string_view name) {
    return from_name<Role>(k_roles, name);
}

std::string_view name(Tolerance tolerance) {
    return k_tolerances.at(static_cast<std::size_t>(tolerance));
}
std::optional<Tolerance> tolerance_from_name(std::string_view name) {
    return from_name<Tolerance>(k_tolerances, name);
}

Result<std::int64_t> element_count(const Arg& arg, const DimMap& dims) {
    std::int64_t count = 1;
    for (const DimExpr& axis : arg.shape) {
        const Result<std::int64_t> extent = axis.eval(dims);
        if (!extent) {
            return size_error(arg, extent.error().what);
        }
        if (*extent < 0) {
            return size_error(
                arg, "axis '" + axis.text() + "' is negative (" + std::to_string(*extent) + ")");
        }
        if (__builtin_mul_overflow(count, *extent, &count)) {
            return size_error(arg, "the number of elements does not fit 64 bits");
        }
    }
    return count;
}

Result<std::int64_t> byte_size(const Arg& arg, const DimMap& dims) {
    KW_TRY_ASSIGN(const std::int64_t count, element_count(arg, dims));
    std::int64_t bytes = 0;
    if (__builtin_mul_overflow(count, static_cast<std::int64_t>(size_of(arg.dtype)), &bytes)) {
        return size_error(arg, "the number of bytes does not fit 64 bits");
    }
    return bytes;
}

std::vector<std::int64_t> ordered_dims(const Task& task, const DimMap& dims) {
    std::vector<std::int64_t> values;
    values.reserve(task.dims.size());
    for (const Dim& dim : task.dims) {
        const auto found = dims.find(dim.name);
        KW_CHECK_NOTE(found != dims.end(), "dimension " + dim.name + " of " + task.name);
        values.push_back(found->second);
    }
    return values;
}

std::string show_dims(const Task& task, const DimMap& dims) {
    std::string text;
    for (const Dim& dim : task.dims) {
        const auto found = dims.find(dim.name);
        if (found != dims.end()) {
            text += (text.empty() ? "" : " ") + dim.name + "=" + std::to_string(found->second);
        }
    }
    return text;
}

const Fill& fill_of(const Task& task, const Arg& arg, const std::string& distribution) {
    const auto named = task.distributions.find(distribution);
    if (named != task.distributions.end()) {
        const auto override_of_arg = named->second.find(arg.name);
        if (override_of_arg != named->second.end()) {
            return override_of_arg->second;
        }
    }
    return arg.fill;
}

bool has_target(const Task& task, std::string_view target) {
    return std::find(task.targets.begin(), task.targets.end(), target) != task.targets.end();
}

const std::string& hash_for(const Task& task, std::string_view target) {
    return target == "cpu" ? task.cpu_hash : task.hash;
}

bool is_same_task(const Task& task, std::string_view target, std::string_view stored_hash) {
    return stored_hash == hash_for(task, target) || stored_hash == task.hash;
}

bool fits_emulated(const Task& task, const DimMap& dims) {
    const Result<std::int64_t> flop = task.cost.flop.eval(dims);
    return flop && *flop <= k_emulated_flop;
}

}  // namespace kw
