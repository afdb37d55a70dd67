// SPDX-License-Identifier: Apache-2.0
// A child that stays up, can be frozen in tens of microseconds, and is asked about itself often.
#pragma once

#include "sandbox/group.hpp"
#include "sandbox/output.hpp"
#include "sandbox/sandbox.hpp"

#include <memory>
#include <vector>

namespace kw::sandbox {

[[nodiscard]] Result<std::unique_ptr<Child>> make_child(
    std::unique_ptr<Group> group, FileOutput out, FileOutput err, const Limits& limits);

}  // namespace kw::sandbox
