// SPDX-License-Identifier: Apache-2.0
// What each shipped strategy asks for, and what holds for all of them on simulated campaigns.
#include "agent/search/strategy.hpp"

#include "agent/search/archive.hpp"
#include "agent/search/draw.hpp"
#include "agent/search/selection.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/agent/search_fakes.hpp"

#include <set>

using namespace kw;
using namespace kw::agent;
using kw::test::accepted;
using kw::test::add;
using kw::test::failed;
using kw::test::hash_at;
using kw::test::must;

namespace {

std::unique_ptr<Strategy> strategy(
    const std::string& name, int width = 2, int depth = 4, std::uint64_t seed = 1) {
    return test::shipped_strategy(name, {width, depth, seed});
}

std::vector<Ask> asks_of(const Strategy& strategy, const History& history) {
    const auto wave = strategy.next(history);
    REQUIRE(wave);
    return wave->asks;
}

std::string parent_of(const Strategy& strategy, const History& history) {
    return asks_of(strategy, history).front().parent_hash;
}

std::vector<std::string> parents_of(const std::vector<Ask>& asks) {
    std::vector<std::string> parents;
    for (const Ask& ask : asks) {
        parents.push_back(ask.parent_hash);
    }
    return parents;
}

std::string show(const Wave& wave) {
    std::string out = std::to_string(wave.step) + " keep " + std::to_string(wave.keep) + ":";
    for (const Ask& ask : wave.asks) {
        out += " " + std::to_string(ask.slot) + "=" + std::string(name(ask.op)) + "(" +
               ask.parent_hash;
        for (const std::string& inspiration : ask.inspirations) {
            out += "+" + inspiration;
        }
        out += ")";
    }
    return out;
}

/// A world of its own: a child's speed-up is its parent's times a random factor, half of all
/// children fail in some way.
Evaluation result_of(const History& history, const Ask& ask, int step, std::uint64_t world) {
    const auto next = [&](std::uint64_t index) {
        return draw({world, step, ask.slot}, DrawFor::parent, index);
    };
    constexpr Verdict k_failures[] = {
        Verdict::no_reply,
        Verdict::duplicate,
        Verdict::compile_error,
        Verdict::wrong_result,
        Verdict::timeout,
        Verdict::internal};
    if (next(0) < 0.5) {
        return failed(k_failures[choose(next(1), std::size(k_failures))]);
    }
    const Attempt* parent = find_attempt(history, ask.parent_hash);
    const double from = parent == nullptr || parent->reward <= 0 ? 0.5 : parent->reward;
    return accepted(from * (0.7 + 0.9 * next(2)));
}

struct Simulated {
    History history;
    std::vector<Wave> waves;
};

Simulated simulate(const Strategy& strategy, int steps, std::uint64_t world) {
    Simulated out;
    add(out.history, 0, 0, world % 3 == 0 ? failed(Verdict::compile_error) : accepted(1));
    for (int i = 0; i < steps; ++i) {
        const History done = out.history;
        out.waves.push_back(*strategy.next(done));
        const Wave& wave = out.waves.back();
        for (const Ask& ask : wave.asks) {
            const Evaluation result = result_of(done, ask, wave.step, world);
            add(out.history, wave.step, ask.slot, result, ask.parent_hash);
            if (result.verdict == Verdict::no_reply) {
                out.history.attempts.back().candidate_hash.clear();
                out.history.attempts.back().source.clear();
            }
        }
    }
    return out;
}

void check_ask(const Ask& ask, const History& done) {
    const Attempt* parent = find_attempt(done, ask.parent_hash);
    REQUIRE(parent != nullptr);
    if (ask.op == Operator::repair) {
        CHECK(parent->reward == 0);
        CHECK_FALSE(parent->source.empty());
    } else if (ask.op != Operator::improve) {
        CHECK(is_kernel(*parent));
    }
    CHECK((ask.op != Operator::crossover || !ask.inspirations.empty()));
    std::set<std::string> named = {ask.parent_hash};
    for (const std::string& hash : ask.inspirations) {
        CHECK(named.insert(hash).second);
        const Attempt* inspiration = find_attempt(done, hash);
        REQUIRE(inspiration != nullptr);
        CHECK(is_kernel(*inspiration));
    }
}

}  // namespace

