// SPDX-License-Identifier: Apache-2.0
// How fast the emulated device interprets: fixed kernels, with and without checks, on one core and
// on all.
#include "cli/bench_kernels.hpp"
#include "cli/commands/commands.hpp"
#include "cli/console.hpp"
#include "cli/context.hpp"
#include "cli/json_text.hpp"
#include "evaluator/device/emulated/trial.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <thread>

namespace kw::cli {
namespace {

using Kind = emulated::TrialArgument::Kind;
using nlohmann::json;

std::string show(const char* format, double value) {
    std::array<char, 48> text{};
    std::snprintf(text.data(), text.size(), format, value);
    return text.data();
}

/// Fixed pseudo-random bytes; as floats and halves none is a NaN or large.
std::vector<std::byte> filling(std::int64_t bytes, std::uint32_t seed) {
    std::vector<std::byte> out(static_cast<std::size_t>(bytes));
    std::uint32_t state = seed;
    for (std::size_t i = 0; i < out.size(); ++i) {
        state = state * 1664525U + 1013904223U;
        const bool high = i % 2 == 1;
        out[i] = static_cast<std::byte>(high ? 0x30U + (state >> 29) : state >> 24);
    }
    return out;
}

emulated::TrialArgument input(std::int64_t bytes, std::uint32_t seed) {
    emulated::TrialArgument made;
    made.kind = Kind::in;
    made.text = "input";
    made.content = filling(bytes, seed);
    return made;
}

emulated::TrialArgument output(std::int64_t bytes) {
    emulated::TrialArgument made;
    made.kind = Kind::out;
    made.text = "output";
    made.bytes = bytes;
    return made;
}

emulated::TrialArgument count(std::int64_t value) {
    emulated::TrialArgument made;
    made.text = "count";
    made.bytes = 4;
    made.integer = value;
    return made;
}

/// A kernel at its size, ready but for what is varied.
struct BenchKernel {
    std::string what;  ///< "512^3"
    emulated::Trial trial;
};

emulated::Trial trial_of(
    const char* kernel,
    std::array<std::uint32_t, 3> grid,
    std::array<std::uint32_t, 3> block,
    std::vector<emulated::TrialArgument> arguments) {
    emulated::Trial trial;
    trial.ptx = bench_ptx();
    trial.kernel = kernel;
    trial.launch.grid = grid;
    trial.launch.block = block;
    trial.arguments = std::move(arguments);
    return trial;
}

BenchKernel gemm_f32(std::uint32_t n) {
    const std::int64_t bytes = 4 * std::int64_t{n} * n;
    return {
        "f32, tiles in shared memory, " + std::to_string(n) + "^3",
        trial_of(
            "gemm_f32",
            {n / 16, n / 16, 1},
            {16, 16, 1},
            {input(bytes, 1), input(bytes, 2), output(bytes), count(n)})};
}

BenchKernel add_f16(std::uint32_t pairs) {
    const std::int64_t bytes = 4 * std::int64_t{pairs};
    return {
        "f16x2, " + std::to_string(pairs),
        trial_of(
            "add_f16",
            {pairs / 256, 1, 1},
            {256, 1, 1},
            {input(bytes, 1), input(bytes, 2), output(bytes), count(pairs)})};
}

BenchKernel gemm_s8(std::uint32_t n, std::uint32_t k) {
    const std::int64_t bytes = std::int64_t{n} * k;
    return {
        "s8 mma, " + std::to_string(n) + " x " + std::to_string(n) + " x " + std::to_string(k),
        trial_of(
            "gemm_s8",
            {n / 8, n / 64, 1},
            {32, 4, 1},
            {input(bytes, 1),
             input(bytes, 2),
             output(4 * std::int64_t{n} * n),
             count(n),
             count(k / 4)})};
}

BenchKernel gemv_w4a16(std::uint32_t rows, std::uint32_t columns) {
    const std::int64_t weights = std::int64_t{rows} * columns;
    return {
        "4-bit weights, " + std::to_string(rows) + " x " + std::to_string(columns),
        trial_of(
            "gemv_w4a16",
            {rows / 4, 1, 1},
            {32, 4, 1},
            {input(weights / 2, 1),
             input(weights / 64, 2),
             input(2 * std::int64_t{columns}, 3),
             output(2 * std::int64_t{rows}),
             count(columns)})};
}

std::vector<BenchKernel> kernels(bool quick) {
    const std::uint32_t part = quick ? 8 : 1;
    std::vector<BenchKernel> all;
    all.push_back(gemm_f32(512 / (quick ? 4 : 1)));
    all.push_back(add_f16((std::uint32_t{2} << 20) / part));
    all.push_back(gemm_s8(512 / (quick ? 4 : 1), 1024 / part));
    all.push_back(gemv_w4a16(2048 / part, 4096));
    return all;
}

/// One kernel, checked or not, on some threads.
struct Measured {
    double wall_s = 0;  ///< median over the runs
    double cpu_s = 0;   ///< of all threads, the least of the runs
    std::int64_t thread_instructions = 0;
    std::int64_t warp_instructions = 0;
    std::int64_t workers = 0;
    std::int64_t peak_bytes = 0;
    std::int64_t shadow_bytes = 0;
    std::int64_t buffer_bytes = 0;

