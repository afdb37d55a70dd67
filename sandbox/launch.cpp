// SPDX-License-Identifier: Apache-2.0
#include "sandbox/launch.hpp"

#include "sandbox/bwrap.hpp"
#include "sandbox/output.hpp"
#include "sandbox/spawn.hpp"
#include "sandbox/system_error.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace kw::sandbox {
namespace {

constexpr std::uint64_t k_open_files = 1024;
/// In mode "none" all children of this judge share one uid in one namespace.
constexpr std::uint64_t k_shared_processes = 512;

Error bad_command(const std::string& why) {
    return Error{Errc::usage, "running a command in the sandbox: " + why, {}};
}

Result<void> check(const Setup& setup, const Command& command) {
    if (command.argv.empty() || command.argv[0].empty() || command.argv[0][0] != '/') {
        return bad_command("argv[0] must be an absolute path");
    }
    std::vector<int> numbers;
    for (const auto& fd : command.fds) {
        if (fd.parent_fd < 0 || fd.child_fd < 3 || fd.child_fd >= 512) {
            return bad_command(
                "a descriptor must be passed from an open one to a number in 3..511");
        }
        numbers.push_back(fd.child_fd);
    }
    std::sort(numbers.begin(), numbers.end());
    if (std::adjacent_find(numbers.begin(), numbers.end()) != numbers.end()) {
        return bad_command("two descriptors are passed to one number");
    }
    for (const auto& [name, value] : command.env) {
        if (name.empty() || name.find('=') != std::string::npos) {
            return bad_command("a variable's name is empty or has an = in it");
        }
    }
    if (command.limits.processes < 1 || command.limits.memory_bytes <= 0 ||
        command.limits.file_bytes < 0 || command.limits.output_bytes < 0) {
        return bad_command("a limit is negative, or zero where nothing could run");
    }
    if (setup.bwrap) {
        for (const auto& bind : command.binds) {
            const auto& inside = bind.inside.empty() ? bind.host : bind.inside;
            if (!bind.host.is_absolute() || !inside.is_absolute()) {
                return bad_command("a bind must be an absolute path");
            }
        }
    }
    return {};
}

/// Numbers from 3 up that no passed descriptor wants.
class FreeNumbers {
public:
    explicit FreeNumbers(const Command& command) {
        for (const auto& fd : command.fds) {
            taken_.push_back(fd.child_fd);
        }
    }
    int next() {
        while (std::find(taken_.begin(), taken_.end(), number_) != taken_.end()) {
            ++number_;
        }
        return number_++;
    }

private:
    std::vector<int> taken_;
    int number_ = 3;
};

inside::Orders orders_for(const Setup& setup, const Command& command) {
    const Limits& limits = command.limits;
    inside::Orders orders;
    orders.address_space = limits.any_address_space
                               ? inside::k_leave
                               : static_cast<std::uint64_t>(limits.memory_bytes);
    orders.cpu_s = static_cast<std::uint64_t>(std::max<std::int64_t>(1, limits.cpu.count()));
    orders.file_bytes = static_cast<std::uint64_t>(limits.file_bytes);
    orders.open_files = k_open_files;
    orders.pin_cpu = command.pin_cpu.value_or(-1);
    if (setup.bwrap) {
        orders.tcp = command.filter == Filter::tools ? 1 : 0;
        orders.own_pid_namespace = 1;
        orders.processes = static_cast<std::uint64_t>(limits.processes) + 1;  // and the helper
        orders.landlock = setup.landlock ? 1 : 0;
    } else if (setup.identity.drop) {
        orders.processes = static_cast<std::uint64_t>(limits.processes) + k_shared_processes;
    }
    return orders;
}

std::vector<std::string> helper_arguments(
    const Setup& setup, const Command& command, int control, int self) {
    std::vector<std::string> args{
        "/proc/self/fd/" + std::to_string(self), std::to_string(control), std::to_string(self)};
    std::vector<std::string> writable;
    for (const auto& bind : command.binds) {
        if (setup.bwrap && bind.writable) {
            writable.push_back((bind.inside.empty() ? bind.host : bind.inside).string());
        }
    }
    if (setup.bwrap && has_shared_folder(command.filter)) {
        writable.emplace_back("/dev/shm");
    }
    args.push_back(std::to_string(writable.size()));
    args.insert(args.end(), writable.begin(), writable.end());
    args.insert(args.end(), command.argv.begin(), command.argv.end());
    return args;
}

bool is_path_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == '/';
}

