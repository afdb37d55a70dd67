// SPDX-License-Identifier: Apache-2.0
// The critic that asks a model. For critic.cpp; callers use make_critic().
#pragma once

#include "agent/critic/critic.hpp"

#include <memory>
#include <set>
#include <string>

namespace kw::agent {

[[nodiscard]] std::unique_ptr<Critic> make_model_critic(const CriticParts& parts);

/// Bottlenecks that the critiques so far claimed in vain.
[[nodiscard]] std::set<std::string> refuted_so_far(const CriticParts& parts, const History& done);

}  // namespace kw::agent
