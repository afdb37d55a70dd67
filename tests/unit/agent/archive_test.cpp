// SPDX-License-Identifier: Apache-2.0
#include "agent/search/archive.hpp"

#include "agent/search/draw.hpp"
#include "agent/search/reward.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/agent/search_fakes.hpp"

#include <algorithm>
#include <map>
#include <set>

using namespace kw;
using namespace kw::agent;
using kw::test::accepted;
using kw::test::add;
using kw::test::failed;

namespace {

constexpr int k_asks = 4;

ArchiveSpec islands(int count, int size, int migrate_every, int migrants) {
    ArchiveSpec spec;
    spec.kind = "islands";
    spec.count = count;
    spec.size = size;
    spec.migrate_every = migrate_every;
    spec.migrants = migrants;
    return spec;
}

History random_history(std::uint64_t seed, int steps) {
    History history;
    add(history, 0, 0, accepted(1));
    for (int step = 1; step <= steps; ++step) {
        for (int slot = 0; slot < k_asks; ++slot) {
            const double u = draw({seed, step, slot}, DrawFor::parent);
            add(history, step, slot, u < 0.4 ? failed(Verdict::wrong_result) : accepted(2 * u));
        }
    }
    return history;
}

std::vector<std::string> hashes(const Island& island) {
    std::vector<std::string> out;
    for (const Member& member : island) {
        out.push_back((member.migrant ? "*" : "") + member.attempt->candidate_hash);
    }
    return out;
}

}  // namespace

TEST_CASE("archive: all kernels, fastest first by the lower end of the interval") {
    History history;
    add(history, 0, 0, accepted(1));
    add(history, 1, 0, failed(Verdict::wrong_result));
    add(history, 1, 1, accepted(3, 0.8));
    add(history, 2, 0, accepted(2));
    add(history, 2, 1, accepted(2));
    const Population population = make_archive({}, k_asks)->fold(history);
    REQUIRE(population.islands.size() == 1);
    CHECK(
        hashes(population.islands[0]) == std::vector<std::string>{"h2.0", "h2.1", "h0.0", "h1.1"});
}

TEST_CASE("archive: what was withdrawn leaves every population") {
    History history = random_history(3, 6);
    for (Attempt& attempt : history.attempts) {
        attempt.withdrawn = true;
    }
    for (const Island& island : make_archive(islands(3, 5, 2, 1), k_asks)->fold(history).islands) {
        CHECK(island.empty());
    }
    CHECK(make_archive({}, k_asks)->fold(history).islands[0].empty());
}

TEST_CASE("archive: elites of distinct lineages do not share a head") {
    History history;
    add(history, 0, 0, accepted(1));
    add(history, 1, 0, accepted(2), "h0.0");
    add(history, 1, 1, failed(Verdict::compile_error), "h0.0");
    add(history, 2, 0, accepted(3), "h1.0");
    add(history, 2, 1, accepted(1.5), "h1.1");
    add(history, 3, 0, accepted(2.5), "h2.0");
    ArchiveSpec spec;
    spec.kind = "elites";
    spec.size = 2;
    CHECK(
        hashes(make_archive(spec, k_asks)->fold(history).islands[0]) ==
        std::vector<std::string>{"h2.0", "h3.0"});
    spec.distinct_lineages = true;
    CHECK(
        hashes(make_archive(spec, k_asks)->fold(history).islands[0]) ==
        std::vector<std::string>{"h2.0", "h2.1"});
    spec.size = 9;  // the start is a lineage of its own
    CHECK(
        hashes(make_archive(spec, k_asks)->fold(history).islands[0]) ==
        std::vector<std::string>{"h2.0", "h2.1", "h0.0"});
}

TEST_CASE("archive: a lineage that names itself as its parent comes to an end") {
    History history;
    add(history, 0, 0, accepted(1));
    add(history, 1, 0, accepted(2), "h1.0");
    add(history, 2, 0, accepted(2), "h3.0");
    add(history, 3, 0, accepted(2), "h2.0");
    CHECK(lineage_head(history, history.attempts[1]).candidate_hash == "h1.0");
    CHECK(lineage_head(history, history.attempts[3]).candidate_hash == "h2.0");
}

TEST_CASE("islands: no island ever holds more than its size or the same kernel twice") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        const int count = 1 + static_cast<int>(seed % 5);
        const int size = 1 + static_cast<int>(seed % 4);
        const int every = 1 + static_cast<int>(seed % 3);
        const auto archive = make_archive(islands(count, size, every, 1 + size / 3), k_asks);
        const History history = random_history(seed, 15);
        for (int step = 1; step <= 16; ++step) {
            const History done = before_step(history, step);
            const Population population = archive->fold(done);
            REQUIRE(population.islands.size() == static_cast<std::size_t>(count));
            for (const Island& island : population.islands) {
                CHECK(island.size() <= static_cast<std::size_t>(size));
                std::set<const Attempt*> seen;
                double last = 1e9;
                for (const Member& member : island) {
                    CHECK(is_kernel(*member.attempt));
                    CHECK(seen.insert(member.attempt).second);
                    CHECK(sure_reward_of(member.attempt->result) <= last);
                    last = sure_reward_of(member.attempt->result);
                }
            }
        }
    }
}

TEST_CASE("islands: natives live where their slot was dealt and migrants one island on") {
    constexpr int k_count = 3;
    int migrants = 0;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        const History history = random_history(seed, 12);
        const Population population =
            make_archive(islands(k_count, 50, 2, 2), k_asks)->fold(history);
        std::map<const Attempt*, int> journeys;
        for (int at = 0; at < k_count; ++at) {
            for (const Member& member : population.islands[static_cast<std::size_t>(at)]) {
                const Attempt& attempt = *member.attempt;
                const int home = island_of(attempt.step, attempt.slot, k_asks, k_count);
                if (member.migrant) {
                    CHECK(at == (home + 1) % k_count);
                    CHECK(++journeys[&attempt] == 1);  // never sent on, never sent twice
                    ++migrants;
                } else {
                    CHECK((attempt.step == 0 || at == home));
                }
            }
        }
    }
    CHECK(migrants > 100);
}

TEST_CASE("islands: the best natives migrate around the ring after every so many steps") {
    History history;
    add(history, 0, 0, accepted(1));
    const auto archive = make_archive(islands(2, 3, 2, 1), 2);
    add(history, 1, 0, accepted(2));
    add(history, 1, 1, accepted(3));
    CHECK(hashes(archive->fold(history).islands[0]) == std::vector<std::string>{"h1.0", "h0.0"});
    add(history, 2, 0, accepted(1.5));
    add(history, 2, 1, accepted(1.2));
    const Population population = archive->fold(history);
    CHECK(hashes(population.islands[0]) == std::vector<std::string>{"*h1.1", "h1.0", "h2.0"});
    CHECK(hashes(population.islands[1]) == std::vector<std::string>{"h1.1", "*h1.0", "h2.1"});
    // Steps 3 and 4 bring nothing: the best have travelled, so the next best natives go.
    for (int step = 3; step <= 4; ++step) {
        add(history, step, 0, failed(Verdict::wrong_result));
        add(history, step, 1, failed(Verdict::wrong_result));
    }
    const Population later = archive->fold(history);
    CHECK(hashes(later.islands[1]) == std::vector<std::string>{"h1.1", "*h1.0", "*h2.0"});
}

TEST_CASE("islands: a single island sends nothing") {
    const Population population =
        make_archive(islands(1, 50, 1, 5), k_asks)->fold(random_history(1, 9));
    CHECK(std::ranges::none_of(population.islands[0], &Member::migrant));
}
