// SPDX-License-Identifier: Apache-2.0
// The dispatch table of an operation, and the list of all of them.
#include "core/dim_expr_c.hpp"
#include "exporter/c_text.hpp"
#include "exporter/emit.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace kw::exporter {
namespace {

std::string dtype_constant(DType dtype) {
    return "KWK_" + upper(name(dtype));
}

std::string role_constant(Role role) {
    switch (role) {
        case Role::weight: return "KWK_WEIGHT";
        case Role::in: return "KWK_IN";
        case Role::out: return "KWK_OUT";
        case Role::inout: return "KWK_INOUT";
        case Role::workspace: return "KWK_SCRATCH";
    }
    return {};
}

std::string tolerance_constant(const Arg& arg) {
    const bool output = arg.role == Role::out || arg.role == Role::inout;
    if (!output || arg.check.tolerance == Tolerance::exact) {
        return "KWK_EXACT";
    }
    return arg.check.tolerance == Tolerance::bound ? "KWK_BOUND" : "KWK_CODES";
}

std::string shape_function(const Task& task, const Arg& arg) {
    std::string text = "static void shape_of_" + arg.name +
                       "(const int64_t* kwk_dims, int64_t* kwk_shape) {\n" + dim_locals(task);
    for (std::size_t i = 0; i < arg.shape.size(); ++i) {
        text += "    kwk_shape[" + std::to_string(i) +
                "] = " + to_prefixed_c(arg.shape[i], k_local) + ";\n";
    }
    return text + (arg.shape.empty() ? "    (void)kwk_shape;\n" : "") + "}\n";
}

std::string args_table(const Task& task) {
    std::string text;
    for (const Arg& arg : task.args) {
        text += shape_function(task, arg);
    }
    text += "static const kwk_arg args[] = {\n";
    for (const Arg& arg : task.args) {
        text += "    {" + c_string(arg.name) + ", " + dtype_constant(arg.dtype) + ", " +
                role_constant(arg.role) + ", " + tolerance_constant(arg) + ", " +
                std::to_string(arg.shape.size()) + ", shape_of_" + arg.name + "},\n";
    }
    text += "};\nstatic const char* const dims[] = {";
    for (const Dim& dim : task.dims) {
        text += c_string(dim.name) + ", ";
    }
    return text + "0};\n\n";
}

std::string code_declarations(const Operation& operation) {
    std::string text;
    for (const Unit& unit : operation.units) {
        if (unit.cuda) {
            text += "extern KWK_HIDDEN const kwk_cuda_plan " + cuda_plan_name(unit) + ";\n";
        }
    }
    text += "#if defined(__x86_64__)\n";
    for (const Unit& unit : operation.units) {
        for (const CpuCode& code : unit.codes) {
            const std::string prefix = code_prefix(unit, code);
            text += "extern KWK_HIDDEN void " + prefix + "_entry(void* const*);\n";
            text += "extern KWK_HIDDEN size_t " + prefix + "_prepare_size(const int64_t*);\n";
            text += "extern KWK_HIDDEN void " + prefix + "_prepare(void* const*);\n";
            text += "extern KWK_HIDDEN int " + prefix + "_has_prepare(void);\n";
            if (code.keeps_state) {
                text += "static atomic_flag " + prefix + "_serial = ATOMIC_FLAG_INIT;\n";
            }
        }
    }
    return text;
}

/// Best instruction set first.
std::string code_tables(const Operation& operation) {
    std::string text;
    for (const Unit& unit : operation.units) {
        if (unit.cuda) {
            continue;
        }
        text += "static const kwk_code codes_of_" + unit.id + "[] = {\n";
        for (auto code = unit.codes.rbegin(); code != unit.codes.rend(); ++code) {
            const std::string prefix = code_prefix(unit, *code);
            text += "    {" + code->level.c_name + ", " + (code->checked ? "true" : "false") +
                    ", " + (code->keeps_state ? "&" + prefix + "_serial" : "NULL") + ",\n     " +
                    prefix + "_entry, " + prefix + "_prepare_size,\n     " + prefix + "_prepare, " +
                    prefix + "_has_prepare},\n";
        }
        text += "};\n";
    }
    return text + "#endif\n";
}

/// The instruction set that its time was measured for: its own, or all that the device had.
std::string measured_level(const BoardRow& row) {
    constexpr std::string_view k_before = ", x86-64-";
    std::string isa = row.isa;
    const std::size_t at = row.device.rfind(k_before);
    if (isa == "native" && at != std::string::npos) {
        isa = row.device.substr(at + 2);
    }
    for (const IsaLevel& level : isa_levels()) {
        if (row.target == "cpu" && level.name == isa) {
            return level.c_name;
        }
    }
    return "KWK_LEVEL_NONE";
}

std::string kernel_table(const Operation& operation) {
    std::string text;
    for (std::size_t i = 0; i < operation.rows.size(); ++i) {
        text += predicate_function(
            operation.task, "domain_" + std::to_string(i), operation.rows[i].domain.predicate);
    }
    text += "static const kwk_kernel kernels[] = {\n";
    for (std::size_t i = 0; i < operation.rows.size(); ++i) {
        const Row& row = operation.rows[i];
        const Unit& unit = operation.units[row.unit];
        const std::string codes = "codes_of_" + unit.id;
        const bool modelled = row.kernel.board.timing_kind == name(Provenance::modelled);
        text += (unit.cuda ? "" : "#if defined(__x86_64__)\n") + std::string("    {") +
                c_string(unit.id) + ",\n     " + c_string(device_name(row.kernel.board.device)) +
                ",\n     " + measured_level(row.kernel.board) + ",\n     " +
                c_string(evidence(row.kernel.board)) + ",\n     " + c_string(row.domain.text) +
                ",\n     " + (modelled ? "true" : "false") + ", domain_" + std::to_string(i) +
                (unit.cuda ? ", NULL, 0, &" + cuda_plan_name(unit) + "},\n"
                           : ", " + codes + ", sizeof " + codes + " / sizeof *" + codes +
                                 ", NULL},\n#endif\n");
    }
    return text + "    {NULL, NULL, KWK_LEVEL_NONE, NULL, NULL, false, NULL, NULL, 0, NULL}};\n\n";
}

std::string public_functions(const Task& task) {
    const std::string op = "kwk_" + task.name;
    const std::string args = "(const " + op + "_args* args, kwk_stream stream)";
    std::string text =
        "kwk_status " + op + args + " {\n    return kwk_run(&" + op + "_op, args, stream);\n}\n";
    text += "kwk_status " + op + "_supported" + args + " {\n    return kwk_op_supported(&" + op +
            "_op, args, stream);\n}\n";
    text += "size_t " + op + "_workspace_size" + args + " {\n    return kwk_op_workspace(&" + op +
            "_op, args, stream);\n}\n";
    text += "size_t " + op + "_prepare_size" + args + " {\n    return kwk_op_prepare_size(&" + op +
            "_op, args, stream);\n}\n";
    text += "kwk_status " + op + "_prepare(\n    const " + op +
            "_args* args, void* packed, size_t packed_bytes, kwk_stream stream) {\n"
            "    return kwk_op_prepare(&" +
            op + "_op, args, packed, packed_bytes, stream);\n}\n";
    return text;
}

std::string operation_object(const Operation& operation) {
    const Task& task = operation.task;
    const std::string op = "kwk_" + task.name;
    std::string text = "extern KWK_HIDDEN void " + op + "_reference_entry(void* const*);\n";
    text += "static kwk_state state = {.reference_busy = ATOMIC_FLAG_INIT};\n";
    text += "_Static_assert(sizeof(" + op + "_args) == sizeof(kwk_common) + " +
            std::to_string(8 * (task.args.size() + task.dims.size())) +
            ", \"the run-time reads it as words\");\n";
    text += "KWK_HIDDEN const kwk_op " + op + "_op = {\n    .name = " + c_string(task.name) +
            ",\n    .args_size = sizeof(" + op +
            "_args),\n    .args = args,\n    .arg_count = " + std::to_string(task.args.size()) +
            ",\n    .dims = dims,\n    .dim_count = " + std::to_string(task.dims.size()) +
            ",\n    .takes_packed = " + (task.prepare ? "true" : "false") +
            ",\n    .shape = shape,\n";
    text +=
        "    .kernels = kernels,\n"
        "    .kernel_count = sizeof kernels / sizeof *kernels - 1,\n";
    return text + "    .reference = " + op + "_reference_entry,\n    .state = &state};\n\n";
}

}  // namespace

