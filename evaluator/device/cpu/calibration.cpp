// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/calibration.hpp"

#include "core/clock.hpp"
#include "core/hash.hpp"
#include "evaluator/device/cpu/build.hpp"
#include "evaluator/device/cpu/machine_isa.hpp"

#include <nlohmann/json.hpp>

#include <sched.h>
#include <system_error>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>

namespace kw::cpu {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

constexpr const char* k_schema = "kwright.calibration/1";
constexpr const char* k_probe_schema = "kwright.probe/1";
constexpr double k_most_rate = 1e7;  // beyond it a figure is a mistake, not a machine

std::string processor_name() {
    std::ifstream info("/proc/cpuinfo");
    for (std::string line; std::getline(info, line);) {
        const std::size_t colon = line.find(':');
        if (line.starts_with("model name") && colon != std::string::npos) {
            const std::size_t begin = line.find_first_not_of(" \t", colon + 1);
            return begin == std::string::npos ? "unknown processor" : line.substr(begin);
        }
    }
    return "unknown processor";
}

/// Instruction sets a kernel may care about.
std::vector<std::string> processor_features() {
    std::vector<std::string> features;
#if defined(__x86_64__)
    // The builtin wants literals: one line each. Clang 14 does not know all of them.
#if defined(__clang__) && __clang_major__ < 15
#define KW_OLD_CLANG
#endif
#define KW_FEATURE(name)                \
    if (__builtin_cpu_supports(name)) { \
        features.emplace_back(name);    \
    }
    KW_FEATURE("avx2")
    KW_FEATURE("fma")
    KW_FEATURE("bmi2")
    KW_FEATURE("gfni")
    KW_FEATURE("vpclmulqdq")
#if !defined(KW_OLD_CLANG)
    KW_FEATURE("avxvnni")
#endif
    KW_FEATURE("avx512f")
    KW_FEATURE("avx512bw")
    KW_FEATURE("avx512dq")
    KW_FEATURE("avx512vl")
    KW_FEATURE("avx512ifma")
    KW_FEATURE("avx512vbmi")
    KW_FEATURE("avx512vbmi2")
    KW_FEATURE("avx512vnni")
    KW_FEATURE("avx512bitalg")
    KW_FEATURE("avx512vpopcntdq")
    KW_FEATURE("avx512bf16")
#if !defined(KW_OLD_CLANG)
    KW_FEATURE("avx512fp16")
#endif
#undef KW_FEATURE
#endif
    return features;
}

/// What one processor sees of the last cache, as the kernel tells. Not sysconf(): the C library has
/// been seen to multiply an AMD L3 by ten in a virtual machine.
std::int64_t last_level_bytes() {
    std::int64_t most = 0;
    for (int index = 0; index < 8; ++index) {
        std::ifstream file(
            "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index) + "/size");
        std::int64_t size = 0;
        char unit = 0;
        if (file >> size >> unit) {
            most = std::max(most, unit == 'M' ? size << 20 : size << 10);
        }
    }
    return most > 0 ? most : std::int64_t{32} << 20;
}

/// The last processor we may use: the first ones serve most of the machine's interrupts.
std::optional<int> last_allowed_processor() {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) != 0) {
        return std::nullopt;
    }
    for (int cpu = CPU_SETSIZE - 1; cpu >= 0; --cpu) {
        if (CPU_ISSET(static_cast<unsigned>(cpu), &set)) {
            return cpu;
        }
    }
    return std::nullopt;
}

Error document_error(const std::string& what) {
    return {Errc::config, "reading a calibration: " + what, {}};
}

Result<double> read_rate(const Json& from, const char* key, bool may_be_zero) {
    const auto found = from.find(key);
    const bool number = found != from.end() && found->is_number();
    const double value = number ? found->get<double>() : -1;
    if (!(value >= 0 && value <= k_most_rate) || (value == 0 && !may_be_zero)) {
        return document_error(std::string(key) + " is not a possible rate");
    }
    return value;
}

