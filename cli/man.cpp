// SPDX-License-Identifier: Apache-2.0
#include "cli/man.hpp"

#include "cli/docs.hpp"
#include "cli/help.hpp"

namespace kw::cli {
namespace {

/// Text as roff shows it: backslashes and hyphens escaped, no line taken for a request.
std::string escaped(const std::string& text) {
    std::string result;
    bool begin = true;
    for (const char c : text) {
        if (begin && (c == '.' || c == '\'')) {
            result += "\\&";
        }
        begin = c == '\n';
        result += c == '\\' ? "\\e" : c == '-' ? "\\-" : std::string(1, c);
    }
    return result;
}

std::string literal(const std::string& text) {
    return ".nf\n" + escaped(text) + "\n.fi\n";
}

std::string options(const std::vector<OptionSpec>& list) {
    std::string text;
    for (const OptionSpec& option : list) {
        text +=
            ".TP\n.B " + escaped(option_line(option)) + "\n" + escaped(option_about(option)) + "\n";
    }
    return text;
}

std::string section(const CommandSpec& command) {
    std::string text = ".SS \"" + escaped(usage_line(command)) + "\"\n";
    text += escaped(command.summary) + ".\n";
    if (const std::string prose = command_prose(command.name); !prose.empty()) {
        text += ".PP\n" + literal(prose);
    }
    for (const PositionalSpec& positional : command.positionals) {
        text += ".TP\n.I " + escaped(positional.name) + "\n" + escaped(positional.about) + "\n";
    }
    text += options(command.options);
    if (!command.examples.empty()) {
        text += ".PP\nExamples:\n";
        std::string lines;
        for (const std::string& example : command.examples) {
            lines += (lines.empty() ? "  " : "\n  ") + example;
        }
        text += literal(lines);
    }
    return text;
}

}  // namespace

std::string man_page(const std::string& version) {
    std::string text = ".\\\" Made by `kwright __man` from the command table.\n";
    text += ".TH KWRIGHT 1 \"\" \"kwright " + escaped(version) + "\" \"User Commands\"\n";
    text += ".SH NAME\nkwright \\- search for fast low\\-precision kernels and judge them\n";
    text += ".SH SYNOPSIS\n.B kwright\n.I COMMAND\n[options]\n";
    text +=
        ".SH DESCRIPTION\nAsks a model or a tuner for kernels, judges each one out of process "
        "as hostile code, stores\neverything in one SQLite file, and keeps a leaderboard.\n";
    text += ".SH COMMANDS\n";
    for (const CommandSpec& command : command_table()) {
        if (!command.hidden) {
            text += section(command);
        }
    }
    text += ".SH OPTIONS OF EVERY COMMAND\n" + options(global_options());
    text +=
        ".SH CONFIGURATION\nAn option wins over an environment variable, that over "
        "./kwright.toml, that over\n~/.config/kwright/config.toml.\n";
    for (const ConfigKey& key : config_keys()) {
        text += ".TP\n.BR " + escaped(key.name) + " \" (" + escaped(environment_name(key.name)) +
                ")\"\n" + escaped(key.about) + "\n";
    }
    text += ".SH EXIT STATUS\n" + literal(plain_prose(embedded_docs().at("exit-codes")));
    return text;
}

}  // namespace kw::cli
