// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/emu_run.hpp"

#include "evaluator/device/emulated/engine/memory.hpp"
#include "evaluator/harness_program.hpp"

#include <nlohmann/json.hpp>

#include <cstdio>

namespace kw::emulated {
namespace {

using Json = nlohmann::json;

constexpr std::size_t k_most_text = 2000;  // of one finding or error, cut
constexpr std::size_t k_most_entries = 5000;

std::string hex(const std::vector<std::byte>& bytes) {
    static constexpr char k_digits[] = "0123456789abcdef";
    std::string text = "x";  // never empty
    for (const std::byte byte : bytes) {
        text += k_digits[std::to_integer<unsigned>(byte) >> 4];
        text += k_digits[std::to_integer<unsigned>(byte) & 15];
    }
    return text;
}

/// A number of the report: 0 for anything that is none, never negative.
std::int64_t number(const Json& json, const char* key) {
    const auto found = json.find(key);
    if (found == json.end() || !found->is_number()) {
        return 0;
    }
    const double value = found->get<double>();
    return value > 0 && value < 9e18 ? static_cast<std::int64_t>(value) : 0;
}

double real(const Json& json, const char* key) {
    const auto found = json.find(key);
    return found != json.end() && found->is_number() ? found->get<double>() : 0;
}

std::string text(const Json& json, const char* key) {
    const auto found = json.find(key);
    return found != json.end() && found->is_string()
               ? found->get_ref<const std::string&>().substr(0, k_most_text)
               : std::string();
}

const Json& array(const Json& json, const char* key) {
    static const Json empty = Json::array();
    const auto found = json.find(key);
    return found != json.end() && found->is_array() ? *found : empty;
}

std::array<std::int64_t, 3> place(const Json& json, const char* key) {
    std::array<std::int64_t, 3> out{};
    const Json& entries = array(json, key);
    for (std::size_t i = 0; i < std::min(out.size(), entries.size()); ++i) {
        out[i] = entries[i].is_number_unsigned() ? entries[i].get<std::uint32_t>() : 0;
    }
    return out;
}

Count count_of(const Json& json) {
    return {
        number(json, "warps"),
        number(json, "threads"),
        number(json, "requests"),
        number(json, "sectors"),
        number(json, "lines"),
        number(json, "wavefronts"),
        number(json, "excess"),
        number(json, "divergent")};
}

void read_counters(const Json& json, LaunchReport& launch) {
    const auto works = json.find("by_work");
    if (works != json.end() && works->is_object()) {
        for (const auto& [work, counts] : works->items()) {
            launch.by_work[work.substr(0, 40)] = count_of(counts);
        }
    }
    for (const Json& entry : array(json, "memory")) {
        if (launch.memory.size() < k_most_entries) {
            launch.memory.push_back(
                {count_of(entry),
                 text(entry, "opcode"),
                 text(entry, "work"),
                 static_cast<int>(number(entry, "line"))});
        }
    }
    launch.warp_instructions = number(json, "warp_instructions");
    launch.thread_instructions = number(json, "thread_instructions");
    launch.barriers = number(json, "barriers");
    launch.mma = number(json, "mma");
    launch.blocks_run = number(json, "blocks_run");
    launch.blocks_total = number(json, "blocks_total");
    launch.block_variation = real(json, "block_variation");
}

LaunchReport read_launch(const Json& json) {
    LaunchReport launch;
    launch.kernel = text(json, "kernel");
    launch.ending = text(json, "ending");
    launch.error = text(json, launch.ending == "hang" ? "hang" : "error");
    for (const Json& entry : array(json, "findings")) {
        if (launch.findings.size() < k_most_entries) {
            launch.findings.push_back(
                {text(entry, "kind"),
                 text(entry, "severity"),
                 text(entry, "text"),
                 static_cast<int>(number(entry, "line")),
                 static_cast<int>(number(entry, "ptx_line")),
                 place(entry, "block"),
                 place(entry, "thread"),
                 number(entry, "count")});
        }
    }
    if (const auto counters = json.find("counters"); counters != json.end()) {
        read_counters(*counters, launch);
    }
    launch.shared_bytes = number(json, "shared_bytes");
    launch.local_bytes = number(json, "local_bytes");
    launch.threads_per_block = number(json, "threads_per_block");
    launch.shadow_bytes = number(json, "shadow_bytes");
    launch.workers = number(json, "workers");
    launch.wall_s = real(json, "wall_s");
    launch.cpu_s = real(json, "cpu_s");
    launch.log = text(json, "log");
    return launch;
}

sandbox::Command command_of(
    const std::filesystem::path& program, const RunRequest& request, cpu::SharedMemory& memory) {
    sandbox::Command command;
    command.argv = {"/kw/kw-emu"};
    command.binds = {{program, "/kw/kw-emu", false}};
    command.env = {{"PATH", "/usr/bin"}, {"LC_ALL", "C"}};
    command.stdin_text = job_text(request);
    if (memory.fd() >= 0) {
        command.fds.push_back({memory.fd(), 3});
    }
    const auto wall_ms = static_cast<std::int64_t>(request.wall_s * 1000);
    // The emulator stops by itself and says where; the sandbox's limit is for when it does not.
    // A run of several threads may have to be repeated by one.
    const int runs = (request.again ? 2 : 1) * (request.threads > 1 ? 2 : 1);
    command.limits.wall = std::chrono::milliseconds(runs * wall_ms + 10'000);
    command.limits.cpu = std::chrono::seconds((runs * wall_ms / 1000 + 11) * (request.threads + 1));
    command.limits.memory_bytes =
        (std::int64_t{4} << 30) + 3 * static_cast<std::int64_t>(memory.bytes().size());
    command.limits.processes = request.threads + 4;
    command.limits.file_bytes = 0;
    command.limits.output_bytes = std::int64_t{64} << 20;
    return command;
}

}  // namespace

std::uint64_t buffer_address(std::size_t index) {
    return ((emu::k_first_slot + index) << emu::k_slot_bits) + emu::k_slot_lead;
}

std::string job_text(const RunRequest& request) {
    std::string job = "kw-emu/1\n";
    job += request.checked ? "checks all\n" : "checks none\n";
    job += "threads " + std::to_string(request.threads) + "\n";
    job += "seed " + std::to_string(request.seed) + "\n";
    job += "instructions " + std::to_string(request.instructions) + "\n";
    job += "wall_ms " + std::to_string(static_cast<std::int64_t>(request.wall_s * 1000)) + "\n";
    for (const RunBuffer& buffer : request.buffers) {
        job += "buffer " + buffer.name + " " + std::to_string(buffer.offset) + " " +
               std::to_string(buffer.bytes) + " " + buffer.access + "\n";
    }
    for (const RunLaunch& launch : request.launches) {
        if (!launch.sample.empty()) {
            job += "sample";
            for (const std::uint64_t block : launch.sample) {
                job += " " + std::to_string(block);
            }
            job += "\n";
        }
        job += "launch " + launch.kernel;
        for (const auto* sizes : {&launch.grid, &launch.block, &launch.cluster}) {
            for (const std::uint32_t size : *sizes) {
                job += " " + std::to_string(size);
            }
        }
        job += " " + std::to_string(launch.smem) + (launch.cooperative ? " 1 " : " 0 ") +
               hex(launch.parameters) + "\n";
    }
    if (request.again) {
        job += "again none " + std::to_string(request.again->seed) + " " +
               std::to_string(request.again->shift) + "\n";
    }
    return job + "ptx " + std::to_string(request.ptx.size()) + "\n" + request.ptx;
}

std::optional<RunReport> read_report(const std::string& document) {
    const Json json = Json::parse(document, nullptr, false);
    if (!json.is_object() || text(json, "schema") != "kw-emu-report/1") {
        return std::nullopt;
    }
    RunReport report;
    for (const Json& error : array(json, "errors")) {
        if (report.problem.empty()) {
            report.problem =
                "PTX line " + std::to_string(number(error, "line")) + ": " + text(error, "message");
        }
    }
    for (const Json& launch : array(json, "launches")) {
        if (launch.is_object() && report.launches.size() < k_most_entries) {
            report.launches.push_back(read_launch(launch));
        }
    }
    return report;
}

Result<Emulator> Emulator::open(
    sandbox::Sandbox& sandbox, const std::filesystem::path& harness_dir) {
    KW_TRY_ASSIGN(std::filesystem::path program, place_program(sandbox, harness_dir, "kw-emu"));
    return Emulator(sandbox, std::move(program));
}

Result<RunReport> Emulator::run(const RunRequest& request, cpu::SharedMemory& memory) {
    KW_TRY_ASSIGN(
        const sandbox::Outcome outcome, sandbox_->run(command_of(program_, request, memory)));
    RunReport report;
    switch (outcome.ended_by) {
        case sandbox::EndedBy::exit: break;
        case sandbox::EndedBy::wall_limit:
        case sandbox::EndedBy::cpu_limit: report.timed_out = true; return report;
        case sandbox::EndedBy::memory_limit: report.out_of_memory = true; return report;
        case sandbox::EndedBy::signal:
        case sandbox::EndedBy::output_limit:
        case sandbox::EndedBy::killed_by_us:
        case sandbox::EndedBy::never:
            report.problem = "the emulator died (signal " + std::to_string(outcome.signal) + ")";
            return report;
    }
    if (outcome.exit_code == 0) {
        if (auto read = read_report(outcome.out)) {
            if (request.again && read->launches.size() > request.launches.size()) {
                const auto second =
                    read->launches.begin() + static_cast<std::ptrdiff_t>(request.launches.size());
                read->again.assign(
                    std::make_move_iterator(second), std::make_move_iterator(read->launches.end()));
                read->launches.erase(second, read->launches.end());
            }
            read->peak_bytes = outcome.peak_bytes;
            return std::move(*read);
        }
    }
    report.out_of_memory = outcome.err.find("out of memory") != std::string::npos;
    report.problem =
        report.out_of_memory ? "" : "the emulator gave no report: " + outcome.err.substr(0, 400);
    return report;
}

}  // namespace kw::emulated
