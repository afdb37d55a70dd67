// SPDX-License-Identifier: Apache-2.0
// A machine that was busy while it was calibrated, played by a record of it that is far too low and
// a probe that says what it is told.
#include "evaluator/device/cpu/calibration.hpp"
#include "tests/integration/judge/fixture.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/program.hpp"

#include <nlohmann/json.hpp>

using namespace kw;
using namespace kw::test;
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

const fs::path k_build = KW_BINARY_DIR;

json figures_of_this_machine() {
    const auto sandbox = sandbox::open_sandbox("auto");
    REQUIRE(sandbox.ok());
    const auto calibration = cpu::calibrate(**sandbox, k_build / "bin", k_build / "test-cache");
    REQUIRE(calibration.ok());
    return json::parse(cpu::to_json(*calibration));
}

json times(json figures, double factor) {
    for (json& level : figures.at("levels")) {
        level["gb_per_s"] = level["gb_per_s"].get<double>() * factor;
        level["read_gb_per_s"] = level["read_gb_per_s"].get<double>() * factor;
    }
    return figures;
}

/// A cache and a harness of its own; what is built is shared with the other tests.
class MachineOnRecord {
public:
    MachineOnRecord(const json& stored, json probed) {
        record_ = folder_ / "cache/calibration" /
                  (stored.at("hash").get<std::string>().substr(0, 16) + ".json");
        fs::create_directories(record_.parent_path());
        write_file(record_, stored.dump());
        fs::create_directories(k_build / "test-cache/build");
        fs::create_directory_symlink(k_build / "test-cache/build", folder_ / "cache/build");
        fs::create_directory(folder_ / "bin");
        fs::copy_file(k_build / "bin/kw-runner", folder_ / "bin/kw-runner");
        probed["schema"] = "kwright.probe/1";
        write_file(folder_ / "bin/kw-probe", "#!/bin/sh\necho '" + probed.dump() + "'\n");
        EvaluatorConfig config;
        config.cache_dir = folder_ / "cache";
        config.harness_dir = folder_ / "bin";
        auto opened = open_cpu_device(config);
        REQUIRE(opened.ok());
        device_ = std::move(opened).value();
    }

    /// The plain loop, timed.
    Evaluation judge_honest() {
        JudgeOptions options;
        options.cap_s = 0.3;
        const Candidate candidate = make_candidate(
            "scale_add",
            with_body("    for (int64_t i = 0; i < N; ++i) { y[i] = w[i] * x[i] + 1.0f; }"));
        auto judged = judge(*device_, scale_add(), candidate, options);
        INFO((judged.ok() ? judged->summary : judged.error().what));
        REQUIRE(judged.ok());
        return std::move(judged).value();
    }

    [[nodiscard]] json record() const { return json::parse(read_file(record_)); }

private:
    Folder folder_;
    fs::path record_;
    std::unique_ptr<Device> device_;
};

}  // namespace

TEST_CASE(
    "floor: an honest kernel is not called too fast for a calibration that came out low",
    "[judge][untimed]") {
    const json real = figures_of_this_machine();
    MachineOnRecord machine(times(real, 0.001), real);
    const Evaluation judged = machine.judge_honest();
    INFO(judged.summary);
    CHECK(judged.verdict == Verdict::accepted);
    CHECK(machine.record().at("levels") == real.at("levels"));
}

TEST_CASE(
    "floor: what is still below it after measuring again is too fast, time after time",
    "[judge][untimed]") {
    const json low = times(figures_of_this_machine(), 0.001);
    MachineOnRecord machine(low, times(low, 0.5));
    for (int i = 0; i < 2; ++i) {
        const Evaluation judged = machine.judge_honest();
        INFO(judged.summary);
        CHECK(judged.verdict == Verdict::too_fast);
    }
    CHECK(machine.record().at("levels") == low.at("levels"));  // the higher of the two
}
