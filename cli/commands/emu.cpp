// SPDX-License-Identifier: Apache-2.0
// Any kernel on the emulated device, with a launch and buffers that the caller chose.
#include "cli/commands/commands.hpp"
#include "cli/console.hpp"
#include "cli/context.hpp"
#include "cli/emu_arguments.hpp"
#include "cli/emu_text.hpp"
#include "cli/json_text.hpp"
#include "core/text_file.hpp"
#include "evaluator/device/cuda/build.hpp"
#include "evaluator/device/cuda/ptx_facts.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <fstream>

namespace kw::cli {
namespace {

constexpr std::size_t k_most_ptx_bytes = std::size_t{16} << 20;

/// The device's side of a trial.
struct EmuTarget {
    emulated::ModelArch model;
    cuda::DeviceConstants constants;
    int registers = 0;  ///< a thread, of ptxas; 0: not known
};

/// "sm_90a" -> 90.
std::optional<int> number_of_arch(std::string_view arch) {
    const std::size_t digits = arch.find_first_of("0123456789");
    int number = 0;
    if (digits == std::string_view::npos ||
        std::from_chars(arch.data() + digits, arch.data() + arch.size(), number).ec !=
            std::errc()) {
        return std::nullopt;
    }
    return number;
}

Result<void> check_target(const std::string& ptx, const std::string& arch) {
    const std::string target = cuda::ptx_facts(ptx).target;
    const std::optional<int> wanted = number_of_arch(target);
    if (target.empty() || (wanted && wanted <= number_of_arch(arch))) {
        return {};
    }
    if (!wanted) {
        return Error{
            Errc::usage,
            "the PTX is for " + target.substr(0, 20) + ", which is no architecture",
            "build it for " + arch + ", or for one before it"};
    }
    return Error{
        Errc::usage,
        "the PTX is for " + target.substr(0, 20) + ", the device is " + arch,
        "pass --arch " + target.substr(0, 20) + ", or build the PTX for " + arch};
}

/// PTX of a CUDA source. Nothing: it does not compile, which is told.
Result<std::optional<std::string>> compiled(
    const std::string& file,
    const Invocation& invocation,
    sandbox::Sandbox& sandbox,
    Console& console,
    std::map<std::string, int>& registers) {
    const EvaluatorConfig config = evaluator_config(invocation.config);
    cuda::ToolkitSearch search = cuda::usual_search();
    search.configured = config.cuda_home;
    KW_TRY_ASSIGN(cuda::Toolkit toolkit, cuda::find_toolkit(search));
    KW_TRY_ASSIGN(
        const auto builder,
        cuda::Builder::open(
            sandbox, std::move(toolkit), config.harness_dir, config.cache_dir / "build"));
    cuda::BuildRequest request;
    KW_TRY_ASSIGN(request.source, read_text_file(file));
    request.file_name = std::filesystem::path(file).filename().string();
    request.arch = invocation.text("arch", "sm_90a");
    KW_TRY_ASSIGN(cuda::BuildOutcome built, builder->compile(request));
    if (built.verdict != Verdict::accepted) {
        console.error(built.summary, "");
        console.say(built.detail);
        return std::optional<std::string>();
    }
    for (const cuda::KernelResources& kernel : built.kernels) {
        registers[kernel.name] = kernel.registers;
    }
    return std::optional(std::move(built.ptx));
}

/// Everything but the PTX.
struct Wanted {
    emulated::Trial trial;
    std::vector<EmuArgument> arguments;
};

Result<Wanted> read_wanted(const Invocation& invocation) {
    Wanted wanted;
    emulated::Trial& trial = wanted.trial;
    trial.kernel = invocation.text("kernel");
    KW_TRY_ASSIGN(trial.launch.grid, parse_sizes("--grid", invocation.text("grid", "1")));
    KW_TRY_ASSIGN(trial.launch.block, parse_sizes("--block", invocation.text("block", "1")));
    KW_TRY_ASSIGN(trial.launch.cluster, parse_sizes("--cluster", invocation.text("cluster", "1")));
    trial.launch.cooperative = invocation.has("cooperative");
    trial.checked = invocation.text("checks", "all") == "all";
    const auto number = [&](const char* name,
                            std::int64_t usual,
                            std::int64_t least,
                            std::int64_t most) -> Result<std::int64_t> {
        KW_TRY_ASSIGN(const std::int64_t value, invocation.integer(name, usual));
        if (value < least || value > most) {
            return Error{
                Errc::usage,
                std::string("--") + name + " takes " + std::to_string(least) + " to " +
                    std::to_string(most),
                ""};
        }
        return value;
    };
    KW_TRY_ASSIGN(const std::int64_t smem, number("smem", 0, 0, 1 << 20));
    KW_TRY_ASSIGN(const std::int64_t seed, number("seed", 0, 0, std::int64_t{1} << 62));
    KW_TRY_ASSIGN(const std::int64_t threads, number("threads", 1, 1, 256));
    KW_TRY_ASSIGN(const std::int64_t seconds, number("timeout", 60, 1, 86'400));
    trial.launch.smem = static_cast<std::uint32_t>(smem);
    trial.seed = static_cast<std::uint64_t>(seed);
    trial.threads = static_cast<int>(threads);
    trial.wall_s = static_cast<double>(seconds);
    for (const std::string& text : invocation.all("arg")) {
        KW_TRY_ASSIGN(EmuArgument argument, read_emu_argument(text));
        trial.arguments.push_back(std::move(argument.argument));
        wanted.arguments.push_back({{}, std::move(argument.result)});
    }
    return wanted;
}

Result<void> write_results(const Wanted& wanted, const emulated::TrialResult& result) {
    for (std::size_t i = 0; i < wanted.arguments.size(); ++i) {
        const std::filesystem::path& file = wanted.arguments[i].result;
        if (file.empty()) {
            continue;
        }
        const std::vector<std::byte>& bytes = result.outputs[i];
        std::ofstream out(file, std::ios::binary | std::ios::trunc);
        out.write(
            reinterpret_cast<const char*>(bytes.data()),
            static_cast<std::streamsize>(bytes.size()));
        if (!out.flush()) {
            return Error{
                Errc::environment, "writing " + file.string() + ": it cannot be written", ""};
        }
    }
    return {};
}

/// The launch's report, or why there is none.
Result<const emulated::LaunchReport*> launch_of(const emulated::RunReport& report) {
    if (!report.launches.empty()) {
        const emulated::LaunchReport& launch = report.launches.front();
        if (launch.ending == "bad launch") {
            return Error{
                Errc::usage,
                launch.kernel + ": " + launch.error,
                "see --grid, --block, --cluster and --smem in `kwright help dev emu`"};
        }
        return &launch;
    }
    if (report.timed_out) {
        return Error{Errc::no, "the kernel did not end in time", "raise --timeout"};
    }
    if (report.out_of_memory) {
        return Error{
            Errc::no,
            "the kernel needs more memory than the sandbox gives",
            "give it smaller buffers or fewer blocks"};
    }
    if (report.problem.starts_with("PTX line ")) {
        return Error{
            Errc::config, report.problem, "docs/emulated-device.md lists what the device runs"};
    }
    return Error{
        Errc::environment,
        report.problem.empty() ? "the emulator gave no report" : report.problem,
        "see `kwright doctor`"};
}

emulated::ModelledTime modelled(
    const EmuTarget& target,
    const emulated::LaunchReport& launch,
    const emulated::TrialResult& result) {
    return emulated::model(
        target.model,
        target.constants,
        {launch, result.launch, target.registers, result.buffer_bytes});
}

Result<int> emu(const Invocation& invocation, Console& console) {
    const std::string file = invocation.text("FILE");
    const std::string arch = invocation.text("arch", "sm_90a");
    KW_TRY_ASSIGN(Wanted wanted, read_wanted(invocation));
    EmuTarget target{*emulated::model_of_arch(arch), *cuda::constants_of_arch(arch), 0};
    std::map<std::string, int> registers;
    const bool source = std::filesystem::path(file).extension() == ".cu";
    if (!source) {
        KW_TRY_ASSIGN(wanted.trial.ptx, read_text_file(file, k_most_ptx_bytes));
        KW_TRY(check_target(wanted.trial.ptx, arch));
        KW_TRY(emulated::check_trial(wanted.trial));
    }
    const EvaluatorConfig config = evaluator_config(invocation.config);
    KW_TRY_ASSIGN(const auto sandbox, sandbox::open_sandbox(config.sandbox_mode));
    if (source) {
        KW_TRY_ASSIGN(auto ptx, compiled(file, invocation, *sandbox, console, registers));
        if (!ptx) {
            return 1;
        }
        wanted.trial.ptx = std::move(*ptx);
    }
    KW_TRY_ASSIGN(auto emulator, emulated::Emulator::open(*sandbox, config.harness_dir));
    KW_TRY_ASSIGN(const emulated::TrialResult result, emulated::run_trial(emulator, wanted.trial));
    KW_TRY_ASSIGN(const emulated::LaunchReport* launch, launch_of(result.report));
    KW_TRY(write_results(wanted, result));
    target.registers = registers[launch->kernel];
    EmuShown shown{*launch, result.launch, "emulated:" + arch, std::nullopt};
    if (launch->ending == "completed") {
        shown.modelled = modelled(target, *launch, result);
    }
    if (invocation.json) {
        nlohmann::json document = emu_json(shown);
        document["schema"] = "kwright.emu/1";
        document["file"] = file;
        document["checks"] = wanted.trial.checked ? "all" : "none";
        console.print(json_text(document));
    } else {
        console.print(emu_text(shown, console));
    }
    return launch->ending == "completed" && error_count(*launch) == 0 ? 0 : 1;
}

}  // namespace

CommandSpec emu_command() {
    CommandSpec spec;
    spec.name = "dev emu";
    spec.group = "Hidden";
    spec.summary = "run any PTX or CUDA kernel on the emulated device, with all checks";
    spec.examples = {
        "kwright dev emu scale.ptx --block 128 --arg in:x.bin --arg out:y.bin:512 --arg f32:1.5",
        "kwright dev emu gemm.cu --kernel gemm --grid 4,4 --block 16,16 --arg inout:c.bin"};
    spec.positionals = {{"FILE", "PTX, or CUDA that ends in .cu", true, false, "file"}};
    spec.options = {
        {"--kernel", "NAME", "the only one when not given", "", false, "Options", {}},
        {"--grid", "X,Y,Z", "blocks (1,1,1)", "", false, "Options", {}},
        {"--block", "X,Y,Z", "threads of a block (1,1,1)", "", false, "Options", {}},
        {"--cluster", "X,Y,Z", "blocks of a cluster (1,1,1)", "", false, "Options", {}},
        {"--smem", "BYTES", "dynamic shared memory (0)", "", false, "Options", {}},
        {"--cooperative", "", "all blocks at once, for grid.sync()", "", false, "Options", {}},
        {"--arg",
         "KIND:VALUE",
         "one for each parameter, in order: in:FILE, out:FILE:BYTES, inout:FILE, scratch:BYTES, "
         "i32:5, u64:0xff, f32:1.5",
         "",
         true,
         "Options",
         {}},
        {"--arch", "ARCH", "device (sm_90a)", "", false, "Options", {"sm_80", "sm_89", "sm_90a"}},
        {"--checks", "WHICH", "all | none (all)", "", false, "Options", {"all", "none"}},
        {"--seed", "N", "order of the warps; 0: by number (0)", "", false, "Options", {}},
        {"--threads", "N", "threads that run the blocks (1)", "", false, "Options", {}},
        {"--timeout", "S", "seconds the kernel may take (60)", "", false, "Options", {}},
    };
    spec.run = emu;
    spec.hidden = true;
    return spec;
}

}  // namespace kw::cli
