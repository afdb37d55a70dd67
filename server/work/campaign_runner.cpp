// SPDX-License-Identifier: Apache-2.0
#include "server/work/campaign_runner.hpp"

#include "core/config.hpp"
#include "core/log.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <exception>
#include <future>
#include <optional>
#include <thread>

namespace kw::server {

namespace {

const std::vector<std::string> k_members = {
    "task",
    "device",
    "name",
    "proposer",
    "strategy",
    "isa",
    "hint",
    "width",
    "depth",
    "seed",
    "budget"};
const std::vector<std::string> k_budget = {
    "max_evals", "max_usd", "max_tokens", "max_seconds", "max_device_seconds"};

Error unknown(const std::string& name, const std::vector<std::string>& known) {
    const auto near = did_you_mean(name, known);
    return {
        Errc::usage,
        "unknown member '" + name.substr(0, 40) + "'",
        near ? "did you mean '" + *near + "'?" : "see GET /v1/openapi.json"};
}

bool is_plain(const std::string& text, std::size_t longest = 100) {
    return text.size() <= longest && std::ranges::all_of(text, [](unsigned char c) {
               return std::isalnum(c) || c == '_' || c == '-' || c == ':' || c == '.';
           });
}

Result<void> read_text(const nlohmann::json& value, const std::string& name, std::string& out) {
    if (!value.is_string()) {
        return Error{Errc::usage, name + " must be a text", ""};
    }
    out = value.get<std::string>();
    return {};
}

Result<void> read_count(
    const nlohmann::json& value, const std::string& name, double most, double& out) {
    const double number = value.is_number() ? value.get<double>() : -1;
    if (!(number >= 0) || !(number <= most)) {
        return Error{Errc::usage, name + " must be a number of 0 or more", ""};
    }
    out = number;
    return {};
}

Result<void> read_budget(const nlohmann::json& document, agent::Budget& budget) {
    if (!document.is_object()) {
        return Error{Errc::usage, "budget must be an object", ""};
    }
    constexpr double most = 1e9;
    for (const auto& [name, value] : document.items()) {
        double number = 0;
        KW_TRY(read_count(value, "budget." + name.substr(0, 40), most, number));
        if (name == "max_evals") {
            budget.max_evals = static_cast<int>(number);
        } else if (name == "max_usd") {
            budget.max_usd = number;
        } else if (name == "max_tokens") {
            budget.max_tokens = static_cast<std::int64_t>(number);
        } else if (name == "max_seconds") {
            budget.max_seconds = number;
        } else if (name == "max_device_seconds") {
            budget.max_device_seconds = number;
        } else {
            return unknown(name, k_budget);
        }
    }
    return {};
}

Result<void> read_member(const std::string& name, const nlohmann::json& value, CampaignWish& wish) {
    constexpr double most = 1'000;
    double number = 0;
    if (name == "task") {
        return read_text(value, name, wish.task);
    }
    if (name == "device") {
        return read_text(value, name, wish.device);
    }
    if (name == "name") {
        return read_text(value, name, wish.settings.name);
    }
    if (name == "proposer") {
        return read_text(value, name, wish.settings.proposer);
    }
    if (name == "strategy") {
        return read_text(value, name, wish.settings.strategy);
    }
    if (name == "isa") {
        return read_text(value, name, wish.settings.isa);
    }
    if (name == "hint") {
        return read_text(value, name, wish.settings.hint);
    }
    if (name == "budget") {
        return read_budget(value, wish.settings.budget);
    }
    if (name == "width" || name == "depth") {
        KW_TRY(read_count(value, name, most, number));
        (name == "width" ? wish.settings.width : wish.settings.depth) = static_cast<int>(number);
        return {};
    }
    if (name == "seed") {
        KW_TRY(read_count(value, name, 1e15, number));
        wish.settings.search_seed = static_cast<std::uint64_t>(number);
        return {};
    }
    return unknown(name, k_members);
}

/// Whatever a request names must stay a name on this machine.
Result<void> check_names(const CampaignWish& wish) {
    const std::string& proposer = wish.settings.proposer;
    const bool model = proposer.starts_with("openai:") || proposer.starts_with("anthropic:");
    if (proposer != "tune" && !model) {
        return Error{
            Errc::usage,
            "proposer must be tune, openai:MODEL or anthropic:MODEL",
            "others read files or run commands: kwright run takes them"};
    }
    if (!is_plain(wish.settings.strategy) ||
        wish.settings.strategy.find('.') != std::string::npos) {
        return Error{Errc::usage, "strategy must be the name of a shipped preset", ""};
    }
    if (!is_plain(wish.settings.name, 64) || !is_plain(wish.device, 64) ||
        !is_plain(wish.settings.isa)) {
        return Error{
            Errc::usage, "name, device and isa have letters, digits, '-', '_', '.' and ':'", ""};
    }
    constexpr std::size_t longest_hint = 500;
    if (wish.settings.hint.size() > longest_hint ||
        wish.settings.hint.find('\n') != std::string::npos) {
        return Error{Errc::usage, "hint must be one line of up to 500 characters", ""};
    }
    return {};
}

}  // namespace

Result<CampaignWish> read_campaign_wish(const nlohmann::json& document) {
    CampaignWish wish;
    for (const auto& [name, value] : document.items()) {
        KW_TRY(read_member(name, value, wish));
    }
    KW_TRY(check_names(wish));
    return wish;
}

/// One campaign with its thread.
struct CampaignRunner::Running final : EventSink {
    Running(
        RunnerParts& parts,
        agent::StopControl& stop_control,
        CampaignWish wanted,
        std::int64_t token)
        : runner(parts)
        , stop(stop_control)
        , wish(std::move(wanted))
        , device(
              wish.device,
              parts.campaign_prefix,
              token,
              {parts.store, parts.queue, parts.dispatch, parts.wakeups, parts.clock, stop.level}) {}

