// SPDX-License-Identifier: Apache-2.0
#include "agent/ablate/sweep.hpp"

#include "agent/ablate/tune_bed.hpp"
#include "core/check.hpp"

#include <utility>

namespace kw::agent {

namespace {

/// False: the parameter is not one of the synthetic bed.
bool set_parameter(SyntheticParams& params, const std::string& parameter, double value) {
    if (parameter == "failures") {
        const double all = params.no_reply + params.compile_error + params.wrong;
        for (double* one : {&params.no_reply, &params.compile_error, &params.wrong}) {
            *one = all > 0 ? *one / all * value : value / 3;
        }
    } else if (parameter == "repair") {
        params.repair = value;
    } else if (parameter == "hit") {
        params.hit = value;
    } else if (parameter == "ideas") {
        params.ideas = static_cast<int>(value);
    } else if (parameter == "ceilings") {
        params.ceiling_least = value;
    } else if (parameter == "shared") {
        params.first_shared = value;
    } else if (parameter == "jump") {
        params.jump = value;
    } else if (parameter == "noise") {
        params.noise = value;
    } else if (parameter == "headroom") {
        params.headroom.mean = value;
    } else {
        return false;
    }
    return true;
}

Result<AblationResult> at(const Sweep& sweep, double value, BedSetup setup, AblationPlan plan) {
    if (sweep.parameter == "critique") {
        setup.quality = value;
    } else if (sweep.parameter == "width") {
        plan.options.width = static_cast<int>(value);
    } else {
        SyntheticParams* params = std::get_if<SyntheticParams>(&setup.data);
        if (params == nullptr) {
            return Error{
                Errc::usage,
                "'" + sweep.parameter + "' is a parameter of the synthetic bed",
                "other beds take --sweep critique and --sweep width"};
        }
        KW_CHECK(set_parameter(*params, sweep.parameter, value));
    }
    const std::unique_ptr<Bed> bed = make_bed(setup);
    return ablate(*bed, plan);
}

}  // namespace

std::unique_ptr<Bed> make_bed(const BedSetup& setup) {
    if (const auto* tables = std::get_if<TuneTables>(&setup.data)) {
        return make_tune_bed(*tables, setup.quality, setup.critic == CriticKind::model);
    }
    SyntheticParams params = std::get<SyntheticParams>(setup.data);
    if (setup.critic == CriticKind::rules) {
        params.critique_tokens = 0;
    }
    return make_synthetic_bed(params, setup.quality);
}

const std::vector<Sweep>& all_sweeps() {
    static const std::vector<Sweep> k_sweeps = {
        {"critique", {0, 0.1, 0.25, 0.5, 0.75, 1}},
        {"width", {1, 2, 4, 8}},
        {"failures", {0, 0.1, 0.25, 0.5}},
        {"repair", {0.1, 0.3, 0.5, 0.7, 0.9}},
        {"hit", {0.2, 0.4, 0.6, 0.8}},
        {"ideas", {1, 2, 4, 8, 16}},
        {"ceilings", {1, 0.75, 0.5, 0.25}},
        {"shared", {0, 0.25, 0.5, 0.75, 1}},
        {"jump", {0, 0.05, 0.15, 0.3, 0.6}},
        {"noise", {0, 0.02, 0.05, 0.1}},
        {"headroom", {1, 2, 3, 4}},
    };
    return k_sweeps;
}

Result<std::vector<SweepPoint>> run_sweep(
    const Sweep& sweep, const BedSetup& setup, const AblationPlan& plan) {
    std::vector<SweepPoint> points;
    for (const double value : sweep.values) {
        KW_TRY_ASSIGN(AblationResult result, at(sweep, value, setup, plan));
        points.push_back({value, std::move(result)});
    }
    return points;
}

}  // namespace kw::agent
