// SPDX-License-Identifier: Apache-2.0
// Whom sandboxed processes run as on the host.
#pragma once

#include "core/result.hpp"

#include <sys/types.h>

namespace kw::sandbox {

/// uid 65534 inside a user namespace that root made is still root on the host (it read a bound
/// /etc/shadow), so a judge that runs as root gives up root before anything else is executed.
struct Identity {
    bool drop = false;  ///< we are root: become `uid`, `gid`, no other groups, before exec
    uid_t uid = 0;
    gid_t gid = 0;
};

/// First ids tried as root: k_first_high_id + pid, unique among live processes and in no passwd
/// file; k_first_low_id + pid % k_low_ids where a container maps no more than 65536 ids.
inline constexpr uid_t k_first_high_id = 1'900'000'000;
inline constexpr uid_t k_high_ids = 4'194'304;  // pid_max on 64-bit Linux
inline constexpr uid_t k_first_low_id = 20'000;
inline constexpr uid_t k_low_ids = 40'000;

/// Ourselves when we are an ordinary user. The gid equals the uid when dropped.
[[nodiscard]] Result<Identity> ordinary_user();

}  // namespace kw::sandbox