std::string dim_locals(const Task& task) {
    std::string text = "    (void)kwk_dims;\n";
    for (std::size_t i = 0; i < task.dims.size(); ++i) {
        const std::string local = k_local + task.dims[i].name;
        text += "    const int64_t " + local + " = kwk_dims[" + std::to_string(i) +
                "];\n    (void)" + local + ";\n";
    }
    return text;
}

std::string predicate_function(
    const Task& task, const std::string& name, const DimExpr& predicate) {
    return "static bool " + name + "(const int64_t* kwk_dims) {\n" + dim_locals(task) +
           "    return " + to_prefixed_c(predicate, k_local) + " != 0;\n}\n";
}

std::string code_prefix(const Unit& unit, const CpuCode& code) {
    return "kwk_" + unit.id + "_" + code.level.suffix;
}

std::string device_name(const std::string& description) {
    if (description.starts_with("cuda: ")) {
        return description.substr(6, description.rfind(" (sm_") - 6);
    }
    std::string name = description.starts_with("cpu: ") ? description.substr(5) : description;
    const std::size_t isa = name.rfind(", x86-64");
    const std::size_t cores = isa == std::string::npos ? isa : name.rfind(", ", isa - 1);
    return cores == std::string::npos ? name : name.substr(0, cores);
}

