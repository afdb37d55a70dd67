// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.hpp"
#include "cli/console.hpp"
#include "cli/json_text.hpp"

#include <nlohmann/json.hpp>

namespace kw::cli {
namespace {

std::string shown(const std::string& text) {
    return text.empty() ? "\"\"" : text;
}

Result<int> config_show(const Invocation& invocation, Console& console) {
    const Config& config = invocation.config;
    if (invocation.json) {
        nlohmann::json document = {
            {"schema", "kwright.config/1"}, {"keys", nlohmann::json::array()}};
        for (const ConfigKey& key : config_keys()) {
            const ConfigValue& value = config.values().at(key.name);
            document["keys"].push_back(
                {{"key", key.name},
                 {"value", value.text},
                 {"origin", name(value.origin)},
                 {"where", value.where},
                 {"default", key.fallback},
                 {"about", key.about},
                 {"unit", key.unit}});
        }
        console.print(json_text(document));
        return 0;
    }
    const bool origin = invocation.has("origin");
    Table table;
    table.head = {"key", "value", origin ? "origin" : "unit", origin ? "where" : "about"};
    for (const ConfigKey& key : config_keys()) {
        const ConfigValue& value = config.values().at(key.name);
        const bool own = value.origin != Origin::fallback;
        const std::string text = own ? console.paint(value.text, Ink::bold) : shown(value.text);
        table.rows.push_back(
            origin ? std::vector<
                         std::string>{key.name, text, std::string(name(value.origin)), value.where}
                   : std::vector<std::string>{key.name, text, key.unit, key.about});
    }
    console.print(render(table));
    return 0;
}

}  // namespace

CommandSpec config_show_command() {
    CommandSpec spec;
    spec.name = "config show";
    spec.group = "Housekeeping";
    spec.summary = "every configuration key, its value and where that comes from";
    spec.examples = {"kwright config show", "kwright config show --origin"};
    spec.options = {
        {"--origin", "", "say which file, variable or option set it", "", false, "Options", {}}};
    spec.run = config_show;
    return spec;
}

}  // namespace kw::cli
