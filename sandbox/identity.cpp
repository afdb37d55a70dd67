// SPDX-License-Identifier: Apache-2.0
#include "sandbox/identity.hpp"

#include <grp.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <pwd.h>

namespace kw::sandbox {
namespace {

/// Whether the id exists in our user namespace; true when there is no map to read.
bool mapped(const char* map_path, std::uint64_t id) {
    std::ifstream map(map_path);
    if (!map) {
        return true;
    }
    std::uint64_t first = 0;
    std::uint64_t outside = 0;
    std::uint64_t count = 0;
    while (map >> first >> outside >> count) {
        if (id >= first && id - first < count) {
            return true;
        }
    }
    return false;
}

bool has_name(uid_t id) {
    return ::getpwuid(id) != nullptr || ::getgrgid(id) != nullptr;
}

bool usable(uid_t id) {
    return mapped("/proc/self/uid_map", id) && mapped("/proc/self/gid_map", id) && !has_name(id);
}

}  // namespace

Result<Identity> ordinary_user() {
    if (::geteuid() != 0) {
        return Identity{false, ::geteuid(), ::getegid()};
    }
    const auto pid = static_cast<uid_t>(::getpid());
    const uid_t high = k_first_high_id + pid % k_high_ids;
    if (usable(high)) {
        return Identity{true, high, high};
    }
    for (uid_t i = 0; i < k_low_ids; ++i) {
        const uid_t low = k_first_low_id + (pid + i) % k_low_ids;
        if (usable(low)) {
            return Identity{true, low, low};
        }
    }
    return Error{
        Errc::environment,
        "choosing an ordinary user to run candidates as: this user namespace maps no free user id",
        "run kwright as an ordinary user, or map at least 65536 ids into the container"};
}

}  // namespace kw::sandbox