/// The figures, which the probe's document and the stored one have in common.
Result<void> read_figures(const Json& from, Calibration& to) {
    const auto levels = from.find("levels");
    if (levels == from.end() || !levels->is_array() || levels->empty() || levels->size() > 8) {
        return document_error("'levels' is not a list of cache levels");
    }
    to.levels.clear();
    for (const Json& entry : *levels) {
        if (!entry.is_object() || !entry.contains("level") || !entry["level"].is_string() ||
            !entry.contains("bytes") || !entry["bytes"].is_number_unsigned()) {
            return document_error("an entry of 'levels' is not a cache level");
        }
        LevelBandwidth level;
        level.level = entry["level"].get<std::string>();
        level.bytes = entry["bytes"].get<std::int64_t>();
        KW_TRY_ASSIGN(level.gb_per_s, read_rate(entry, "gb_per_s", false));
        KW_TRY_ASSIGN(level.read_gb_per_s, read_rate(entry, "read_gb_per_s", false));
        if (!to.levels.empty() && level.bytes != 0 && level.bytes < to.levels.back().bytes) {
            return document_error("'levels' does not go from the core outwards");
        }
        to.levels.push_back(level);
    }
    if (to.levels.back().bytes != 0 || to.levels.back().level != "memory") {
        return document_error("'levels' does not end in memory");
    }
    KW_TRY_ASSIGN(to.f32_gflops, read_rate(from, "f32_gflops", false));
    KW_TRY_ASSIGN(to.f16_gflops, read_rate(from, "f16_gflops", true));
    KW_TRY_ASSIGN(to.bf16_gflops, read_rate(from, "bf16_gflops", true));
    KW_TRY_ASSIGN(to.i8_gops, read_rate(from, "i8_gops", false));
    KW_TRY_ASSIGN(to.bit_gops, read_rate(from, "bit_gops", false));
    return {};
}

Result<Json> parse(const std::string& text, const char* schema) {
    Json document = Json::parse(text, nullptr, false);
    if (!document.is_object() || document.value("schema", Json()) != schema) {
        return document_error("it is not a " + std::string(schema) + " document");
    }
    return document;
}

/// The higher figure of two measurements of one machine.
void keep_higher(Calibration& now, const Calibration& before) {
    for (LevelBandwidth& level : now.levels) {
        for (const LevelBandwidth& old : before.levels) {
            if (old.level == level.level && old.bytes == level.bytes) {
                level.gb_per_s = std::max(level.gb_per_s, old.gb_per_s);
                level.read_gb_per_s = std::max(level.read_gb_per_s, old.read_gb_per_s);
            }
        }
    }
    now.f32_gflops = std::max(now.f32_gflops, before.f32_gflops);
    now.f16_gflops = std::max(now.f16_gflops, before.f16_gflops);
    now.bf16_gflops = std::max(now.bf16_gflops, before.bf16_gflops);
    now.i8_gops = std::max(now.i8_gops, before.i8_gops);
    now.bit_gops = std::max(now.bit_gops, before.bit_gops);
}

/// A copy that the sandboxed user can reach, wherever the installation lies.
Result<fs::path> place_probe(sandbox::Sandbox& sandbox, const fs::path& harness_dir) {
    const fs::path from = harness_dir / "kw-probe";
    KW_TRY_ASSIGN(const fs::path dir, sandbox.make_run_dir("probe"));
    const fs::path to = dir / "kw-probe";
    std::error_code error;
    fs::copy_file(from, to, fs::copy_options::overwrite_existing, error);
    if (!error) {
        fs::permissions(to, static_cast<fs::perms>(0755), error);
    }
    if (error) {
        return Error{
            Errc::environment,
            "placing the probe program " + from.string() + ": " + error.message(),
            "reinstall kwright, or set KWRIGHT_HARNESS_DIR to the folder that holds kw-probe"};
    }
    return to;
}

Result<Calibration> measure(sandbox::Sandbox& sandbox, const fs::path& harness_dir) {
    KW_TRY_ASSIGN(const fs::path probe, place_probe(sandbox, harness_dir));
    sandbox::Command command;
    command.argv = {probe.string()};
    command.binds = {{probe, {}, false}};
    command.cwd = "/";
    command.limits.wall = std::chrono::seconds(60);
    command.limits.cpu = std::chrono::seconds(30);
    command.pin_cpu = last_allowed_processor();
    KW_TRY_ASSIGN(const sandbox::Outcome outcome, sandbox.run(command));
    std::error_code ignored;
    fs::remove(probe, ignored);  // the folder goes with the sandbox
    if (outcome.ended_by != sandbox::EndedBy::exit || outcome.exit_code != 0) {
        return Error{
            Errc::environment,
            "measuring this machine: the probe ended with code " +
                std::to_string(outcome.exit_code) + ", signal " + std::to_string(outcome.signal) +
                (outcome.err.empty() ? "" : ": " + outcome.err.substr(0, 200)),
            "kwright doctor says what the sandbox lacks"};
    }
    Calibration calibration = identify_machine();
    const auto document = parse(outcome.out, k_probe_schema);
    const auto figures =
        document.ok() ? read_figures(*document, calibration) : Result<void>(document.error());
    if (!figures.ok()) {
        return Error{
            Errc::environment,
            "measuring this machine: " + figures.error().what,
            "reinstall kwright"};
    }
    if (calibration.levels.size() > 1) {  // what was measured is what the rotation must exceed
        calibration.llc_bytes = calibration.levels[calibration.levels.size() - 2].bytes;
    }
    calibration.measured_at = iso8601(system_clock().utc_ms());
    return calibration;
}

