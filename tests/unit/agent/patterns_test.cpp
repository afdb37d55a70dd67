// SPDX-License-Identifier: Apache-2.0
// The pattern catalogue: the shipped one, its reader, its ranking.
#include "agent/critic/patterns.hpp"

#include "tests/support/catch.hpp"
#include "tests/unit/agent/fakes.hpp"

#include <sys/stat.h>

using namespace kw;
using namespace kw::agent;
using kw::test::contains;
using kw::test::must;

namespace {

PatternBook shipped() {
    return must(load_patterns({std::filesystem::path(KW_SOURCE_DIR) / "prompts/patterns"}));
}

std::string pattern(const std::string& key, const std::string& more = "") {
    return "[[pattern]]\nkey = \"" + key +
           "\"\ntitle = \"T\"\ntargets = [\"cpu\"]\ngain = [1.0, 2.0]\n"
           "description = \"D\"\nchange = \"C\"\nsource = \"S\"\n" +
           more;
}
const std::string k_head = "schema = \"kwright.patterns/1\"\n";

std::string mistake(const std::string& text) {
    const auto parsed = parse_patterns(text, "p.toml");
    REQUIRE_FALSE(parsed.ok());
    CHECK(parsed.error().code == Errc::config);
    return parsed.error().what + " | " + parsed.error().hint;
}

Facts facts(const DimMap& values, const std::string& target = "cpu") {
    Facts out;
    out.target = target;
    out.values = values;
    return out;
}

std::vector<std::string> keys(const std::vector<Ranked>& ranked) {
    std::vector<std::string> out;
    for (const Ranked& one : ranked) {
        out.push_back(one.pattern->key);
    }
    return out;
}

}  // namespace

TEST_CASE("patterns: the shipped catalogue loads and each rule names facts") {
    const PatternBook book = shipped();
    CHECK(book.patterns.size() >= 40);
    int cpu = 0;
    int cuda = 0;
    for (const Pattern& one : book.patterns) {
        INFO(one.key);
        CHECK_FALSE(one.when.empty());  // advice without a rule is no diagnosis
        CHECK(one.description.size() > 60);
        CHECK(one.change.size() > 30);
        CHECK_FALSE(one.source.empty());
        for (const std::string& target : one.targets) {
            (target == "cpu" ? cpu : cuda) += 1;
        }
    }
    CHECK(cpu >= 20);
    CHECK(cuda >= 20);
}

TEST_CASE("patterns: each shipped rule fits some facts and does not fit others") {
    // One value of every fact that rules read: none, a few, many.
    const PatternBook book = shipped();
    for (const Pattern& one : book.patterns) {
        for (const DimExpr& rule : one.when) {
            INFO(one.key << ": " << rule.text());
            bool fits = false;
            bool fails = false;
            const std::vector<std::string> names = rule.names();
            const std::vector<std::int64_t> values = {
                0, 1, 2, 3, 5, 20, 40, 70, 150, 256, 300, 512, 2000};
            std::uint64_t state = 1;
            for (int round = 0; round < 200'000 && !(fits && fails); ++round) {
                DimMap map;
                for (const std::string& name : names) {
                    state = state * 6364136223846793005U + 1442695040888963407U;
                    map[name] = values[(state >> 33) % values.size()];
                }
                (must(rule.eval(map)) != 0 ? fits : fails) = true;
            }
            CHECK(fits);
            CHECK(fails);
        }
    }
}

