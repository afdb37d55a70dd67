// SPDX-License-Identifier: Apache-2.0
#include "server/fleet/fleet_settings.hpp"

#include <algorithm>
#include <charconv>
#include <functional>

namespace kw::server {
namespace {

constexpr std::string_view k_word =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

bool holds_only(std::string_view text, std::string_view alphabet, std::string_view more = "") {
    return std::ranges::all_of(text, [&](char c) {
        return alphabet.find(c) != std::string_view::npos || more.find(c) != std::string_view::npos;
    });
}

bool is_printable(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7F; });
}

Error refusal(const std::string& key, const std::string& what) {
    return {Errc::config, key + " " + what, "see `kwright config show`"};
}

/// Words of the scheduler's own: no text that begins like an option or holds another alphabet.
Result<void> check_word(
    const std::string& key, const std::string& value, std::string_view more = "") {
    if (value.size() > 256 || value.starts_with('-') || !holds_only(value, k_word, more)) {
        return refusal(
            key,
            "may hold letters, digits and _.-" + std::string(more) +
                ", and does not begin with '-'");
    }
    return {};
}

Result<void> check_path(const std::string& key, const std::filesystem::path& path, bool may_lack) {
    const std::string text = path.string();
    if (text.empty() && may_lack) {
        return {};
    }
    if (!path.is_absolute() || text.size() > 4096 || !is_printable(text)) {
        return refusal(key, "must be an absolute path of printable characters");
    }
    return {};
}

Result<void> check_line(const std::string& key, const std::string& value) {
    if (value.size() > 4096 || !is_printable(value)) {
        return refusal(key, "must be one line of printable characters");
    }
    return {};
}

Result<void> check_url(const std::string& url) {
    const bool known = url.starts_with("http://") || url.starts_with("https://");
    const bool plain = url.find_first_of(" \"'\\`$<>@") == std::string::npos;
    if (!known || !plain || !is_printable(url)) {
        return Error{
            Errc::config,
            "evaluator.url must be an address like https://HOST:8737, without user or password",
            "pass --connect URL, as the workers reach the server"};
    }
    return {};
}

Result<void> check_variable(const std::string& name, const std::string& value) {
    const std::string_view digits = "0123456789";
    const bool named = !name.empty() && digits.find(name.front()) == std::string_view::npos &&
                       holds_only(name, k_word) && name.find_first_of(".-") == std::string::npos;
    if (!named) {
        return refusal("fleet.environment", "must be NAME=value, NAME=value, ...");
    }
    if (name == "KWRIGHT_TOKEN") {
        return refusal(
            "fleet.environment",
            "may not hold KWRIGHT_TOKEN: jobs' texts are no secrets; use fleet.token_file");
    }
    return check_line("fleet.environment", value);
}

std::vector<std::string> split(const std::string& text, char at) {
    std::vector<std::string> parts;
    std::size_t begin = 0;
    while (begin <= text.size()) {
        const std::size_t end = std::min(text.find(at, begin), text.size());
        std::string part = text.substr(begin, end - begin);
        part.erase(0, std::min(part.find_first_not_of(' '), part.size()));
        part.erase(part.find_last_not_of(' ') + 1);
        if (!part.empty()) {
            parts.push_back(part);
        }
        begin = end + 1;
    }
    return parts;
}

Result<std::vector<std::pair<std::string, std::string>>> variables(const std::string& text) {
    std::vector<std::pair<std::string, std::string>> all;
    for (const std::string& part : split(text, ',')) {
        const std::size_t equals = part.find('=');
        if (equals == std::string::npos) {
            return refusal("fleet.environment", "must be NAME=value, NAME=value, ...");
        }
        all.emplace_back(part.substr(0, equals), part.substr(equals + 1));
    }
    return all;
}

/// "30", "12:00:00", "2-0", "1-12:00:00"
Result<void> check_time(const std::string& time) {
    if (time.size() > 32 || !holds_only(time, "0123456789:-") || time.starts_with('-')) {
        return refusal("fleet.time", "must be a time of Slurm: MINUTES, HH:MM:SS or DAYS-HH:MM:SS");
    }
    return {};
}

