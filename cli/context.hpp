// SPDX-License-Identifier: Apache-2.0
// What sub-commands share: where things lie on this machine, and how the store and the device are
// opened. Viewers open the store read-only and never construct a device or a proposer.
#pragma once

#include "agent/campaign/campaign.hpp"
#include "cli/command.hpp"
#include "core/result.hpp"
#include "core/task_file.hpp"
#include "db/store.hpp"
#include "evaluator/evaluator.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace kw::cli {

/// Found relative to the running program: the build tree (build/bin beside the sources) or an
/// installed tree (bin, libexec/kwright, share/kwright).
struct Places {
    std::filesystem::path harness_dir;  ///< kw-runner, kw-probe
    std::filesystem::path share_dir;    ///< holds benchmarks/ and prompts/
    std::filesystem::path cache_dir;
};
[[nodiscard]] Places find_places(const Config& config);

/// ./benchmarks, the configured tasks_dir, the shipped tasks; earlier ones win.
[[nodiscard]] std::vector<std::filesystem::path> task_roots(const Config& config);
[[nodiscard]] Result<Task> open_task(const std::string& name, const Config& config);

[[nodiscard]] Result<db::Store> open_store(const Config& config, db::Access access);
[[nodiscard]] EvaluatorConfig evaluator_config(const Config& config);
[[nodiscard]] JudgeOptions judge_options(const Config& config);
/// Errc::config for prices that cannot be read.
[[nodiscard]] Result<agent::ModelConfig> model_config(const Config& config);

/// SIGINT and SIGTERM raise its level: 1 = finish, save, stop; 2 = abandon. Installed once a
/// process.
[[nodiscard]] agent::StopControl& stop_control();

/// Everything a campaign needs, owned together. Neither copied nor moved: the context refers to the
/// store.
struct Workshop {
    Workshop(
        std::unique_ptr<Device> opened_device,
        db::Store opened_store,
        EventSink& events,
        const Config& config,
        agent::ModelConfig models,
        const std::string& evaluator = "");
    Workshop(const Workshop&) = delete;
    Workshop& operator=(const Workshop&) = delete;

    std::unique_ptr<Device> device;
    db::Store store;
    agent::CampaignContext context;
};
/// `device_id` as choose_device() gives it; `evaluator`: address of the server that has the device,
/// "" = this machine.
[[nodiscard]] Result<std::unique_ptr<Workshop>> open_workshop(
    const Config& config,
    EventSink& events,
    const std::string& device_id,
    const std::string& evaluator = "");
/// With the device that the stored campaign runs on, whatever configuration says, where it ran last
/// or where --evaluator says.
[[nodiscard]] Result<std::unique_ptr<Workshop>> open_workshop_of(
    const std::string& campaign, const Config& config, EventSink& events);

}  // namespace kw::cli
