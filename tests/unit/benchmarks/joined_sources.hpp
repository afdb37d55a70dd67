// SPDX-License-Identifier: Apache-2.0
// Plants faults like require_rejected() of task_bench.hpp, but compiles them all at once: every
// variant of the source stands in a namespace of its own behind one dispatching function. A
// compiler start and the headers cost more than the kernels.
#pragma once

#include "tests/support/catch.hpp"
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

/// Parameter names of the definition of `function` in `text`, comma separated, and its full list.
inline std::pair<std::string, std::string> parameters_of(
    const std::string& text, const std::string& function) {
    const std::size_t name = text.find("void " + function + "(");
    REQUIRE(name != std::string::npos);
    const std::size_t open = text.find('(', name);
    const std::size_t close = text.find(')', open);
    const std::string list = text.substr(open + 1, close - open - 1);
    static const std::regex last_word(R"((\w+)\s*(,|$))");
    std::string names;
    for (std::sregex_iterator at(list.begin(), list.end(), last_word), end; at != end; ++at) {
        names += (names.empty() ? "" : ", ") + (*at)[1].str();
    }
    return {names, list};
}

/// One source with a namespace a variant; the exported int `kw_variant` chooses. Macros that a
/// variant defines do not reach the next one.
inline std::string joined_variants(
    const std::string& function, const std::vector<std::string>& variants) {
    static const std::regex define(R"(^#define (\w+))", std::regex::multiline);
    std::string includes;
    std::string bodies;
    std::string table;
    for (std::size_t i = 0; i < variants.size(); ++i) {
        const std::string space = "variant" + std::to_string(i);
        const std::string body = without_includes(variants[i], includes);
        bodies += "namespace " + space + " {\n#define " + function + " " + function + "_variant\n" +
                  body + "\n#undef " + function + "\n}\n";
        for (std::sregex_iterator at(body.begin(), body.end(), define), end; at != end; ++at) {
            bodies += "#undef " + (*at)[1].str() + "\n";
        }
        table += space + "::" + function + "_variant, ";
    }
    const auto [names, list] = parameters_of(variants.front(), function);
    return includes + bodies +
           "extern \"C\" { __attribute__((visibility(\"default\"))) int kw_variant = 0; }\n" +
           "static decltype(&" + function + ") const k_variants[] = {" + table + "};\n" + "void " +
           function + "(" + list + ") { k_variants[kw_variant](" + names + "); }\n";
}

inline int* variant_of(const Library& library) {
    int* const variant = static_cast<int*>(library.symbol("kw_variant"));
    REQUIRE(variant != nullptr);
    return variant;
}

/// Every fault must be rejected by some case; the source without one must not.
inline void require_faults_rejected(
    const TaskBench& bench, const std::string& file, const std::vector<Fault>& faults) {
    std::vector<std::string> variants{bench.read(file)};
    for (const Fault& fault : faults) {
        std::string text = variants.front();
        const std::size_t place = text.find(fault.find);
        INFO("text to replace: " << fault.find);
        REQUIRE(place != std::string::npos);
        variants.push_back(text.replace(place, fault.find.size(), fault.replace));
    }
    const Library library = bench.build(joined_variants(bench.task().name, variants));
    int* const variant = variant_of(library);
    CHECK(bench.first_complaint(library) == "");
    for (std::size_t i = 0; i < faults.size(); ++i) {
        *variant = static_cast<int>(i) + 1;
        INFO(bench.task().name << " accepts a kernel with this fault: " << faults[i].what);
        CHECK_FALSE(bench.first_complaint(library).empty());
    }
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
        const Library library = bench.build(joined_variants(bench.task().name, points), isa);
        int* const variant = variant_of(library);
        for (std::size_t i = 0; i < points.size(); ++i) {
            *variant = static_cast<int>(i);
            INFO(bench.task().name << " seed, point " << i << " (0 = as it is) " << isa);
            CHECK(bench.first_complaint(library) == "");
        }
    }
}

}  // namespace kw::test
