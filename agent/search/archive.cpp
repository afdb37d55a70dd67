// SPDX-License-Identifier: Apache-2.0
#include "agent/search/archive.hpp"

#include "agent/search/reward.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

namespace kw::agent {

namespace {

bool ranks_before(const Member& a, const Member& b) {
    const double sure_a = sure_reward_of(a.attempt->result);
    const double sure_b = sure_reward_of(b.attempt->result);
    return sure_a != sure_b ? sure_a > sure_b : a.attempt < b.attempt;
}

void settle(Island& island, const Member& member) {
    island.insert(std::upper_bound(island.begin(), island.end(), member, ranks_before), member);
}

void trim(Island& island, int size) {
    if (island.size() > static_cast<std::size_t>(size)) {
        island.resize(static_cast<std::size_t>(size));
    }
}

Island all_kernels(const History& done) {
    Island island;
    for (const Attempt& attempt : done.attempts) {
        if (is_kernel(attempt)) {
            settle(island, {&attempt});
        }
    }
    return island;
}

class All final : public Archive {
public:
    [[nodiscard]] Population fold(const History& done) const override {
        return {{all_kernels(done)}};
    }
};

class Elites final : public Archive {
public:
    explicit Elites(const ArchiveSpec& spec)
        : size_(spec.size)
        , distinct_(spec.distinct_lineages) {}

    [[nodiscard]] Population fold(const History& done) const override {
        Island island = all_kernels(done);
        if (distinct_) {
            std::set<const Attempt*> heads;
            std::erase_if(island, [&](const Member& member) {
                return !heads.insert(&lineage_head(done, *member.attempt)).second;
            });
        }
        trim(island, size_);
        return {{std::move(island)}};
    }

private:
    int size_;
    bool distinct_;
};

class Islands final : public Archive {
public:
    Islands(const ArchiveSpec& spec, int asks)
        : spec_(spec)
        , asks_(asks) {}

    [[nodiscard]] Population fold(const History& done) const override {
        Population population;
        population.islands.resize(static_cast<std::size_t>(spec_.count));
        std::set<const Attempt*> travelled;
        const auto& attempts = done.attempts;
        for (std::size_t i = 0; i < attempts.size(); ++i) {
            if (is_kernel(attempts[i])) {
                add(population, attempts[i]);
            }
            const int step = attempts[i].step;
            const bool step_ends = i + 1 == attempts.size() || attempts[i + 1].step != step;
            if (step_ends && step > 0 && spec_.migrate_every > 0 &&
                step % spec_.migrate_every == 0) {
                migrate(population, travelled);
            }
        }
        return population;
    }

private:
    void add(Population& population, const Attempt& attempt) const {
        if (attempt.step == 0) {
            for (Island& island : population.islands) {
                settle(island, {&attempt});
            }
            return;
        }
        const int home = island_of(attempt.step, attempt.slot, asks_, spec_.count);
        Island& island = population.islands[static_cast<std::size_t>(home)];
        settle(island, {&attempt});
        trim(island, spec_.size);
    }

    /// All leave before the first arrives. The start is at home everywhere and never travels.
    void migrate(Population& population, std::set<const Attempt*>& travelled) const {
        std::vector<std::pair<std::size_t, const Attempt*>> journeys;
        const std::size_t count = population.islands.size();
        for (std::size_t i = 0; i < count && count > 1; ++i) {
            int leaving = 0;
            for (const Member& member : population.islands[i]) {
                if (leaving < spec_.migrants && !member.migrant && member.attempt->step > 0 &&
                    travelled.insert(member.attempt).second) {
                    journeys.emplace_back((i + 1) % count, member.attempt);
                    ++leaving;
                }
            }
        }
        for (const auto& [to, attempt] : journeys) {
            settle(population.islands[to], {attempt, true});
            trim(population.islands[to], spec_.size);
        }
    }

    ArchiveSpec spec_;
    int asks_;
};

}  // namespace

std::unique_ptr<Archive> make_archive(const ArchiveSpec& spec, int asks) {
    if (spec.kind == "all") {
        return std::make_unique<All>();
    }
    if (spec.kind == "elites") {
        return std::make_unique<Elites>(spec);
    }
    KW_CHECK(spec.kind == "islands" && spec.count > 0 && spec.size > 0 && asks > 0);
    return std::make_unique<Islands>(spec, asks);
}

int island_of(int step, int slot, int asks, int islands) {
    const auto turn = static_cast<std::int64_t>(step - 1) * asks + slot;
    return static_cast<int>(turn % islands);
}

const Attempt& lineage_head(const History& history, const Attempt& attempt) {
    const Attempt* head = &attempt;
    while (head->step > 0) {
        const Attempt* parent = find_attempt(history, head->parent_hash);
        // A candidate may come twice (DU): following only older attempts ends in any case.
        if (parent == nullptr || parent->step == 0 || parent >= head) {
            break;
        }
        head = parent;
    }
    return *head;
}

bool is_kernel(const Attempt& attempt) {
    return attempt.result.verdict == Verdict::accepted && !attempt.withdrawn;
}

}  // namespace kw::agent
