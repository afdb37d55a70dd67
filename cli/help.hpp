// SPDX-License-Identifier: Apache-2.0
// Pieces of the help that the man page uses too.
#pragma once

#include "cli/command.hpp"

#include <string>
#include <vector>

namespace kw::cli {

/// "kwright run TASK [options]"
[[nodiscard]] std::string usage_line(const CommandSpec& command);
/// "-o, --output FILE"
[[nodiscard]] std::string option_line(const OptionSpec& option);
/// What it does, then its default from the configuration and the key that sets it.
[[nodiscard]] std::string option_about(const OptionSpec& option);
/// The prose of docs/cli/<command>.md, plain; "" when there is none.
[[nodiscard]] std::string command_prose(const std::string& command);
/// The command called `name`, or the commands below it ("task" -> list, check, new).
[[nodiscard]] std::vector<const CommandSpec*> commands_at(const std::string& name);

}  // namespace kw::cli
