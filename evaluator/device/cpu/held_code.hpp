// SPDX-License-Identifier: Apache-2.0
// Constructors run inside dlopen(), and so do resolvers, which choose a function's code
// (target_clones has the compiler write them, and what they call may be the candidate's). The
// runner cannot yet give up the system calls that loading takes: code that runs there could read
// the machine's libraries, make code, or never return and serve the calls itself under the wider
// filter. So the loader is kept from seeing either; the runner calls them when its last filter is
// set.
#pragma once

#include <string>

namespace kw::cpu {

/// Renames the entries of a shared object's dynamic section that name its constructors to
/// harness::k_held_init and its sisters, and turns every IRELATIVE relocation into
/// harness::k_held_resolver (then the segment that relocated data is protected by is taken away,
/// since they are written later). False when the bytes are no such object, or it exports a function
/// by resolver, which a loader would call whenever it looks the name up; then they are of no use
/// any more.
[[nodiscard]] bool hold_load_time_code(std::string& object);

}  // namespace kw::cpu
