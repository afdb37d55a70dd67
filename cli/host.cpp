// SPDX-License-Identifier: Apache-2.0
#include "cli/host.hpp"

#include <sched.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace kw::cli {
namespace {

/// First line, or "" when the file cannot be read.
std::string first_line(const std::string& file) {
    std::ifstream stream(file);
    std::string line;
    std::getline(stream, line);
    return line;
}

std::string whole(const std::string& file) {
    std::ifstream stream(file);
    std::ostringstream text;
    if (stream) {
        text << stream.rdbuf();
    }
    return text.str();
}

Condition governor() {
    const std::string text = first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
    if (text.empty()) {
        return {
            "timing", "frequency governor unknown (usual in virtual machines)", State::info, ""};
    }
    if (text == "performance") {
        return {"timing", "governor performance", State::good, ""};
    }
    return {
        "timing",
        "governor " + text,
        State::caution,
        "echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"};
}

Condition turbo() {
    const std::string no_turbo = first_line("/sys/devices/system/cpu/intel_pstate/no_turbo");
    const std::string boost = first_line("/sys/devices/system/cpu/cpufreq/boost");
    if (no_turbo.empty() && boost.empty()) {
        return {"timing", "turbo unknown", State::info, ""};
    }
    if (no_turbo == "1" || boost == "0") {
        return {"timing", "turbo off", State::good, ""};
    }
    return {
        "timing",
        "turbo on: paired timing cancels most of it",
        State::info,
        no_turbo.empty() ? "echo 0 | sudo tee /sys/devices/system/cpu/cpufreq/boost"
                         : "echo 1 | sudo tee /sys/devices/system/cpu/intel_pstate/no_turbo"};
}

int allowed_cores() {
    cpu_set_t set;
    CPU_ZERO(&set);
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

Condition cores() {
    const int count = allowed_cores();
    const std::string text = std::to_string(count) + (count == 1 ? " core" : " cores");
    if (count < 2) {
        return {
            "timing",
            text + ": the judge and the kernel share it",
            State::caution,
            "give the machine or container two cores"};
    }
    return {"timing", text, State::good, ""};
}

Condition load() {
    std::array<double, 1> average{};
    if (getloadavg(average.data(), 1) != 1) {
        return {"timing", "load unknown", State::info, ""};
    }
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "load %.1f", average[0]);
    if (average[0] > 0.5 * allowed_cores()) {
        return {
            "timing",
            text.data(),
            State::caution,
            "stop other programs: judgements take longer and may stay unclear"};
    }
    return {"timing", text.data(), State::good, ""};
}

Condition huge_pages() {
    const std::string text = first_line("/sys/kernel/mm/transparent_hugepage/enabled");
    const std::size_t begin = text.find('[');
    const std::size_t end = text.find(']');
    if (begin == std::string::npos || end == std::string::npos) {
        return {"timing", "transparent huge pages unknown", State::info, ""};
    }
    return {
        "timing",
        "transparent huge pages " + text.substr(begin + 1, end - begin - 1),
        State::info,
        ""};
}

Condition virtualised() {
    const bool guest = whole("/proc/cpuinfo").find(" hypervisor") != std::string::npos;
    if (!guest) {
        return {"timing", "bare metal", State::good, ""};
    }
    return {
        "timing",
        "virtual machine: neighbours disturb timings",
        State::caution,
        "intervals show what can be told; use a dedicated machine for close races"};
}

/// A CPU quota stops every thread of the group for milliseconds at a time.
Condition quota() {
    const std::string text = first_line("/sys/fs/cgroup/cpu.max");
    if (text.empty() || text.starts_with("max")) {
        return {"timing", "no CPU quota", State::good, ""};
    }
    return {
        "timing",
        "CPU quota " + text,
        State::caution,
        "give the container whole cores (--cpuset-cpus) rather than a quota (--cpus)"};
}

}  // namespace

std::string_view name(State state) {
    switch (state) {
        case State::good: return "ok";
        case State::caution: return "caution";
        case State::missing: return "missing";
        case State::info: return "--";
    }
    return "";
}

std::vector<Condition> timing_conditions() {
    return {cores(), load(), governor(), turbo(), quota(), virtualised(), huge_pages()};
}

std::string container_kind() {
    std::error_code ignored;
    if (std::filesystem::exists("/.dockerenv", ignored)) {
        return "docker";
    }
    if (std::filesystem::exists("/run/.containerenv", ignored)) {
        return "podman";
    }
    const char* kind = std::getenv("container");
    return kind != nullptr ? kind : "";
}

}  // namespace kw::cli
