// SPDX-License-Identifier: Apache-2.0
// The command table: one description of every sub-command serves the parser, the help, the man page
// and the shell completion. A sub-command is one file in cli/commands/ that defines a CommandSpec.
#pragma once

#include "core/config.hpp"
#include "core/result.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace kw::cli {

class Console;

struct OptionSpec {
    std::string name;        ///< "--max-evals", or "-o,--output"
    std::string value;       ///< "N", "FILE"; "" = a switch
    std::string about;       ///< what, unit; the default is added from the configuration key
    std::string config_key;  ///< "budget.max_evals": the option overrides this key; "" = none
    bool repeated = false;
    std::string group = "Options";
    std::vector<std::string> choices;  ///< closed set of values
};

struct PositionalSpec {
    std::string name;  ///< "TASK"
    std::string about;
    bool required = true;
    bool repeated = false;
    std::string completes;  ///< "task" | "campaign" | "kernel" | "file" | ""
};

/// What the user typed, after parsing.
struct Invocation {
    std::string command;  ///< "campaign list"
    std::map<std::string, std::vector<std::string>>
        values;  ///< by option's long name without dashes, or positional
    Config config;
    bool json = false;
    int verbosity = 0;  ///< -q = -1, -v = 1, -vv = 2

    [[nodiscard]] bool has(const std::string& name) const { return values.contains(name); }
    [[nodiscard]] std::string text(const std::string& name, const std::string& fallback = "") const;
    [[nodiscard]] std::vector<std::string> all(const std::string& name) const;
    [[nodiscard]] Result<std::int64_t> integer(
        const std::string& name, std::int64_t fallback) const;
    [[nodiscard]] Result<double> number(const std::string& name, double fallback) const;
};

struct CommandSpec {
    std::string name;     ///< "run", "campaign list"
    std::string group;    ///< heading in `kwright help`
    std::string summary;  ///< one line
    std::vector<std::string> examples;
    std::vector<PositionalSpec> positionals;
    std::vector<OptionSpec> options;
    std::function<Result<int>(const Invocation&, Console&)> run;
    bool hidden = false;
};

/// Every command, in the order of the help.
[[nodiscard]] const std::vector<CommandSpec>& command_table();
/// --db --json -q -v --color --config, on every command.
[[nodiscard]] const std::vector<OptionSpec>& global_options();

/// Parses argv against the table. A usage mistake is Errc::usage with did-you-mean. `help` requests
/// come back as an Invocation of the command "help".
[[nodiscard]] Result<Invocation> parse(int argc, const char* const* argv);

/// Help text of one command or, for "", of the program.
[[nodiscard]] std::string help_text(const std::string& command);

}  // namespace kw::cli