TEST_CASE("patterns: mistakes in a file are told with line and column") {
    CHECK(contains(mistake("schema = \"kwright.patterns/2\"\n" + pattern("a")), "p.toml:1:10"));
    CHECK(contains(mistake(k_head), "pattern"));
    CHECK(contains(
        mistake(k_head + pattern("a", "when = [\"stack_reference > 0\"]\n")),
        "p.toml:10:9: pattern 'a': 'stack_reference' is not a fact | did you mean "
        "'stack_references'?"));
    CHECK(contains(mistake(k_head + pattern("a", "when = [\"1 +\"]\n")), "p.toml:10:9"));
    CHECK(contains(mistake(k_head + pattern("a", "when = [3]\n")), "a rule must be a text"));
    CHECK(contains(mistake(k_head + pattern("a", "wen = []\n")), "did you mean 'when'?"));
    CHECK(contains(mistake(k_head + pattern("a") + pattern("a")), "'a' stands there twice"));
    CHECK(contains(mistake(k_head + pattern("No Key")), "a key has small letters"));
    std::string wrong = k_head + pattern("a");
    wrong.replace(wrong.find("\"cpu\""), 5, "\"tpu\"");
    CHECK(contains(mistake(wrong), "targets are"));
    for (const char* gain :
         {"[2.0, 1.0]", "[1.0]", "[nan, 2.0]", "[1.0, inf]", "[\"1\", 2]", "3"}) {
        std::string text = k_head + pattern("a");
        text.replace(text.find("[1.0, 2.0]"), 10, gain);
        INFO(gain);
        CHECK(contains(mistake(text), "p.toml:6:8"));
    }
}

