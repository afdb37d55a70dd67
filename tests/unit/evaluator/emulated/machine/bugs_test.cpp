// SPDX-License-Identifier: Apache-2.0
// The seeded bugs of tests/golden/ptx/bugs: each is found, with its kind, at its line of the CUDA
// source, also with another order of the warps; its correct twin gives no finding at all, and the
// checks change neither results nor counters. Marks that say WARNING are no errors: the comparison
// of results decides.
#include "tests/support/catch.hpp"
#include "tests/unit/evaluator/emulated/machine/device.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

namespace kw::emu::test {
namespace {

struct Mark {
    int line = 0;
    bool warning = false;
    std::vector<FindingKind> kinds;
};

struct Case {
    std::string name;
    std::map<std::string, std::uint32_t> sizes;  ///< grid, block, shared, n, in, out
    bool zeroed = false;
    std::vector<Mark> marks;
};

FindingKind kind_of(const std::string& word) {
    static const std::map<std::string, FindingKind> kinds = {
        {"out_of_bounds", FindingKind::out_of_bounds},
        {"misaligned", FindingKind::misaligned},
        {"write_to_read_only", FindingKind::write_to_read_only},
        {"uninitialised_read", FindingKind::uninitialised_read},
        {"async_copy_not_waited", FindingKind::async_copy_not_waited},
        {"unwritten_output", FindingKind::unwritten_output},
        {"shared_race", FindingKind::shared_race},
        {"global_race", FindingKind::global_race},
        {"divergent_barrier", FindingKind::divergent_barrier},
        {"barrier_after_exit", FindingKind::barrier_after_exit},
        {"unconverged_warp_op", FindingKind::unconverged_warp_op},
        {"exited_lane_in_mask", FindingKind::exited_lane_in_mask},
        {"invalid_mask", FindingKind::invalid_mask},
        {"invalid_barrier", FindingKind::invalid_barrier},
        {"assertion", FindingKind::assertion}};
    return kinds.at(word);
}

/// The cases of one .cu, with the marks that lie in their NAME_bug kernel. The first kind of a mark
/// must be found at its line; the others may be found anywhere.
std::vector<Case> cases_of(const std::string& source) {
    std::vector<Case> cases;
    std::istringstream lines(source);
    std::string line;
    for (int number = 1; std::getline(lines, line); ++number) {
        if (line.starts_with("// case ")) {
            Case next;
            std::istringstream words(line.substr(8));
            words >> next.name;
            next.name.pop_back();  // the colon
            for (std::string word; words >> word;) {
                const std::size_t equals = word.find('=');
                if (equals == std::string::npos) {
                    next.zeroed = word == "zeroed";
                } else {
                    next.sizes[word.substr(0, equals)] =
                        static_cast<std::uint32_t>(std::stoul(word.substr(equals + 1)));
                }
            }
            cases.push_back(next);
        } else if (const std::size_t at = line.find("// BUG ");
                   at != std::string::npos && !cases.empty()) {
            Mark mark{number, false, {}};
            std::istringstream words(line.substr(at + 7));
            for (std::string word; words >> word;) {
                if (word == "WARNING") {
                    mark.warning = true;
                    continue;
                }
                mark.kinds.push_back(kind_of(word));
            }
            cases.back().marks.push_back(mark);
        }
    }
    return cases;
}

struct Result {
    Report report;
    std::vector<std::uint32_t> out;
    std::string text;
};

Result launch(
    const std::string& file,
    const Case& c,
    const std::string& kernel,
    Checks checks,
    std::uint64_t seed) {
    Device device(fixture("bugs/" + file + ".ptx"));
    std::vector<float> in(c.sizes.at("in"));
    for (std::size_t i = 0; i < in.size(); ++i) {
        in[i] = static_cast<float>(i * 7 % 53);
    }
    const Argument from = device.input("in", in);
    const std::uint32_t count = c.sizes.at("out");
    const Argument to = c.zeroed ? device.in_out("out", std::vector<float>(count))
                                 : device.output<float>("out", count);
    device.options.checks = checks;
    device.options.seed = seed;
    device.options.wall_budget_ms = 20'000;
    Launch shape;
    shape.kernel = kernel;
    shape.grid[0] = c.sizes.at("grid");
    shape.block[0] = c.sizes.at("block");
    shape.dynamic_shared = c.sizes.contains("shared") ? c.sizes.at("shared") : 0;
    Result result;
    result.report = device.launch(shape, {from, to, value(static_cast<int>(c.sizes.at("n")))});
    result.out = device.read<std::uint32_t>("out");
    result.text = device.text(result.report);
    return result;
}

/// A race may be found at either of its ends, whichever comes last.
bool lies_at(const Finding& finding, int line) {
    const bool here = finding.at.line == line || finding.at.root_line == line;
    const bool there = finding.other.line == line || finding.other.root_line == line;
    return finding.kind == FindingKind::unwritten_output || here || there;
}

/// Some kinds are warnings always.
bool warns(const Mark& mark) {
    return mark.warning || mark.kinds[0] == FindingKind::barrier_after_exit ||
           mark.kinds[0] == FindingKind::exited_lane_in_mask;
}

void check_bug(const Case& c, const Result& result) {
    INFO(c.name << "\n" << result.text);
    std::set<FindingKind> expected;
    for (const Mark& mark : c.marks) {
        expected.insert(mark.kinds.begin(), mark.kinds.end());
        CHECK(std::any_of(
            result.report.findings.begin(), result.report.findings.end(), [&](const Finding& f) {
                return f.kind == mark.kinds[0] && lies_at(f, mark.line) &&
                       (f.severity == Severity::warning) == warns(mark);
            }));
    }
    for (const Finding& finding : result.report.findings) {
        CHECK(expected.contains(finding.kind));
    }
}

void check_file(const std::string& file) {
    const std::vector<Case> cases = cases_of(fixture("bugs/" + file + ".cu"));
    REQUIRE(!cases.empty());
    for (const Case& c : cases) {
        REQUIRE(!c.marks.empty());
        for (const std::uint64_t seed : {0, 1, 7}) {
            check_bug(c, launch(file, c, c.name + "_bug", Checks::all(), seed));
            const Result fixed = launch(file, c, c.name + "_fixed", Checks::all(), seed);
            INFO(c.name << " (correct twin)\n" << fixed.text);
            CHECK(fixed.report.ending == Ending::completed);
            CHECK(fixed.report.findings.empty());
            const Result clean = launch(file, c, c.name + "_fixed", Checks{}, seed);
            CHECK(clean.out == fixed.out);
            CHECK(
                clean.report.counters.warp_instructions == fixed.report.counters.warp_instructions);
            CHECK(
                clean.report.counters.thread_instructions ==
                fixed.report.counters.thread_instructions);
        }
    }
}

}  // namespace

TEST_CASE("machine: seeded memory bugs are found and their twins are clean", "[machine][bugs]") {
    check_file("memcheck");
}

TEST_CASE(
    "machine: seeded uninitialised reads are found and their twins are clean", "[machine][bugs]") {
    check_file("initcheck");
}

TEST_CASE("machine: seeded shared races are found and their twins are clean", "[machine][bugs]") {
    check_file("racecheck");
}

TEST_CASE(
    "machine: seeded races of blocks are found and their twins are clean", "[machine][bugs]") {
    check_file("globalrace");
}

TEST_CASE(
    "machine: seeded misuse of barriers is found and its twins are clean", "[machine][bugs]") {
    check_file("synccheck");
}

}  // namespace kw::emu::test
