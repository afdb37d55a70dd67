// SPDX-License-Identifier: Apache-2.0
// Runs a process under limits and says exactly what happened. Knows nothing of kernels.
//
// Back end: bubblewrap (user, mount, pid, net, ipc, uts namespaces, no_new_privs, seccomp
// deny-list) plus rlimits; memory cgroup and Landlock when the machine has them. Fails closed: a
// required layer that cannot be had is an Error (Errc::environment), never a weaker run. Threats
// and traps: SECURITY.md.
#pragma once

#include "core/result.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace kw::sandbox {

struct Limits {
    std::chrono::milliseconds wall{60'000};
    std::chrono::seconds cpu{60};
    std::int64_t memory_bytes = std::int64_t{4}
                                << 30;  ///< address space, and the memory cgroup if there is one
    int processes = 64;
    std::int64_t file_bytes = std::int64_t{256} << 20;  ///< one written file
    std::int64_t output_bytes = std::int64_t{1}
                                << 20;  ///< stdout and stderr each; the rest is cut and said
    /// No limit on the address space: a GPU's driver reserves terabytes of it. The memory cgroup,
    /// where there is one, stays.
    bool any_address_space = false;
};

/// A host path that the child sees, read-only, at `inside` (same path when empty).
struct Bind {
    std::filesystem::path host;
    std::filesystem::path inside;
    bool writable = false;  ///< only for a run directory of our own
};

/// A descriptor that the child inherits under the same number the parent has put it at.
struct PassedFd {
    int parent_fd = -1;
    int child_fd = -1;  ///< >= 3
};

/// Which seccomp deny-list bubblewrap installs. Programs that run candidates install their own,
/// stricter filter before they load one (evaluator/harness). `gpu`: as run, but with AF_UNIX
/// sockets that can be bound and listened on (a GPU's driver does, and is no driver without), never
/// connected. `tools`: as build, but with sockets of the child's own network namespace, by which
/// profilers talk to what they look at. The last two have a small writable /dev/shm.
enum class Filter { build, run, gpu, tools };
[[nodiscard]] constexpr bool has_shared_folder(Filter filter) {
    return filter == Filter::gpu || filter == Filter::tools;
}

struct Command {
    std::vector<std::string> argv;  ///< argv[0] is an absolute path inside
    std::vector<std::pair<std::string, std::string>>
        env;                             ///< the whole environment: nothing is inherited
    std::filesystem::path cwd = "/tmp";  ///< inside
    std::vector<Bind>
        binds;  ///< besides /usr, /lib*, /bin, a minimal /etc and private /tmp, /dev, /proc
    /// Nodes below /dev that the child may open, besides the harmless ones. Each is a way around
    /// the sandbox as wide as its driver: a weaker profile, which the row must name.
    std::vector<std::filesystem::path> devices;
    std::vector<PassedFd> fds;
    std::string stdin_text;
    Limits limits;
    Filter filter = Filter::build;
    std::optional<int> pin_cpu;  ///< run on this processor alone
};

enum class EndedBy {
    exit,
    signal,
    wall_limit,
    cpu_limit,
    memory_limit,
    output_limit,
    killed_by_us,
    never  ///< killed and still there after 30 s, in a call of a driver that does not return
};

/// What happened, in full. `exit_code` and `signal` are the child's own, not bubblewrap's.
struct Outcome {
    EndedBy ended_by = EndedBy::exit;
    int exit_code = 0;
    int signal = 0;
    std::string out;
    std::string err;
    bool out_cut = false;
    bool err_cut = false;
    double wall_s = 0;
    double cpu_s = 0;
    std::int64_t peak_bytes = 0;
};

/// The layers in force, for the row and for doctor. `id` is a short stable name of the whole
/// profile, e.g. "bwrap+seccomp+rlimit+landlock".
struct Profile {
    std::string id;
    std::vector<std::string> layers;   ///< in force
    std::vector<std::string> missing;  ///< optional ones that this machine lacks, with the reason
    bool weakened = false;  ///< true only when the user asked for it by name (KWRIGHT_SANDBOX=none)
};

/// A child that stays up and is called many times: the harness programs.
class Child {
public:
    virtual ~Child() = default;  ///< kills the whole group and reaps
    /// Host pid of the program itself (not of bubblewrap).
    [[nodiscard]] virtual int pid() const = 0;
    /// Stops every task and returns once each is *seen* stopped (or the cgroup freezer says
    /// FROZEN). False: the child is gone.
    virtual bool freeze() = 0;
    virtual void thaw() = 0;
    [[nodiscard]] virtual bool running() = 0;
    /// Number of tasks (threads) seen in /proc now; 0 when gone.
    [[nodiscard]] virtual int tasks() = 0;
    /// Address space and resident set now, bytes; 0 when gone.
    struct Memory {
        std::int64_t virtual_bytes = 0;
        std::int64_t resident_bytes = 0;
    };
    [[nodiscard]] virtual Memory memory() = 0;
    /// Waits until it ends by itself or the limit passes (then kills it).
    virtual Outcome wait(std::chrono::milliseconds at_most) = 0;
    virtual Outcome kill() = 0;
};

class Sandbox {
public:
    virtual ~Sandbox() = default;
    [[nodiscard]] virtual const Profile& profile() const = 0;
    /// Runs to the end, safe from several threads. A child that writes 16 times output_bytes to
    /// one stream is ended (output_limit). An Outcome for whatever the child did; an Error only
    /// when we could not run it.
    virtual Result<Outcome> run(const Command& command) = 0;
    /// Returns once the program runs. `Limits::wall` is not counted here: the caller gives
    /// Child::wait its limit. Output goes to memory files (nobody need read them; writes beyond
    /// output_bytes + 2 MiB fail with EPERM), so file_bytes is at least that.
    virtual Result<std::unique_ptr<Child>> start(const Command& command) = 0;
    /// A fresh directory that sandboxed children may be given (Bind) and the ordinary user they run
    /// as can reach, removed with the Sandbox. Works from a 0700 checkout as root.
    virtual Result<std::filesystem::path> make_run_dir(const std::string& label) = 0;
};

/// `mode`: "auto" (the full profile or an Error) | "none" (no sandbox at all: recorded, weakened).
/// In "none" nothing is bound: a Bind's path inside is replaced by the host's wherever it stands as
/// a whole path prefix in argv, environment values and cwd. Children die with the process, or with
/// the Sandbox. Do not fork and use the Sandbox in the copy.
[[nodiscard]] Result<std::unique_ptr<Sandbox>> open_sandbox(const std::string& mode);

/// What this machine offers, for doctor; never fails.
struct Probe {
    bool usable = false;
    Profile profile;
    std::string problem;  ///< why not usable
    std::string hint;     ///< what to do, containers included
};
[[nodiscard]] Probe probe_sandbox();

}  // namespace kw::sandbox
