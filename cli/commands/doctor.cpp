// SPDX-License-Identifier: Apache-2.0
// Can this machine judge, and how well? Shows what is missing with its remedy.
#include "agent/models/api_key.hpp"
#include "cli/commands/commands.hpp"
#include "cli/console.hpp"
#include "cli/context.hpp"
#include "cli/doctor_cuda.hpp"
#include "cli/host.hpp"
#include "cli/json_text.hpp"
#include "evaluator/device/cpu/build.hpp"
#include "evaluator/device/cpu/calibration.hpp"
#include "sandbox/sandbox.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>

namespace kw::cli {
namespace {

struct Report {
    std::vector<Condition> lines;
    std::optional<cpu::Calibration> calibration;
    bool can_judge = true;
    bool can_judge_cuda = false;

    void add(Condition line) { lines.push_back(std::move(line)); }
    void block(std::string area, std::string what, std::string remedy) {
        add({std::move(area), std::move(what), State::missing, std::move(remedy)});
        can_judge = false;
    }
};

std::string rounded(double value) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), value < 10 ? "%.1f" : "%.0f", value);
    return text.data();
}

void look_at_processor(Report& report) {
    const int level = cpu::machine_level();
    const cpu::Calibration machine = cpu::identify_machine();
    const std::string name = machine.cpu.empty() ? "processor" : machine.cpu;
#if !defined(__x86_64__)
    report.block(
        "processor",
        name + ": not x86-64",
        "CPU kernels are judged on x86-64 only; board, show and diff work here");
    return;
#endif
    if (level < 3) {
        report.block(
            "processor",
            name + ", x86-64-v" + std::to_string(level) + ": no AVX2",
            "judging needs AVX2 (x86-64-v3; Intel Haswell, AMD Excavator or newer); board, show "
            "and "
            "diff work here");
        return;
    }
    report.add({"processor", name + ", x86-64-v" + std::to_string(level), State::good, ""});
}

void look_at_compiler(Report& report, const Config& config) {
    const auto toolchain = cpu::find_toolchain(config.text("compiler"));
    if (!toolchain) {
        report.block("compiler", toolchain.error().what, toolchain.error().hint);
        return;
    }
    report.add(
        {"compiler",
         toolchain->version + " (" + toolchain->compiler.string() + ")",
         State::good,
         ""});
}

void look_at_harness(Report& report, const Config& config) {
    const Places places = find_places(config);
    for (const char* program : {"kw-runner", "kw-probe"}) {
        std::error_code ignored;
        if (!std::filesystem::exists(places.harness_dir / program, ignored)) {
            report.block(
                "harness",
                (places.harness_dir / program).string() + " is not there",
                "reinstall kwright, or set KWRIGHT_HARNESS_DIR to the folder that holds it");
        }
    }
    if (places.share_dir.empty()) {
        report.add(
            {"tasks",
             "the shipped tasks and prompts were not found beside the program",
             State::caution,
             "reinstall kwright, or run it from its source folder"});
    }
}

void look_at_sandbox(Report& report, const Config& config) {
    if (config.text("sandbox") == "none") {
        report.add(
            {"sandbox",
             "none, as configured: kernels run with your rights, and every result says so",
             State::caution,
             "unset KWRIGHT_SANDBOX"});
        return;
    }
    const sandbox::Probe probe = sandbox::probe_sandbox();
    if (!probe.usable) {
        std::string hint = probe.hint;
        if (const std::string container = container_kind(); !container.empty()) {
            hint += (hint.empty() ? "" : "; ") + std::string("inside ") + container +
                    ": allow user namespaces (--security-opt seccomp=unconfined --security-opt "
                    "apparmor=unconfined), or accept no sandbox: KWRIGHT_SANDBOX=none";
        }
        report.block("sandbox", probe.problem, hint);
        return;
    }
    std::string layers;
    for (const std::string& layer : probe.profile.layers) {
        layers += (layers.empty() ? "" : ", ") + layer;
    }
    report.add({"sandbox", layers, State::good, ""});
    for (const std::string& missing : probe.profile.missing) {
        report.add({"sandbox", "without " + missing, State::info, ""});
    }
}

void look_at_speed(Report& report, const Config& config, bool again, Console& console) {
    const EvaluatorConfig settings = evaluator_config(config);
    const auto sandbox = sandbox::open_sandbox(settings.sandbox_mode);
    if (!sandbox) {
        return;  // said already
    }
    console.redraw({"  measuring bandwidths and peak rates, a few seconds"});
    const auto measured =
        cpu::calibrate(**sandbox, settings.harness_dir, settings.cache_dir, again);
    console.redraw({});
    if (!measured) {
        report.block("calibration", measured.error().what, measured.error().hint);
        return;
    }
    report.calibration = *measured;
    std::string bandwidth;
    for (const cpu::LevelBandwidth& level : measured->levels) {
        bandwidth +=
            (bandwidth.empty() ? "" : "  ") + level.level + " " + rounded(level.gb_per_s) + " GB/s";
    }
    report.add({"bandwidth", bandwidth + "   (one thread)", State::info, ""});
    std::string peak = "f32 " + rounded(measured->f32_gflops) + " GFLOP/s  int8 " +
                       rounded(measured->i8_gops) + " GOP/s  bit " + rounded(measured->bit_gops) +
                       " GOP/s";
    peak += measured->bf16_gflops > 0 ? "  bf16 " + rounded(measured->bf16_gflops) : "";
    peak += measured->f16_gflops > 0 ? "  f16 " + rounded(measured->f16_gflops) : "";
    report.add({"peak", peak, State::info, ""});
}

