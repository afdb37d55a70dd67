// SPDX-License-Identifier: Apache-2.0
// The two system-call filters a runner puts on itself. Both apply to every thread (TSYNC).
#pragma once

namespace kw::harness {

/// Before dlopen: what the loader needs; no new process or thread, no exec, no socket, no open for
/// writing, no signal handlers. Nothing of the object runs under it, as far as we know.
bool install_load_filter();

/// Before the first constructor: private anonymous memory, and the way out. `yields`: one processor
/// for judge and runner, who then let each other run.
bool install_strict_filter(bool yields);

}  // namespace kw::harness