/// Written beside and renamed: a reader never sees half a record.
Result<void> store(const Calibration& calibration, const fs::path& path) {
    std::error_code error;
    fs::create_directories(path.parent_path(), error);
    const fs::path fresh = path.string() + ".new-" + std::to_string(getpid());
    bool written = false;
    if (!error) {
        std::ofstream out(fresh);
        out << to_json(calibration) << '\n';
        out.close();
        written = out.good();
    }
    if (written) {
        fs::rename(fresh, path, error);
    }
    if (error || !written) {
        std::error_code ignored;
        fs::remove(fresh, ignored);
        return Error{
            Errc::environment,
            "storing the calibration " + path.string() + ": " +
                (error ? error.message() : "it cannot be written"),
            "make the folder writable, or set another one with KWRIGHT_CACHE_DIR"};
    }
    return {};
}

std::optional<Calibration> stored(const fs::path& path, const std::string& hash) {
    std::ifstream in(path);
    std::ostringstream text;
    text << in.rdbuf();
    auto calibration = in ? calibration_from_json(text.str()) : document_error("missing");
    if (!calibration.ok() || calibration->hash != hash) {
        return std::nullopt;  // damaged or another format: measured anew
    }
    return std::move(calibration).value();
}

}  // namespace

Calibration identify_machine() {
    Calibration machine;
    machine.cpu = processor_name();
    machine.isa_level = machine_level();
    machine.features = processor_features();
    machine.cores = static_cast<int>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
    machine.llc_bytes = last_level_bytes();
    Hasher hasher;
    hasher.add("kw-machine/1").add(machine.cpu).add(machine_isa_id());
    hasher.add(std::to_string(machine.cores));
    machine.hash = hasher.hex();
    return machine;
}

Result<Calibration> calibrate(
    sandbox::Sandbox& sandbox,
    const fs::path& harness_dir,
    const fs::path& cache_dir,
    bool measure_again) {
    const std::string hash = identify_machine().hash;
    const fs::path path = cache_dir / "calibration" / (hash.substr(0, 16) + ".json");
    const std::optional<Calibration> before = stored(path, hash);
    if (before && !measure_again) {
        return *before;
    }
    KW_TRY_ASSIGN(Calibration now, measure(sandbox, harness_dir));
    if (before) {
        keep_higher(now, *before);
    }
    KW_TRY(store(now, path));
    return now;
}

std::string to_json(const Calibration& calibration) {
    Json levels = Json::array();
    for (const LevelBandwidth& level : calibration.levels) {
        levels.push_back(
            {{"level", level.level},
             {"bytes", static_cast<std::uint64_t>(level.bytes)},
             {"gb_per_s", level.gb_per_s},
             {"read_gb_per_s", level.read_gb_per_s}});
    }
    const Json document{
        {"schema", k_schema},
        {"cpu", calibration.cpu},
        {"isa_level", calibration.isa_level},
        {"features", calibration.features},
        {"cores", calibration.cores},
        {"llc_bytes", calibration.llc_bytes},
        {"levels", levels},
        {"f32_gflops", calibration.f32_gflops},
        {"f16_gflops", calibration.f16_gflops},
        {"bf16_gflops", calibration.bf16_gflops},
        {"i8_gops", calibration.i8_gops},
        {"bit_gops", calibration.bit_gops},
        {"measured_at", calibration.measured_at},
        {"hash", calibration.hash}};
    return document.dump(2, ' ', false, Json::error_handler_t::replace);
}

Result<Calibration> calibration_from_json(const std::string& text) {
    KW_TRY_ASSIGN(const Json document, parse(text, k_schema));
    Calibration calibration;
    KW_TRY(read_figures(document, calibration));
    try {
        document.at("cpu").get_to(calibration.cpu);
        document.at("isa_level").get_to(calibration.isa_level);
        document.at("features").get_to(calibration.features);
        document.at("cores").get_to(calibration.cores);
        document.at("llc_bytes").get_to(calibration.llc_bytes);
        document.at("measured_at").get_to(calibration.measured_at);
        document.at("hash").get_to(calibration.hash);
    } catch (const Json::exception& error) {
        return document_error(error.what());
    }
    if (calibration.llc_bytes <= 0 || calibration.cores <= 0) {
        return document_error("'llc_bytes' and 'cores' must be positive");
    }
    return calibration;
}

}  // namespace kw::cpu
