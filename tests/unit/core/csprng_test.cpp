// SPDX-License-Identifier: Apache-2.0
#include "core/csprng.hpp"

#include "core/hash.hpp"
#include "tests/unit/core/support.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <set>
#include <vector>

using namespace kw;

namespace {

std::vector<std::byte> draw(SecretStream& stream, std::size_t bytes) {
    std::vector<std::byte> out(bytes);
    stream.fill(out);
    return out;
}

}  // namespace

// Seed SHA-256("kwright"), label "inputs/x": computed with a ChaCha20 written from RFC 8439.
TEST_CASE("csprng: a seed and a label give the known key stream", "[core]") {
    const Seed seed = seed_from_text("kwright");
    CHECK(to_hex(seed) == "b94434925ee2c0cc7a7437ce98fbb7da4088c025fce3758a556c051d90537b05");
    CHECK(commitment(seed) == "17e17749edc2ba2d870a09420836afc66ff043d18a30029ac65dc6006f243455");
    SecretStream bulk(seed, "inputs/x");
    const std::vector<std::byte> bytes = draw(bulk, 70'000);
    CHECK(
        sha256_hex(std::span<const std::byte>(bytes)) ==
        "17ba35ffce4a9628cd3d58165fa28190c5e644c22fcea53239461e723a820eef");
    SecretStream words(seed, "inputs/x");
    CHECK(words.next_u64() == 4754726050219940581U);
}

TEST_CASE("csprng: the stream does not depend on the sizes it is read in", "[core]") {
    const Seed seed = seed_from_text("pieces");
    SecretStream whole(seed, "a");
    const std::vector<std::byte> want = draw(whole, 300'000);
    test::Dice dice(7);
    SecretStream pieces(seed, "a");
    std::vector<std::byte> got;
    while (got.size() < want.size()) {
        const std::size_t step = dice.below(4) == 0 ? dice.below(20'000) : dice.below(70);
        const std::vector<std::byte> part = draw(pieces, std::min(step, want.size() - got.size()));
        got.insert(got.end(), part.begin(), part.end());
    }
    CHECK(got == want);
}

TEST_CASE("csprng: labels and seeds give unrelated streams", "[core]") {
    std::set<std::string> seen;
    for (const char* seed : {"s", "t"}) {
        for (const char* label : {"", "x", "y", "xx", "inputs/x", "x0"}) {
            SecretStream stream(seed_from_text(seed), label);
            std::vector<std::byte> bytes = draw(stream, 4096);
            // No 16-byte window of one stream may show up in another.
            for (std::size_t at = 0; at + 16 <= bytes.size(); at += 16) {
                const auto* raw = reinterpret_cast<const char*>(bytes.data() + at);
                CHECK(seen.emplace(raw, 16).second);
            }
        }
    }
    CHECK(random_seed() != random_seed());
}

TEST_CASE("csprng: the two streams of one seed agree in half their bits", "[core]") {
    SecretStream a(seed_from_text("s"), "a");
    SecretStream b(seed_from_text("s"), "b");
    int equal = 0;
    constexpr int k_words = 20'000;
    for (int i = 0; i < k_words; ++i) {
        equal += __builtin_popcountll(~(a.next_u64() ^ b.next_u64()));
    }
    // Mean 32 a word, standard deviation 4: six of them.
    CHECK(std::abs(equal - 32.0 * k_words) < 6 * 4.0 * std::sqrt(k_words));
}

TEST_CASE("csprng: below is uniform where a plain remainder is not", "[core]") {
    // 3 * 2^62: a plain remainder would give the lower third twice as often.
    const std::uint64_t bound = std::uint64_t{3} << 62;
    SecretStream stream(seed_from_text("below"), "");
    std::array<int, 3> thirds{};
    constexpr int k_draws = 90'000;
    for (int i = 0; i < k_draws; ++i) {
        const std::uint64_t value = stream.below(bound);
        REQUIRE(value < bound);
        ++thirds.at(static_cast<std::size_t>(value >> 62));
    }
    for (const int count : thirds) {
        CHECK(std::abs(count - k_draws / 3) < 900);  // six standard deviations
    }
}

TEST_CASE("csprng: below covers small bounds evenly and knows bound one", "[core]") {
    SecretStream stream(seed_from_text("small"), "");
    CHECK(stream.below(1) == 0);
    for (const std::uint64_t bound : {2U, 3U, 7U, 10U, 100U}) {
        std::vector<int> counts(bound);
        const int draws = 1000 * static_cast<int>(bound);
        for (int i = 0; i < draws; ++i) {
            ++counts.at(stream.below(bound));
        }
        double chi = 0;
        for (const int count : counts) {
            chi += (count - 1000.0) * (count - 1000.0) / 1000.0;
        }
        INFO(bound);
        const auto freedom = static_cast<double>(bound - 1);
        CHECK(chi < freedom + 6 * std::sqrt(2 * freedom) + 20);
    }
}

TEST_CASE("csprng: uniform stays inside its half open interval", "[core]") {
    SecretStream stream(seed_from_text("uniform"), "");
    double sum = 0;
    double least = 1;
    double most = 0;
    for (int i = 0; i < 100'000; ++i) {
        const double value = stream.uniform();
        sum += value;
        least = std::min(least, value);
        most = std::max(most, value);
    }
    CHECK(least >= 0);
    CHECK(most < 1);
    CHECK(sum / 100'000 == Approx(0.5).margin(0.006));
    CHECK(least < 0.001);
    CHECK(most > 0.999);
}

TEST_CASE("csprng: a moved stream goes on where it was", "[core]") {
    SecretStream a(seed_from_text("move"), "");
    SecretStream same(seed_from_text("move"), "");
    static_cast<void>(a.next_u64());
    static_cast<void>(same.next_u64());
    SecretStream b = std::move(a);
    CHECK(b.next_u64() == same.next_u64());
}
