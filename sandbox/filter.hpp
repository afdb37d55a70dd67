// SPDX-License-Identifier: Apache-2.0
// The seccomp deny-lists that bubblewrap installs.
#pragma once

#include "sandbox/sandbox.hpp"

#include <cstddef>
#include <vector>

namespace kw::sandbox {

/// The classic BPF program of a deny-list, as bubblewrap's --seccomp reads it. Denied calls fail
/// with EPERM (clone3 and io_uring with ENOSYS, so that libraries fall back); calls of another ABI
/// (i386, x32) kill the process. A deny-list, not an allow-list: bubblewrap's own set-up and
/// arbitrary compilers run under it.
[[nodiscard]] Result<std::vector<std::byte>> build_filter(Filter kind);

/// Names of the calls a deny-list refuses without looking at arguments, for tests and docs.
[[nodiscard]] std::vector<const char*> denied_calls(Filter kind);

}  // namespace kw::sandbox
