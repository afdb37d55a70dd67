// SPDX-License-Identifier: Apache-2.0
#include "cli/config_sources.hpp"

#include <cstdlib>

namespace kw::cli {
namespace {

std::optional<std::string> environment(const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
}

std::optional<std::filesystem::path> user_config_file() {
    std::filesystem::path folder;
    if (const auto xdg = environment("XDG_CONFIG_HOME"); xdg && !xdg->empty()) {
        folder = *xdg;
    } else if (const auto home = environment("HOME"); home && !home->empty()) {
        folder = std::filesystem::path(*home) / ".config";
    } else {
        return std::nullopt;
    }
    std::error_code ignored;
    const auto file = folder / "kwright" / "config.toml";
    return std::filesystem::exists(file, ignored) ? std::optional(file) : std::nullopt;
}

}  // namespace

Config::Sources config_sources(const std::string& file) {
    Config::Sources sources;
    sources.user_file = user_config_file();
    std::error_code ignored;
    if (!file.empty()) {
        sources.project_file = file;
    } else if (std::filesystem::exists("kwright.toml", ignored)) {
        sources.project_file = "kwright.toml";
    }
    sources.environment = environment;
    return sources;
}

}  // namespace kw::cli
