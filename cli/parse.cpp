// SPDX-License-Identifier: Apache-2.0
// The only file that sees CLI11 (7.6 s a unit). It turns the command table into a CLI11 application
// and what CLI11 found into an Invocation; help and suggestions are our own.
#include "cli/command.hpp"
#include "cli/config_sources.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <deque>

namespace kw::cli {
namespace {

/// "-o,--output" -> "output"; "FILE" (a positional) -> "FILE".
std::string long_name(const std::string& spec) {
    const std::size_t dashes = spec.find("--");
    return dashes == std::string::npos ? spec : spec.substr(dashes + 2);
}

/// Where CLI11 puts the values of one command.
struct Slots {
    const CommandSpec* command = nullptr;
    CLI::App* app = nullptr;
    struct Value {
        std::string name;
        const OptionSpec* option = nullptr;
        CLI::Option* parsed = nullptr;
        std::vector<std::string> texts;
        bool flag = false;
    };
    std::deque<Value> values;  // stable addresses: CLI11 keeps references
};

void add_option(Slots& slots, const OptionSpec& option) {
    Slots::Value& value = slots.values.emplace_back();
    value.name = long_name(option.name);
    value.option = &option;
    if (option.value.empty()) {
        value.parsed = slots.app->add_flag(option.name, value.flag, option.about);
        return;
    }
    value.parsed = slots.app->add_option(option.name, value.texts, option.about);
    value.parsed->allow_extra_args(false);
    if (!option.choices.empty()) {
        value.parsed->check(CLI::IsMember(option.choices));
    }
}

void add_positional(Slots& slots, const PositionalSpec& positional) {
    Slots::Value& value = slots.values.emplace_back();
    value.name = positional.name;
    value.parsed = slots.app->add_option(positional.name, value.texts, positional.about);
    value.parsed->required(positional.required);
    // At least 1 also when it may be left out: with 0 CLI11 gives words behind "--" to the parent.
    value.parsed->expected(1, positional.repeated ? 1 << 20 : 1);
    value.parsed->allow_extra_args(positional.repeated);  // what is left belongs to the next one
}

std::vector<std::string> words_of(const std::string& name) {
    std::vector<std::string> words;
    std::size_t begin = 0;
    while (begin <= name.size()) {
        const std::size_t end = std::min(name.find(' ', begin), name.size());
        words.push_back(name.substr(begin, end - begin));
        begin = end + 1;
    }
    return words;
}

CLI::App* subcommand(CLI::App& parent, const std::string& word) {
    for (CLI::App* existing : parent.get_subcommands([](CLI::App*) { return true; })) {
        if (existing->get_name() == word) {
            return existing;
        }
    }
    return parent.add_subcommand(word);
}

class Parser {
public:
    Parser() {
        app_.set_help_flag();
        app_.require_subcommand(0, 1);
        for (const CommandSpec& command : command_table()) {
            CLI::App* at = &app_;
            for (const std::string& word : words_of(command.name)) {
                at = subcommand(*at, word);
                at->set_help_flag();
            }
            Slots& slots = commands_.emplace_back();
            slots.command = &command;
            slots.app = at;
            for (const PositionalSpec& positional : command.positionals) {
                add_positional(slots, positional);
            }
            for (const OptionSpec& option : command.options) {
                add_option(slots, option);
            }
            for (const OptionSpec& option : global_options()) {
                add_option(slots, option);
            }
        }
    }

    Result<Slots*> parse(std::vector<std::string> arguments) {
        std::ranges::reverse(arguments);
        try {
            app_.parse(arguments);
        } catch (const CLI::ArgumentMismatch& error) {
            const bool of_option = std::string_view(error.what()).starts_with("-");
            return Error{
                Errc::usage,
                of_option ? std::string(error.what()) : "wrong number of arguments",
                "see `kwright help" + selected_name() + "`"};
        } catch (const CLI::ParseError& error) {
            return Error{
                Errc::usage,
                lower_first(error.what()),
                "see `kwright help" + selected_name() + "`"};
        }
        for (Slots& slots : commands_) {
            if (slots.app->parsed() && slots.app->get_subcommands().empty()) {
                return &slots;
            }
        }
        return Error{
            Errc::usage, "a sub-command is missing", "see `kwright help" + selected_name() + "`"};
    }

private:
    static std::string lower_first(std::string text) {
        if (text.size() > 1 && text[1] >= 'a' && text[1] <= 'z') {
            text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
        }
        return text;
    }

    [[nodiscard]] std::string selected_name() const {
        std::string name;
        const CLI::App* at = &app_;
        while (!at->get_subcommands().empty()) {
            at = at->get_subcommands().front();
            name += " " + at->get_name();
        }
        return name;
    }

