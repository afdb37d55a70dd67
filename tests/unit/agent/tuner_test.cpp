// SPDX-License-Identifier: Apache-2.0
#include "agent/proposers/tuner.hpp"

#include "tests/support/catch.hpp"
#include "tests/unit/agent/fakes.hpp"

#include <cmath>
#include <set>

using namespace kw::agent;
using kw::test::must;

namespace {

const std::string k_seed =
    "//!tune A = {1, 2, 4, 8, 16, 32, 64, 128}\n"
    "#define A 1\n"
    "//!tune B = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}\n"
    "constexpr int B = 0;\n"
    "//! tune MODE = {slow, fast, odd}\n"
    "// which loop\n"
    "#define MODE slow\n"
    "//!require A * (B + 1) <= 640\n"
    "int A_other = A; void f() { int MODE_b = MODE; }\n";

/// Smooth in A and B with one peak, and a mode that matters: best at A=16 B=6 MODE=fast.
double landscape(const TuneSpace& space, const TunePoint& point) {
    const double a = std::stod(space.params[0].values[point[0]]);
    const double b = std::stod(space.params[1].values[point[1]]);
    const std::string& mode = space.params[2].values[point[2]];
    const double distance = std::abs(std::log2(a) - 4) + std::abs(b - 6) / 2;
    return (mode == "fast" ? 2.0 : mode == "odd" ? 1.5 : 1.0) * std::exp(-distance / 4);
}

double best_after(const TuneSpace& space, int budget, std::uint64_t seed) {
    std::vector<TuneTrial> trials = {{*point_of(space, k_seed), 0}};
    trials[0].reward = landscape(space, trials[0].point);
    std::set<TunePoint> seen = {trials[0].point};
    double best = trials[0].reward;
    for (int i = 1; i < budget; ++i) {
        const auto point = next_point(space, trials, seed);
        REQUIRE(point);
        REQUIRE(seen.insert(*point).second);
        trials.push_back({*point, landscape(space, *point)});
        best = std::max(best, trials.back().reward);
    }
    return best;
}

}  // namespace

TEST_CASE("tune space: parameters and requirements are read") {
    const TuneSpace space = must(read_tune_space(k_seed));
    REQUIRE(space.params.size() == 3);
    CHECK(space.params[1].values.size() == 10);
    CHECK(space.params[2].name == "MODE");
    CHECK(space.require.size() == 1);
    CHECK(count_points(space, 1'000'000) < 240);
    CHECK(count_points(space, 1'000'000) > 200);
    CHECK(must(read_tune_space("void f() {}\n")).params.empty());
}

TEST_CASE("tune space: a point is written into the definitions alone and read back") {
    const TuneSpace space = must(read_tune_space(k_seed));
    const TunePoint point = {3, 9, 1};
    const std::string source = with_point(space, k_seed, point);
    CHECK(point_of(space, source) == point);
    CHECK_THAT(source, Catch::Matchers::Contains("#define A 8\n"));
    CHECK_THAT(source, Catch::Matchers::Contains("constexpr int B = 9;\n"));
    CHECK_THAT(source, Catch::Matchers::Contains("#define MODE fast\n"));
    CHECK_THAT(
        source, Catch::Matchers::Contains("int A_other = A; void f() { int MODE_b = MODE; }"));
    CHECK(with_point(space, source, *point_of(space, k_seed)) == k_seed);
    CHECK(show_point(space, point) == "A=8 B=9 MODE=fast");
    CHECK_FALSE(point_of(space, "//!tune A = {1}\n#define A 3\n"));
}

TEST_CASE("tune space: malformed lines are errors with their line") {
    const auto problem = [](const std::string& source) {
        const auto space = read_tune_space(source);
        REQUIRE_FALSE(space.ok());
        return space.error().what;
    };
    using Catch::Matchers::Contains;
    CHECK_THAT(problem("\n//!tune = {1}\n"), Contains("line 2"));
    CHECK_THAT(problem("//!tune A = 1, 2\n#define A 1\n"), Contains("in braces"));
    CHECK_THAT(problem("//!tune A = {1,,2}\n#define A 1\n"), Contains("empty"));
    CHECK_THAT(problem("//!tune A = {1 2}\n#define A 1\n"), Contains("not one word"));
    CHECK_THAT(problem("//!tune A = {1}\nint x;\n"), Contains("no definition"));
    CHECK_THAT(
        problem("//!tune A = {1}\n#define A 1\n//!tune A = {1}\n#define A 1\n"), Contains("twice"));
    CHECK_THAT(
        problem("//!tune A = {1}\n#define A 1\n//!require A < Z\n"), Contains("not a parameter"));
    CHECK_THAT(problem("//!tune A = {1}\n#define A 1\n//!require A <\n"), Contains("line 3"));
}

TEST_CASE("tuner: the optimum of a synthetic landscape is found within forty points") {
    const TuneSpace space = must(read_tune_space(k_seed));
    int found = 0;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        found += best_after(space, 40, seed) > 1.999 ? 1 : 0;
    }
    CHECK(found >= 18);
}

TEST_CASE("tuner: every point that meets the requirements is tried once and then it ends") {
    const TuneSpace space = must(read_tune_space(k_seed));
    const auto count = count_points(space, 1'000'000);
    std::vector<TuneTrial> trials;
    std::set<TunePoint> seen;
    while (const auto point = next_point(space, trials, 7)) {
        REQUIRE(seen.insert(*point).second);
        REQUIRE(
            must(space.require[0].eval(
                {{"A", std::stoll(space.params[0].values[(*point)[0]])},
                 {"B", std::stoll(space.params[1].values[(*point)[1]])}})) != 0);
        trials.push_back({*point, landscape(space, *point)});
    }
    CHECK(static_cast<std::int64_t>(seen.size()) == count);
}

TEST_CASE("tuner: the next point depends on the trials and the seed alone") {
    const TuneSpace space = must(read_tune_space(k_seed));
    std::vector<TuneTrial> trials;
    bool differs = false;
    for (int i = 0; i < 30; ++i) {
        const auto point = next_point(space, trials, 5);
        REQUIRE(point == next_point(space, trials, 5));
        differs = differs || point != next_point(space, trials, 6);
        trials.push_back({*point, landscape(space, *point)});
    }
    CHECK(differs);
}

TEST_CASE("tuner: a space too large to enumerate is sampled without repeats") {
    std::string seed;
    for (char name = 'a'; name < 'a' + 20; ++name) {
        seed += std::string("//!tune ") + name + " = {0, 1, 2, 3, 4, 5, 6, 7}\n#define " + name +
                " 0\n";
    }
    const TuneSpace space = must(read_tune_space(seed));
    std::vector<TuneTrial> trials;
    std::set<TunePoint> seen;
    for (int i = 0; i < 200; ++i) {
        const auto point = next_point(space, trials, 1);
        REQUIRE(point);
        REQUIRE(seen.insert(*point).second);
        trials.push_back({*point, 0});
    }
}

TEST_CASE("tuner: the seeds of the shipped tasks can be tuned") {
    int seeds = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator(std::filesystem::path(KW_SOURCE_DIR) / "benchmarks")) {
        const auto file = entry.path() / "seed.cpp";
        if (!std::filesystem::exists(file)) {
            continue;
        }
        ++seeds;
        INFO(file.string());
        const std::string source = kw::test::read_text(file);
        const TuneSpace space = must(read_tune_space(source));
        CHECK(space.params.size() >= 2);
        CHECK(point_of(space, source));
        CHECK(count_points(space, 100) >= 10);
    }
    CHECK(seeds >= 1);
}
