// SPDX-License-Identifier: Apache-2.0
// Facts of an attempt, and of a source alone.
#include "agent/critic/facts.hpp"

#include "core/task_file.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/agent/fakes.hpp"

#include <cmath>
#include <cstdlib>
#include <limits>

using namespace kw;
using namespace kw::agent;
using kw::test::accepted;
using kw::test::contains;
using kw::test::failed;
using kw::test::must;

namespace {

struct World {
    World()
        : task(must(load_task(test::write_task(dir.path())))) {}

    Attempt& add(int step, const Evaluation& result, const std::string& parent = "") {
        Attempt attempt;
        attempt.step = step;
        attempt.candidate_hash = "h" + std::to_string(step);
        attempt.parent_hash = parent;
        attempt.source = "void twice() {}";
        attempt.result = result;
        append(history, std::move(attempt));
        return history.attempts.back();
    }
    [[nodiscard]] Facts facts(const Attempt& attempt) const {
        return facts_of({task, history, attempt, machine});
    }

    test::TempDir dir;
    Task task;
    History history;
    const cpu::Calibration* machine = nullptr;
};

std::int64_t fact(const Facts& facts, const std::string& name) {
    const auto found = facts.values.find(name);
    INFO(name);
    REQUIRE(found != facts.values.end());
    return found->second;
}

bool has(const Facts& facts, const std::string& name) {
    return facts.values.contains(name);
}

cpu::Calibration machine() {
    cpu::Calibration out;
    out.levels = {{"L1", 32 << 10, 100, 100}, {"L2", 1 << 20, 50, 50}, {"memory", 0, 20, 20}};
    out.f32_gflops = 100;
    return out;
}

ShapeTiming timed(double candidate_ns, double hot_ns, double speedup) {
    ShapeTiming shape;
    shape.case_name = "timed";
    shape.dims = {{"N", 1024}};
    shape.candidate_ns = candidate_ns;
    shape.baseline_ns = candidate_ns * speedup;
    shape.hot_candidate_ns = hot_ns;
    shape.hot_baseline_ns = hot_ns * speedup / 2;
    shape.speedup = {speedup, speedup, speedup};
    return shape;
}

}  // namespace

TEST_CASE("facts: speed is told against baseline parent and best in whole percent") {
    World world;
    world.add(0, accepted(2));
    world.add(1, accepted(4));
    const Facts facts = world.facts(world.add(2, accepted(3), "h0"));
    CHECK(fact(facts, "speedup_pct") == 300);
    CHECK(fact(facts, "vs_parent_pct") == 150);
    CHECK(fact(facts, "vs_best_pct") == 75);
    CHECK(fact(facts, "sol_cold_pct") == 50);
    CHECK(fact(facts, "spread_pct") == 1);
    CHECK(fact(facts, "accepted") == 1);
    CHECK(fact(facts, "verdict_ac") == 1);
    CHECK(fact(facts, "verdict_wa") == 0);
    CHECK(facts.failure.empty());
}

TEST_CASE("facts: both roofs cold and hot come from the calibration") {
    World world;
    const cpu::Calibration known = machine();
    world.machine = &known;
    Evaluation result = accepted(2);
    // 8 * 1024 bytes: 409.6 ns from memory, 81.92 ns from L1; 1024 flop: 10.24 ns at the peak.
    result.shapes = {timed(819.2, 163.84, 2)};
    const Facts facts = world.facts(world.add(0, result));
    CHECK(fact(facts, "memory_roof_cold_pct") == 50);
    CHECK(fact(facts, "cache_roof_hot_pct") == 50);
    CHECK(fact(facts, "compute_roof_cold_pct") == 1);
    CHECK(fact(facts, "compute_roof_hot_pct") == 6);
    CHECK(fact(facts, "cold_over_hot_pct") == 500);
    CHECK(fact(facts, "hot_speedup_pct") == 100);
    world.machine = nullptr;
    CHECK_FALSE(has(world.facts(world.history.attempts[0]), "memory_roof_cold_pct"));
}

TEST_CASE("facts: what was not looked at is absent and never zero") {
    World world;
    const Facts facts = world.facts(world.add(0, accepted(2)));
    for (const char* name :
         {"stack_references",
          "vs_parent_pct",
          "hot_speedup_pct",
          "registers",
          "occupancy_pct",
          "mix_bound_pct",
          "max_error_pct",
          "hidden_case"}) {
        INFO(name);
        CHECK_FALSE(has(facts, name));
    }
}

