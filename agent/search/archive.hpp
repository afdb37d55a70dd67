// SPDX-License-Identifier: Apache-2.0
// The population that parents are picked from: a fold over the history, made anew for each step and
// never stored. Only accepted kernels live in it, ranked by the lower end of their intervals.
#pragma once

#include "agent/search/history.hpp"
#include "agent/search/preset.hpp"

#include <memory>
#include <vector>

namespace kw::agent {

struct Member {
    const Attempt* attempt = nullptr;  ///< of the history that was folded
    bool migrant = false;              ///< came from another island and goes to no further one
};

using Island = std::vector<Member>;  ///< fastest first, older first among equals

struct Population {
    std::vector<Island> islands;  ///< at least one
};

struct Archive {
    virtual ~Archive() = default;
    [[nodiscard]] virtual Population fold(const History& done) const = 0;
};

/// "all": one island of every accepted kernel.
/// "elites": one island of the `size` best; with distinct lineages the best of each lineage.
/// "islands": `count` islands of at most `size` kernels. Slots are dealt to islands in turn
///   (island_of), the start source lives on all of them. After every `migrate_every` steps the
///   `migrants` best natives of island i that have not migrated yet are copied to island i + 1,
///   around the ring (OpenEvolve; one direction here).
/// `asks` is the number of asks a step.
[[nodiscard]] std::unique_ptr<Archive> make_archive(const ArchiveSpec& spec, int asks);

/// The island that the ask and its child belong to.
[[nodiscard]] int island_of(int step, int slot, int asks, int islands);

/// The attempt of the lineage that was made from the start source or from nothing; `attempt` itself
/// when it is that one or the start.
[[nodiscard]] const Attempt& lineage_head(const History& history, const Attempt& attempt);

/// Accepted, and its judging still counts.
[[nodiscard]] bool is_kernel(const Attempt& attempt);

}  // namespace kw::agent
