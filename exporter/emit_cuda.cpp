// SPDX-License-Identifier: Apache-2.0
// A launch plan as C: the expressions of its directives become those of a function that launches.
#include "core/dim_expr_c.hpp"
#include "evaluator/device/cuda/launch_plan.hpp"
#include "exporter/c_text.hpp"
#include "exporter/emit.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace kw::exporter {
namespace {

using cuda::KernelParameter;
using cuda::LaunchArg;

constexpr const char* k_bad = "kwk_bad";
constexpr std::array k_device_names{
    "SM_COUNT", "MAX_THREADS", "MAX_SMEM", "SM_SMEM", "SM_THREADS", "SM_REGS", "L2_BYTES", "CC"};

/// A byte array; `zero` adds what ends PTX.
std::string bytes_table(const std::string& name, const std::string& bytes, bool zero) {
    std::string text = "static const unsigned char " + name + "[] = {";
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        text += i % 24 == 0 ? "\n    " : "";
        text += std::to_string(static_cast<unsigned>(static_cast<unsigned char>(bytes[i]))) + ",";
    }
    return text + (zero ? "0};\n" : "};\n");
}

class PlanWriter {
public:
    PlanWriter(const Operation& operation, const Unit& unit)
        : task_(operation.task)
        , cuda_(*unit.cuda)
        , plan_(unit.cuda->plan) {}

    std::string text() {
        std::string code = workspace_function() + launch_function();
        return functions_table() + code;
    }

private:
    std::string c(const cuda::PlanExpr& expr, const std::string& missing = "0") {
        if (expr.expr.empty()) {
            return missing;
        }
        for (const std::string& name : expr.expr.names()) {
            used_.insert(name);
        }
        return to_checked_c(expr.expr, k_bad, k_local);
    }

    /// What the expressions written so far read: dims, constants of the file and of the device.
    std::string locals() {
        std::string text = "    (void)kwk_dims;\n    (void)kwk_facts;\n";
        for (std::size_t i = 0; i < task_.dims.size(); ++i) {
            if (used_.contains(task_.dims[i].name)) {
                text += "    const int64_t " + (k_local + task_.dims[i].name) + " = kwk_dims[" +
                        std::to_string(i) + "];\n";
                used_.erase(task_.dims[i].name);
            }
        }
        for (const std::string& name : used_) {
            const auto constant = plan_.constants.find(name);
            std::string value = "32";  // WARP_SIZE
            if (constant != plan_.constants.end()) {
                value = DimExpr::constant(constant->second).to_c();
            } else if (
                std::find(k_device_names.begin(), k_device_names.end(), name) !=
                k_device_names.end()) {
                value = "kwk_facts->" + name;
            }
            text += "    const int64_t " + (k_local + name) + " = " + value + ";\n";
        }
        used_.clear();
        return text;
    }

    std::string workspace_function() {
        std::string body = "    bool kwk_bad = false;\n    int64_t kwk_total = 0;\n";
        for (std::size_t i = 0; i < plan_.workspaces.size(); ++i) {
            body += "    kwk_total = kwk_cuda_space(\n        kwk_total, " +
                    c(plan_.workspaces[i].bytes) + ",\n        kwk_spans != NULL ? kwk_spans + " +
                    std::to_string(i) + " : NULL);\n";
        }
        return "static int64_t workspace(\n    const int64_t* kwk_dims, const kwk_cuda_facts* "
               "kwk_facts, kwk_span* kwk_spans) {\n    (void)kwk_spans;\n" +
               locals() + body + "    return kwk_bad ? -1 : kwk_total;\n}\n\n";
    }

    /// A task's argument or a workspace by its number, as the two parts of the plan see it.
    struct Buffer {
        std::string address;
        std::string bytes;
    };

    Buffer buffer(const std::string& name) const {
        for (std::size_t i = 0; i < task_.args.size(); ++i) {
            if (task_.args[i].name == name) {
                const std::string number = std::to_string(i);
                return {
                    "kwk_pointers[" + number + "]",
                    "kwk_cuda_argument_bytes(kwk_call, " + number + ")"};
            }
        }
        for (std::size_t i = 0; i < plan_.workspaces.size(); ++i) {
            if (plan_.workspaces[i].name == name) {
                const std::string span = "kwk_spans[" + std::to_string(i) + "]";
                return {"(void*)(kwk_memory + " + span + ".offset)", span + ".bytes"};
            }
        }
        KW_CHECK_NOTE(false, "a buffer that the plan's parser accepted");
        return {};
    }

    std::string dim3(const std::array<cuda::PlanExpr, 3>& sizes, const std::string& missing) {
        return "{" + c(sizes[0], missing) + ", " + c(sizes[1], missing) + ", " +
               c(sizes[2], missing) + "}";
    }

