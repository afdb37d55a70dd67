// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/calibration.hpp"

#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>

#include <unistd.h>

#include <fstream>
#include <memory>
#include <sstream>
#include <stdlib.h>

using namespace kw;
using namespace kw::cpu;
namespace fs = std::filesystem;
using Json = nlohmann::json;

namespace {

/// A folder that goes away with the test.
class Folder {
public:
    Folder() {
        std::string name = (fs::temp_directory_path() / "kw-calibration-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    ~Folder() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    [[nodiscard]] const fs::path& path() const { return path_; }

private:
    fs::path path_;
};

/// Answers every command with `outcome`; counts them.
class CannedSandbox final : public sandbox::Sandbox {
public:
    explicit CannedSandbox(fs::path folder)
        : folder_(std::move(folder)) {}
    [[nodiscard]] const sandbox::Profile& profile() const override { return profile_; }
    Result<sandbox::Outcome> run(const sandbox::Command& command) override {
        ++runs;
        last = command;
        seen_program = fs::exists(command.argv.at(0));
        return outcome;
    }
    Result<std::unique_ptr<sandbox::Child>> start(const sandbox::Command& /*command*/) override {
        return Error{Errc::environment, "starting nothing", {}};
    }
    Result<fs::path> make_run_dir(const std::string& label) override {
        const fs::path path = folder_ / label;
        fs::create_directories(path);
        return path;
    }

    sandbox::Outcome outcome;
    sandbox::Command last;
    int runs = 0;
    bool seen_program = false;

private:
    fs::path folder_;
    sandbox::Profile profile_;
};

Json probe_document(double scale = 1) {
    return {
        {"schema", "kwright.probe/1"},
        {"levels",
         {{{"level", "L1"}, {"bytes", 32768U}, {"gb_per_s", 200 * scale}, {"read_gb_per_s", 180.5}},
          {{"level", "memory"}, {"bytes", 0U}, {"gb_per_s", 30.0}, {"read_gb_per_s", 20 * scale}}}},
        {"f32_gflops", 100.0},
        {"f16_gflops", 0.0},
        {"bf16_gflops", 200.0},
        {"i8_gops", 400 / scale},
        {"bit_gops", 2000.0}};
}

struct Bench {
    Folder folder;
    CannedSandbox sandbox{folder.path() / "run"};
    fs::path harness = folder.path() / "harness";
    fs::path cache = folder.path() / "cache";

    Bench() {
        fs::create_directories(harness);
        std::ofstream(harness / "kw-probe") << "program";
        sandbox.outcome.out = probe_document().dump();
    }
    Result<Calibration> calibrate(bool again = false) {
        return kw::cpu::calibrate(sandbox, harness, cache, again);
    }
    [[nodiscard]] fs::path record() const {
        return fs::directory_iterator(cache / "calibration")->path();
    }
};

}  // namespace

TEST_CASE("calibration: is measured once and then read", "[calibration]") {
    Bench bench;
    const auto first = bench.calibrate();
    REQUIRE(first.ok());
    CHECK(bench.sandbox.runs == 1);
    CHECK(bench.sandbox.seen_program);
    CHECK(bench.sandbox.last.env.empty());
    CHECK(bench.sandbox.last.pin_cpu.has_value());
    CHECK(first->levels.at(0).gb_per_s == 200);
    CHECK(first->levels.at(1).read_gb_per_s == 20);
    CHECK(first->bf16_gflops == 200);
    CHECK(first->llc_bytes == 32768);  // the last cache that was measured
    CHECK(first->hash == identify_machine().hash);
    CHECK(first->measured_at.size() > 18);
    const auto second = bench.calibrate();
    REQUIRE(second.ok());
    CHECK(bench.sandbox.runs == 1);
    CHECK(to_json(*second) == to_json(*first));
}

TEST_CASE("calibration: measuring again keeps the higher figure", "[calibration]") {
    Bench bench;
    REQUIRE(bench.calibrate().ok());
    bench.sandbox.outcome.out = probe_document(2).dump();
    const auto again = bench.calibrate(true);
    REQUIRE(again.ok());
    CHECK(bench.sandbox.runs == 2);
    CHECK(again->levels.at(0).gb_per_s == 400);
    CHECK(again->levels.at(1).gb_per_s == 30);
    CHECK(again->levels.at(1).read_gb_per_s == 40);
    CHECK(again->i8_gops == 400);
    CHECK(bench.calibrate()->levels.at(0).gb_per_s == 400);
}

TEST_CASE("calibration: a damaged or foreign record is measured anew", "[calibration]") {
    Bench bench;
    REQUIRE(bench.calibrate().ok());
    std::ofstream(bench.record()) << "{\"schema\": \"kwright.calibration/1\", \"levels\": [";
    CHECK(bench.calibrate().ok());
    CHECK(bench.sandbox.runs == 2);
    Json other = Json::parse(to_json(*bench.calibrate()));
    other["hash"] = "another machine";
    std::ofstream(bench.record()) << other;
    CHECK(bench.calibrate().ok());
    CHECK(bench.sandbox.runs == 3);
}

TEST_CASE("calibration: what goes wrong is an environment error with a hint", "[calibration]") {
    Bench bench;
    const auto fails = [&](const std::string& text) {
        const auto result = bench.calibrate();
        REQUIRE_FALSE(result.ok());
        CHECK(result.error().code == Errc::environment);
        CHECK(result.error().what.find(text) != std::string::npos);
        CHECK_FALSE(result.error().hint.empty());
    };
    bench.sandbox.outcome.exit_code = 1;
    bench.sandbox.outcome.err = "kw-probe: no memory";
    fails("no memory");
    bench.sandbox.outcome.exit_code = 0;
    bench.sandbox.outcome.out = "Segmentation fault";
    fails("not a kwright.probe/1 document");
    bench.sandbox.outcome.out = probe_document().dump();
    std::ofstream(bench.cache) << "a file where the folder should be";
    fails("storing the calibration");
    fs::remove(bench.cache);
    fs::remove(bench.harness / "kw-probe");
    fails("placing the probe");
}

TEST_CASE("calibration: a document survives the round trip", "[calibration]") {
    Calibration c = identify_machine();
    c.levels = {{"L1", 32768, 200.25, 180}, {"memory", 0, 30, 25.5}};
    c.f32_gflops = 111.5;
    c.i8_gops = 460;
    c.bit_gops = 2300;
    c.measured_at = "2026-01-02T03:04:05.678Z";
    c.cpu = "odd \xff name";  // not UTF-8: replaced, never thrown
    const auto back = calibration_from_json(to_json(c));
    REQUIRE(back.ok());
    CHECK(back->levels.at(1).read_gb_per_s == 25.5);
    CHECK(back->features == c.features);
    CHECK(back->hash == c.hash);
    CHECK(back->cores == c.cores);
    CHECK(to_json(*calibration_from_json(to_json(*back))) == to_json(*back));
}

TEST_CASE(
    "calibration: no mutation of a document is accepted with an impossible figure",
    "[calibration]") {
    Calibration c = identify_machine();
    c.levels = {{"L1", 32768, 200, 180}, {"memory", 0, 30, 25}};
    c.f32_gflops = c.i8_gops = c.bit_gops = 100;
    const Json good = Json::parse(to_json(c));
    for (const char* key :
         {"f32_gflops", "i8_gops", "bit_gops", "levels", "cpu", "cores", "hash"}) {
        for (const Json& bad :
             {Json(), Json(-1), Json("100"), Json(0), Json(1e300), Json::array()}) {
            if (std::string(key) == "cores" && bad == Json(1e300)) {
                continue;  // a conversion, whatever it gives, is checked by its sign
            }
            if ((std::string(key) == "cpu" || std::string(key) == "hash") && bad.is_string()) {
                continue;
            }
            Json document = good;
            document[key] = bad;
            INFO(key << " " << bad);
            CHECK_FALSE(calibration_from_json(document.dump()).ok());
        }
        Json document = good;
        document.erase(key);
        CHECK_FALSE(calibration_from_json(document.dump()).ok());
    }
    for (const std::string text : {"", "[]", "null", "{", "{\"schema\": 3}", "\xff\xfe"}) {
        CHECK_FALSE(calibration_from_json(text).ok());
    }
    Json upside_down = good;
    std::swap(upside_down["levels"][0], upside_down["levels"][1]);
    CHECK_FALSE(calibration_from_json(upside_down.dump()).ok());
}

TEST_CASE("identify machine: the same machine has the same hash", "[calibration]") {
    const Calibration one = identify_machine();
    CHECK(one.hash == identify_machine().hash);
    CHECK(one.hash.size() == 64);
    CHECK(one.llc_bytes > 0);
    CHECK(one.cores >= 1);
    CHECK_FALSE(one.cpu.empty());
}