    void on_event(const Event& event) override {
        if (event.type == EventType::started && !told) {
            told = true;
            name.set_value(event.campaign);
        }
        if (topic.empty() && !event.campaign.empty()) {
            const auto row = runner.store.campaign(event.campaign);
            topic = row && *row ? topic_of_campaign((*row)->id) : "";
        }
        const bool shown = event.type == EventType::judged || event.type == EventType::promoted ||
                           event.type == EventType::stopped;
        if (shown && !topic.empty()) {
            runner.wakeups.wake(topic);
        }
    }

    void run(const Task& task) {
        std::optional<Error> failure;
        try {
            agent::CampaignContext context{
                device,
                runner.store,
                *this,
                runner.clock,
                stop,
                runner.prompts_dir,
                runner.tasks.roots(),
                "",
                runner.models,
                nullptr,
                ""};
            const auto summary = agent::run_campaign(wish.settings, task, context);
            if (!summary) {
                failure = summary.error();
            }
        } catch (const std::exception& error) {
            failure =
                Error{Errc::environment, std::string("a bug of kwright's: ") + error.what(), ""};
        }
        if (failure) {
            log::warn("campaign of " + wish.task + ": " + failure->what);
        }
        if (!told) {
            told = true;
            name.set_value(
                failure ? Result<std::string>(*failure)
                        : Error{Errc::environment, "the campaign ended before it began", ""});
        }
        ended = true;
    }

    RunnerParts& runner;
    agent::StopControl& stop;
    CampaignWish wish;
    QueueDevice device;
    std::promise<Result<std::string>> name;
    bool told = false;  ///< by the campaign's thread
    std::string topic;
    std::atomic<bool> ended{false};
    std::thread thread;
};

CampaignRunner::CampaignRunner(RunnerParts parts)
    : parts_(std::move(parts)) {}

CampaignRunner::~CampaignRunner() {
    stop();
}

Result<std::string> CampaignRunner::start(const CampaignWish& wish, std::int64_t token_id) {
    KW_TRY_ASSIGN(const auto task, parts_.tasks.get(wish.task));
    std::future<Result<std::string>> name;
    {
        const std::lock_guard guard(mutex_);
        std::erase_if(running_, [](const auto& one) {
            const bool over = one->ended;
            if (over) {
                one->thread.join();
            }
            return over;
        });
        if (running_.size() >= parts_.most || stop_.level != 0) {
            return Error{Errc::no, "as many campaigns run as this service takes", ""};
        }
        auto made = std::make_unique<Running>(parts_, stop_, wish, token_id);
        name = made->name.get_future();
        Running* raw = made.get();
        raw->thread = std::thread([raw, task] { raw->run(*task); });
        running_.push_back(std::move(made));
    }
    return name.get();
}

void CampaignRunner::ask_to_stop(int level) {
    stop_.level = std::max(stop_.level.load(), level);
}

bool CampaignRunner::ended() {
    const std::lock_guard guard(mutex_);
    return std::ranges::all_of(running_, [](const auto& one) { return one->ended.load(); });
}

void CampaignRunner::stop() {
    ask_to_stop(1);
    const std::lock_guard guard(mutex_);
    for (const auto& one : running_) {
        one->thread.join();
    }
    running_.clear();
}

}  // namespace kw::server
