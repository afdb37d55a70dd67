// SPDX-License-Identifier: Apache-2.0
#include "cli/device_choice.hpp"

#include "evaluator/evaluator.hpp"

#include <algorithm>

namespace kw::cli {
namespace {

constexpr const char* k_target = "search.target";
constexpr const char* k_device = "search.device";
constexpr const char* k_emulated = "emulated:";
constexpr std::string_view k_gpu = "cuda:";

Result<void> check_known(const ConfigValue& device) {
    const std::vector<std::string>& known = device_names();
    if (std::ranges::find(known, device.text) != known.end() || is_gpu(device.text)) {
        return {};
    }
    std::string all;
    for (const std::string& name : known) {
        all += (all.empty() ? "" : ", ") + name;
    }
    // "emulated:sm_90" is nearer to sm_90a than edit distance says.
    const auto begun = std::ranges::find_if(
        known, [&](const std::string& name) { return name.starts_with(device.text); });
    const auto near =
        begun != known.end() ? std::optional(*begun) : did_you_mean(device.text, known);
    return Error{
        Errc::usage,
        device.where + ": there is no device '" + device.text + "'",
        (near ? "did you mean " + *near + "? " : "") + "known: " + all};
}

}  // namespace

const std::vector<std::string>& device_names() {
    static const std::vector<std::string> names{
        "cpu", "emulated:sm_80", "emulated:sm_89", "emulated:sm_90a", "cuda:0"};
    return names;
}

bool is_gpu(const std::string& id) {
    return id.starts_with(k_gpu) && id.size() > k_gpu.size();
}

std::string usual_device(const std::string& target) {
    return target == "cuda" ? "emulated:sm_90a" : "cpu";
}

Result<std::string> choose_device(const Config& config) {
    const ConfigValue& target = config.values().at(k_target);
    const ConfigValue& device = config.values().at(k_device);
    KW_TRY(check_known(device));
    const std::string judged = target_of_device(device.text);
    if (judged == target.text || device.origin > target.origin) {
        return device.text;
    }
    if (target.origin > device.origin) {
        return usual_device(target.text);
    }
    return Error{
        Errc::usage,
        device.where + " says device " + device.text + ", which judges " + judged + ", and " +
            target.where + " says target " + target.text,
        "drop one of the two: the target follows from the device"};
}

Result<std::string> choose_device(const Config& config, const Candidate& candidate) {
    const bool silent = config.values().at(k_target).origin == Origin::fallback &&
                        config.values().at(k_device).origin == Origin::fallback;
    if (!silent || candidate.target != "cuda") {
        return choose_device(config);
    }
    const std::vector<std::string>& known = device_names();
    const std::string wanted = k_emulated + candidate.arch;
    return std::ranges::find(known, wanted) != known.end() ? wanted : usual_device("cuda");
}

}  // namespace kw::cli
