// SPDX-License-Identifier: Apache-2.0
#include "sandbox/cgroup.hpp"

#include "sandbox/system_error.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <sstream>
#include <vector>

namespace kw::sandbox {
namespace {

namespace fs = std::filesystem;

constexpr const char* k_cgroup_prefix = "kwright-";
constexpr std::int64_t k_trial_bytes = std::int64_t{64} << 20;

int write_value(const fs::path& file, const std::string& text) {
    const int fd = ::open(file.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    const ssize_t n = ::write(fd, text.data(), text.size());
    const int error = n < 0 ? errno : 0;
    ::close(fd);
    return error;
}

std::string read_text(const fs::path& file) {
    std::ifstream in(file);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

/// The number after `key` in a file of "key value" lines; 0 when absent.
std::int64_t value_of(const fs::path& file, const std::string& key) {
    std::ifstream in(file);
    std::string name;
    std::int64_t value = 0;
    while (in >> name >> value) {
        if (name == key) {
            return value;
        }
    }
    return 0;
}

/// Directories that may hold groups of ours: our own group first, then the hierarchy's root.
struct Hierarchies {
    std::vector<fs::path> v1_memory;
    std::vector<fs::path> v2;
};

/// Whether a comma-separated list has `item`.
bool has_item(const std::string& list, const std::string& item) {
    std::istringstream in(list);
    for (std::string part; std::getline(in, part, ',');) {
        if (part == item) {
            return true;
        }
    }
    return false;
}

/// The path of our own group in /proc/self/cgroup, for the v1 memory controller or for v2 ("").
std::string own_group(const std::string& controller) {
    std::ifstream in("/proc/self/cgroup");
    for (std::string line; std::getline(in, line);) {
        const auto first = line.find(':');
        const auto second = line.find(':', first + 1);
        if (first == std::string::npos || second == std::string::npos) {
            continue;
        }
        const std::string names = line.substr(first + 1, second - first - 1);
        if (controller.empty() ? names.empty() : has_item(names, controller)) {
            return line.substr(second + 1);
        }
    }
    return "/";
}

Hierarchies find_hierarchies() {
    Hierarchies found;
    std::ifstream mounts("/proc/self/mounts");
    for (std::string line; std::getline(mounts, line);) {
        std::istringstream fields(line);
        std::string device;
        std::string where;
        std::string type;
        std::string options;
        fields >> device >> where >> type >> options;
        const bool v1 = type == "cgroup" && has_item(options, "memory");
        if (!v1 && type != "cgroup2") {
            continue;
        }
        auto& list = v1 ? found.v1_memory : found.v2;
        const std::string own = own_group(v1 ? "memory" : "");
        list.push_back(fs::path(where + own).lexically_normal());
        list.emplace_back(where);
    }
    return found;
}

int set_limit(int version, const fs::path& group, std::int64_t bytes) {
    const std::string text = std::to_string(bytes);
    if (version == 2) {
        write_value(group / "memory.swap.max", "0");  // absent without swap accounting
        return write_value(group / "memory.max", text);
    }
    const int error = write_value(group / "memory.limit_in_bytes", text);
    write_value(group / "memory.memsw.limit_in_bytes", text);
    return error;
}

/// 0 when a group with a limit can be made there.
int try_out(int version, const fs::path& parent) {
    if (version == 2) {
        const std::string enabled = read_text(parent / "cgroup.subtree_control");
        if (enabled.find("memory") == std::string::npos) {
            if (const int error = write_value(parent / "cgroup.subtree_control", "+memory")) {
                return error;
            }
        }
    }
    const fs::path trial = parent / (k_cgroup_prefix + std::to_string(::getpid()) + "-trial");
    if (::mkdir(trial.c_str(), 0755) != 0 && errno != EEXIST) {
        return errno;
    }
    const int error = set_limit(version, trial, k_trial_bytes);
    ::rmdir(trial.c_str());
    return error;
}

/// rmdir only succeeds on a group without processes, so a live one cannot be hurt.
void remove_old_cgroups(const fs::path& parent) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(parent, ignored)) {
        const std::string name = entry.path().filename();
        if (name.rfind(k_cgroup_prefix, 0) != 0) {
            continue;
        }
        int pid = 0;
        const char* begin = name.data() + std::char_traits<char>::length(k_cgroup_prefix);
        std::from_chars(begin, name.data() + name.size(), pid);
        if (pid > 0 && ::kill(pid, 0) != 0 && errno == ESRCH) {
            ::rmdir(entry.path().c_str());
        }
    }
}

}  // namespace

CgroupHome find_cgroup_home() {
    const Hierarchies found = find_hierarchies();
    std::string reason = "no memory control groups are mounted";
    for (const int version : {2, 1}) {
        for (const auto& parent : version == 2 ? found.v2 : found.v1_memory) {
            const int error = try_out(version, parent);
            if (error == 0) {
                remove_old_cgroups(parent);
                return CgroupHome{version, parent, {}};
            }
            reason = system_error("making a group in " + parent.string(), error).what;
        }
    }
    return CgroupHome{0, {}, reason};
}

Result<std::unique_ptr<MemoryGroup>> make_memory_group(
    const CgroupHome& home, std::int64_t memory_bytes) {
    static std::atomic<std::uint64_t> counter{0};
    const fs::path path = home.parent / (k_cgroup_prefix + std::to_string(::getpid()) + "-" +
                                         std::to_string(counter.fetch_add(1)));
    if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) {
        return system_error("making the memory control group " + path.string(), errno);
    }
    auto group = std::make_unique<MemoryGroup>(home.version, path);
    if (const int error = set_limit(home.version, path, memory_bytes)) {
        return system_error("limiting the memory control group " + path.string(), error);
    }
    return group;
}

MemoryGroup::~MemoryGroup() {
    // The last dead task may still be leaving the group for a moment.
    for (int attempt = 0; attempt < 200 && ::rmdir(path_.c_str()) != 0 && errno == EBUSY;
         ++attempt) {
        ::usleep(500);
    }
}

bool MemoryGroup::add(int pid) const {
    return write_value(path_ / "cgroup.procs", std::to_string(pid)) == 0;
}

std::int64_t MemoryGroup::oom_kills() const {
    return value_of(path_ / (version_ == 2 ? "memory.events" : "memory.oom_control"), "oom_kill");
}

std::int64_t MemoryGroup::peak_bytes() const {
    std::ifstream in(path_ / (version_ == 2 ? "memory.peak" : "memory.max_usage_in_bytes"));
    std::int64_t value = 0;
    in >> value;
    return in ? value : 0;
}

}  // namespace kw::sandbox
