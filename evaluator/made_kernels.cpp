// SPDX-License-Identifier: Apache-2.0
#include "evaluator/made_kernels.hpp"

#include <algorithm>

namespace kw {
namespace {

bool is_read_only(const Arg& arg) {
    return arg.role == Role::weight || arg.role == Role::in;
}

/// The parameter list as the generated header declares it.
std::string parameters(const Task& task) {
    std::string text;
    for (const Arg& arg : task.args) {
        text += (text.empty() ? "" : ", ") + std::string(is_read_only(arg) ? "const " : "") +
                std::string(c_type(arg.dtype)) + "* " + arg.name;
    }
    text += task.prepare ? ", const void* packed" : "";
    for (const Dim& dim : task.dims) {
        text += (text.empty() ? "" : ", ") + std::string("int64_t ") + dim.name;
    }
    return text;
}

std::string arguments(const Task& task, const std::string& first_dim) {
    std::string text;
    for (const Arg& arg : task.args) {
        text += (text.empty() ? "" : ", ") + arg.name;
    }
    text += task.prepare ? ", packed" : "";
    for (std::size_t i = 0; i < task.dims.size(); ++i) {
        text += (text.empty() ? "" : ", ") + (i == 0 ? first_dim : task.dims[i].name);
    }
    return text;
}

std::string opening(const Task& task) {
    return "#include \"" + task.name + ".h\"\n";
}

std::string function(const Task& task, const std::string& body) {
    return "extern \"C\" void " + task.name + "(" + parameters(task) + ") {\n" + body + "}\n";
}

std::string unused(const Task& task) {
    std::string text;
    for (const Arg& arg : task.args) {
        text += "    (void)" + arg.name + ";\n";
    }
    text += task.prepare ? "    (void)packed;\n" : "";
    for (const Dim& dim : task.dims) {
        text += "    (void)" + dim.name + ";\n";
    }
    return text;
}

}  // namespace

Result<std::string> slowed_kernel(const Task& task, const std::string& source, int percent) {
    const bool adds =
        std::ranges::any_of(task.args, [](const Arg& arg) { return arg.role == Role::inout; });
    if (adds || task.dims.empty()) {
        return Error{
            Errc::usage,
            "task " + task.name +
                " cannot be slowed: a second call would change its inout arguments",
            "choose a task whose outputs are only written"};
    }
    const Dim& first = task.dims.front();
    const std::string multiple = std::to_string(std::max<std::int64_t>(first.multiple_of, 1));
    const std::string units = "(" + first.name + " / " + multiple + ")";
    // The header comes first, so that only the source's own definition gets the other name.
    std::string text = opening(task) + "#define " + task.name + " kw_inner\n" + source +
                       "\n#undef " + task.name + "\n";
    text += function(
        task,
        "    kw_inner(" + arguments(task, first.name) + ");\n    const int64_t kw_part = (" +
            units + " * " + std::to_string(percent) + " + 99) / 100 * " + multiple +
            ";\n    kw_inner(" + arguments(task, "kw_part") + ");\n");
    return text;
}

std::string idle_cuda_kernel(const Task& task) {
    return "//!kwright task=" + task.name +
           " target=cuda\n//!launch kw_idle grid=1 block=32 args=()\n"
           "extern \"C\" __global__ void kw_idle() {}\n";
}

std::string zero_cuda_kernel(const Task& task) {
    std::string text = "//!kwright task=" + task.name + " target=cuda\n";
    for (const Arg& arg : task.args) {
        if (arg.role != Role::out && arg.role != Role::inout) {
            continue;
        }
        std::string bytes = std::to_string(size_of(arg.dtype));
        for (const DimExpr& extent : arg.shape) {
            bytes += " * (" + extent.text() + ")";
        }
        text += "//!launch kw_zero grid=ceil_div(" + bytes + ", 256) block=256 args=(" + arg.name +
                ", " + bytes + ")\n";
    }
    return text +
           "extern \"C\" __global__ void kw_zero(uint8_t* out, int64_t bytes) {\n"
           "    const int64_t i = blockIdx.x * 256LL + threadIdx.x;\n"
           "    if (i < bytes) {\n        out[i] = 0;\n    }\n}\n";
}

std::string idle_kernel(const Task& task) {
    return opening(task) + function(task, unused(task));
}

std::string zero_kernel(const Task& task) {
    std::string body = unused(task);
    for (const Arg& arg : task.args) {
        if (arg.role != Role::out && arg.role != Role::inout) {
            continue;
        }
        std::string bytes = "sizeof(" + std::string(c_type(arg.dtype)) + ")";
        for (const DimExpr& extent : arg.shape) {
            bytes += " * (size_t)(" + extent.to_c() + ")";
        }
        body += "    memset(" + arg.name + ", 0, " + bytes + ");\n";
    }
    return opening(task) + "#include <string.h>\n" + std::string(dim_expr_c_prelude()) +
           function(task, body);
}

}  // namespace kw
