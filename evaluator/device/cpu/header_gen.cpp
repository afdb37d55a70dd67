// SPDX-License-Identifier: Apache-2.0
// The generated headers `<task>.h` and `<task>_reference.h`. Pure text: the same task gives the
// same bytes on every machine, because the text is part of every cache key.
#include "evaluator/device/cpu/header_gen.hpp"

#include "evaluator/device/cpu/build.hpp"

#include <cctype>
#include <string_view>

namespace kw::cpu {
namespace {

std::string upper(std::string_view text) {
    std::string result;
    for (const char c : text) {
        result += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
    return result;
}

/// Prose from a task file inside a comment: it must not end the comment or splice lines.
std::string comment_text(std::string_view text) {
    std::string result;
    for (const char c : text) {
        const bool closes = !result.empty() && ((result.back() == '*' && c == '/') ||
                                                (result.back() == '/' && c == '*'));
        if (closes) {
            result += ' ';
        }
        const auto byte = static_cast<unsigned char>(c);
        result += byte < 0x20 || byte == 0x7f || c == '\\' ? ' ' : c;
    }
    while (!result.empty() && result.back() == ' ') {
        result.pop_back();
    }
    return result;
}

std::string comment_lines(std::string_view text) {
    std::string result;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        const std::string line = comment_text(text.substr(0, end));
        result += line.empty() ? " *\n" : " * " + line + "\n";
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    }
    return result;
}

std::string type_of(const Arg& arg) {
    return std::string(c_type(arg.dtype));
}
bool is_input(const Arg& arg) {
    return arg.role == Role::weight || arg.role == Role::in || arg.role == Role::inout;
}
bool is_output(const Arg& arg) {
    return arg.role == Role::out || arg.role == Role::inout;
}
bool is_read_only(const Arg& arg) {
    return arg.role == Role::weight || arg.role == Role::in;
}

/// A C parameter: its type with `const` and star, and its name.
struct Parameter {
    std::string type;
    std::string name;
};
using Parameters = std::vector<Parameter>;

void add_dims(const Task& task, Parameters& parameters) {
    for (const Dim& dim : task.dims) {
        parameters.push_back({"int64_t", dim.name});
    }
}

Parameters task_parameters(const Task& task) {
    Parameters parameters;
    for (const Arg& arg : task.args) {
        parameters.push_back({(is_read_only(arg) ? "const " : "") + type_of(arg) + "*", arg.name});
    }
    if (task.prepare) {
        parameters.push_back({"const void*", "packed"});
    }
    add_dims(task, parameters);
    return parameters;
}

Parameters prepare_parameters(const Task& task) {
    Parameters parameters;
    for (const Arg& arg : task.args) {
        if (arg.role == Role::weight) {
            parameters.push_back({"const " + type_of(arg) + "*", arg.name});
        }
    }
    parameters.push_back({"void*", "packed"});
    add_dims(task, parameters);
    return parameters;
}

Parameters reference_inputs(const Task& task) {
    Parameters parameters;
    for (const Arg& arg : task.args) {
        if (is_input(arg)) {
            parameters.push_back({"const " + type_of(arg) + "*", arg.name});
        }
    }
    return parameters;
}

void add_output(const Arg& arg, Parameters& parameters) {
    switch (arg.check.tolerance) {
        case Tolerance::exact:
            parameters.push_back(
                {type_of(arg) + "*", arg.role == Role::inout ? arg.name + "_out" : arg.name});
            break;
        case Tolerance::bound:
            parameters.push_back({"double*", arg.name + "_ref"});
            parameters.push_back({"double*", arg.name + "_mag"});
            break;
        case Tolerance::codes:
            parameters.push_back({type_of(arg) + "*", arg.name + "_want"});
            parameters.push_back({type_of(arg) + "*", arg.name + "_alt"});
            break;
    }
}

Parameters reference_parameters(const Task& task) {
    Parameters parameters = reference_inputs(task);
    for (const Arg& arg : task.args) {
        if (is_output(arg)) {
            add_output(arg, parameters);
        }
    }
    add_dims(task, parameters);
    return parameters;
}

const Arg* projected(const Task& task) {
    for (const Arg& arg : task.args) {
        if (arg.name == task.verify.arg) {
            return &arg;
        }
    }
    return nullptr;
}

Parameters project_parameters(const Task& task, const Arg& output) {
    Parameters parameters = reference_inputs(task);
    if (output.check.tolerance != Tolerance::bound) {
        parameters.push_back({"const int64_t*", "r"});
        parameters.push_back({"int64_t*", "proj"});
    } else {
        parameters.push_back({"const double*", "r"});
        parameters.push_back({"double*", "proj"});
        parameters.push_back({"double*", "proj_mag"});
    }
    add_dims(task, parameters);
    return parameters;
}

Parameters at_parameters(const Task& task, const Arg& output) {
    Parameters parameters = reference_inputs(task);
    parameters.push_back({"const int64_t*", "index"});
    parameters.push_back({"int64_t", "count"});
    add_output(output, parameters);
    add_dims(task, parameters);
    return parameters;
}

/// `void name(type a, type b)`, broken to fit 100 columns.
std::string declaration(
    const std::string& returns, const std::string& name, const Parameters& parameters) {
    const std::string start = returns + " " + name + "(";
    std::string result = start;
    std::size_t column = start.size();
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        const std::string item =
            parameters[i].type + " " + parameters[i].name + (i + 1 < parameters.size() ? "," : ")");
        if (i > 0 && column + 1 + item.size() > 98) {
            result += "\n    ";
            column = 4;
        } else if (i > 0) {
            result += ' ';
            ++column;
        }
        result += item;
        column += item.size();
    }
    return parameters.empty() ? start + "void)" : result;
}

std::string dim_arguments(const Task& task, const std::string& dims) {
    std::string result;
    for (std::size_t i = 0; i < task.dims.size(); ++i) {
        result += (i > 0 ? ", " : "") + dims + "[" + std::to_string(i) + "]";
    }
    return result;
}

/// The arguments of a call out of the pointer array `a`: pointers in order, a scalar as the slot's
/// own value, dims from the last pointer.
std::string unpacked(const Task& task, const Parameters& parameters) {
    std::string result;
    const std::size_t pointers = parameters.size() - task.dims.size();
    for (std::size_t i = 0; i < pointers; ++i) {
        const std::string& type = parameters[i].type;
        const std::string slot = "a[" + std::to_string(i) + "]";
        result += i > 0 ? ", " : "";
        result += type.back() == '*' ? "(" + type + ")" + slot : "(" + type + ")(intptr_t)" + slot;
    }
    const std::string dims = dim_arguments(task, "dims");
    return result + (result.empty() || dims.empty() ? "" : ", ") + dims;
}

std::string trampoline(
    const Task& task,
    const std::string& entry,
    const std::string& function,
    const Parameters& parameters) {
    const std::string dims_slot = std::to_string(parameters.size() - task.dims.size());
    return "KW_EXPORT void " + entry + "(void* const* a) {\n    const int64_t* dims = (const " +
           "int64_t*)a[" + dims_slot + "];\n    (void)dims;\n    " + function + "(" +
           unpacked(task, parameters) + ");\n}\n";
}

std::string task_trampolines(const Task& task) {
    const std::string packed_slot = std::to_string(task.args.size());
    const std::string dims_slot = std::to_string(task.args.size() + 1);
    const std::string dims =
        "    const int64_t* dims = (const int64_t*)a[" + dims_slot + "];\n    (void)dims;\n";
    std::string call;
    for (std::size_t i = 0; i < task.args.size(); ++i) {
        const Arg& arg = task.args[i];
        call += (call.empty() ? "(" : ", (") + std::string(is_read_only(arg) ? "const " : "") +
                type_of(arg) + "*)a[" + std::to_string(i) + "]";
    }
    if (task.prepare) {
        call += (call.empty() ? "" : ", ") + std::string("(const void*)a[") + packed_slot + "]";
    }
    const std::string dim_list = dim_arguments(task, "dims");
    call += (call.empty() || dim_list.empty() ? "" : ", ") + dim_list;

    std::string result = "KW_EXPORT void kw_entry(void* const* a) {\n" + dims + "    " + task.name +
                         "(" + call + ");\n}\n";
    if (!task.prepare) {
        return result +
               "KW_EXPORT size_t kw_prepare_size(const int64_t* dims) {\n    (void)dims;\n"
               "    return 0;\n}\nKW_EXPORT void kw_prepare(void* const* a) {\n    (void)a;\n}\n";
    }
    std::string weights;
    for (std::size_t i = 0; i < task.args.size(); ++i) {
        if (task.args[i].role == Role::weight) {
            weights += "(const " + type_of(task.args[i]) + "*)a[" + std::to_string(i) + "], ";
        }
    }
    const std::string defined = task.name + "_prepare_size != 0 && " + task.name + "_prepare != 0";
    result +=
        "KW_EXPORT size_t kw_prepare_size(const int64_t* dims) {\n    (void)dims;\n    return " +
        defined + " ? " + task.name + "_prepare_size(" + dim_list + ") : 0;\n}\n";
    result += "KW_EXPORT void kw_prepare(void* const* a) {\n" + dims + "    if (" + defined +
              ") {\n        " + task.name + "_prepare(" + weights + "(void*)a[" + packed_slot +
              "]" + (dim_list.empty() ? "" : ", " + dim_list) + ");\n    }\n}\n";
    return result;
}

std::string shape_text(const Arg& arg) {
    std::string result = "[";
    for (std::size_t i = 0; i < arg.shape.size(); ++i) {
        result += (i > 0 ? ", " : "") + arg.shape[i].text();
    }
    return result + "]";
}

std::string arguments_comment(const Task& task) {
    std::string result;
    for (const Arg& arg : task.args) {
        std::string line = arg.name + ": " + std::string(name(arg.role)) + ", " +
                           std::string(name(arg.dtype)) + shape_text(arg);
        if (!arg.layout.empty()) {
            line += "; " + arg.layout;
        }
        result += comment_lines(line);
    }
    for (const Dim& dim : task.dims) {
        std::string line =
            dim.name + ": " + std::to_string(dim.min) + " to " + std::to_string(dim.max);
        if (dim.multiple_of > 1) {
            line += ", a multiple of " + std::to_string(dim.multiple_of);
        }
        if (!dim.about.empty()) {
            line += "; " + dim.about;
        }
        result += comment_lines(line);
    }
    return result;
}

std::string opening(const Task& task, const std::string& file, const std::string& guard) {
    std::string result = "/* " + file + ": generated by kwright from task.toml. */\n";
    result += "#ifndef " + guard + "\n#define " + guard + "\n";
    // Casts in C style would warn in a user's C++ code.
    result += "#ifdef __GNUC__\n#pragma GCC system_header\n#endif\n\n";
    result +=
        "#include <stddef.h>\n#include <stdint.h>\n#include <string.h>\n"
        "#if defined(__x86_64__)\n#include <immintrin.h>\n#endif\n\n";
    result += std::string(number_helpers()) + "\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n";
    result += "/* " + comment_text(task.title.empty() ? task.name : task.title) + "\n *\n";
    if (!task.summary.empty()) {
        result += comment_lines(task.summary) + " *\n";
    }
    return result;
}

constexpr std::string_view k_export_macro =
    "#define KW_EXPORT __attribute__((visibility(\"default\"), used))\n";

std::string closing(const std::string& guard) {
    return "\n#ifdef __cplusplus\n}\n#endif\n#endif /* " + guard + " */\n";
}

}  // namespace

