// SPDX-License-Identifier: Apache-2.0
// help and version.
#include "cli/commands/commands.hpp"
#include "cli/console.hpp"
#include "cli/docs.hpp"
#include "cli/json_text.hpp"

#include <nlohmann/json.hpp>

namespace kw::cli {
namespace {

constexpr const char* k_topic_exit_codes = "exit-codes";

/// The longest beginning of `words` that names a command: "run w4a16_gemv" asks about "run".
std::string topic_of(const std::vector<std::string>& words) {
    std::string best;
    std::string name;
    for (const std::string& word : words) {
        name += (name.empty() ? "" : " ") + word;
        if (!help_text(name).empty()) {
            best = name;
        }
    }
    return best;
}

Result<int> help(const Invocation& invocation, Console& console) {
    const std::vector<std::string> words = invocation.all("COMMAND");
    if (words.empty()) {
        console.print(help_text(""));
        return 0;
    }
    if (words.front() == k_topic_exit_codes) {
        console.print(plain_prose(embedded_docs().at(k_topic_exit_codes)));
        return 0;
    }
    const std::string topic = topic_of(words);
    if (topic.empty()) {
        std::vector<std::string> names;
        for (const CommandSpec& command : command_table()) {
            names.push_back(command.name);
        }
        const auto near = did_you_mean(words.front(), names);
        return Error{
            Errc::usage,
            "no help for \"" + words.front() + "\": there is no such command",
            near ? "did you mean `kwright help " + *near + "`?" : "see `kwright help`"};
    }
    console.print(help_text(topic));
    return 0;
}

Result<int> version(const Invocation& invocation, Console& console) {
    if (invocation.json) {
        const nlohmann::json document = {
            {"schema", "kwright.version/1"}, {"version", KW_VERSION}, {"compiler", __VERSION__}};
        console.print(json_text(document));
        return 0;
    }
    console.print(std::string("kwright ") + KW_VERSION);
    return 0;
}

}  // namespace

CommandSpec help_command() {
    CommandSpec spec;
    spec.name = "help";
    spec.group = "Housekeeping";
    spec.summary = "this text, or a command's; `help exit-codes` lists what the program returns";
    spec.examples = {"kwright help run", "kwright help exit-codes"};
    spec.positionals = {{"COMMAND", "command or topic", false, true, "command"}};
    spec.run = help;
    return spec;
}

CommandSpec version_command() {
    CommandSpec spec;
    spec.name = "version";
    spec.group = "Housekeeping";
    spec.summary = "version of the program";
    spec.examples = {"kwright version", "kwright --version"};
    spec.run = version;
    return spec;
}

}  // namespace kw::cli
