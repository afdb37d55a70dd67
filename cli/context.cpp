// SPDX-License-Identifier: Apache-2.0
#include "cli/context.hpp"

#include "cli/device_choice.hpp"
#include "cli/machine_facts.hpp"
#include "cli/server_choice.hpp"
#include "core/clock.hpp"
#include "evaluator/device/cuda/gpu_nodes.hpp"

#include <signal.h>
#include <unistd.h>

#include <cstdlib>

namespace kw::cli {
namespace {

namespace fs = std::filesystem;

fs::path program_dir() {
    std::error_code ignored;
    const fs::path self = fs::read_symlink("/proc/self/exe", ignored);
    return ignored ? fs::current_path(ignored) : self.parent_path();
}

bool is_there(const fs::path& path) {
    std::error_code ignored;
    return fs::exists(path, ignored);
}

fs::path default_cache_dir() {
    if (const char* xdg = std::getenv("XDG_CACHE_HOME"); xdg != nullptr && *xdg != 0) {
        return fs::path(xdg) / "kwright";
    }
    if (const char* home = std::getenv("HOME"); home != nullptr && *home != 0) {
        return fs::path(home) / ".cache" / "kwright";
    }
    return fs::path("/tmp") / ("kwright-cache-" + std::to_string(getuid()));
}

agent::StopControl g_stop;

void on_stop_signal(int) {
    g_stop.level.fetch_add(1);
}

}  // namespace

Places find_places(const Config& config) {
    Places places;
    const fs::path bin = program_dir();
    const fs::path prefix = bin.parent_path();
    const char* harness = std::getenv("KWRIGHT_HARNESS_DIR");
    if (harness != nullptr && *harness != 0) {
        places.harness_dir = harness;
    } else {
        places.harness_dir = is_there(bin / "kw-runner") ? bin : prefix / "libexec" / "kwright";
    }
    // The build tree links its share/kwright to the sources.
    const fs::path share = prefix / "share" / "kwright";
    if (is_there(share / "benchmarks") && is_there(share / "prompts")) {
        places.share_dir = share;
    }
    const std::string cache = config.text("cache_dir");
    places.cache_dir = cache.empty() ? default_cache_dir() : fs::path(cache);
    return places;
}

std::vector<fs::path> task_roots(const Config& config) {
    std::vector<fs::path> roots;
    if (const std::string own = config.text("tasks_dir"); !own.empty()) {
        roots.emplace_back(own);
    }
    if (is_there("benchmarks")) {
        roots.emplace_back("benchmarks");
    }
    const Places places = find_places(config);
    if (!places.share_dir.empty()) {
        roots.push_back(places.share_dir / "benchmarks");
    }
    return roots;
}

Result<Task> open_task(const std::string& name, const Config& config) {
    return find_task(name, task_roots(config));
}

Result<db::Store> open_store(const Config& config, db::Access access) {
    return db::Store::open(config.text("db"), access);
}

EvaluatorConfig evaluator_config(const Config& config) {
    const Places places = find_places(config);
    return {
        places.cache_dir,
        places.harness_dir,
        config.text("sandbox"),
        config.text("compiler"),
        config.text("cuda.home"),
        config.text("cuda.driver")};
}

JudgeOptions judge_options(const Config& config) {
    JudgeOptions options;
    options.cap_s = config.number("judge.cap_s");
    options.max_pairs = static_cast<int>(config.integer("judge.max_pairs"));
    return options;
}

Result<agent::ModelConfig> model_config(const Config& config) {
    agent::ModelConfig model;
    model.base_url = config.text("model.base_url");
    model.key_env = config.text("model.key_env");
    model.key_file = config.text("model.key_file");
    model.name = config.text("model.name");
    model.max_output_tokens = static_cast<int>(config.integer("model.max_output_tokens"));
    model.temperature = config.number("model.temperature");
    model.stream = config.boolean("model.stream");
    model.timeout_s = config.number("model.timeout_s");
    model.idle_timeout_s = config.number("model.idle_timeout_s");
    model.retry_deadline_s = config.number("model.retry_deadline_s");
    model.requests_per_minute = config.number("model.requests_per_minute");
    model.tokens_per_minute = config.number("model.tokens_per_minute");
    KW_TRY_ASSIGN(model.prices, agent::parse_prices(config.text("model.prices")));
    model.usd_per_mtok_in = config.number("model.usd_per_mtok_in");
    model.usd_per_mtok_out = config.number("model.usd_per_mtok_out");
    model.usd_per_mtok_cached = config.number("model.usd_per_mtok_cached");
    return model;
}

agent::StopControl& stop_control() {
    static const bool installed = [] {
        struct sigaction action {};
        action.sa_handler = on_stop_signal;
        sigemptyset(&action.sa_mask);
        sigaction(SIGINT, &action, nullptr);
        sigaction(SIGTERM, &action, nullptr);
        signal(SIGPIPE, SIG_IGN);
        return true;
    }();
    static_cast<void>(installed);
    return g_stop;
}

Workshop::Workshop(
    std::unique_ptr<Device> opened_device,
    db::Store opened_store,
    EventSink& events,
    const Config& config,
    agent::ModelConfig models,
    const std::string& evaluator)
    : device(std::move(opened_device))
    , store(std::move(opened_store))
    , context{
          *device,
          store,
          events,
          system_clock(),
          stop_control(),
          find_places(config).share_dir / "prompts",
          task_roots(config),
          machine_facts(*device),
          std::move(models),
          calibration_of(*device),
          evaluator} {}

namespace {

/// A search need not stand still for want of a GPU. One that is there and does not open is an
/// error: a campaign of modelled times would hide it.
Result<std::unique_ptr<Device>> open_or_wait(const std::string& id, const Config& config) {
    auto device = open_device(id, evaluator_config(config));
    const bool absent = cuda::gpu_device_nodes().empty() && config.text("cuda.driver").empty();
    if (device || !is_gpu(id) || !absent || device.error().code != Errc::environment) {
        return device;
    }
    const std::string stand_in = arch_of_device(usual_device("cuda"));
    return open_waiting_device(id, stand_in, device.error().what, evaluator_config(config));
}

Result<std::unique_ptr<Device>> open_where(
    const std::string& id, const std::string& evaluator, const Config& config, EventSink& events) {
    if (evaluator.empty()) {
        return open_or_wait(id, config);
    }
    KW_TRY_ASSIGN(RemoteChoice choice, open_remote(config, evaluator, id));
    for (const std::string& text : choice.warnings) {
        Event warning;
        warning.type = EventType::warning;
        warning.utc_ms = system_clock().utc_ms();
        warning.text = text;
        events.on_event(warning);
    }
    return std::move(choice.device);
}

}  // namespace

Result<std::unique_ptr<Workshop>> open_workshop(
    const Config& config,
    EventSink& events,
    const std::string& device_id,
    const std::string& evaluator) {
    // The store first: a locked or unwritable database should be said before calibration takes its
    // seconds.
    KW_TRY_ASSIGN(agent::ModelConfig models, model_config(config));
    KW_TRY_ASSIGN(db::Store store, open_store(config, db::Access::write));
    KW_TRY_ASSIGN(auto device, open_where(device_id, evaluator, config, events));
    return std::make_unique<Workshop>(
        std::move(device), std::move(store), events, config, std::move(models), evaluator);
}

Result<std::unique_ptr<Workshop>> open_workshop_of(
    const std::string& campaign, const Config& config, EventSink& events) {
    KW_TRY_ASSIGN(agent::ModelConfig models, model_config(config));
    KW_TRY_ASSIGN(db::Store store, open_store(config, db::Access::write));
    KW_TRY_ASSIGN(const std::optional<CampaignRow> row, store.campaign(campaign));
    // A campaign that is not there: resume says so, with suggestions, and needs no device for it.
    const std::string id = row ? row->device : "cpu";
    std::string evaluator;
    if (row) {
        KW_TRY_ASSIGN(evaluator, agent::evaluator_of(*row));
    }
    if (const ConfigValue& given = config.values().at("evaluator.url");
        given.origin == Origin::flag) {
        evaluator = given.text;
    }
    KW_TRY_ASSIGN(auto device, open_where(id, evaluator, config, events));
    return std::make_unique<Workshop>(
        std::move(device), std::move(store), events, config, std::move(models), evaluator);
}

}  // namespace kw::cli