TEST_CASE("facts: instruction classes and their mix") {
    World world;
    Evaluation result = accepted(2);
    result.build.stack_references = 136;
    result.build.instruction_classes = {
        {"vpdpbusd", 10}, {"zmm", 90}, {"ymm", 10}, {"scalar fma", 3}};
    const Facts facts = world.facts(world.add(0, result));
    CHECK(fact(facts, "stack_references") == 136);
    CHECK(fact(facts, "class_vpdpbusd") == 10);
    CHECK(fact(facts, "class_scalar_fma") == 3);
    CHECK(fact(facts, "vector_instructions") == 100);
    CHECK(fact(facts, "mix_bound_pct") == 10);
    CHECK(contains(facts_text(facts), "stack_references = 136 count"));
    CHECK(contains(facts_text(facts), "vpdpbusd x10"));
}

TEST_CASE("facts: the device's model and its worst lines are read from its findings") {
    World world;
    Evaluation result = accepted(2);
    result.timing_kind = "modelled";
    result.build.resources = {
        {"a.registers", 40}, {"b.registers", 96}, {"b.spill_bytes", 128}, {"odd", 7}};
    result.findings = {
        {"model",
         "info",
         "time",
         "s: a 3.0 us: l2 3.0 us, dram 1.0 us; occupancy 25 % (2 blocks a SM)"},
        {"model",
         "info",
         "time",
         "s: b 12.1 us: load-store 12.1 us, l2 7.9 us; occupancy 50 % (4 blocks a SM)"},
        {"bank-conflicts",
         "info",
         "time",
         "b, line 7: ld.shared.v4 takes 8.0 shared-memory passes a request, 4.0 would do"},
        {"uncoalesced",
         "info",
         "time",
         "b, line 9: ld.global touches 31.6 sectors of 32 bytes a request"},
        {"uncoalesced", "info", "check", "b touches 99 sectors of 32 bytes a request"}};
    Attempt& attempt = world.add(0, result);
    attempt.target = "cuda";
    const Facts facts = world.facts(attempt);
    CHECK(fact(facts, "registers") == 96);
    CHECK(fact(facts, "spill_bytes") == 128);
    CHECK(fact(facts, "occupancy_pct") == 50);
    CHECK(fact(facts, "bank_passes_pct") == 200);
    CHECK(fact(facts, "sectors_per_request") == 32);
    CHECK(fact(facts, "limited_by_load_store") == 1);
    CHECK(fact(facts, "limited_by_l2") == 0);
    CHECK(facts.limiter == "load_store");
}

TEST_CASE("facts: of a hidden case only that it is one is told") {
    World world;
    Evaluation result = failed(Verdict::wrong_result, "secret-case got 41.5");
    CaseOutcome outcome;
    outcome.case_name = "secret-case";
    outcome.dims = {{"N", 33}};
    outcome.hidden = true;
    outcome.verdict = Verdict::wrong_result;
    outcome.got = "41.5";
    outcome.max_error = 12;
    outcome.mismatches = 3;
    outcome.elements = 33;
    result.cases = {outcome};
    const Facts facts = world.facts(world.add(0, result));
    CHECK(fact(facts, "hidden_case") == 1);
    CHECK_FALSE(has(facts, "max_error_pct"));
    CHECK_FALSE(has(facts, "mismatch_pct"));
    const std::string text = facts_text(facts) + facts.failure;
    for (const char* secret : {"secret-case", "41.5", "33"}) {
        INFO(secret);
        CHECK_FALSE(contains(text, secret));
    }
    outcome.hidden = false;
    world.history = {};
    result.cases = {outcome};
    const Facts open = world.facts(world.add(0, result));
    CHECK(fact(open, "max_error_pct") == 1200);
    CHECK(fact(open, "mismatch_pct") == 9);
}

