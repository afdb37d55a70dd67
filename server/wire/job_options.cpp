// SPDX-License-Identifier: Apache-2.0
#include "server/wire/job_options.hpp"

#include "core/config.hpp"

#include <nlohmann/json.hpp>

#include <charconv>
#include <cmath>

namespace kw::server {

namespace {

const std::vector<std::string> k_names = {
    "timed", "hot", "independent", "promote", "max_pairs", "cap_s"};

Error wrong(const std::string& name, const std::string& wanted) {
    return {Errc::usage, "options." + name + " must be " + wanted, ""};
}

Result<void> read_flag(const nlohmann::json& value, const std::string& name, bool& out) {
    if (!value.is_boolean()) {
        return wrong(name, "true or false");
    }
    out = value.get<bool>();
    return {};
}

Result<void> read_number(
    const nlohmann::json& value, const std::string& name, double most, double& out) {
    const double number = value.is_number() ? value.get<double>() : -1;
    if (!(number >= 0) || !(number <= most)) {
        return wrong(name, "a number from 0 to " + nlohmann::json(most).dump());
    }
    out = number;
    return {};
}

}  // namespace

Result<JobOptions> read_job_options(const nlohmann::json& document, const JobLimits& limits) {
    JobOptions options;
    if (document.is_null()) {
        return options;
    }
    if (!document.is_object()) {
        return Error{Errc::usage, "options must be an object", ""};
    }
    for (const auto& [name, value] : document.items()) {
        if (name == "timed") {
            KW_TRY(read_flag(value, name, options.timed));
        } else if (name == "hot") {
            KW_TRY(read_flag(value, name, options.hot));
        } else if (name == "independent") {
            KW_TRY(read_flag(value, name, options.independent));
        } else if (name == "promote") {
            KW_TRY(read_flag(value, name, options.promote));
        } else if (name == "max_pairs") {
            if (!value.is_number_integer()) {
                return wrong(name, "an integer");
            }
            double pairs = 0;
            KW_TRY(read_number(value, name, limits.max_pairs, pairs));
            options.max_pairs = static_cast<int>(pairs);
        } else if (name == "cap_s") {
            KW_TRY(read_number(value, name, limits.cap_s, options.cap_s));
        } else {
            const auto near = did_you_mean(name, k_names);
            return Error{
                Errc::usage,
                "options has no '" + name.substr(0, 40) + "'",
                near ? "did you mean '" + *near + "'?" : "see docs/service.md"};
        }
    }
    return options;
}

nlohmann::json to_json(const JobOptions& options) {
    return {
        {"timed", options.timed},
        {"hot", options.hot},
        {"independent", options.independent},
        {"promote", options.promote},
        {"max_pairs", options.max_pairs},
        {"cap_s", options.cap_s}};
}

Result<JudgeOptions> judge_options_of(const JobOptions& options, const std::string& seed) {
    JudgeOptions judge;
    judge.timed = options.timed;
    judge.hot = options.hot;
    judge.independent = options.independent;
    judge.cap_s = options.cap_s;
    if (options.max_pairs > 0) {
        judge.max_pairs = options.max_pairs;
    }
    if (seed.empty()) {
        return judge;
    }
    Seed bytes{};
    bool hex = seed.size() == 2 * bytes.size();
    for (std::size_t i = 0; hex && i < bytes.size(); ++i) {
        unsigned value = 0;
        const char* begin = seed.data() + 2 * i;
        const auto [stop, why] = std::from_chars(begin, begin + 2, value, 16);
        hex = why == std::errc() && stop == begin + 2;
        bytes[i] = static_cast<std::byte>(value);
    }
    if (!hex) {
        return Error{Errc::usage, "seed must be 64 hex digits", "leave it out for a fresh one"};
    }
    judge.seed = bytes;
    return judge;
}

}  // namespace kw::server