std::string evidence(const BoardRow& row) {
    std::array<char, 100> text{};
    std::snprintf(
        text.data(),
        text.size(),
        "%.2fx [%.2f, %.2f] over the fastest baseline",
        row.speedup.value,
        row.speedup.lo,
        row.speedup.hi);
    return text.data();
}

std::string operation_table(const Operation& operation) {
    const Task& task = operation.task;
    std::string text = "/* " + comment_text(task.name) +
                       ": dispatch table, generated by kwright export. */\n#include \"kwk/" +
                       task.name + ".h\"\n#include \"kwk_cuda.h\"\n\n";
    text += std::string(dim_expr_c_prelude()) + "\n";
    KW_CHECK(task.args.size() <= k_most_args && task.dims.size() <= k_most_dims);
    KW_CHECK(operation.rows.size() <= k_most_rows);
    for (const Arg& arg : task.args) {
        KW_CHECK(arg.shape.size() <= k_most_rank);
    }
    const auto whole = whole_domain(task);
    KW_CHECK(whole.ok());
    text += predicate_function(task, "shape", whole->predicate) + args_table(task);
    text += code_declarations(operation) + code_tables(operation) + kernel_table(operation);
    return text + operation_object(operation) + public_functions(task);
}

std::string operations_list(const Pack& pack, const std::string& pack_id) {
    std::string text =
        "/* Every operation, generated by kwright export. */\n#include \"kwk_runtime.h\"\n\n";
    for (const Operation& operation : pack.operations) {
        text += "extern KWK_HIDDEN const kwk_op kwk_" + operation.task.name + "_op;\n";
    }
    text += "const kwk_op* const kwk_ops[] = {\n";
    for (const Operation& operation : pack.operations) {
        text += "    &kwk_" + operation.task.name + "_op,\n";
    }
    return text + "    NULL};\nconst char kwk_pack_text[] = " + c_string(pack_id) + ";\n";
}

}  // namespace kw::exporter