/// Replaces `inside` by `host` wherever it stands as a whole path prefix.
std::string replaced(const std::string& text, const std::string& inside, const std::string& host) {
    std::string result;
    std::size_t done = 0;
    for (auto at = text.find(inside); at != std::string::npos; at = text.find(inside, at + 1)) {
        const std::size_t end = at + inside.size();
        const bool starts = at == 0 || !is_path_character(text[at - 1]) ||
                            (at == 2 && text[0] == '-');  // -I/inside, -L/inside
        const bool ends = end == text.size() || text[end] == '/' || !is_path_character(text[end]);
        if (at < done || !starts || !ends) {
            continue;
        }
        result += text.substr(done, at - done) + host;
        done = end;
    }
    return result + text.substr(done);
}

}  // namespace

Command with_host_paths(const Command& command) {
    Command mapped = command;
    for (const auto& bind : command.binds) {
        if (bind.inside.empty() || bind.inside == bind.host) {
            continue;
        }
        const std::string from = bind.inside.string();
        const std::string to = bind.host.string();
        for (auto& arg : mapped.argv) {
            arg = replaced(arg, from, to);
        }
        for (auto& [name, value] : mapped.env) {
            value = replaced(value, from, to);
        }
        mapped.cwd = replaced(mapped.cwd.string(), from, to);
    }
    return mapped;
}

Result<std::unique_ptr<Group>> launch(
    const Setup& setup, const Command& command, const Stdio& stdio) {
    KW_TRY(check(setup, command));
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        return system_error("making a socket pair for a child", errno);
    }
    auto group = std::make_unique<Group>();
    group->control = Fd(ends[0]);
    Fd theirs(ends[1]);
    const int on = 1;
    if (::setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) != 0) {
        return system_error("asking for credentials on a socket", errno);
    }
    if (setup.cgroup.version != 0) {
        KW_TRY_ASSIGN(group->memory, make_memory_group(setup.cgroup, command.limits.memory_bytes));
    }

    FreeNumbers numbers(command);
    const int control = numbers.next();
    const int self = numbers.next();
    SpawnPlan plan;
    plan.identity = setup.identity;
    plan.fds = {{stdio.in, 0}, {stdio.out, 1}, {stdio.err, 2}};
    plan.fds.emplace_back(theirs.get(), control);
    plan.fds.emplace_back(setup.helper.get(), self);
    for (const auto& fd : command.fds) {
        plan.fds.emplace_back(fd.parent_fd, fd.child_fd);
    }
    Fd filter;  // until the child has its copy
    if (setup.bwrap) {
        const auto& bytes = setup.filters.at(command.filter);
        KW_TRY_ASSIGN(filter, memory_file("kwright-filter", bytes.data(), bytes.size()));
        const int seccomp = numbers.next();
        plan.fds.emplace_back(filter.get(), seccomp);
        plan.argv = bwrap_arguments(*setup.bwrap, command, seccomp);
        for (const auto& bind : command.binds) {
            plan.must_reach.push_back(bind.host);
        }
    } else {
        for (const auto& [name, value] : command.env) {
            plan.env.push_back(name + "=" + value);
        }
        plan.cwd = command.cwd;
    }
    const auto helper = helper_arguments(setup, command, control, self);
    plan.argv.insert(plan.argv.end(), helper.begin(), helper.end());

    KW_TRY_ASSIGN(group->outer, setup.spawner->spawn(plan));
    theirs.reset();
    KW_TRY(group->begin(orders_for(setup, command), command.argv[0]));
    return group;
}

}  // namespace kw::sandbox