    [[nodiscard]] double rate() const { return static_cast<double>(thread_instructions) / wall_s; }
    [[nodiscard]] double rate_of_cpu() const {
        return static_cast<double>(thread_instructions) / std::max(cpu_s, 1e-9);
    }
    [[nodiscard]] double ns_per_warp_instruction(int threads) const {
        return wall_s * 1e9 * threads / static_cast<double>(warp_instructions);
    }
    [[nodiscard]] double memory_ratio() const {
        return static_cast<double>(peak_bytes) / static_cast<double>(buffer_bytes + shadow_bytes);
    }
};

class Bench {
public:
    Bench(emulated::Emulator& emulator, int runs, Console& console)
        : emulator_(emulator)
        , runs_(runs)
        , console_(console) {}

    Result<Measured> measure(emulated::Trial trial, bool checked, int threads) {
        trial.checked = checked;
        trial.threads = threads;
        Measured measured;
        std::vector<double> seconds;
        for (int run = 0; run < runs_; ++run) {
            console_.redraw(
                {"  " + trial.kernel + (checked ? ", all checks, " : ", unchecked, ") +
                 std::to_string(threads) + " threads, run " + std::to_string(run + 1)});
            KW_TRY_ASSIGN(const auto result, emulated::run_trial(emulator_, trial));
            if (result.report.launches.empty()) {
                return Error{
                    Errc::environment,
                    "running " + trial.kernel + ": " + result.report.problem,
                    "see `kwright doctor`"};
            }
            const emulated::LaunchReport& launch = result.report.launches.front();
            if (launch.ending != "completed" || !launch.findings.empty()) {
                return Error{
                    Errc::no,
                    "running " + trial.kernel + ": " + launch.ending + " " +
                        (launch.findings.empty() ? launch.error : launch.findings.front().text),
                    ""};
            }
            seconds.push_back(launch.wall_s);
            const double cpu_s = launch.cpu_s;
            measured.cpu_s = run == 0 ? cpu_s : std::min(measured.cpu_s, cpu_s);
            measured.thread_instructions = launch.thread_instructions;
            measured.warp_instructions = launch.warp_instructions;
            measured.workers = launch.workers;
            measured.shadow_bytes = launch.shadow_bytes;
            measured.buffer_bytes = result.buffer_bytes;
            measured.peak_bytes = std::max(measured.peak_bytes, result.report.peak_bytes);
        }
        console_.redraw({});
        std::ranges::sort(seconds);
        measured.wall_s = std::max(seconds[seconds.size() / 2], 1e-9);
        return measured;
    }

private:
    emulated::Emulator& emulator_;
    int runs_;
    Console& console_;
};

/// A kernel's four measurements.
struct Row {
    std::string kernel;
    std::string what;
    Measured none_one, none_all, checked_one, checked_all;
};

/// The judge runs a case twice: with all checks, and without.
double judged_rate(const Measured& none, const Measured& checked) {
    return 2 * static_cast<double>(none.thread_instructions) / (none.wall_s + checked.wall_s);
}

json measured_json(const Measured& measured) {
    return {
        {"wall_s", measured.wall_s},
        {"cpu_s", measured.cpu_s},
        {"thread_instructions_per_s", measured.rate()},
        {"thread_instructions_per_cpu_s", measured.rate_of_cpu()},
        {"ns_per_warp_instruction",
         measured.ns_per_warp_instruction(static_cast<int>(measured.workers))},
        {"workers", measured.workers},
        {"peak_bytes", measured.peak_bytes},
        {"shadow_bytes", measured.shadow_bytes},
        {"memory_ratio", measured.memory_ratio()}};
}

json row_json(const Row& row) {
    return {
        {"kernel", row.kernel},
        {"what", row.what},
        {"thread_instructions", row.none_one.thread_instructions},
        {"warp_instructions", row.none_one.warp_instructions},
        {"buffer_bytes", row.none_one.buffer_bytes},
        {"one_core",
         {{"none", measured_json(row.none_one)},
          {"judged", {{"thread_instructions_per_s", judged_rate(row.none_one, row.checked_one)}}},
          {"all", measured_json(row.checked_one)}}},
        {"all_cores",
         {{"none", measured_json(row.none_all)},
          {"judged", {{"thread_instructions_per_s", judged_rate(row.none_all, row.checked_all)}}},
          {"all", measured_json(row.checked_all)}}},
        {"scaling",
         {{"none", row.none_all.rate() / row.none_one.rate()},
          {"all", row.checked_all.rate() / row.checked_one.rate()}}},
        {"cpu_ratio",
         {{"none", row.none_all.cpu_s / row.none_one.cpu_s},
          {"all", row.checked_all.cpu_s / row.checked_one.cpu_s}}}};
}

Table speed_table(const std::vector<Row>& rows) {
    Table table;
    table.head = {
        "kernel",
        "cores",
        "none M/s",
        "judged M/s",
        "all M/s",
        "none M/CPU s",
        "all M/CPU s",
        "none ns/wi",
        "all ns/wi"};
    table.right = {false, false, true, true, true, true, true, true, true};
    for (const Row& row : rows) {
        const auto add = [&](const char* cores, const Measured& none, const Measured& all) {
            table.rows.push_back(
                {row.kernel,
                 cores,
                 show("%.0f", none.rate() / 1e6),
                 show("%.0f", judged_rate(none, all) / 1e6),
                 show("%.0f", all.rate() / 1e6),
                 show("%.0f", none.rate_of_cpu() / 1e6),
                 show("%.0f", all.rate_of_cpu() / 1e6),
                 show("%.1f", none.ns_per_warp_instruction(1)),
                 show("%.1f", all.ns_per_warp_instruction(1))});
        };
        add("one", row.none_one, row.checked_one);
        add("all", row.none_all, row.checked_all);
    }
    return table;
}

Table scaling_table(const std::vector<Row>& rows) {
    Table table;
    table.head = {
        "kernel",
        "scaling none",
        "scaling all",
        "CPU none",
        "CPU all",
        "peak none",
        "peak all",
        "of buffers + shadow"};
    table.right = {false, true, true, true, true, true, true, true};
    for (const Row& row : rows) {
        table.rows.push_back(
            {row.kernel,
             show("%.2fx", row.none_all.rate() / row.none_one.rate()),
             show("%.2fx", row.checked_all.rate() / row.checked_one.rate()),
             show("%.2fx", row.none_all.cpu_s / row.none_one.cpu_s),
             show("%.2fx", row.checked_all.cpu_s / row.checked_one.cpu_s),
             show_bytes(row.none_one.peak_bytes),
             show_bytes(row.checked_one.peak_bytes),
             show("%.2fx", row.none_one.memory_ratio()) + ", " +
                 show("%.2fx", row.checked_one.memory_ratio())});
    }
    return table;
}

Result<int> bench_emulated(const Invocation& invocation, Console& console) {
    KW_TRY_ASSIGN(const std::int64_t runs, invocation.integer("runs", 3));
    if (runs < 1 || runs > 1000) {
        return Error{Errc::usage, "--runs takes 1 to 1000", ""};
    }
    const int cores = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1U, 16U));
    const EvaluatorConfig config = evaluator_config(invocation.config);
    KW_TRY_ASSIGN(const auto sandbox, sandbox::open_sandbox(config.sandbox_mode));
    KW_TRY_ASSIGN(auto emulator, emulated::Emulator::open(*sandbox, config.harness_dir));
    Bench bench(emulator, static_cast<int>(runs), console);
    std::vector<Row> rows;
    for (const BenchKernel& kernel : kernels(invocation.has("quick"))) {
        Row row{kernel.trial.kernel, kernel.what, {}, {}, {}, {}};
        KW_TRY_ASSIGN(row.none_one, bench.measure(kernel.trial, false, 1));
        KW_TRY_ASSIGN(row.checked_one, bench.measure(kernel.trial, true, 1));
        KW_TRY_ASSIGN(row.none_all, bench.measure(kernel.trial, false, cores));
        KW_TRY_ASSIGN(row.checked_all, bench.measure(kernel.trial, true, cores));
        rows.push_back(std::move(row));
    }
    if (invocation.json) {
        json document = {
            {"schema", "kwright.bench-emulated/1"},
            {"runs", runs},
            {"cores", cores},
            {"kernels", json::array()}};
        for (const Row& row : rows) {
            document["kernels"].push_back(row_json(row));
        }
        console.print(json_text(document));
        return 0;
    }
    console.print(
        "million thread-instructions a second (and of processor time), ns a warp instruction; "
        "median of " +
        std::to_string(runs) + " runs, all = " + std::to_string(cores) + " cores\n");
    console.print(render(speed_table(rows)));
    console.print("");
    console.print(render(scaling_table(rows)));
    console.print("");
    for (const Row& row : rows) {
        console.print(
            row.kernel + ": " + row.what + ", " +
            show("%.1f", static_cast<double>(row.none_one.thread_instructions) / 1e6) +
            " M thread-instructions");
    }
    return 0;
}

}  // namespace

CommandSpec bench_emulated_command() {
    CommandSpec spec;
    spec.name = "dev bench emulated";
    spec.group = "Hidden";
    spec.summary = "speed and memory of the emulated device, with and without checks";
    spec.examples = {"kwright dev bench emulated --runs 5 --json"};
    spec.options = {
        {"--runs", "N", "runs of each kernel in each mode (3)", "", false, "Options", {}},
        {"--quick",
         "",
         "an eighth of the work: whether it runs, not how fast",
         "",
         false,
         "Options",
         {}},
    };
    spec.run = bench_emulated;
    spec.hidden = true;
    return spec;
}

}  // namespace kw::cli
