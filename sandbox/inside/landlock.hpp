// SPDX-License-Identifier: Apache-2.0
// Landlock, applied by the program's own process after bubblewrap's mounts (a process confined by
// Landlock may not mount, so it cannot be set earlier).
#pragma once

namespace kw::sandbox::inside {

/// The kernel's Landlock ABI version; 0 when there is none.
[[nodiscard]] int landlock_abi();

/// Everything may be read and run; only /tmp, /dev, /proc and `writable` may be written; no TCP; no
/// signal and no abstract socket beyond this domain where the kernel knows those. False with errno
/// when any part could not be set: never a weaker ruleset.
[[nodiscard]] bool confine(char** writable, int count, bool tcp);

}  // namespace kw::sandbox::inside