std::string task_header(const Task& task) {
    const std::string guard = "KW_TASK_" + upper(task.name) + "_H";
    std::string result = opening(task, task.name + ".h", guard);
    result += arguments_comment(task);
    result +=
        " *\n * Arrays are row-major; pointers are 64-byte aligned and do not overlap. One thread,"
        "\n * no system calls, nothing kept between calls. */\n";
    result += declaration("void", task.name, task_parameters(task)) + ";\n";
    if (task.prepare) {
        Parameters dims;
        add_dims(task, dims);
        result +=
            "\n/* Optional weight packing, both or neither. `packed` of the call above is what "
            "prepare\n * wrote, read-only; null when the source defines no prepare.";
        if (!task.prepare_max_bytes.empty()) {
            result += "\n * At most " + comment_text(task.prepare_max_bytes.text()) + " bytes.";
        }
        result += " */\n__attribute__((weak))\n" +
                  declaration("size_t", task.name + "_prepare_size", dims) +
                  ";\n__attribute__((weak))\n" +
                  declaration("void", task.name + "_prepare", prepare_parameters(task)) + ";\n";
    }
    result += "\n#ifdef KW_TRAMPOLINES /* how the judge calls: pointers, packed, dims */\n";
    result += std::string(k_export_macro) + task_trampolines(task) + "#endif\n";
    return result + closing(guard);
}

