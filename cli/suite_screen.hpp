// SPDX-License-Identifier: Apache-2.0
// What `run --suite` shows after the campaigns of its tasks.
#pragma once

#include "agent/campaign/suite.hpp"
#include "cli/command.hpp"
#include "cli/console.hpp"

namespace kw::cli {

/// Prints the table of tasks; 0, or 130 when the user stopped it.
[[nodiscard]] int finish_suite(
    const agent::SuiteSummary& summary, const Invocation& invocation, Console& console);

}  // namespace kw::cli
