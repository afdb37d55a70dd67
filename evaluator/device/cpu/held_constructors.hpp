// SPDX-License-Identifier: Apache-2.0
// Constructors run inside dlopen(), where the runner cannot yet give up the system calls that
// loading takes: a constructor could read the machine's libraries, make code, or never return and
// serve the calls itself under the wider filter. So the loader is kept from seeing them; the runner
// calls them when its last filter is set.
#pragma once

#include <string>

namespace kw::cpu {

/// Renames the entries of a shared object's dynamic section that name its constructors to
/// harness::k_held_init and its sisters. False when the bytes are no such object, and then they
/// are of no use any more.
[[nodiscard]] bool hold_constructors(std::string& object);

}  // namespace kw::cpu
