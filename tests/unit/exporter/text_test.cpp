// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/build_flags.hpp"
#include "evaluator/device/cpu/code_facts.hpp"
#include "evaluator/device/cpu/machine_isa.hpp"
#include "exporter/c_text.hpp"
#include "exporter/domain.hpp"
#include "exporter/isa_level.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/program.hpp"

#include <algorithm>
#include <random>

using namespace kw;
using namespace kw::exporter;

namespace {

std::string any_bytes(std::mt19937& random) {
    std::string text(random() % 40, 0);
    constexpr std::string_view k_awkward = "*/\\\"'?\n\t#@";
    for (char& c : text) {
        c = random() % 2 == 0 ? k_awkward[random() % k_awkward.size()]
                              : static_cast<char>(random() % 256);
    }
    return text;
}

Task gemv() {
    Task task;
    task.dims = {{"N", 1, 65536, 1, ""}, {"K", 128, 65536, 128, ""}};
    task.cases.push_back({"tiny", {{"N", 8}, {"K", 128}}, "", false, true, false});
    task.cases.push_back({"big", {{"N", 65536}, {"K", 65536}}, "", true, false, false});
    return task;
}

}  // namespace

TEST_CASE("c_text: no text can end a comment or a literal", "[exporter]") {
    std::mt19937 random(5);
    for (int i = 0; i < 2000; ++i) {
        const std::string text = any_bytes(random);
        const std::string comment = comment_text(text);
        CHECK(comment.find("*/") == std::string::npos);
        CHECK(comment.find("/*") == std::string::npos);
        CHECK(comment.find("//") == std::string::npos);
        CHECK(comment.find_first_of("\\\n\r") == std::string::npos);
        for (const std::string& literal : {c_string(text), python_string(text)}) {
            REQUIRE(literal.size() >= 2);
            CHECK(literal.find('"', 1) == literal.size() - 1);
            CHECK(literal.find('\n') == std::string::npos);
            for (const char c : literal) {
                CHECK((c >= ' ' && c <= '~'));
            }
        }
        CHECK(c_string(text).find('?') == std::string::npos);
    }
    CHECK(c_string("a\"b\\1") == "\"a\\042b\\1341\"");
    CHECK(comment_text("a /*/ b") == "a / * / b");
}

TEST_CASE("c_text: doubles come back as they were", "[exporter]") {
    std::mt19937_64 random(6);
    for (const double value : {0.0, -0.0, 1.0, 5.9604644775390625e-8, 0.1, 1e300, -2.5e-310}) {
        CHECK(std::strtod(c_double(value).c_str(), nullptr) == value);
    }
    CHECK(c_double(2) == "2.0");
    CHECK(c_double(1e22) == "1e+22");
}

TEST_CASE("domain: it is what the cases covered and no more", "[exporter]") {
    Evaluation judging;
    CaseOutcome small;
    small.dims = {{"N", 8}, {"K", 128}};
    judging.cases.push_back(small);
    CaseOutcome hidden;
    hidden.dims = {{"N", 4104}, {"K", 14336}};
    judging.cases.push_back(hidden);
    CaseOutcome failed = hidden;
    failed.verdict = Verdict::wrong_result;
    failed.dims = {{"N", 60000}, {"K", 128}};
    judging.cases.push_back(failed);
    CaseOutcome forged = hidden;
    forged.dims = {{"N", 1 << 30}, {"K", 130}};
    judging.cases.push_back(forged);
    ShapeTiming timed;
    timed.dims = {{"N", 65536}, {"K", 65536}};
    judging.shapes.push_back(timed);
    judging.timing_kind = "modelled";  // never compared
    const auto found = verified_domain(gemv(), judging);
    REQUIRE((found.ok() && found->has_value()));
    const Domain& domain = **found;
    CHECK(domain.text == "N 8..4104 (multiple of 8), K 128..14336 (multiple of 128)");
    const auto inside = [&](std::int64_t n, std::int64_t k) {
        return *domain.predicate.eval({{"N", n}, {"K", k}}) != 0;
    };
    CHECK(inside(8, 128));
    CHECK(inside(4104, 14336));
    CHECK(!inside(4112, 128));
    CHECK(!inside(4, 128));
    CHECK(!inside(9, 128));
    CHECK(!inside(8, 192));
    judging.timing_kind = "measured";
    const auto timed_too = verified_domain(gemv(), judging);
    REQUIRE((timed_too.ok() && timed_too->has_value()));
    CHECK((*timed_too)->dims[0].max == 65536);
    judging.timing_kind = "modelled";
    judging.cases = {failed, forged};
    const auto none = verified_domain(gemv(), judging);
    REQUIRE(none.ok());
    CHECK(!none->has_value());
}

TEST_CASE("isa levels: each is built, examined and run as itself", "[exporter]") {
    for (const IsaLevel& level : isa_levels()) {
        cpu::Toolchain gcc;
        const auto flags = cpu::compile_flags(gcc, cpu::SourceKind::candidate, level.name, {});
        for (const std::string& flag : level.flags) {
            INFO(level.name << " " << flag);
            CHECK(std::find(flags.begin(), flags.end(), flag) != flags.end());
        }
        CHECK(cpu::is_isa_name(level.name));
    }
    CHECK(isa_levels().back().name == "x86-64-v4-vnni");
    CHECK((cpu::machine_has("x86-64-v4") || !cpu::machine_has("x86-64-v4-vnni")));
    CHECK(levels_up_to("x86-64-v4-vnni").size() == isa_levels().size());
}

TEST_CASE("isa levels: a kernel gets none above what it was accepted for", "[exporter]") {
    CHECK(levels_up_to("native").size() == isa_levels().size());
    CHECK(levels_up_to("x86-64-v3").size() == 2);
    CHECK(levels_up_to("x86-64-v3").back().name == "x86-64-v3");
}

TEST_CASE("code facts: writable variables are found in an object", "[exporter]") {
    const std::string own = kw::test::read_file("/proc/self/exe");
    static int kept_by_the_test = 0;
    ++kept_by_the_test;
    const auto names = cpu::writable_variables(own);
    bool found = false;
    for (const std::string& name : names) {
        found = found || name.find("kept_by_the_test") != std::string::npos;
    }
    CHECK(found);
    CHECK(cpu::writable_variables("").empty());
    CHECK(cpu::writable_variables(own.substr(0, 100)).empty());
    CHECK(cpu::writable_variables(std::string(4096, '\177')).empty());
    for (std::size_t size = 64; size < own.size(); size += own.size() / 50) {
        static_cast<void>(cpu::writable_variables(std::string_view(own).substr(0, size)));
    }
}
