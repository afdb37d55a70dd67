// SPDX-License-Identifier: Apache-2.0
// The same kernels as the toolkit's nvcc compiles them now. Skips, and says so, without nvcc.
#include "evaluator/device/cuda/toolkit.hpp"
#include "tests/support/program.hpp"
#include "tests/unit/evaluator/emulated/kernels/scenarios.hpp"

#include <map>
#include <set>
#include <sstream>

using namespace kw::emu;
using namespace kw::emu::test;

namespace {

/// All files for one architecture as one: their headers, which cost most, are read once.
struct Together {
    std::set<std::string> headers;
    std::string files;
    std::set<std::string> names;
};

/// "-arch=sm_80": the second line of every source holds its command.
std::string arch_of(const std::string& source) {
    const std::size_t at = source.find("-arch=");
    return source.substr(at, source.find(' ', at) - at);
}

std::map<std::string, Together> sources() {
    std::map<std::string, Together> all;
    for (const Scenario& scenario : all_scenarios()) {
        const std::string name = scenario.file;
        const std::string text = fixture(name + ".cu");
        Together& together = all[arch_of(text)];
        if (!together.names.insert(name).second) {
            continue;
        }
        std::istringstream lines(text);
        for (std::string line; std::getline(lines, line);) {
            if (line.starts_with("#include")) {
                together.headers.insert(line + "\n");
            }
        }
        together.files += "namespace file_" + name +
                          " {\n#include \"" KW_SOURCE_DIR "/tests/golden/ptx/" + name +
                          ".cu\"\n}\n";
    }
    return all;
}

}  // namespace

TEST_CASE("kernels: what nvcc makes now gives what the host computes", "[kernels]") {
    const auto toolkit = kw::cuda::find_toolkit();
    if (!toolkit || toolkit->nvcc.empty()) {
        WARN("skipped: no nvcc here");
        return;
    }
    const kw::test::Folder folder;
    kw::test::Program nvcc(folder.path());
    nvcc.program = toolkit->nvcc;
    nvcc.environment["PATH"] = toolkit->nvcc.parent_path().string() + ":/usr/bin:/bin";
    std::size_t run = 0;
    for (const auto& [arch, together] : sources()) {
        std::string text;
        for (const std::string& header : together.headers) {
            text += header;
        }
        kw::test::write_file(folder / "all.cu", text + together.files);
        const auto outcome =
            nvcc({"-ptx", arch, "-std=c++17", "-lineinfo", "all.cu", "-o", "all.ptx"});
        INFO(arch << "\n" << outcome.out << outcome.err);
        REQUIRE(outcome.code == 0);
        const std::string ptx = kw::test::read_file(folder / "all.ptx");
        for (const Scenario& scenario : all_scenarios()) {
            if (together.names.contains(scenario.file)) {
                INFO(scenario.file << ": " << scenario.kernel);
                Device device(ptx);
                device.options.checks = Checks::all();
                scenario.run(device);
                ++run;
            }
        }
    }
    CHECK(run == all_scenarios().size());
    CHECK(run >= 40);
}