TEST_CASE("patterns: hostile files are refused and never loop or crash") {
    std::string many = k_head;
    for (int i = 0; i < 300; ++i) {
        many += pattern("k" + std::to_string(i));
    }
    CHECK(contains(mistake(many), "p.toml:"));
    CHECK(contains(
        mistake(k_head + pattern("a", "when = [\"" + std::string(5000, '(') + "\"]\n")), "p.toml"));
    std::string rules = "when = [";
    for (int i = 0; i < 50; ++i) {
        rules += "\"accepted == 1\", ";
    }
    CHECK(contains(mistake(k_head + pattern("a", rules + "]\n")), "more than 8 rules"));
    CHECK(contains(
        mistake(k_head + pattern("a", "example = \"" + std::string(9000, 'x') + "\"\n")),
        "p.toml"));
    CHECK(contains(mistake(k_head + pattern("a", "example = \"\\u0007\"\n")), "p.toml:10"));
    CHECK(contains(mistake(std::string(100'000, '[')), "p.toml"));
    CHECK(contains(mistake(std::string("\0\xff", 2)), "p.toml"));
    const test::TempDir dir;
    REQUIRE(::mkfifo((dir / "pipe.toml").c_str(), 0600) == 0);
    CHECK_FALSE(load_patterns({dir.path()}).ok());  // an error, not a wait
}

TEST_CASE("patterns: a later folder replaces a key and two files of one folder may not share it") {
    const test::TempDir dir;
    test::write_text(dir / "one/a.toml", k_head + pattern("a") + pattern("b"));
    test::write_text(dir / "two/a.toml", k_head + pattern("b", "example = \"mine\"\n"));
    const PatternBook book = must(load_patterns({dir / "one", dir / "two", dir / "there is none"}));
    REQUIRE(book.patterns.size() == 2);
    CHECK(book.patterns[0].example.empty());
    CHECK(book.patterns[1].example == "mine");
    test::write_text(dir / "one/b.toml", k_head + pattern("a"));
    const auto twice = load_patterns({dir / "one"});
    REQUIRE_FALSE(twice.ok());
    CHECK(contains(twice.error().what, "b.toml: pattern 'a' stands in "));
}

TEST_CASE("patterns: what is detected comes first and the larger gain before the smaller") {
    std::string text = k_head;
    text += pattern("advice");
    text += pattern("small", "when = [\"stack_references > 4\"]\n");
    std::string big = pattern("big", "when = [\"stack_references > 100\"]\n");
    big.replace(big.find("[1.0, 2.0]"), 10, "[1.0, 9.0]");
    text += big + pattern("absent", "when = [\"registers == 0 || stack_references > 0\"]\n");
    PatternBook book;
    book.patterns = must(parse_patterns(text, "p"));
    using Keys = std::vector<std::string>;
    const Facts spills = facts({{"stack_references", 136}});
    CHECK(keys(rank_patterns(book, spills)) == Keys{"big", "small", "advice"});
    CHECK(rank_patterns(book, spills)[0].evidence == "stack_references = 136");
    CHECK(rank_patterns(book, spills)[0].gain == Approx(3));
    CHECK(keys(rank_patterns(book, facts({{"stack_references", 5}}))) == Keys{"small", "advice"});
    CHECK(keys(rank_patterns(book, spills, {"big"})) == Keys{"small", "advice", "big"});
    CHECK(keys(rank_patterns(book, facts({{"stack_references", 136}}, "cuda"))).empty());
    // At 80 % of the roof no change can bring more than a quarter.
    CHECK(
        rank_patterns(book, facts({{"stack_references", 136}, {"sol_cold_pct", 80}}))[0].gain ==
        Approx(1.25));
}

TEST_CASE("patterns: an instruction class that was looked for and not found is zero") {
    PatternBook book;
    book.patterns = must(parse_patterns(
        k_head + pattern("vnni", "when = [\"class_vpmaddubsw > 0 && class_vpdpbusd == 0\"]\n"),
        "p"));
    CHECK(rank_patterns(book, facts({{"class_vpmaddubsw", 3}})).size() == 1);
    CHECK(rank_patterns(book, facts({{"class_vpmaddubsw", 3}, {"class_vpdpbusd", 1}})).empty());
    CHECK(rank_patterns(book, facts({{"stack_references", 3}})).empty());  // nobody looked
}

TEST_CASE("patterns: known cases lead to the pattern that an expert names") {
    const PatternBook book = shipped();
    const auto first = [&book](const DimMap& values, const std::string& target = "cpu") {
        const auto ranked = rank_patterns(book, facts(values, target));
        return ranked.empty() ? std::string("none") : ranked[0].pattern->key;
    };
    // 24 accumulators in memory: 136 stack references between the first and the last multiply.
    CHECK(
        first(
            {{"accepted", 1},
             {"stack_references", 136},
             {"class_vpdpbusd", 24},
             {"multiplies", 24}}) == "run-time-bounds");
    CHECK(first({{"accepted", 1}, {"multiplies", 0}, {"sol_cold_pct", 4}}) == "scalar-code");
    CHECK(
        first(
            {{"task_prepare", 1},
             {"src_prepare", 0},
             {"task_weights_pct", 97},
             {"sol_cold_pct", 50},
             {"stack_references", 0}}) == "no-packing");
    CHECK(first({{"sol_cold_pct", 97}}) == "at-the-roof");
    CHECK(first({{"hidden_case", 1}, {"verdict_wa", 1}}) == "hidden-edge");
    CHECK(first({{"sectors_per_request", 32}, {"accepted", 1}}, "cuda") == "uncoalesced");
    CHECK(first({{"bank_passes_pct", 400}, {"accepted", 1}}, "cuda") == "bank-conflicts");
    CHECK(
        first({{"spill_bytes", 64}, {"stack_bytes", 64}, {"src_shared", 1}}, "cuda") ==
        "ptxas-spills");
    CHECK(first({{"verdict_rc", 1}}, "cuda") == "cuda-race");
    CHECK(first({}) == "none");
}

TEST_CASE("patterns: the text for a prompt holds a few of them with their evidence") {
    const PatternBook book = shipped();
    const auto ranked =
        rank_patterns(book, facts({{"stack_references", 136}, {"src_prefetch", 2}}));
    REQUIRE(ranked.size() == 2);
    const std::string text = patterns_text(ranked, 1);
    CHECK(contains(text, "**spills**"));
    CHECK(contains(text, "(detected: stack_references = 136)"));
    CHECK_FALSE(contains(text, "prefetch"));
    CHECK(patterns_text({}, 5).empty());
}
