// SPDX-License-Identifier: Apache-2.0
// Opening a sandbox: what is missing is said, nothing is weakened unasked.
#include "sandbox/bwrap.hpp"
#include "tests/unit/sandbox/box.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

using namespace kw::sandbox;
using namespace kw::sandbox::test;
using namespace std::chrono_literals;

namespace fs = std::filesystem;

namespace {

/// A directory with, perhaps, a program called bwrap that behaves as told.
class FakePath {
public:
    explicit FakePath(const std::string& script) {
        REQUIRE(::mkdtemp(name_) != nullptr);
        REQUIRE(::chmod(name_, 0755) == 0);
        if (!script.empty()) {
            const fs::path file = fs::path(name_) / "bwrap";
            std::ofstream(file) << "#!/bin/sh\n" << script << "\n";
            fs::permissions(file, fs::perms(0755));
        }
    }
    ~FakePath() { fs::remove_all(name_); }
    FakePath(const FakePath&) = delete;
    FakePath& operator=(const FakePath&) = delete;
    [[nodiscard]] std::string name() const { return name_; }

private:
    char name_[32] = "/tmp/kw-path-XXXXXX";
};

}  // namespace

TEST_CASE("open_sandbox: an unknown mode is a configuration error") {
    const auto sandbox = open_sandbox("maybe");
    REQUIRE_FALSE(sandbox.ok());
    CHECK(sandbox.error().code == kw::Errc::config);
}

TEST_CASE("open_sandbox: without bubblewrap it fails and says what to install") {
    const FakePath empty("");
    const Variable path("PATH", empty.name());
    const auto sandbox = open_sandbox("auto");
    REQUIRE_FALSE(sandbox.ok());
    CHECK(sandbox.error().code == kw::Errc::environment);
    CHECK(sandbox.error().hint.find("apt-get install bubblewrap") != std::string::npos);
    const Probe probe = probe_sandbox();
    CHECK_FALSE(probe.usable);
    CHECK(probe.problem.find("bwrap") != std::string::npos);
    CHECK(probe.hint.find("KWRIGHT_SANDBOX=none") != std::string::npos);
}

TEST_CASE("open_sandbox: a kernel that refuses namespaces is an error with advice") {
    const FakePath fake("echo 'bwrap: No permissions to create new namespace' >&2; exit 1");
    const Variable path("PATH", fake.name());
    const auto sandbox = open_sandbox("auto");
    REQUIRE_FALSE(sandbox.ok());
    CHECK(sandbox.error().what.find("No permissions to create new namespace") != std::string::npos);
    CHECK(sandbox.error().hint.find("KWRIGHT_SANDBOX=none") != std::string::npos);
}

TEST_CASE("open_sandbox: a bwrap that does nothing does not pass for one that works") {
    const FakePath fake("exit 0");
    const Variable path("PATH", fake.name());
    CHECK_FALSE(open_sandbox("auto").ok());
}

TEST_CASE("open_sandbox: the profile names its layers and is not weakened") {
    const Profile& profile = box().sandbox->profile();
    CHECK(profile.id.rfind("bwrap+seccomp+rlimit", 0) == 0);
    CHECK_FALSE(profile.weakened);
    CHECK(profile.layers.size() + profile.missing.size() >= 5);
    CHECK(probe_sandbox().profile.id == profile.id);
}

TEST_CASE("mode none: it runs and is recorded as weakened") {
    const Box open("none");
    CHECK(open.sandbox->profile().id == "none");
    CHECK(open.sandbox->profile().weakened);
    CHECK(open.run({"end", "exit", "3"}).exit_code == 3);
    CHECK(open.run({"end", "abort", "0"}).signal == SIGABRT);
}

TEST_CASE("mode none: limits and the scrubbed environment still hold") {
    const Box open("none");
    const Variable key("KWRIGHT_TEST_API_KEY", "sk-do-not-leak");
    CHECK(open.run({"environment"}).out.empty());
    Command command = open.hostile({"hang"});
    command.limits.wall = 100ms;
    CHECK(open.run(command).ended_by == EndedBy::wall_limit);
    command = open.hostile({"memory_hog"});
    command.limits.memory_bytes = std::int64_t{200} << 20;
    CHECK(open.run(command).exit_code == 9);
}

