// SPDX-License-Identifier: Apache-2.0
#include "cli/completion.hpp"

#include "cli/command.hpp"
#include "cli/context.hpp"
#include "core/hash.hpp"

#include <algorithm>
#include <sstream>

namespace kw::cli {
namespace {

constexpr const char* k_files = "@file";
constexpr int k_max_kernels = 200;

constexpr const char* k_bash = R"(# bash completion of kwright: source it, or put it into
# ~/.local/share/bash-completion/completions/kwright
_kwright() {
    local IFS=$'\n' cur="${COMP_WORDS[COMP_CWORD]}"
    local -a found
    mapfile -t found < <("${COMP_WORDS[0]}" __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    COMPREPLY=()
    local word
    for word in "${found[@]}"; do
        if [[ $word == @file ]]; then
            compopt -o filenames 2>/dev/null
            COMPREPLY+=($(compgen -f -- "$cur"))
        else
            COMPREPLY+=("$word")
        fi
    done
}
complete -F _kwright kwright
)";

constexpr const char* k_zsh = R"(#compdef kwright
# zsh completion of kwright: put it as _kwright into a folder of $fpath
_kwright() {
    local -a found
    found=("${(@f)$("${words[1]}" __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    if (( ${found[(Ie)@file]} )); then
        found=("${(@)found:#@file}")
        _files
    fi
    compadd -- "${(@)found:#}"
}
if [[ $funcstack[1] == _kwright ]]; then
    _kwright "$@"
else
    compdef _kwright kwright
fi
)";

constexpr const char* k_fish =
    R"(# fish completion of kwright: put it into ~/.config/fish/completions/kwright.fish
function __kwright_complete
    set -l words (commandline -opc) (commandline -ct)
    for word in ($words[1] __complete -- $words[2..-1] 2>/dev/null)
        if test "$word" = "@file"
            __fish_complete_path (commandline -ct)
        else
            echo $word
        end
    end
end
complete -c kwright -f -a '(__kwright_complete)'
)";

std::vector<std::string> split_words(const std::string& name) {
    std::istringstream stream(name);
    std::vector<std::string> words;
    for (std::string word; stream >> word;) {
        words.push_back(word);
    }
    return words;
}

std::vector<std::string> option_names(const OptionSpec& option) {
    std::vector<std::string> names;
    std::istringstream stream(option.name);
    for (std::string name; std::getline(stream, name, ',');) {
        names.push_back(name);
    }
    return names;
}

const OptionSpec* option_called(const CommandSpec& command, const std::string& word) {
    for (const auto* list : {&command.options, &global_options()}) {
        for (const OptionSpec& option : *list) {
            if (std::ranges::count(option_names(option), word) > 0) {
                return &option;
            }
        }
    }
    return nullptr;
}

/// "a | b | openai:MODEL" in a description is the list of values.
std::vector<std::string> values_of(const OptionSpec& option) {
    if (!option.choices.empty()) {
        return option.choices;
    }
    const auto key = std::ranges::find(config_keys(), option.config_key, &ConfigKey::name);
    if (key != config_keys().end() && !key->choices.empty()) {
        return key->choices;
    }
    const std::size_t bar = option.about.find(" | ");
    if (bar == std::string::npos) {
        return {};
    }
    std::vector<std::string> values;
    std::string text = option.about;
    if (const std::size_t colon = text.find(": "); colon < bar) {
        text.erase(0, colon + 2);
    }
    std::size_t begin = 0;
    while (begin < text.size()) {
        const std::size_t end = std::min(text.find(" | ", begin), text.size());
        const std::string value = text.substr(begin, end - begin);
        values.push_back(value.substr(0, value.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ")));
        begin = end + 3;
    }
    return values;
}

std::vector<std::string> task_names(const Config& config) {
    std::vector<std::string> names;
    for (const TaskEntry& task : list_tasks(task_roots(config))) {
        names.push_back(task.name);
    }
    return names;
}

std::vector<std::string> stored_names(const std::string& what, const Config& config) {
    std::vector<std::string> names;
    auto store = open_store(config, db::Access::read_only);
    if (!store) {
        return names;
    }
    if (auto campaigns = store->campaigns(); campaigns) {
        for (const CampaignRow& row : *campaigns) {
            names.push_back(row.name);
        }
    }
    if (what == "kernel") {
        BoardFilter filter;
        filter.all = true;
        filter.limit = k_max_kernels;
        if (const auto rows = store->board(filter); rows) {
            for (const BoardRow& row : *rows) {
                names.push_back(short_id('k', row.candidate_hash));
            }
        }
    }
    return names;
}

std::vector<std::string> of_kind(const std::string& kind, const Config& config) {
    if (kind == "task") {
        return task_names(config);
    }
    if (kind == "campaign" || kind == "kernel") {
        return stored_names(kind, config);
    }
    if (kind == "command") {
        std::vector<std::string> names;
        for (const CommandSpec& command : command_table()) {
            if (!command.hidden) {
                names.push_back(split_words(command.name).front());
            }
        }
        return names;
    }
    if (kind == "shell") {
        return {"bash", "zsh", "fish"};
    }
    return kind == "file" ? std::vector<std::string>{k_files} : std::vector<std::string>{};
}

std::vector<std::string> option_values(const OptionSpec& option, const Config& config) {
    if (option.value == "TASK") {
        return task_names(config);
    }
    if (option.value == "A,B") {
        return stored_names("campaign", config);
    }
    if (option.value == "FILE" || option.value == "DIR") {
        return {k_files};
    }
    return values_of(option);
}

std::vector<std::string> arguments_of(
    const CommandSpec& command, const std::vector<std::string>& given, const Config& config) {
    std::size_t position = 0;
    for (std::size_t i = 0; i < given.size(); ++i) {
        if (!given[i].starts_with("-")) {
            ++position;
            continue;
        }
        const OptionSpec* option = option_called(command, given[i]);
        i += option != nullptr && !option->value.empty() ? 1 : 0;
    }
    if (command.positionals.empty()) {
        return {};
    }
    const bool last_repeats = command.positionals.back().repeated;
    if (position >= command.positionals.size() && !last_repeats) {
        return {};
    }
    position = std::min(position, command.positionals.size() - 1);
    return of_kind(command.positionals[position].completes, config);
}

/// The command that the first words name, and how many words that takes.
std::pair<const CommandSpec*, std::size_t> command_at(const std::vector<std::string>& words) {
    std::pair<const CommandSpec*, std::size_t> best{nullptr, 0};
    for (const CommandSpec& command : command_table()) {
        const std::vector<std::string> name = split_words(command.name);
        if (name.size() < words.size() && name.size() > best.second &&
            std::equal(name.begin(), name.end(), words.begin())) {
            best = {&command, name.size()};
        }
    }
    return best;
}

std::vector<std::string> command_words(const std::vector<std::string>& words) {
    std::vector<std::string> found;
    for (const CommandSpec& command : command_table()) {
        const std::vector<std::string> name = split_words(command.name);
        if (!command.hidden && name.size() >= words.size() &&
            std::equal(words.begin(), words.end() - 1, name.begin())) {
            found.push_back(name[words.size() - 1]);
        }
    }
    return found;
}

std::vector<std::string> options_of(const CommandSpec& command) {
    std::vector<std::string> found{"--help"};
    for (const auto* list : {&command.options, &global_options()}) {
        for (const OptionSpec& option : *list) {
            found.push_back(option_names(option).back());
        }
    }
    return found;
}

}  // namespace

std::string completion_script(const std::string& shell) {
    return shell == "zsh" ? k_zsh : shell == "fish" ? k_fish : k_bash;
}

std::vector<std::string> complete(const std::vector<std::string>& words, const Config& config) {
    std::vector<std::string> line = words.empty() ? std::vector<std::string>{""} : words;
    const std::string unfinished = line.back();
    std::vector<std::string> found;
    const auto [command, length] = command_at(line);
    if (command == nullptr) {
        found = command_words(line);
    } else {
        const OptionSpec* before =
            line.size() > length + 1 ? option_called(*command, line[line.size() - 2]) : nullptr;
        if (before != nullptr && !before->value.empty()) {
            found = option_values(*before, config);
        } else if (unfinished.starts_with("-")) {
            found = options_of(*command);
        } else {
            const auto first = line.begin() + static_cast<std::ptrdiff_t>(length);
            found = arguments_of(*command, {first, line.end() - 1}, config);
        }
    }
    std::erase_if(found, [&](const std::string& word) {
        return word != k_files && (word.empty() || !word.starts_with(unfinished));
    });
    std::ranges::sort(found);
    found.erase(std::ranges::unique(found).begin(), found.end());
    return found;
}

}  // namespace kw::cli
