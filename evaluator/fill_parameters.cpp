// SPDX-License-Identifier: Apache-2.0
#include "evaluator/fill_parameters.hpp"

#include "evaluator/scalar.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <string_view>

namespace kw {
namespace {

struct Parameter {
    std::string_view name;
    double missing;
    double least;
    double most;
};

constexpr double k_big = std::numeric_limits<double>::max();

struct Distribution {
    std::string_view name;
    std::array<Parameter, 3> parameters{};
};

constexpr Parameter k_sigma{"sigma", 1, 0, k_big};
constexpr Parameter k_group{"group", 32, 1, 1e9};

constexpr std::array<Distribution, 14> k_distributions{{
    {"zero", {}},
    {"bytes", {}},
    {"one_hot", {}},
    {"ramp", {}},
    {"constant", {{{"value", 0, -k_big, k_big}}}},
    {"uniform", {{{"lo", 0, -k_big, k_big}, {"hi", 1, -k_big, k_big}}}},
    {"normal", {{{"mean", 0, -k_big, k_big}, k_sigma}}},
    {"student_t", {{{"nu", 3, 2, 1e6}, k_sigma}}},
    {"outlier", {{k_sigma, {"every", 1024, 1, 1e9}, {"scale", 40, -k_big, k_big}}}},
    {"log_uniform", {{{"lo", 1e-6, 1e-300, k_big}, {"hi", 1, 1e-300, k_big}}}},
    {"ties", {{{"step", 1, 0, k_big}}}},
    {"special", {{{"nonfinite", 0, 0, 1}}}},
    {"zero_groups", {{k_group, {"fraction", 0.05, 0, 1}, k_sigma}}},
    {"constant_groups", {{k_group, k_sigma}}},
}};

Error config_error(std::string what, std::string hint) {
    return {Errc::config, std::move(what), std::move(hint)};
}

/// Values of the distribution's parameters in the order of its table line.
Result<FillParameters> read_parameters(const Distribution& distribution, const Fill& fill) {
    FillParameters values{};
    std::string known;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const Parameter& parameter = distribution.parameters[i];
        if (parameter.name.empty()) {
            continue;
        }
        known += (known.empty() ? "" : ", ") + std::string(parameter.name);
        const auto found = fill.params.find(std::string(parameter.name));
        values[i] = found == fill.params.end() ? parameter.missing : found->second;
        if (!(values[i] >= parameter.least && values[i] <= parameter.most)) {
            return config_error(
                fill.dist + ": " + std::string(parameter.name) + " = " + show_number(values[i]) +
                    " is outside [" + show_number(parameter.least) + ", " +
                    show_number(parameter.most) + "]",
                {});
        }
    }
    for (const auto& [name, value] : fill.params) {
        const auto& list = distribution.parameters;
        const std::string_view wanted = name;
        if (std::none_of(
                list.begin(), list.end(), [&](const Parameter& p) { return p.name == wanted; })) {
            return config_error(
                fill.dist + " has no parameter '" + name + "'",
                known.empty() ? "it takes none" : "it takes " + known);
        }
    }
    return values;
}

}  // namespace

Result<FillParameters> read_fill_parameters(const Fill& fill) {
    const auto entry =
        std::find_if(k_distributions.begin(), k_distributions.end(), [&](const Distribution& d) {
            return d.name == fill.dist;
        });
    if (entry == k_distributions.end()) {
        return config_error(
            "there is no distribution '" + fill.dist + "'",
            "docs/tasks.md lists the distributions");
    }
    return read_parameters(*entry, fill);
}

}  // namespace kw
