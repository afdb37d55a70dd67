// SPDX-License-Identifier: Apache-2.0
// Attacks: kernels that nvcc would never write, and mutants of those it wrote. Whatever the text, a
// launch ends within its budgets, with a report, inside the memory that it was given.
#include "evaluator/device/emulated/engine/tensor_map.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/evaluator/emulated/machine/device.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

namespace kw::emu::test {
namespace {

std::vector<std::string> fixtures() {
    std::vector<std::string> texts;
    for (const char* folder : {"", "bugs/"}) {
        const std::string path = std::string(KW_SOURCE_DIR) + "/tests/golden/ptx/" + folder;
        std::vector<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator(path)) {
            if (entry.path().extension() == ".ptx") {
                names.push_back(folder + entry.path().filename().string());
            }
        }
        std::sort(names.begin(), names.end());
        for (const std::string& name : names) {
            texts.push_back(fixture(name));
        }
    }
    return texts;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
        lines.push_back(line);
    }
    return lines;
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// Another number, opcode part or register in the place of one.
void change_token(std::string& line, std::mt19937& random) {
    std::vector<std::size_t> digits;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (is_digit(line[i])) {
            digits.push_back(i);
        }
    }
    if (digits.empty()) {
        return;
    }
    const std::size_t at = digits[random() % digits.size()];
    static const char* const k_numbers[] = {
        "0",
        "1",
        "4",
        "7",
        "8",
        "16",
        "31",
        "32",
        "64",
        "255",
        "4096",
        "2147483647",
        "4294967295",
        "-1"};
    std::size_t end = at;
    while (end < line.size() && is_digit(line[end])) {
        ++end;
    }
    line.replace(at, end - at, k_numbers[random() % std::size(k_numbers)]);
}

std::string mutant(const std::string& text, const std::string& other, std::mt19937& random) {
    std::vector<std::string> lines = lines_of(text);
    const std::vector<std::string> foreign = lines_of(other);
    const std::size_t changes = 1 + random() % 6;
    for (std::size_t i = 0; i < changes; ++i) {
        const std::size_t at = random() % lines.size();
        switch (random() % 6) {
            case 0: lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(at)); break;
            case 1: std::swap(lines[at], lines[random() % lines.size()]); break;
            case 2: lines[at] = foreign[random() % foreign.size()]; break;
            case 3:
                lines.insert(
                    lines.begin() + static_cast<std::ptrdiff_t>(at),
                    lines[random() % lines.size()]);
                break;
            default: change_token(lines[at], random); break;
        }
        if (lines.empty()) {
            lines.emplace_back();
        }
    }
    std::string out;
    for (const std::string& line : lines) {
        out += line + "\n";
    }
    return out;
}

/// A tensor map over a buffer of at least 256 bytes, mostly a valid one.
TensorMap some_map(std::uint64_t base, std::mt19937& random) {
    TensorMap map;
    map.base = base;
    map.rank = 2;
    map.type = static_cast<TensorType>(random() % 13);
    map.swizzle = static_cast<std::uint8_t>(random() % 4);
    map.last = {
        static_cast<std::uint32_t>(random() % 16), static_cast<std::uint32_t>(random() % 16)};
    map.strides[0] = 16 * (random() % 20);
    map.box = {16, static_cast<std::uint16_t>(1 + random() % 64)};
    map.step = {1, static_cast<std::uint8_t>(1 + random() % 2)};
    if (random() % 8 == 0) {
        TensorMapBytes bytes = encode(map);
        bytes[random() % bytes.size()] ^= std::byte{1} << (random() % 8);
        map = std::bit_cast<TensorMap>(bytes);
    }
    return map;
}

/// Launches every kernel of a module on a small grid with buffers for its pointers.
void launch_all(const Module& module, std::mt19937& random) {
    for (const Function& function : module.functions) {
        if (!function.kernel) {
            continue;
        }
        const auto parameters = kernel_parameters(module, function.name);
        Memory memory;
        std::vector<std::vector<std::byte>> buffers;
        Launch launch;
        launch.kernel = function.name;
        launch.grid = {1 + static_cast<std::uint32_t>(random() % 3), 1, 1};
        launch.block = {static_cast<std::uint32_t>(1 + random() % 100), 1, 1};
        launch.dynamic_shared = static_cast<std::uint32_t>(random() % 4 * 12288);
        if (random() % 4 == 0) {  // what warpgroups and pipelines ask for
            launch.block = {128 + static_cast<std::uint32_t>(random() % 2) * 128, 1, 1};
        }
        launch.cooperative = random() % 4 == 0;
        if (function.required_cluster) {
            launch.cluster = *function.required_cluster;
            launch.grid = launch.cluster;
        }
        for (const Parameter& parameter : parameters.value_or(std::vector<Parameter>{})) {
            launch.parameters.resize(parameter.offset + std::size_t{parameter.bytes});
            std::uint64_t value = random() % 40;
            if (parameter.bytes == 8 || parameter.bytes == sizeof(TensorMap)) {
                buffers.emplace_back(256 + random() % 4096, std::byte{1});
                Allocation allocation;
                allocation.name = parameter.name;
                allocation.host = buffers.back().data();
                allocation.bytes = buffers.back().size();
                allocation.access = static_cast<Access>(random() % 3);
                allocation.initialised = random() % 2 == 0;
                value = memory.add(std::move(allocation));
            }
            if (parameter.bytes == sizeof(TensorMap)) {
                const TensorMap map = some_map(value, random);
                std::memcpy(launch.parameters.data() + parameter.offset, &map, sizeof(map));
                continue;
            }
            std::memcpy(
                launch.parameters.data() + parameter.offset,
                &value,
                std::min<std::size_t>(parameter.bytes, 8));
        }
        Options options;
        options.checks = random() % 2 == 0 ? Checks::all() : Checks{};
        options.seed = random() % 3;
        options.instruction_budget = 400'000;
        options.wall_budget_ms = 2'000;
        options.max_state = std::size_t{64} << 20;
        options.threads = 1 + static_cast<int>(random() % 2);
        const Report report = run(module, launch, memory, options);
        for (const Finding& finding : report.findings) {
            REQUIRE(!describe(finding, module).empty());
        }
        if (report.ending == Ending::unsupported || report.ending == Ending::bad_launch) {
            REQUIRE(!report.error.message.empty());
        }
    }
}