TEST_CASE("strategies: on any campaign a wave asks what can be answered") {
    for (const std::string& name : preset_names(test::presets_folder())) {
        for (std::uint64_t world = 1; world <= 6; ++world) {
            const int width = 1 + static_cast<int>(world % 4);
            INFO(name << " in world " << world);
            const auto search = strategy(name, width, 3, world);
            CHECK(search->name() == name);
            const Simulated run = simulate(*search, 14, world);
            for (const Wave& wave : run.waves) {
                const bool one = name == "chain" || name == "tune";  // whatever the width
                CHECK(wave.asks.size() == static_cast<std::size_t>(one ? 1 : width));
                CHECK(wave.keep == static_cast<int>(wave.asks.size()));
                const History done = before_step(run.history, wave.step);
                int slot = 0;
                for (const Ask& ask : wave.asks) {
                    CHECK(ask.slot == slot++);
                    check_ask(ask, done);
                }
            }
        }
    }
}

TEST_CASE("strategies: a resumed campaign gets the waves that it got before") {
    for (const std::string& name : preset_names(test::presets_folder())) {
        const auto search = strategy(name, 3, 3, 7);
        const Simulated run = simulate(*search, 12, 5);
        for (const Wave& wave : run.waves) {
            const auto again = strategy(name, 3, 3, 7);
            REQUIRE(show(*again->next(before_step(run.history, wave.step))) == show(wave));
        }
    }
}

TEST_CASE("strategies: only the seed makes two searches of one history differ") {
    const Simulated run = simulate(*strategy("evolve", 4, 3, 1), 8, 4);
    std::set<std::string> waves;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        waves.insert(show(*strategy("evolve", 4, 3, seed)->next(run.history)));
    }
    CHECK(waves.size() > 10);
    for (const char* name : {"best-of-n", "beam", "chain", "fsr", "maxcode", "tune"}) {
        CHECK(
            show(*strategy(name, 4, 3, 1)->next(run.history)) ==
            show(*strategy(name, 4, 3, 2)->next(run.history)));
    }
}

TEST_CASE("best-of-n: every proposal starts from the start source") {
    History history;
    add(history, 0, 0, accepted(1));
    add(history, 1, 0, accepted(2));
    const auto wave = strategy("best-of-n", 3)->next(history);
    REQUIRE(wave);
    CHECK(wave->step == 2);
    CHECK(wave->asks[2].slot == 2);
    CHECK(parents_of(wave->asks) == std::vector<std::string>{"h0.0", "h0.0", "h0.0"});
}

TEST_CASE("best-of-n: a start source that failed is asked to be repaired") {
    History history;
    add(history, 0, 0, failed(Verdict::compile_error));
    CHECK(asks_of(*strategy("best-of-n"), history).front().op == Operator::repair);
}

TEST_CASE("chain: the newest kernel is the parent and after three failures the best") {
    const auto search = strategy("chain");
    History history;
    add(history, 0, 0, accepted(1));
    add(history, 1, 0, accepted(3));
    add(history, 2, 0, accepted(2));
    CHECK(parent_of(*search, history) == "h2.0");
    add(history, 3, 0, failed(Verdict::compile_error));
    add(history, 4, 0, failed(Verdict::compile_error));
    CHECK(parent_of(*search, history) == "h2.0");
    add(history, 5, 0, failed(Verdict::compile_error));
    CHECK(parent_of(*search, history) == "h1.0");
    CHECK(search->next(history)->asks.size() == 1);
}

TEST_CASE("fsr: once something holds every prompt is the best") {
    History history;
    add(history, 0, 0, accepted(1));
    add(history, 1, 0, accepted(3));
    add(history, 1, 1, failed(Verdict::wrong_result));
    add(history, 2, 0, accepted(2));
    const auto asks = asks_of(*strategy("fsr", 3), history);
    CHECK(parents_of(asks) == std::vector<std::string>{"h1.0", "h1.0", "h1.0"});
    CHECK(asks.front().op == Operator::improve);
}

TEST_CASE("fsr: when nothing compiles the compile errors are prompts beside the best") {
    History history;
    add(history, 0, 0, accepted(1));
    add(history, 1, 0, failed(Verdict::compile_error));
    add(history, 1, 1, failed(Verdict::forbidden));
    add(history, 1, 2, failed(Verdict::internal));
    const auto asks = asks_of(*strategy("fsr", 4), history);
    CHECK(parents_of(asks) == std::vector<std::string>{"h1.1", "h1.0", "h0.0", "h1.1"});
    CHECK(asks[0].op == Operator::repair);
    CHECK(asks[2].op == Operator::improve);
}