    std::string array(const std::vector<cuda::PlanExpr>& values) {
        std::string text;
        for (const cuda::PlanExpr& value : values) {
            text += (text.empty() ? "{" : ", ") + c(value);
        }
        return text.empty() ? "{0}" : text + "}";
    }

    static int index_of(const std::vector<std::string>& names, const std::string& name) {
        return static_cast<int>(std::find(names.begin(), names.end(), name) - names.begin());
    }

    std::string tensormap(const cuda::TensorMap& map) {
        static const std::vector<std::string> dtypes{
            "u8",
            "u16",
            "u32",
            "i32",
            "u64",
            "i64",
            "f16",
            "f32",
            "f64",
            "bf16",
            "f32_ftz",
            "tf32",
            "tf32_ftz"};
        static const std::vector<std::string> interleaves{"none", "16B", "32B"};
        static const std::vector<std::string> swizzles{"none", "32B", "64B", "128B"};
        static const std::vector<std::string> promotions{"none", "64B", "128B", "256B"};
        const std::string dtype = map.dtype == "i8" ? "u8" : map.dtype == "i16" ? "u16" : map.dtype;
        const std::size_t rank = map.dims.size();
        KW_CHECK(
            rank >= 1 && rank <= k_most_map_rank && map.strides.size() < rank &&
            map.box.size() == rank);
        const Buffer base = buffer(map.base);
        std::string text =
            "    kwk_tensormap kwk_map_" + map.name + " = {\n        " +
            std::to_string(index_of(dtypes, dtype)) + ", " + std::to_string(rank) + ", " +
            std::to_string(index_of(interleaves, map.interleave)) + ", " +
            std::to_string(index_of(swizzles, map.swizzle)) + ", " +
            std::to_string(index_of(promotions, map.l2)) + ", " + (map.oob == "nan" ? "1" : "0") +
            ", " + (map.strides.empty() ? "true" : "false") + ", " +
            std::to_string(cuda::tensormap_element_bytes(map.dtype)) + ", " +
            (map.swizzle == "none" ? "0" : map.swizzle.substr(0, map.swizzle.size() - 1)) + ", " +
            base.bytes + ",\n        .dims = " + array(map.dims) +
            ", .strides = " + array(map.strides) + ",\n        .box = " + array(map.box) +
            ", .steps = " +
            (map.element_strides.empty() ? "{1, 1, 1, 1, 1}" : array(map.element_strides)) + "};\n";
        return text + "    _Alignas(64) char kwk_bytes_of_" + map.name +
               "[128];\n    kwk_call->bad = kwk_call->bad || kwk_bad;\n"
               "    kwk_cuda_encode(kwk_call, &kwk_map_" +
               map.name + ", " + base.address + ", kwk_bytes_of_" + map.name + ");\n";
    }

    /// The maps that a launch takes, each once.
    std::string tensormaps(const cuda::Launch& launch) {
        std::string text;
        for (const cuda::TensorMap& map : plan_.tensormaps) {
            const bool taken =
                std::any_of(launch.args.begin(), launch.args.end(), [&](const LaunchArg& arg) {
                    return arg.kind == LaunchArg::Kind::tensormap && arg.name == map.name;
                });
            text += taken ? tensormap(map) : std::string();
        }
        return text;
    }

    /// One parameter as a local of its type.
    std::string value(
        const LaunchArg& arg, const KernelParameter& parameter, const std::string& name) {
        const bool real = parameter.count == 0 && parameter.type.starts_with("f");
        const std::string real_type = parameter.bytes == 4 ? "float" : "double";
        switch (arg.kind) {
            case LaunchArg::Kind::pointer:
                return "void* " + name + " = " + buffer(arg.name).address;
            case LaunchArg::Kind::tensormap: return "void* " + name + " = kwk_bytes_of_" + arg.name;
            case LaunchArg::Kind::real:
                return real_type + " " + name + " = (" + real_type + ")" + c_double(arg.real);
            case LaunchArg::Kind::scalar: break;
        }
        const std::string bytes = std::to_string(parameter.bytes);
        const std::string checked = "(kwk_call, " + c(arg.value) + ", " + bytes + ")";
        if (real) {
            return real_type + " " + name + " = (" + real_type + ")kwk_cuda_real" + checked;
        }
        const std::string type = "int" + std::to_string(8 * parameter.bytes) + "_t";
        return type + " " + name + " = (" + type + ")kwk_cuda_integer" + checked;
    }