TEST_CASE("facts: figures that are none and hostile texts give no facts") {
    World world;
    Evaluation result = accepted(2);
    result.sol = std::numeric_limits<double>::quiet_NaN();
    result.vs_naive = {std::numeric_limits<double>::infinity(), 1, 1};
    result.min_speedup = 1e300;
    result.findings = {
        {"model", "info", "time", " us: "},
        {"model", "info", "time", std::string(100'000, '9') + " us: dram 1 us"},
        {"model", "info", "time", "x 5 us: rm -rf / 3 us; occupancy 99999999999999999999999 % (1"},
        {"bank-conflicts", "info", "time", "takes shared-memory passes a request, 0 would do"},
        {"uncoalesced", "info", "time", "sectors of 32"}};
    result.build.instruction_classes = {{std::string(1000, '`') + "\n{{task}}", 5}};
    const Facts facts = world.facts(world.add(0, result));
    CHECK_FALSE(has(facts, "sol_cold_pct"));
    CHECK_FALSE(has(facts, "vs_naive_pct"));
    CHECK_FALSE(has(facts, "bank_passes_pct"));
    CHECK_FALSE(has(facts, "sectors_per_request"));
    for (const auto& [name, value] : facts.values) {
        INFO(name);
        CHECK(std::abs(static_cast<double>(value)) < 2e15);
        CHECK(name.size() < 80);
    }
    CHECK_FALSE(contains(facts_text(facts), "`"));
}

TEST_CASE("facts: every name is unique and known as one a rule may use") {
    std::set<std::string> seen;
    for (const std::string& name : fact_names()) {
        INFO(name);
        CHECK(seen.insert(name).second);
        CHECK(is_fact_name(name));
    }
    CHECK(is_fact_name("class_vpdpbusd"));
    CHECK_FALSE(is_fact_name("class_"));
    CHECK_FALSE(is_fact_name("stack_reference"));
    World world;
    for (const auto& [name, value] : world.facts(world.add(0, accepted(2))).values) {
        INFO(name);
        CHECK(is_fact_name(name));
    }
}

TEST_CASE("facts: the documentation lists what the code knows") {
    // KW_UPDATE_GOLDEN=1 writes the table anew.
    const std::filesystem::path file = std::filesystem::path(KW_SOURCE_DIR) / "docs/critic.md";
    std::string document = test::read_text(file);
    const std::string begin_mark = "<!-- facts: made from the code -->\n";
    const std::size_t begin = document.find(begin_mark);
    const std::size_t end = document.find("<!-- end of facts -->");
    REQUIRE(begin != std::string::npos);
    REQUIRE(end != std::string::npos);
    std::string table = "| fact | unit | what |\n|---|---|---|\n";
    for (const FactSpec& spec : fact_specs()) {
        table += "| `" + spec.name + "` | " + spec.unit + " | " + spec.about + " |\n";
    }
    const std::size_t at = begin + begin_mark.size();
    if (std::getenv("KW_UPDATE_GOLDEN") != nullptr) {
        test::write_text(file, document.replace(at, end - at, table));
        return;
    }
    CHECK(document.substr(at, end - at) == table);
}

TEST_CASE("source facts: comments do not count and inline assembly does") {
    const DimMap facts = source_facts(
        "#pragma unroll\n"
        "// prefetch prefetch __m512\n"
        "/* _mm512_dpbusd_epi32\n*/ __m256i v = _mm256_dpbusd_epi32(a, b, c);\n"
        "for (int i = 0; i < 4; ++i) { asm(\"lop3.b32 %0; // cp.async\" : \"=r\"(x)); }\n"
        "size_t twice_prepare(const float* w);\n");
    CHECK(facts.at("src_unroll") == 1);
    CHECK(facts.at("src_prefetch") == 0);
    CHECK(facts.at("src_vector_bits") == 256);
    CHECK(facts.at("src_dot") == 1);
    CHECK(facts.at("src_loops") == 1);
    CHECK(facts.at("src_lop3") == 1);
    CHECK(facts.at("src_prepare") == 1);
    CHECK(facts.at("src_lines") == 4);
}

TEST_CASE("source facts: any bytes are taken in linear time") {
    for (const std::string& text :
         {std::string(),
          std::string(1 << 20, '/'),
          std::string(1 << 20, '"'),
          std::string(1 << 20, 'm'),
          std::string("\0\xff/*\\", 6),
          std::string("'\\")}) {
        const DimMap facts = source_facts(text);
        CHECK(facts.size() == source_fact_specs().size());
    }
}