Result<void> check_slurm(const FleetSettings& settings) {
    KW_TRY(check_word("fleet.partition", settings.partition, ","));
    KW_TRY(check_word("fleet.account", settings.account));
    KW_TRY(check_word("fleet.qos", settings.qos));
    KW_TRY(check_word("fleet.gres", settings.gres, ":,="));
    KW_TRY(check_word("fleet.constraint", settings.constraint, "&|*()[],"));
    KW_TRY(check_word("fleet.memory", settings.memory));
    KW_TRY(check_time(settings.time));
    // Both stand in directives, where % would be a pattern and quotes would be Slurm's.
    const std::string folder = settings.folder.string();
    if (!settings.folder.is_absolute() || !holds_only(folder, k_word, "/+@:,=")) {
        return refusal("fleet.folder", "must be an absolute path of letters, digits and _.-/+@:,=");
    }
    return check_path("fleet.cache_dir", settings.cache_dir, true);
}

}  // namespace

Result<void> check_fleet(const FleetSettings& settings) {
    KW_TRY(check_word("fleet.name", settings.name));
    if (settings.name.empty()) {
        return refusal("fleet.name", "must not be empty");
    }
    KW_TRY(check_url(settings.url));
    KW_TRY(check_path("fleet.program", settings.program, false));
    KW_TRY(check_path("fleet.token_file", settings.token_file, true));
    for (const std::string& device : settings.devices) {
        KW_TRY(check_word("fleet.devices", device, ":"));
    }
    for (const auto& [name, value] : settings.environment) {
        KW_TRY(check_variable(name, value));
    }
    for (const std::string& word : settings.launcher) {
        KW_TRY(check_line("fleet.launcher", word));
    }
    KW_TRY(check_line("fleet.prolog", settings.prolog));
    KW_TRY(check_word("fleet.container", settings.container, "/:@#+"));
    KW_TRY(check_word("fleet.container_mounts", settings.container_mounts, "/:,+@="));
    if (settings.drain_s < 1 || settings.drain_s > 65'535) {
        return refusal("fleet.drain_s", "must be 1 to 65535 seconds");
    }
    KW_TRY(check_word("fleet.namespace", settings.k8s_namespace));
    KW_TRY(check_word("fleet.secret", settings.secret));
    return check_slurm(settings);
}

Result<FleetSettings> fleet_settings(
    const Config& config,
    const std::filesystem::path& program,
    const std::filesystem::path& folder) {
    FleetSettings settings;
    const auto or_else = [](const std::string& text, const std::filesystem::path& other) {
        return text.empty() ? other : std::filesystem::path(text);
    };
    settings.name = config.text("fleet.name");
    settings.url = config.text("evaluator.url");
    settings.program = or_else(config.text("fleet.program"), program);
    settings.folder = or_else(config.text("fleet.folder"), folder);
    settings.token_file = config.text("fleet.token_file");
    settings.devices = split(config.text("fleet.devices"), ',');
    KW_TRY_ASSIGN(settings.environment, variables(config.text("fleet.environment")));
    settings.launcher = split(config.text("fleet.launcher"), ' ');
    settings.prolog = config.text("fleet.prolog");
    settings.container = config.text("fleet.container");
    settings.container_mounts = config.text("fleet.container_mounts");
    settings.drain_s =
        static_cast<int>(std::min<std::int64_t>(config.integer("fleet.drain_s"), 1 << 20));
    settings.cache_dir = config.text("fleet.cache_dir");
    settings.partition = config.text("fleet.partition");
    settings.account = config.text("fleet.account");
    settings.qos = config.text("fleet.qos");
    settings.time = config.text("fleet.time");
    settings.gres = config.text("fleet.gres");
    settings.constraint = config.text("fleet.constraint");
    settings.memory = config.text("fleet.memory");
    settings.cpus = static_cast<int>(std::min<std::int64_t>(config.integer("fleet.cpus"), 1 << 20));
    settings.exclusive = config.boolean("fleet.exclusive");
    settings.k8s_namespace = config.text("fleet.namespace");
    settings.secret = config.text("fleet.secret");
    KW_TRY(check_fleet(settings));
    return settings;
}

int drain_within(const FleetSettings& settings) {
    return std::max(settings.drain_s - 10, settings.drain_s / 2);
}

int gpus_of(const std::string& gres) {
    int count = 0;
    for (const std::string& part : split(gres, ',')) {
        const std::vector<std::string> words = split(part, ':');
        if (words.front() != "gpu") {
            continue;
        }
        int here = 1;
        const std::string& last = words.back();
        std::from_chars(last.data(), last.data() + last.size(), here);
        count += here;
    }
    return count;
}

}  // namespace kw::server