TEST_CASE("fsr: what failed a case comes before what did not compile") {
    History history;
    add(history, 0, 0, accepted(1));
    add(history, 1, 0, failed(Verdict::wrong_result));
    add(history, 1, 1, failed(Verdict::compile_error));
    add(history, 2, 0, failed(Verdict::compile_error));
    add(history, 2, 1, failed(Verdict::runtime_error));
    const auto asks = asks_of(*strategy("fsr", 3), history);
    CHECK(parents_of(asks) == std::vector<std::string>{"h2.1", "h1.0", "h0.0"});
    CHECK(parent_of(*strategy("fsr", 1), history) == "h2.1");
}

TEST_CASE("beam: the best of distinct lineages are the parents in turn") {
    History history;
    add(history, 0, 0, accepted(1));
    add(history, 1, 0, accepted(2), "h0.0");
    add(history, 1, 1, accepted(1.5), "h0.0");
    add(history, 2, 0, accepted(4), "h1.0");
    add(history, 2, 1, accepted(3), "h1.0");
    add(history, 3, 0, accepted(1.8), "h1.1");
    const auto asks = asks_of(*strategy("beam", 4), history);
    CHECK(parents_of(asks) == std::vector<std::string>{"h2.0", "h3.0", "h2.0", "h3.0"});
}

TEST_CASE("beam: while nothing holds the failures that came furthest are repaired") {
    History history;
    add(history, 0, 0, failed(Verdict::compile_error));
    add(history, 1, 0, failed(Verdict::duplicate));
    add(history, 1, 1, failed(Verdict::wrong_result));
    const auto asks = asks_of(*strategy("beam", 2), history);
    CHECK(parents_of(asks) == std::vector<std::string>{"h1.1", "h0.0"});
    CHECK(asks.front().op == Operator::repair);
}

TEST_CASE("evolve: a crossover names two different parents") {
    int crossovers = 0;
    for (std::uint64_t world = 1; world <= 20; ++world) {
        const Simulated run = simulate(*strategy("evolve", 4, 8, world), 20, world);
        for (const Wave& wave : run.waves) {
            for (const Ask& ask : wave.asks) {
                if (ask.op == Operator::crossover) {
                    ++crossovers;
                    REQUIRE(ask.inspirations.size() >= 1);
                    CHECK(ask.inspirations.front() != ask.parent_hash);
                }
            }
        }
    }
    CHECK(crossovers > 50);  // of 1600 asks, a tenth where two kernels live on the island
}

TEST_CASE("evolve: operators come as often as their weights say") {
    History history;
    add(history, 0, 0, accepted(1));
    for (int step = 1; step <= 4; ++step) {
        add(history, step, 0, accepted(1 + 0.1 * step), "h0.0");
        add(history, step, 1, accepted(1 + 0.2 * step), "h0.0");
    }
    std::map<Operator, int> count;
    for (std::uint64_t seed = 1; seed <= 500; ++seed) {
        for (const Ask& ask : asks_of(*strategy("evolve", 4, 8, seed), history)) {
            ++count[ask.op];
        }
    }
    // 2000 draws: five standard deviations of a binomial are 110, 102 and 67.
    CHECK(std::abs(count[Operator::improve] - 1200) < 110);
    CHECK(std::abs(count[Operator::fresh] - 600) < 102);
    CHECK(std::abs(count[Operator::crossover] - 200) < 67);
}

TEST_CASE("evolve: while nothing is accepted random failures are repaired") {
    History history;
    add(history, 0, 0, failed(Verdict::wrong_result));
    add(history, 1, 0, failed(Verdict::compile_error));
    add(history, 1, 1, failed(Verdict::internal));
    std::set<std::string> parents;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        for (const Ask& ask : asks_of(*strategy("evolve", 4, 8, seed), history)) {
            CHECK(ask.op == Operator::repair);
            CHECK(ask.inspirations.empty());
            parents.insert(ask.parent_hash);
        }
    }
    CHECK(parents == std::set<std::string>{"h0.0", "h1.0"});
}

TEST_CASE("parent weights: the unit of the speed-ups does not matter") {
    for (const double unit : {1e-4, 1.0, 1e5}) {
        History history;
        Island island;
        for (int i = 0; i < 7; ++i) {
            add(history, i, 0, accepted(unit * (1 + 0.3 * i * i)), i > 3 ? "h1.0" : "h0.0");
        }
        for (const Attempt& attempt : history.attempts) {
            island.push_back({&attempt});
        }
        static const std::vector<double> k_first = parent_weights(island, history, 10);
        const std::vector<double> weights = parent_weights(island, history, 10);
        REQUIRE(weights.size() == 7);
        for (std::size_t i = 0; i < weights.size(); ++i) {
            CHECK(weights[i] == Approx(k_first[i]).epsilon(1e-6));
        }
    }
}

