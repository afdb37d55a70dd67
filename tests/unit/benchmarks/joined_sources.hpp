// SPDX-License-Identifier: Apache-2.0
// Variants of one source (planted faults, points of a seed) compiled all at once: every variant
// stands in a namespace of its own behind one dispatching function. A compiler start and the
// headers cost more than the kernels.
#pragma once

#include "tests/support/catch.hpp"
#include "tests/unit/benchmarks/suite_faults.hpp"
#include "tests/unit/benchmarks/task_bench.hpp"

#include <algorithm>
#include <regex>
#include <string>
#include <utility>
#include <vector>

namespace kw::test {

/// `text` without its #include lines, which go to `includes`.
inline std::string without_includes(const std::string& text, std::string& includes) {
    static const std::regex line(R"(^#include [^\n]*\n)", std::regex::multiline);
    for (std::sregex_iterator at(text.begin(), text.end(), line), end; at != end; ++at) {
        includes += at->str();
    }
    return std::regex_replace(text, line, "");
}

/// Parameters of the task's function as its header declares it, or of its prepare functions.
struct Signature {
    std::string list;   ///< "const float* x, int64_t N"
    std::string names;  ///< "x, N"

    void add(const std::string& type, const std::string& name) {
        list += (list.empty() ? "" : ", ") + type + name;
        names += (names.empty() ? "" : ", ") + name;
    }
};

inline Signature signature_of(const Task& task, bool arguments, bool outputs, const char* packed) {
    Signature signature;
    for (const Arg& arg : task.args) {
        const bool written = arg.role == Role::out || arg.role == Role::inout;
        if (arguments && (outputs || arg.role == Role::weight)) {
            signature.add(
                (written ? "" : "const ") + std::string(c_type(arg.dtype)) + "* ", arg.name);
        }
    }
    if (arguments && task.prepare) {
        signature.add(packed, "packed");
    }
    for (const Dim& dim : task.dims) {
        signature.add("int64_t ", dim.name);
    }
    return signature;
}

/// A function of the header that calls its namesake of the chosen variant.
inline std::string dispatcher(
    const std::string& type,
    const std::string& function,
    const Signature& signature,
    std::size_t n) {
    std::string table;
    for (std::size_t i = 0; i < n; ++i) {
        table += "variant" + std::to_string(i) + "::" + function + "_variant, ";
    }
    return "static decltype(&" + function + ") const k_" + function + "[] = {" + table + "};\n" +
           type + " " + function + "(" + signature.list + ") { return k_" + function +
           "[kw_variant](" + signature.names + "); }\n";
}

/// One source with a namespace a variant; the exported int `kw_variant` chooses. Macros that a
/// variant defines do not reach the next one.
inline std::string joined_variants(const Task& task, const std::vector<std::string>& variants) {
    static const std::regex define(R"(^#define (\w+))", std::regex::multiline);
    static const std::regex linkage(R"(extern "C" )");
    std::vector<std::string> functions{task.name};
    if (variants.front().find(task.name + "_prepare_size(") != std::string::npos) {
        functions.push_back(task.name + "_prepare_size");
        functions.push_back(task.name + "_prepare");
    }
    std::string renamed, named;
    for (const std::string& function : functions) {
        renamed += "#define " + function + " " + function + "_variant\n";
        named += "#undef " + function + "\n";
    }
    std::string includes;
    std::string bodies;
    for (std::size_t i = 0; i < variants.size(); ++i) {
        const std::string body =
            std::regex_replace(without_includes(variants[i], includes), linkage, "");
        bodies += "namespace variant" + std::to_string(i) + " {\n" + renamed + body + "\n" + named;
        for (std::sregex_iterator at(body.begin(), body.end(), define), end; at != end; ++at) {
            bodies += "#undef " + (*at)[1].str() + "\n";
        }
        bodies += "}\n";
    }
    std::string text =
        includes + bodies +
        "extern \"C\" { __attribute__((visibility(\"default\"))) int kw_variant = 0; }\n" +
        dispatcher(
            "void", task.name, signature_of(task, true, true, "const void* "), variants.size());
    if (functions.size() > 1) {
        text += dispatcher(
            "size_t", functions[1], signature_of(task, false, false, ""), variants.size());
        text += dispatcher(
            "void", functions[2], signature_of(task, true, false, "void* "), variants.size());
    }
    return text;
}

inline int* variant_of(const Library& library) {
    int* const variant = static_cast<int*>(library.symbol("kw_variant"));
    REQUIRE(variant != nullptr);
    return variant;
}

/// Every fault must be rejected by some case; the source without one must not. Those of
/// k_suite_faults that are not among them must be in `not_expressed`.
inline void require_faults_rejected(
    const TaskBench& bench,
    const std::string& file,
    const std::vector<Fault>& faults,
    const Reasons& not_expressed) {
    std::vector<std::string> variants{bench.read(file)};
    for (const Fault& fault : faults) {
        std::string text = variants.front();
        const std::size_t place = text.find(fault.find);
        INFO("text to replace: " << fault.find);
        REQUIRE(place != std::string::npos);
        variants.push_back(text.replace(place, fault.find.size(), fault.replace));
    }
    const Library library = bench.build(joined_variants(bench.task(), variants));
    int* const variant = variant_of(library);
    CHECK(bench.first_complaint(library) == "");
    for (std::size_t i = 0; i < faults.size(); ++i) {
        *variant = static_cast<int>(i) + 1;
        INFO(bench.task().name << " accepts a kernel with this fault: " << faults[i].what);
        CHECK_FALSE(bench.first_complaint(library).empty());
    }
    *variant = 0;
    require_bad_outputs_rejected(bench, library);
    require_suite_faults_covered(bench.task(), faults, not_expressed);
}

/// The seed as it is, then points that together use every value of every parameter.
inline std::vector<std::string> seed_points(const std::string& seed) {
    static const std::regex tune(R"(//!tune (\w+) = \{([^}]*)\}\n#define (\w+) (\S+)\n)");
    static const std::regex word(R"([^,\s]+)");
    std::vector<std::string> points{seed};
    for (std::size_t point = 0, most = 1; point < most; ++point) {
        std::string source = seed;
        for (std::sregex_iterator at(seed.begin(), seed.end(), tune), end; at != end; ++at) {
            const std::string name = (*at)[1];
            const std::string list = (*at)[2];
            REQUIRE(name == (*at)[3]);
            std::vector<std::string> values;
            for (std::sregex_iterator v(list.begin(), list.end(), word); v != end; ++v) {
                values.push_back(v->str());
            }
            CHECK(std::count(values.begin(), values.end(), (*at)[4].str()) == 1);
            most = std::max(most, values.size());
            const std::string now = "#define " + name + " " + (*at)[4].str() + "\n";
            const std::string then = "#define " + name + " " + values[point % values.size()] + "\n";
            source.replace(source.find(now), now.size(), then);
        }
        points.push_back(source);
    }
    return points;
}

/// At x86-64-v3 and at the machine's own level every one of seed_points() must be right.
inline void require_seed_points_right(const TaskBench& bench) {
    const std::vector<std::string> points = seed_points(bench.read("seed.cpp"));
    REQUIRE(points.size() > 2);
    for (const char* isa : {"-march=x86-64-v3", "-march=native"}) {
        const Library library = bench.build(joined_variants(bench.task(), points), isa);
        int* const variant = variant_of(library);
        for (std::size_t i = 0; i < points.size(); ++i) {
            *variant = static_cast<int>(i);
            INFO(bench.task().name << " seed, point " << i << " (0 = as it is) " << isa);
            CHECK(bench.first_complaint(library) == "");
            check_packing(bench.task(), library);
        }
    }
}

}  // namespace kw::test