    CLI::App app_;
    std::deque<Slots> commands_;
};

bool is_help(const std::string& word) {
    return word == "--help" || word == "-h";
}

/// `kwright X --help` anywhere on the line is `kwright help X`, whatever else is wrong with the
/// line.
std::optional<Invocation> help_request(const std::vector<std::string>& arguments) {
    Invocation help;
    help.command = "help";
    if (arguments.empty()) {
        return help;
    }
    if (arguments.size() == 1 && arguments[0] == "--version") {
        help.command = "version";
        return help;
    }
    const auto end = std::ranges::find(arguments, "--");
    if (std::none_of(arguments.begin(), end, is_help)) {
        return std::nullopt;
    }
    for (const std::string& word : arguments) {
        if (word.starts_with("-")) {
            break;
        }
        help.values["COMMAND"].push_back(word);
    }
    return help;
}

std::vector<std::string> first_words() {
    std::vector<std::string> names;
    for (const CommandSpec& command : command_table()) {
        if (!command.hidden) {
            names.push_back(words_of(command.name).front());
        }
    }
    return names;
}

/// Unknown commands and options, found before CLI11 sees them, so that the suggestion is ours.
Result<void> check_words(const std::vector<std::string>& arguments) {
    if (arguments.front().starts_with("-")) {
        return Error{
            Errc::usage,
            "options come after the command: kwright COMMAND " + arguments.front(),
            "see `kwright help`"};
    }
    const bool known = std::ranges::any_of(command_table(), [&](const CommandSpec& command) {
        return words_of(command.name).front() == arguments.front();
    });
    if (!known) {
        const auto near = did_you_mean(arguments.front(), first_words());
        return Error{
            Errc::usage,
            "unknown command \"" + arguments.front() + "\"",
            near ? "did you mean `kwright " + *near + "`?" : "see `kwright help`"};
    }
    const CommandSpec* spec = nullptr;
    for (const CommandSpec& command : command_table()) {
        const std::vector<std::string> words = words_of(command.name);
        if (words.size() <= arguments.size() &&
            std::equal(words.begin(), words.end(), arguments.begin()) &&
            (spec == nullptr || words.size() > words_of(spec->name).size())) {
            spec = &command;
        }
    }
    if (spec == nullptr) {
        return {};
    }
    std::vector<std::string> options;
    for (const auto* list : {&spec->options, &global_options()}) {
        for (const OptionSpec& option : *list) {
            options.push_back("--" + long_name(option.name));
        }
    }
    for (const std::string& word : arguments) {
        const std::string name = word.substr(0, word.find('='));
        if (word == "--") {
            break;
        }
        if (name.starts_with("--") && std::ranges::find(options, name) == options.end()) {
            const auto near = did_you_mean(name, options);
            return Error{
                Errc::usage,
                "unknown option " + name + " of `kwright " + spec->name + "`",
                near ? "did you mean " + *near + "?" : "see `kwright help " + spec->name + "`"};
        }
    }
    return {};
}

Result<Invocation> to_invocation(const Slots& slots) {
    Invocation invocation;
    invocation.command = slots.command->name;
    for (const Slots::Value& value : slots.values) {
        if (value.parsed->count() > 0) {
            invocation.values[value.name] = value.texts;
        }
        if (value.name == "verbose") {
            invocation.verbosity = static_cast<int>(value.parsed->count());
        }
    }
    invocation.json = invocation.has("json");
    if (invocation.has("quiet")) {
        invocation.verbosity = -1;
    }
    const std::string file = invocation.text("config");
    std::error_code ignored;
    if (!file.empty() && !std::filesystem::exists(file, ignored)) {
        return Error{Errc::config, "reading " + file + ": no such file", "see `kwright init`"};
    }
    KW_TRY_ASSIGN(invocation.config, Config::load(config_sources(file)));
    for (const Slots::Value& value : slots.values) {
        if (value.option != nullptr && !value.option->config_key.empty() &&
            value.parsed->count() > 0) {
            const std::string text = value.option->value.empty() ? "true" : value.texts.back();
            KW_TRY(invocation.config.set_flag(value.option->config_key, text, "--" + value.name));
        }
    }
    return invocation;
}

}  // namespace

Result<Invocation> parse(int argc, const char* const* argv) {
    const std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
    if (const auto help = help_request(arguments)) {
        return *help;
    }
    KW_TRY(check_words(arguments));
    Parser parser;
    KW_TRY_ASSIGN(const Slots* slots, parser.parse(arguments));
    return to_invocation(*slots);
}

}  // namespace kw::cli