TEST_CASE("parent weights: faster weighs more and every child less") {
    History history;
    for (int i = 0; i < 5; ++i) {
        add(history, i, 0, accepted(1 + i));
    }
    add(history, 5, 0, failed(Verdict::wrong_result), "h2.0");
    add(history, 6, 0, failed(Verdict::wrong_result), "h2.0");
    Island island;
    for (std::size_t i = 0; i < 5; ++i) {
        island.push_back({&history.attempts[i]});
    }
    const std::vector<double> weights = parent_weights(island, history, 1);
    CHECK(weights[0] < weights[1]);
    CHECK(weights[3] < weights[4]);
    CHECK(weights[2] == Approx(0.5 / 3));  // the median, two children
    CHECK(parent_weights({island[0]}, history, 10) == std::vector<double>{0.5});
}

TEST_CASE("maxcode: a failure is repaired three times and then the best is the parent") {
    const auto search = strategy("maxcode", 2, 100);
    History history;
    add(history, 0, 0, accepted(1));
    CHECK(parent_of(*search, history) == "h0.0");
    add(history, 1, 0, accepted(2));
    add(history, 1, 1, accepted(1.5));
    CHECK(parent_of(*search, history) == "h1.0");
    for (int step = 2; step <= 4; ++step) {
        add(history, step, 0, failed(Verdict::wrong_result));
        CHECK(parent_of(*search, history) == hash_at(step, 0));
        CHECK(asks_of(*search, history).front().op == Operator::repair);
    }
    add(history, 5, 0, failed(Verdict::wrong_result));
    CHECK(parent_of(*search, history) == "h1.0");
    CHECK(asks_of(*search, history).front().op == Operator::improve);
    add(history, 6, 0, failed(Verdict::wrong_result));  // the new line has its own repairs
    CHECK(parent_of(*search, history) == "h6.0");
}

TEST_CASE("maxcode: the line goes on from a kernel that is slower than the best") {
    const auto search = strategy("maxcode", 1, 100);
    History history;
    add(history, 0, 0, accepted(1));
    add(history, 1, 0, accepted(3));
    add(history, 2, 0, accepted(2));
    CHECK(parent_of(*search, history) == "h2.0");
    add(history, 3, 0, failed(Verdict::duplicate));  // leaves nothing to go on from
    CHECK(parent_of(*search, history) == "h2.0");
}

TEST_CASE("maxcode: a new trajectory begins from the best after its depth") {
    const auto search = strategy("maxcode", 1, 2);
    History history;
    add(history, 0, 0, accepted(1));
    add(history, 1, 0, accepted(5));
    add(history, 2, 0, accepted(2));
    CHECK(parent_of(*search, history) == "h1.0");
    add(history, 3, 0, failed(Verdict::wrong_result));
    add(history, 4, 0, failed(Verdict::wrong_result));
    CHECK(parent_of(*search, history) == "h1.0");  // repairs do not cross the border
}

TEST_CASE("strategies: reranking asks for more than it keeps") {
    StrategyPreset preset = test::shipped_preset("maxcode");
    preset.value = "features";
    preset.rerank = 6;
    History history;
    add(history, 0, 0, accepted(1));
    const auto wave = make_strategy(preset, {4, 8, 1})->next(history);
    REQUIRE(wave);
    CHECK(wave->asks.size() == 6);
    CHECK(wave->keep == 4);
}

TEST_CASE("draws: numbers depend on their place alone and fill the unit interval evenly") {
    CHECK(draw({1, 2, 3}, DrawFor::parent) == draw({1, 2, 3}, DrawFor::parent));
    std::vector<int> bins(10);
    std::set<double> seen;
    for (int step = 0; step < 100; ++step) {
        for (int slot = 0; slot < 100; ++slot) {
            const double u = draw({9, step, slot}, DrawFor::inspiration);
            REQUIRE(u >= 0);
            REQUIRE(u < 1);
            seen.insert(u);
            ++bins[choose(u, bins.size())];
        }
    }
    CHECK(seen.size() == 10'000);
    for (const int bin : bins) {
        CHECK(std::abs(bin - 1000) < 150);  // five standard deviations
    }
}

TEST_CASE("draws: a weight of 0 is never chosen and no weight at all chooses nothing") {
    const std::vector<double> weights = {0, 2, 0, 1, 0};
    for (int i = 0; i < 1000; ++i) {
        const auto chosen = choose_weighted(i / 1000.0, weights);
        REQUIRE(chosen);
        CHECK(*chosen == (i < 667 ? 1U : 3U));
    }
    CHECK_FALSE(choose_weighted(0.5, std::vector<double>{0, 0}));
    CHECK_FALSE(choose_weighted(0.5, {}));
}