void attack(int rounds, std::uint32_t seed) {
    const std::vector<std::string> texts = fixtures();
    std::mt19937 random(seed);
    ParseLimits limits;
    limits.instructions = 20'000;
    limits.data_bytes = 4u << 20;
    int launched = 0;
    for (int round = 0; round < rounds; ++round) {
        const std::string text =
            mutant(texts[random() % texts.size()], texts[random() % texts.size()], random);
        // KW_FUZZ_KEEP names a file that holds the text under test, for when it crashes.
        if (const char* keep = std::getenv("KW_FUZZ_KEEP")) {
            std::ofstream(keep) << text;
        }
        const ParseResult parsed = parse(text, limits);
        if (parsed.errors.empty()) {
            ++launched;
            launch_all(parsed.module, random);
        }
    }
    CHECK(launched > rounds / 10);
}

}  // namespace

TEST_CASE(
    "machine: every fixture runs or is refused whatever its buffers hold", "[machine][hostile]") {
    std::mt19937 random(9);
    for (const std::string& text : fixtures()) {
        const ParseResult parsed = parse(text);
        REQUIRE(parsed.errors.empty());
        launch_all(parsed.module, random);
    }
}

TEST_CASE("machine: mutants of real kernels never take the machine down", "[machine][hostile]") {
    attack(150, 1);
}

// KW_FUZZ_ROUNDS and KW_FUZZ_SEED make it longer; see docs for the sanitizer build.
TEST_CASE("machine: a long attack with mutants", "[.][fuzz]") {
    const char* rounds = std::getenv("KW_FUZZ_ROUNDS");
    const char* seed = std::getenv("KW_FUZZ_SEED");
    attack(
        rounds != nullptr ? std::atoi(rounds) : 1000,
        seed != nullptr ? static_cast<std::uint32_t>(std::atoi(seed)) : 2);
}

TEST_CASE("machine: addresses at every edge are refused", "[machine][hostile]") {
    // Loads and stores in every window at addresses around the ends of windows and of the space.
    const std::uint64_t edges[] = {
        0,
        1,
        4,
        0xFF,
        0xFFFF,
        0xFFFFFF,
        0x1000000,
        0x7FFFFFFF,
        0xFFFFFFFF,
        0x400000000,
        0x7FFFFFFFF,
        0x800000000,
        0xC00000000,
        0x4000000000,
        0x4100000000,
        0x40FFFFFFFF,
        0x7FFFFFFFFFFFFFFF,
        0x8000000000000000,
        0xFFFFFFFFFFFFFFFF};
    for (const std::uint64_t edge : edges) {
        for (const char* window : {"", ".global", ".shared", ".local", ".const", ".param"}) {
            for (const char* offset : {"-16", "-1", "0", "1", "4", "16", "2147483647"}) {
                const std::string address = "[%rd5+" + std::string(offset) + "]";
                const std::string body =
                    "mov.u64 %rd5, " + std::to_string(static_cast<std::int64_t>(edge)) +
                    ";\nmul.wide.u32 %rd6, %r0, 3;\nmul.lo.u64 %rd7, %rd6, %rd5;\n"
                    "ld" +
                    window + ".u32 %r1, " + address +
                    ";\nadd.u64 %rd5, %rd5, %rd6;\n"
                    "ld" +
                    window + ".v4.u32 {%r1,%r2,%r3,%r4}, " + address +
                    ";\n"
                    "ld" +
                    window + ".u8 %r1, [%rd7+" + offset + "];\n" +
                    (window == std::string(".const") || window == std::string(".param")
                         ? ""
                         : "st" + std::string(window) + ".u64 " + address + ", %rd5;\n") +
                    "atom.add.u32 %r1, " + address +
                    ", 1;\n"
                    "cp.async.ca.shared.global [%r1], " +
                    address +
                    ", 16;\n"
                    "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r1,%r2,%r3,%r4}, " +
                    address + ";\ncp.async.wait_all;\n";
                const ParseResult parsed = parse(kernel(body, ".shared .b32 tile[8];\n"));
                REQUIRE(parsed.errors.empty());
                Memory memory;
                std::vector<std::byte> buffer(64);
                Allocation allocation;
                allocation.host = buffer.data();
                allocation.bytes = buffer.size();
                const std::uint64_t in = memory.add(allocation);
                Launch launch;
                launch.kernel = "k";
                launch.block = {40, 1, 1};
                launch.parameters.resize(16);
                std::memcpy(launch.parameters.data(), &in, 8);
                std::memcpy(launch.parameters.data() + 8, &in, 8);
                Options options;
                options.checks = Checks::all();
                const Report report = run(parsed.module, launch, memory, options);
                CHECK(report.ending == Ending::faulted);
            }
        }
    }
}

}  // namespace kw::emu::test