std::string reference_header(const Task& task) {
    const std::string guard = "KW_TASK_" + upper(task.name) + "_REFERENCE_H";
    const std::string base = task.name + "_reference";
    std::string result = opening(task, base + ".h", guard);
    result += arguments_comment(task);
    result +=
        " *\n * The oracle: plain, wide accumulation. X_ref is the value, X_mag the sum of the\n"
        " * magnitudes of its products; X_alt is a second code that is allowed too. */\n";
    const Parameters parameters = reference_parameters(task);
    result += declaration("void", base, parameters) + ";\n";
    std::string trampolines = trampoline(task, "kw_reference", base, parameters);
    const Arg* output = task.verify.project ? projected(task) : nullptr;
    if (output != nullptr) {
        const Parameters project = project_parameters(task, *output);
        const Parameters at = at_parameters(task, *output);
        result += "\n/* proj[m] = sum_n r[n] * y[m][n] over the last axis of " + output->name +
                  " (integers modulo 2^64). */\n" +
                  declaration("void", base + "_project", project) + ";\n\n/* `count` elements of " +
                  output->name + ", element i at the flat position index[i]. */\n" +
                  declaration("void", base + "_at", at) + ";\n";
        trampolines += trampoline(task, "kw_reference_project", base + "_project", project);
        trampolines += trampoline(task, "kw_reference_at", base + "_at", at);
    }
    result +=
        "\n#ifdef KW_TRAMPOLINES /* how the judge calls: pointers (count by value), dims */\n";
    result += std::string(k_export_macro) + trampolines + "#endif\n";
    return result + closing(guard);
}

}  // namespace kw::cpu
