// SPDX-License-Identifier: Apache-2.0
#include "agent/models/model_choice.hpp"

#include "tests/support/catch.hpp"

#include <algorithm>
#include <functional>
#include <random>

using namespace kw::agent;

namespace {

/// What a simulated model makes of a request.
using Model = std::function<ModelTrial(std::minstd_rand&)>;

ModelTrial trial(double reward, double usd) {
    return {0, reward, 1, usd};
}

/// How often each model was chosen in so many waves of four.
std::vector<int> simulate(const std::vector<Model>& models, int waves, unsigned seed) {
    std::minstd_rand random(seed);
    std::vector<ModelTrial> trials;
    std::vector<int> counts(models.size());
    for (int wave = 0; wave < waves; ++wave) {
        const auto chosen = choose_models(models.size(), trials, 4);
        for (const std::size_t model : chosen) {
            ModelTrial one = models[model](random);
            one.model = model;
            trials.push_back(one);
            ++counts[model];
        }
    }
    return counts;
}

Model sometimes(double chance, double reward, double usd) {
    return [=](std::minstd_rand& random) {
        const bool good = static_cast<double>(random() % 1000) < chance * 1000;
        return trial(good ? reward : 0, usd);
    };
}

}  // namespace

TEST_CASE("model choice: models that were never asked come first in their order") {
    CHECK(choose_models(3, {}, 5)[0] == 0);
    CHECK(choose_models(3, {}, 5)[1] == 1);
    CHECK(choose_models(3, {}, 5)[2] == 2);
    CHECK(choose_models(2, {{0, 9, 1, 0}}, 1) == std::vector<std::size_t>{1});
    CHECK(choose_models(1, {}, 3) == std::vector<std::size_t>{0, 0, 0});
}

TEST_CASE("model choice: it converges to the better of equally dear models") {
    for (unsigned seed = 1; seed <= 20; ++seed) {
        const auto counts =
            simulate({sometimes(0.2, 1.2, 0.01), sometimes(0.6, 1.5, 0.01)}, 50, seed);
        INFO("seed " << seed << ": " << counts[0] << " and " << counts[1]);
        CHECK(counts[1] > 2 * counts[0]);
        CHECK(counts[0] > 0);
    }
}

TEST_CASE("model choice: of equally good models the cheaper one is asked more") {
    for (unsigned seed = 1; seed <= 20; ++seed) {
        const auto counts =
            simulate({sometimes(0.5, 1.5, 0.10), sometimes(0.5, 1.5, 0.01)}, 50, seed);
        INFO("seed " << seed << ": " << counts[0] << " and " << counts[1]);
        CHECK(counts[1] > counts[0]);
    }
}

TEST_CASE("model choice: a model that only fails is the worst however cheap it is") {
    const auto counts = simulate({sometimes(0, 0, 0), sometimes(0.3, 1.3, 0.50)}, 50, 3);
    CHECK(counts[1] > 2 * counts[0]);
    // No gain over the parent is no gain, whatever the speed-up.
    const auto still = simulate(
        {[](auto&) {
             return ModelTrial{0, 5, 5, 0.01};
         },
         sometimes(0.5, 1.3, 0.01)},
        50,
        3);
    CHECK(still[1] > 2 * still[0]);
}

TEST_CASE("model choice: it is a function of the trials and a longer wave begins like a shorter") {
    std::minstd_rand random(5);
    std::vector<ModelTrial> trials;
    for (int i = 0; i < 60; ++i) {
        trials.push_back(
            {random() % 3,
             static_cast<double>(random() % 30) / 10,
             static_cast<double>(random() % 20) / 10,
             static_cast<double>(random() % 10) / 100});
        const auto four = choose_models(3, trials, 4);
        const auto eight = choose_models(3, trials, 8);
        CHECK(std::equal(four.begin(), four.end(), eight.begin()));
        CHECK(choose_models(3, trials, 8) == eight);
    }
}