    std::string launch(const cuda::Launch& each) {
        const cuda::KernelSignature* kernel = cuda::find_kernel(cuda_.signatures, each.kernel);
        KW_CHECK(kernel != nullptr && kernel->parameters.size() == each.args.size());
        std::string values;
        std::string list;
        for (std::size_t i = 0; i < each.args.size(); ++i) {
            const std::string name = "kwk_a" + std::to_string(i);
            values += "        " + value(each.args[i], kernel->parameters[i], name) + ";\n";
            const bool map = each.args[i].kind == LaunchArg::Kind::tensormap;
            list += (map ? "" : "&") + name + ", ";
        }
        const bool clustered = !each.cluster[0].expr.empty();
        return "    if (" + c(each.when, "1") + " != 0) {\n" + tensormaps(each) + values +
               "        void* kwk_parameters[] = {" + list + "NULL};\n" +
               "        const kwk_launch kwk_one = {\n            " + dim3(each.grid, "1") +
               ",\n            " + dim3(each.block, "1") + ",\n            " +
               dim3(each.cluster, "1") + ",\n            " + c(each.smem) + ", " +
               (clustered ? "true" : "false") + ", " + (each.cooperative ? "true" : "false") +
               ", kwk_parameters};\n        kwk_call->bad = kwk_call->bad || kwk_bad;\n"
               "        kwk_cuda_launch(kwk_call, " +
               std::to_string(function_index(kernel->name)) + ", &kwk_one);\n    }\n";
    }

    std::size_t function_index(const std::string& name) {
        const auto found = std::find(functions_.begin(), functions_.end(), name);
        if (found == functions_.end()) {
            functions_.push_back(name);
            return functions_.size() - 1;
        }
        return static_cast<std::size_t>(found - functions_.begin());
    }

    std::string launch_function() {
        std::string body;
        for (const cuda::Launch& each : plan_.launches) {
            body += launch(each);
        }
        const std::string spans = std::to_string(std::max<std::size_t>(plan_.workspaces.size(), 1));
        return "static void launch(kwk_cuda_call* kwk_call, void* const* kwk_pointers, char* "
               "kwk_memory) {\n    const int64_t* kwk_dims = kwk_call->dims;\n"
               "    const kwk_cuda_facts* kwk_facts = kwk_call->facts;\n    kwk_span kwk_spans[" +
               spans +
               "] = {{0, 0}};\n    (void)workspace(kwk_dims, kwk_facts, kwk_spans);\n"
               "    (void)kwk_memory;\n    (void)kwk_pointers;\n    bool kwk_bad = false;\n" +
               locals() + body + "    kwk_call->bad = kwk_call->bad || kwk_bad;\n}\n\n";
    }

    static std::string sizes(const std::array<std::uint32_t, 3>& of) {
        return "{" + std::to_string(of[0]) + ", " + std::to_string(of[1]) + ", " +
               std::to_string(of[2]) + "}";
    }

    std::string functions_table() {
        std::string text = "static const kwk_function functions[] = {\n";
        for (const std::string& name : functions_) {
            const cuda::KernelSignature* kernel = cuda::find_kernel(cuda_.signatures, name);
            KW_CHECK(kernel != nullptr);
            const auto& most = kernel->max_threads;
            text += "    {" + c_string(name) + ", " + std::to_string(kernel->static_smem) + ", " +
                    std::to_string(std::int64_t{most[0]} * most[1] * most[2]) + ", " +
                    sizes(kernel->required_threads) + ", " + sizes(kernel->required_cluster) +
                    "},\n";
        }
        return text +
               "};\nstatic void* loaded[KWK_IMAGES][sizeof functions / sizeof "
               "*functions];\n\n";
    }

    const Task& task_;
    const CudaCode& cuda_;
    const cuda::LaunchPlan& plan_;
    std::set<std::string> used_;
    std::vector<std::string> functions_;
};

}  // namespace

std::string cuda_plan_name(const Unit& unit) {
    return "kwk_" + unit.id + "_plan";
}

std::string cuda_source(const Operation& operation, const Unit& unit) {
    const CudaCode& code = *unit.cuda;
    PlanWriter writer(operation, unit);
    const std::string plan = writer.text();
    std::string text =
        "/* " + unit.id + ": its code and its launch plan, generated by kwright export. */\n" +
        "#include \"kwk_cuda.h\"\n\n" + std::string(dim_expr_c_prelude()) +
        std::string(dim_expr_checked_c_prelude()) + "\n" + bytes_table("ptx", code.ptx, true);
    if (!code.cubin.empty()) {
        text += bytes_table("cubin", code.cubin, false);
    }
    text += plan +
            "static kwk_library libraries[KWK_IMAGES] = {\n    {.functions = "
            "loaded[KWK_IMAGE_CUBIN]}, {.functions = loaded[KWK_IMAGE_PTX]}};\nKWK_HIDDEN const "
            "kwk_cuda_plan " +
            cuda_plan_name(unit) + " = {\n    " + c_string(code.arch) + ", " +
            (code.cubin.empty() ? "NULL" : "cubin") +
            ", ptx, functions, sizeof functions / sizeof *functions, workspace, launch, "
            "libraries};\n";
    return text;
}

}  // namespace kw::exporter