TEST_CASE("mode none: a process in a session of its own is dead when run returns") {
    const Box open("none");
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
    Command command = open.hostile({"orphan"});
    command.fds.push_back({ends[1], 9});
    CHECK(open.run(command).exit_code == 0);
    ::close(ends[1]);
    char byte = 0;
    CHECK(::read(ends[0], &byte, 1) == 0);
    ::close(ends[0]);
}

TEST_CASE("mode none: bound paths are replaced by the host's in words and variables") {
    const Box open("none");
    Command command = open.hostile({});
    command.argv = {
        "/bin/sh", "-c", "echo $0 $1 $2 $V", "/box/a", "-I/box/b", "/boxes/c", "x:/box:/y"};
    command.env = {{"V", "/usr/bin:/box/bin"}};
    const std::string dir = open.dir;
    CHECK(open.run(command).out == dir + "/a -I" + dir + "/b /boxes/c /usr/bin:" + dir + "/bin\n");
}

TEST_CASE("sandbox: as an ordinary user it runs and confines as well") {
    if (::geteuid() != 0) {
        WARN("skipped: the other tests run as an ordinary user already");
        return;
    }
    const fs::path program = box().dir.parent_path();
    const std::string answer = in_other_process(12345, [] {
        auto sandbox = open_sandbox("auto");
        if (!sandbox) {
            return sandbox.error().what + " | " + sandbox.error().hint;
        }
        Command command;
        command.argv = {"/bin/sh", "-c", "id -u; cat /shadow 2>/dev/null || echo refused; exit 4"};
        command.env = {{"PATH", "/usr/bin:/bin"}};
        command.binds = {{"/etc/shadow", "/shadow", false}};
        auto outcome = (*sandbox)->run(command);
        if (!outcome) {
            return outcome.error().what;
        }
        command.argv = {"/bin/sleep", "1000"};
        auto child = (*sandbox)->start(command);
        const bool frozen = child.ok() && (*child)->freeze();
        auto dir = (*sandbox)->make_run_dir("x");
        return outcome->out + std::to_string(outcome->exit_code) +
               (frozen ? " frozen" : " moving") + (dir.ok() ? " dir" : " no dir");
    });
    CHECK(answer == "65534\nrefused\n4 frozen dir");
}

TEST_CASE("run directories: what a killed judge left behind is removed by the next") {
    const fs::path place = box().dir.parent_path().parent_path();
    std::string dead = place / "kwright-1-XXXXXX";
    std::string alive = place / "kwright-2-XXXXXX";
    REQUIRE(::mkdtemp(dead.data()) != nullptr);
    REQUIRE(::mkdtemp(alive.data()) != nullptr);
    std::ofstream(fs::path(dead) / ".lock") << "";
    std::ofstream(fs::path(dead) / "left") << "x";
    const int lock =
        ::open((fs::path(alive) / ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    REQUIRE(::flock(lock, LOCK_EX | LOCK_NB) == 0);
    const Box another;
    CHECK_FALSE(fs::exists(dead));
    CHECK(fs::exists(alive));
    ::close(lock);
    fs::remove_all(alive);
}

TEST_CASE("bwrap command line: the flags without which it would not confine are all there") {
    Command command;
    command.argv = {"/bin/true"};
    const auto args = bwrap_arguments("/usr/bin/bwrap", command, 7);
    for (const char* flag :
         {"--unshare-all",
          "--unshare-user",
          "--disable-userns",
          "--cap-drop",
          "--new-session",
          "--die-with-parent",
          "--clearenv",
          "--seccomp"}) {
        INFO(flag);
        CHECK(std::find(args.begin(), args.end(), flag) != args.end());
    }
    CHECK(std::find(args.begin(), args.end(), "--share-net") == args.end());
    CHECK(std::find(args.begin(), args.end(), "/etc") != args.end());
    CHECK(std::find(args.begin(), args.end(), "/etc/passwd") == args.end());
}
