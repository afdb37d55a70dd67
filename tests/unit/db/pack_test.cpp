// SPDX-License-Identifier: Apache-2.0
#include "db/pack.hpp"

#include "tests/unit/db/fixture.hpp"

#include <zstd.h>

using namespace kw;
using namespace kw::test;

namespace {

db::Bytes bytes(std::string_view text) {
    const auto span = std::as_bytes(std::span(text.data(), text.size()));
    return {span.begin(), span.end()};
}

}  // namespace

TEST_CASE("pack: any text and any samples come back", "[db]") {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        RandomRows random(seed);
        const std::string text = random.text(20'000);
        CHECK(must(db::unpack_text(must(db::pack_text(text)))) == text);
        const auto samples = random.shape().samples;
        CHECK(same(must(db::unpack_samples(must(db::pack_samples(samples)))), samples));
    }
}

TEST_CASE("pack: NaN payloads of samples keep every bit", "[db]") {
    const auto odd = std::bit_cast<double>(std::uint64_t{0x7ff4dead'beef0001});
    const auto back = must(db::unpack_samples(must(db::pack_samples({Sample{odd, -0.0, 3, 1}}))));
    REQUIRE(back.size() == 1);
    CHECK(std::bit_cast<std::uint64_t>(back[0].baseline_ns) == 0x7ff4dead'beef0001);
    CHECK(std::signbit(back[0].candidate_ns));
}

TEST_CASE("pack: real timings take less than half of their plain size", "[db]") {
    std::vector<Sample> samples(200);
    RandomRows random(1);
    for (Sample& sample : samples) {
        sample.baseline_ns = 20'000 + static_cast<double>(random.below(4000)) / 8;
        sample.candidate_ns = 15'000 + static_cast<double>(random.below(4000)) / 8;
        sample.placement = static_cast<std::uint8_t>(random.below(3));
        sample.order = static_cast<std::uint8_t>(random.below(2));
    }
    CHECK(must(db::pack_samples(samples)).size() * 2 < samples.size() * 18);
}

TEST_CASE("pack: a bomb is refused by its claimed size before memory is taken", "[db]") {
    const std::string zeros(std::size_t{80} << 20, '\0');
    std::string bomb(ZSTD_compressBound(zeros.size()), '\0');
    bomb.resize(ZSTD_compress(bomb.data(), bomb.size(), zeros.data(), zeros.size(), 1));
    REQUIRE(bomb.size() < 100'000);
    const auto text = db::unpack_text(bytes(bomb));
    REQUIRE_FALSE(text.ok());
    CHECK(text.error().code == Errc::database);
    CHECK(contains(text.error().what, "unpacks to more than"));
    CHECK_FALSE(db::unpack_samples(bytes("\x01" + bomb)).ok());
    CHECK_FALSE(db::unpack_text(must(db::pack_text("four")), 3).ok());
}

TEST_CASE("pack: a frame that holds more than it claims is refused", "[db]") {
    // Two frames in a row: the claim is the first one's.
    db::Bytes twice = must(db::pack_text("abcdefgh"));
    const db::Bytes once = twice;
    twice.insert(twice.end(), once.begin(), once.end());
    CHECK_FALSE(db::unpack_text(twice).ok());
}

TEST_CASE("pack: a text over the limit is refused when written", "[db]") {
    CHECK_FALSE(db::pack_text(std::string(db::k_unpacked_limit + 1, 'x')).ok());
}

TEST_CASE("pack: damaged bytes are errors and never crash", "[db]") {
    RandomRows random(77);
    const db::Bytes text = must(db::pack_text(random.text(3000) + "tail"));
    const db::Bytes samples = must(db::pack_samples(random.shape().samples));
    int refused = 0;
    for (int i = 0; i < 3000; ++i) {
        for (const db::Bytes& good : {text, samples}) {
            db::Bytes bad = good;
            if (random.below(3) == 0) {
                bad.resize(random.below(bad.size() + 1));
            }
            for (std::uint64_t n = 1 + random.below(4); n > 0 && !bad.empty(); --n) {
                bad[random.below(bad.size())] = static_cast<std::byte>(random.below(256));
            }
            refused += db::unpack_text(bad).ok() ? 0 : 1;
            refused += db::unpack_samples(bad).ok() ? 0 : 1;
        }
    }
    CHECK(refused > 0);
    CHECK_FALSE(db::unpack_text({}).ok());
    CHECK_FALSE(db::unpack_samples({}).ok());
    CHECK_FALSE(db::unpack_samples(bytes("\x02")).ok());
    CHECK_FALSE(db::unpack_samples(bytes("\x01")).ok());
}

TEST_CASE("pack: a sample list with a broken end is refused", "[db]") {
    db::Bytes packed = must(db::pack_text("seventeen bytes!!"));
    packed.insert(packed.begin(), std::byte{1});
    CHECK_FALSE(db::unpack_samples(packed).ok());
}

TEST_CASE("pack: JSON columns hold flat integers and nothing else", "[db]") {
    DimMap dims;
    must(db::from_json(R"({"N":9223372036854775807,"K":-9223372036854775808})", dims));
    CHECK(dims.at("N") == INT64_MAX);
    CHECK(dims.at("K") == INT64_MIN);
    for (const char* bad :
         {"",
          "null",
          "[]",
          "[1]",
          "{",
          R"({"a":1.5})",
          R"({"a":"1"})",
          R"({"a":{}})",
          R"({"a":9223372036854775808})",
          R"({"a":true})",
          "{\"a\":1}x",
          "\xff\xfe"}) {
        INFO(bad);
        CHECK_FALSE(db::from_json(bad, dims).ok());
    }
    CHECK_FALSE(db::from_json(std::string(100'000, '['), dims).ok());
    std::map<std::string, int> counts;
    CHECK_FALSE(db::from_json(R"({"a":2147483648})", counts).ok());
    CHECK_FALSE(db::from_json(R"({"a":-2147483649})", counts).ok());
    must(db::from_json(db::json_of(std::map<std::string, int>{{"bad \xff utf8", 3}}), counts));
    CHECK(counts.begin()->second == 3);
}
