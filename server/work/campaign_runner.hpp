// SPDX-License-Identifier: Apache-2.0
// Campaigns that the service runs by itself, in threads of this process and with the queue as their
// device: POST /v1/campaigns.
#pragma once

#include "agent/campaign/campaign.hpp"
#include "server/work/queue_device.hpp"
#include "server/work/task_shelf.hpp"

#include <nlohmann/json_fwd.hpp>

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace kw::server {

struct CampaignWish {
    std::string task;
    std::string device = "cpu";
    agent::CampaignSettings settings;
};

/// From the body of a request. Errc::usage with did-you-mean; a proposer that would read files or
/// run commands of the server's machine is refused, and so is a strategy that is a file.
[[nodiscard]] Result<CampaignWish> read_campaign_wish(const nlohmann::json& document);

struct RunnerParts {
    db::Store& store;
    db::Queue& queue;
    Dispatch& dispatch;
    Wakeups& wakeups;
    TaskShelf& tasks;
    Clock& clock;
    std::filesystem::path prompts_dir;
    agent::ModelConfig models;
    std::string campaign_prefix = "service";
    std::size_t most = 8;  ///< at a time
};

class CampaignRunner {
public:
    explicit CampaignRunner(RunnerParts parts);
    ~CampaignRunner();  ///< stop()
    CampaignRunner(const CampaignRunner&) = delete;
    CampaignRunner& operator=(const CampaignRunner&) = delete;

    /// The name it has got, once it runs; what stops it before that is the error. Errc::no: too
    /// many run.
    Result<std::string> start(const CampaignWish& wish, std::int64_t token_id);
    /// Saves them all where they are. Level 1: a model that was asked is waited for; 2: no more.
    void ask_to_stop(int level);
    [[nodiscard]] bool ended();
    void stop();  ///< ask_to_stop(1), and waits

private:
    struct Running;
    RunnerParts parts_;
    agent::StopControl stop_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<Running>> running_;
};

}  // namespace kw::server
