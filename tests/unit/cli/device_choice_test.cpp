// SPDX-License-Identifier: Apache-2.0
#include "cli/device_choice.hpp"

#include "evaluator/evaluator.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/program.hpp"

#include <nlohmann/json.hpp>

#include <map>

using namespace kw;
using namespace kw::cli;
using namespace kw::test;

namespace {

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

struct Said {
    std::string file_target{};
    std::string file_device{};
    std::string variable_target{};
    std::string variable_device{};
    std::string flag_target{};
    std::string flag_device{};
};

Result<std::string> chosen(const Said& said, const Candidate* candidate = nullptr) {
    const Folder folder;
    std::string toml = "[search]\n";
    toml += said.file_target.empty() ? "" : "target = \"" + said.file_target + "\"\n";
    toml += said.file_device.empty() ? "" : "device = \"" + said.file_device + "\"\n";
    write_file(folder / "kwright.toml", toml);
    const std::map<std::string, std::string> variables{
        {"KWRIGHT_SEARCH_TARGET", said.variable_target},
        {"KWRIGHT_SEARCH_DEVICE", said.variable_device}};
    Config::Sources sources;
    sources.project_file = folder / "kwright.toml";
    sources.environment = [&](const std::string& name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        return found == variables.end() || found->second.empty()
                   ? std::nullopt
                   : std::optional<std::string>(found->second);
    };
    auto config = Config::load(sources);
    REQUIRE(config.ok());
    if (!said.flag_target.empty()) {
        REQUIRE(config->set_flag("search.target", said.flag_target, "--target").ok());
    }
    if (!said.flag_device.empty()) {
        REQUIRE(config->set_flag("search.device", said.flag_device, "--device").ok());
    }
    return candidate == nullptr ? choose_device(*config) : choose_device(*config, *candidate);
}

std::string id(const Said& said) {
    const auto device = chosen(said);
    INFO((device.ok() ? "" : device.error().what));
    REQUIRE(device.ok());
    return *device;
}

}  // namespace

TEST_CASE(
    "device choice: target and device follow from each other and cpu is the default", "[cli]") {
    CHECK(id({}) == "cpu");
    CHECK(id({.flag_target = "cuda"}) == "emulated:sm_90a");
    CHECK(id({.flag_target = "cpu"}) == "cpu");
    CHECK(id({.flag_device = "emulated:sm_80"}) == "emulated:sm_80");
    CHECK(id({.flag_target = "cuda", .flag_device = "emulated:sm_89"}) == "emulated:sm_89");
    CHECK(id({.file_target = "cuda"}) == "emulated:sm_90a");
    CHECK(id({.file_target = "cuda", .variable_device = "emulated:sm_80"}) == "emulated:sm_80");
}

TEST_CASE("device choice: the stronger source decides", "[cli]") {
    CHECK(id({.file_device = "emulated:sm_80", .flag_target = "cpu"}) == "cpu");
    CHECK(id({.file_device = "emulated:sm_80", .flag_target = "cuda"}) == "emulated:sm_80");
    CHECK(id({.file_target = "cuda", .variable_target = "cpu"}) == "cpu");
    CHECK(id({.variable_target = "cuda", .flag_device = "cpu"}) == "cpu");
    CHECK(
        id({.file_device = "emulated:sm_80", .variable_device = "emulated:sm_89"}) ==
        "emulated:sm_89");
}

TEST_CASE("device choice: two that contradict each other in one source are refused", "[cli]") {
    for (const Said& said :
         {Said{.file_target = "cpu", .file_device = "emulated:sm_80"},
          Said{.variable_target = "cpu", .variable_device = "emulated:sm_80"},
          Said{.flag_target = "cpu", .flag_device = "emulated:sm_80"},
          Said{.flag_target = "cuda", .flag_device = "cpu"}}) {
        const auto device = chosen(said);
        REQUIRE_FALSE(device.ok());
        CHECK(device.error().code == Errc::usage);
        CHECK(contains(device.error().hint, "drop one of the two"));
    }
}

TEST_CASE("device choice: every name that is offered is one the evaluator knows", "[cli]") {
    EvaluatorConfig nothing;
    nothing.sandbox_mode = "none";
    nothing.compiler = "no-such-compiler";
    nothing.cuda_home = "/no/such";
    for (const std::string& name : device_names()) {
        const auto device = open_device(name, nothing);
        INFO(name);
        CHECK((device.ok() || device.error().code != Errc::usage));
    }
    const auto unknown = chosen({.flag_device = "emulated:sm_90"});
    REQUIRE_FALSE(unknown.ok());
    CHECK(unknown.error().code == Errc::usage);
    CHECK(contains(unknown.error().hint, "did you mean emulated:sm_90a?"));
    CHECK(contains(chosen({.flag_device = "gpu"}).error().hint, "known: cpu, emulated:sm_80"));
}

TEST_CASE("device choice: a file's own line counts where configuration is silent", "[cli]") {
    const auto of = [](const std::string& line, const Said& said = {}) {
        const Candidate candidate = make_candidate("t", line + "\n", "native", "", "");
        const auto device = chosen(said, &candidate);
        return device.ok() ? *device : device.error().what;
    };
    CHECK(of("//!kwright target=cuda arch=sm_80") == "emulated:sm_80");
    CHECK(of("//!kwright target=cuda") == "emulated:sm_90a");
    CHECK(of("//!kwright target=cuda arch=sm_42") == "emulated:sm_90a");
    CHECK(of("//!kwright target=cpu") == "cpu");
    CHECK(of("int x;") == "cpu");
    CHECK(of("//!kwright target=cuda arch=sm_80", {.flag_device = "cpu"}) == "cpu");
    CHECK(
        of("//!kwright target=cuda arch=sm_80", {.flag_device = "emulated:sm_90a"}) ==
        "emulated:sm_90a");
}

TEST_CASE(
    "device choice: verify rejects a file made for something else without a device", "[cli]") {
    const Folder folder;
    Program kwright(folder.path());
    kwright.environment["PATH"] = "";  // no compiler and no toolkit, and no need of them
    kwright.environment["KWRIGHT_TASKS_DIR"] = KW_SOURCE_DIR "/tests/support/tasks";
    write_file(folder / "a.cu", "//!kwright task=scale_add target=cuda arch=sm_80\n");
    const Outcome target = kwright({"verify", "a.cu", "--device", "cpu"});
    CHECK(target.code == 1);
    CHECK(contains(target.out, "rejected  FB its //!kwright line says target=cuda"));
    const Outcome arch = kwright({"verify", "a.cu", "--device", "emulated:sm_90a", "--json"});
    CHECK(arch.code == 1);
    const auto document = nlohmann::json::parse(arch.out);
    CHECK(document["evaluation"]["verdict"] == "FB");
    CHECK(document["target"] == "cuda");
    CHECK(document["isa"] == "sm_80");
    CHECK(contains(document["evaluation"]["summary"].get<std::string>(), "the device is sm_90a"));
}
