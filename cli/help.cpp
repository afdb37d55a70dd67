// SPDX-License-Identifier: Apache-2.0
#include "cli/help.hpp"

#include "cli/docs.hpp"

#include <algorithm>

namespace kw::cli {
namespace {

constexpr std::size_t k_width = 96;

struct Entry {
    std::string left;
    std::string right;
};

/// Two columns; the right one is wrapped at words.
std::string columns(const std::vector<Entry>& entries) {
    std::size_t wide = 0;
    for (const Entry& entry : entries) {
        wide = std::max(wide, std::min<std::size_t>(entry.left.size(), 26));
    }
    const std::string margin(wide + 4, ' ');
    std::string text;
    for (const Entry& entry : entries) {
        std::string line = "  " + entry.left;
        if (line.size() + 2 > margin.size()) {
            text += line + "\n";
            line = margin;
        } else {
            line.resize(margin.size(), ' ');
        }
        std::size_t begin = 0;
        while (begin < entry.right.size()) {
            const std::size_t end = std::min(entry.right.find(' ', begin), entry.right.size());
            const std::string word = entry.right.substr(begin, end - begin);
            if (line.size() + word.size() > k_width && line.size() > margin.size()) {
                line.erase(line.find_last_not_of(' ') + 1);
                text += line + "\n";
                line = margin;
            }
            line += word + " ";
            begin = end + 1;
        }
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + "\n";
    }
    return text;
}

std::vector<std::string> groups_of(const std::vector<OptionSpec>& options) {
    std::vector<std::string> groups;
    for (const OptionSpec& option : options) {
        if (std::ranges::find(groups, option.group) == groups.end()) {
            groups.push_back(option.group);
        }
    }
    return groups;
}

std::string option_groups(const std::vector<OptionSpec>& options) {
    std::string text;
    for (const std::string& group : groups_of(options)) {
        std::vector<Entry> entries;
        for (const OptionSpec& option : options) {
            if (option.group == group) {
                entries.push_back({option_line(option), option_about(option)});
            }
        }
        text += "\n" + group + "\n" + columns(entries);
    }
    return text;
}

std::string one_command(const CommandSpec& command) {
    std::string text = "kwright " + command.name + ": " + command.summary + "\n";
    text += "\nUsage\n  " + usage_line(command) + "\n";
    if (!command.examples.empty()) {
        text += "\nExamples\n";
        for (const std::string& example : command.examples) {
            text += "  " + example + "\n";
        }
    }
    if (const std::string prose = command_prose(command.name); !prose.empty()) {
        text += "\n" + prose + "\n";
    }
    if (!command.positionals.empty()) {
        std::vector<Entry> entries;
        for (const PositionalSpec& positional : command.positionals) {
            entries.push_back({positional.name, positional.about});
        }
        text += "\nArguments\n" + columns(entries);
    }
    text += option_groups(command.options);
    text += option_groups(global_options());
    text.pop_back();
    return text;
}

std::string family(const std::string& name, const std::vector<const CommandSpec*>& commands) {
    std::vector<Entry> entries;
    for (const CommandSpec* command : commands) {
        entries.push_back({command->name, command->summary});
    }
    return "kwright " + name + " COMMAND\n\nCommands\n" + columns(entries) +
           "\nMore: kwright help " + name + " COMMAND";
}

std::string program() {
    std::string text =
        "kwright: asks a model (or a tuner) for kernels, judges them as hostile code, "
        "keeps the fastest\n\n";
    text += "Usage\n  kwright COMMAND [options]\n\nExamples\n";
    text += "  kwright doctor                          can this machine judge?\n";
    text +=
        "  kwright demo                            a recorded and a live search, under a minute\n";
    text += "  kwright run w4a16_gemv --proposer tune  search without a model\n";
    text += "  kwright board                           the fastest kernels so far\n";
    std::vector<std::string> groups;
    for (const CommandSpec& command : command_table()) {
        if (!command.hidden && std::ranges::find(groups, command.group) == groups.end()) {
            groups.push_back(command.group);
        }
    }
    for (const std::string& group : groups) {
        std::vector<Entry> entries;
        for (const CommandSpec& command : command_table()) {
            if (!command.hidden && command.group == group) {
                entries.push_back({command.name, command.summary});
            }
        }
        text += "\n" + group + "\n" + columns(entries);
    }
    text += option_groups(global_options());
    text += "\nMore: kwright help COMMAND";
    return text;
}

}  // namespace

std::string usage_line(const CommandSpec& command) {
    std::string text = "kwright " + command.name;
    for (const PositionalSpec& positional : command.positionals) {
        const std::string name = positional.name + (positional.repeated ? "..." : "");
        text += positional.required ? " " + name : " [" + name + "]";
    }
    return text + " [options]";
}

std::string option_line(const OptionSpec& option) {
    std::string text = option.name;
    if (const std::size_t comma = text.find(','); comma != std::string::npos) {
        text.replace(comma, 1, ", ");
    }
    return option.value.empty() ? text : text + " " + option.value;
}

std::string option_about(const OptionSpec& option) {
    std::string text = option.about;
    if (option.config_key.empty()) {
        return text;
    }
    const auto key = std::ranges::find(config_keys(), option.config_key, &ConfigKey::name);
    if (key != config_keys().end() && !key->fallback.empty()) {
        text += " (default " + key->fallback + "; key " + key->name + ")";
    }
    return text;
}

std::string command_prose(const std::string& command) {
    std::string file = command;
    std::ranges::replace(file, ' ', '-');
    const auto& docs = embedded_docs();
    const auto found = docs.find(file);
    return found == docs.end() ? "" : plain_prose(found->second);
}

std::vector<const CommandSpec*> commands_at(const std::string& name) {
    std::vector<const CommandSpec*> found;
    for (const CommandSpec& command : command_table()) {
        if (command.name == name) {
            return {&command};
        }
        if (command.name.starts_with(name + " ")) {
            found.push_back(&command);
        }
    }
    return found;
}

std::string help_text(const std::string& command) {
    if (command.empty()) {
        return program();
    }
    const std::vector<const CommandSpec*> commands = commands_at(command);
    if (commands.empty()) {
        return "";
    }
    return commands.size() == 1 && commands.front()->name == command
               ? one_command(*commands.front())
               : family(command, commands);
}

}  // namespace kw::cli