void look_at_models(Report& report, const Config& config) {
    const auto read = model_config(config);
    const agent::ModelConfig models = read ? *read : agent::ModelConfig{};
    std::vector<std::string> variables = {"OPENAI_API_KEY", "ANTHROPIC_API_KEY"};
    if (!models.key_env.empty()) {
        variables.insert(variables.begin(), models.key_env);
    }
    std::string found;
    for (const std::string& variable : variables) {
        const auto value = agent::read_environment(models, variable);
        if (value && !value->empty()) {
            found += (found.empty() ? "" : ", ") + variable;
        }
    }
    if (!models.key_file.empty()) {
        found += found.empty() ? "" : ", ";
        found += "key file " + models.key_file.string();
    }
    if (found.empty()) {
        report.add(
            {"model",
             "no API key: tune, replay, exchange and command proposers work without",
             State::info,
             "export OPENAI_API_KEY or ANTHROPIC_API_KEY"});
        return;
    }
    report.add({"model", "key in " + found, State::good, ""});
}

void look_at_store(Report& report, const Config& config) {
    const std::string file = config.text("db");
    std::error_code ignored;
    if (!std::filesystem::exists(file, ignored)) {
        report.add({"store", file + ", made when first needed", State::info, ""});
        return;
    }
    auto store = open_store(config, db::Access::read_only);
    if (!store) {
        report.add({"store", store.error().what, State::caution, store.error().hint});
        return;
    }
    const auto campaigns = store->campaigns();
    report.add(
        {"store",
         file + ", schema " + std::to_string(store->schema_version()) +
             (campaigns ? ", " + std::to_string(campaigns->size()) + " campaigns" : ""),
         State::good,
         ""});
}

void print_json(const Report& report, Console& console) {
    nlohmann::json document = {
        {"schema", "kwright.doctor/1"},
        {"version", KW_VERSION},
        {"can_judge", report.can_judge},
        {"can_judge_cuda", report.can_judge_cuda},
        {"lines", nlohmann::json::array()},
        {"calibration", nullptr}};
    for (const Condition& line : report.lines) {
        document["lines"].push_back(
            {{"area", line.area},
             {"what", line.what},
             {"state", name(line.state)},
             {"remedy", line.remedy}});
    }
    if (report.calibration) {
        document["calibration"] = nlohmann::json::parse(cpu::to_json(*report.calibration));
    }
    console.print(json_text(document));
}

Ink ink_of(State state) {
    switch (state) {
        case State::good: return Ink::green;
        case State::caution: return Ink::yellow;
        case State::missing: return Ink::red;
        case State::info: return Ink::dim;
    }
    return Ink::plain;
}

void print_text(const Report& report, Console& console) {
    Table table;
    table.head = {"", "", ""};
    std::string area;
    for (const Condition& line : report.lines) {
        table.rows.push_back(
            {line.area == area ? "" : line.area,
             console.paint(std::string(name(line.state)), ink_of(line.state)),
             line.what});
        area = line.area;
        if (!line.remedy.empty() && line.state != State::good) {
            table.rows.push_back({"", "", console.paint("fix: " + line.remedy, Ink::dim)});
        }
    }
    const std::string text = render(table);
    console.print(text.substr(text.find('\n') + 1));
    console.print(
        report.can_judge
            ? std::string("\nThis machine can judge CPU kernels") +
                  (report.can_judge_cuda ? ", and CUDA kernels on the emulated device" : "") +
                  ".   Next: kwright demo"
            : "\nThis machine cannot judge kernels yet: see the lines marked missing.");
}

Result<int> doctor(const Invocation& invocation, Console& console) {
    Report report;
    const Config& config = invocation.config;
    look_at_processor(report);
    look_at_compiler(report, config);
    look_at_harness(report, config);
    look_at_sandbox(report, config);
    if (report.can_judge) {
        look_at_speed(report, config, invocation.has("measure-again"), console);
    }
    CudaReport cuda = look_at_cuda(config, report.can_judge);
    report.can_judge_cuda = cuda.can_judge;
    for (Condition& line : cuda.lines) {
        report.add(std::move(line));
    }
    for (Condition& line : timing_conditions()) {
        report.add(std::move(line));
    }
    look_at_models(report, config);
    look_at_store(report, config);
    if (invocation.json) {
        print_json(report, console);
    } else {
        print_text(report, console);
    }
    return report.can_judge ? 0 : exit_code(Errc::environment);
}

}  // namespace

CommandSpec doctor_command() {
    CommandSpec spec;
    spec.name = "doctor";
    spec.group = "Start";
    spec.summary = "can this machine judge? what is missing, and how to get it";
    spec.examples = {"kwright doctor", "kwright doctor --measure-again"};
    spec.options = {
        {"--measure-again",
         "",
         "measure bandwidths and peak rates again; higher figures replace lower ones",
         "",
         false,
         "Options",
         {}}};
    spec.run = doctor;
    return spec;
}

}  // namespace kw::cli
