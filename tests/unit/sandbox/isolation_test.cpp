// SPDX-License-Identifier: Apache-2.0
// Programs that reach for what is not theirs.
#include "sandbox/filter.hpp"
#include "sandbox/inside/landlock.hpp"
#include "tests/unit/sandbox/box.hpp"

#include <seccomp.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <sstream>

using namespace kw::sandbox;
using namespace kw::sandbox::test;

namespace fs = std::filesystem;

namespace {

int memory_with(const std::string& text) {
    const int fd = ::memfd_create("test", MFD_CLOEXEC);
    REQUIRE(::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    return fd;
}

/// A directory that only its owner may enter.
class ClosedDirectory {
public:
    ClosedDirectory() {
        REQUIRE(::mkdtemp(name_) != nullptr);
        REQUIRE(::chmod(name_, 0700) == 0);
    }
    ~ClosedDirectory() { fs::remove_all(name_); }
    ClosedDirectory(const ClosedDirectory&) = delete;
    ClosedDirectory& operator=(const ClosedDirectory&) = delete;
    [[nodiscard]] fs::path path() const { return name_; }

private:
    char name_[32] = "/tmp/kw-closed-XXXXXX";
};

}  // namespace

TEST_CASE("sandbox: every call of the deny-lists is refused") {
    for (const Filter kind : {Filter::build, Filter::run, Filter::gpu, Filter::tools}) {
        Command command = box().hostile({"system_calls"});
        command.filter = kind;
        std::string expected;
        for (const char* name : denied_calls(kind)) {
            const int number = seccomp_syscall_resolve_name(name);
            if (number >= 0) {
                command.argv.push_back(std::to_string(number));
                expected += std::to_string(number) + " " + std::to_string(EPERM) + "\n";
            }
        }
        CHECK(box().run(command).out == expected);
    }
}

TEST_CASE("sandbox: a driver may listen on an abstract name and nobody may be called") {
    Command command = box().hostile({"driver_socket"});
    command.filter = Filter::gpu;
    const std::string refused = " " + std::to_string(EPERM) + "\n";
    std::string expected = "unix 0\nbind 0\nlisten 0\nshm 0\n";
    for (const char* call :
         {"inet", "inet6", "netlink", "alg", "vsock", "pair", "connect", "accept", "accept4"}) {
        expected += call + refused;
    }
    CHECK(box().run(command).out == expected);
    command.filter = Filter::run;
    CHECK(box().run(command).out.starts_with("unix" + refused));
}

TEST_CASE("sandbox: clone3 and io_uring look absent") {
    const std::vector<int> numbers{435, 425, 426, 427};
    Command command = box().hostile({"system_calls"});
    std::string expected;
    for (const int number : numbers) {
        command.argv.push_back(std::to_string(number));
        expected += std::to_string(number) + " " + std::to_string(ENOSYS) + "\n";
    }
    CHECK(box().run(command).out == expected);
}

TEST_CASE("sandbox: calls of the i386 and x32 interfaces kill the process") {
    CHECK(box().run({"i386"}).signal == SIGSYS);
    CHECK(box().run({"x32"}).signal == SIGSYS);
}

TEST_CASE("sandbox: the only network device is a loopback of its own") {
    Command command;
    command.argv = {"/bin/cat", "/proc/net/dev"};
    const Outcome outcome = box().run(command);
    std::istringstream lines(outcome.out);
    std::string line;
    int devices = 0;
    for (int number = 0; std::getline(lines, line); ++number) {
        if (number >= 2) {  // two lines of headings
            CHECK(line.find("lo:") != std::string::npos);
            ++devices;
        }
    }
    CHECK(devices == 1);
}

TEST_CASE("sandbox: a crash leaves no core and the stack does not depend on the shell") {
    Command command;
    command.argv = {"/bin/sh", "-c", "ulimit -c; ulimit -s; ulimit -Hs"};
    // 512-byte blocks rounded down, then KiB
    CHECK(box().run(command).out == "0\n8192\n65536\n");
}

TEST_CASE("sandbox: no privilege is left and the kernel says so") {
    Command command;
    command.argv = {"/bin/cat", "/proc/self/status"};
    const Outcome outcome = box().run(command);
    for (const char* line :
         {"CapInh:\t0000000000000000\n",
          "CapPrm:\t0000000000000000\n",
          "CapEff:\t0000000000000000\n",
          "CapBnd:\t0000000000000000\n",
          "NoNewPrivs:\t1\n",
          "Seccomp:\t2\n",
          "Uid:\t65534\t65534\t65534\t65534\n"}) {
        INFO(line);
        CHECK(outcome.out.find(line) != std::string::npos);
    }
}

TEST_CASE("sandbox: no process of the host can be seen") {
    Command command;
    command.argv = {"/bin/sh", "-c", "cd /proc; for p in [0-9]*; do echo $p; done"};
    CHECK(box().run(command).out == "1\n2\n");  // the helper and the shell
}

TEST_CASE("sandbox: no new namespace and no typing into a terminal") {
    const std::string refused = std::to_string(EPERM) + "\n";
    CHECK(box().run({"new_namespace"}).out == "clone " + refused + "clone " + refused);
    CHECK(box().run({"terminal"}).out == "ioctl " + refused + "ioctl " + refused);
}

TEST_CASE("sandbox: the program cannot touch the helper that reports on it") {
    const Outcome outcome = box().run({"attack_helper"});
    const std::string refused = std::to_string(EACCES) + "\n";
    const std::string seen = "open " + refused + "open " + refused + "opendir " + refused;
    // Signals to pid 1 are ignored; Landlock, where it knows signals, refuses them.
    constexpr int k_knows_signals = 6;
    CHECK(
        outcome.out ==
        seen + (inside::landlock_abi() >= k_knows_signals ? "kill 1\n" : "kill 0\n"));
    CHECK(outcome.exit_code == 7);  // and its exit code still arrives
}

TEST_CASE("sandbox: a program may set a stricter filter of its own") {
    CHECK(box().run({"own_filter"}).out == "before\nafter\n");
}

TEST_CASE("sandbox: the password file is out of reach even when it is bound") {
    CHECK(
        box().run({"open", "/etc/shadow", "read"}).out == "open " + std::to_string(ENOENT) + "\n");
    if (!fs::exists("/etc/shadow")) {
        WARN("skipped in part: this machine has no /etc/shadow");
        return;
    }
    Command command = box().hostile({"open", "/shadow", "read"});
    command.binds.push_back({"/etc/shadow", "/shadow", false});
    CHECK(box().run(command).out == "open " + std::to_string(EACCES) + "\n");
}

TEST_CASE("sandbox: the environment is the given one and nothing else") {
    const Variable key("KWRIGHT_TEST_API_KEY", "sk-do-not-leak");
    Command command = box().hostile({"environment"});
    command.env = {{"PATH", "/usr/bin"}, {"ODD", "a=b c"}};
    const Outcome outcome = box().run(command);
    CHECK(outcome.out.find("sk-do-not-leak") == std::string::npos);
    CHECK(outcome.out.find("PATH=/usr/bin\n") != std::string::npos);
    CHECK(outcome.out.find("ODD=a=b c\n") != std::string::npos);
    std::istringstream lines(outcome.out);
    for (std::string line; std::getline(lines, line);) {
        const std::string name = line.substr(0, line.find('='));
        INFO(line);
        CHECK((name == "PATH" || name == "ODD" || name == "PWD"));
    }
}

TEST_CASE("sandbox: nothing passes from one run to the next") {
    Command command = box().hostile({"open", "/tmp/note", "write"});
    CHECK(box().run(command).out == "open 0\n");
    CHECK(box().run({"open", "/tmp/note", "read"}).out == "open " + std::to_string(ENOENT) + "\n");
}

TEST_CASE("sandbox: only the passed descriptors arrive and under the numbers asked for") {
    const int stray = memory_with("stray");
    ::fcntl(stray, F_SETFD, 0);  // careless code: inheritable
    const int one = memory_with("one");
    const int two = memory_with("two");
    // Swapped, so that each target number is the other's source.
    Command command = box().hostile({"read_descriptors", std::to_string(one), std::to_string(two)});
    command.fds = {{one, two}, {two, one}};
    CHECK(
        box().run(command).out == std::to_string(one) + "=two " + std::to_string(two) + "=one \n");

    command = box().hostile({"list_descriptors"});
    command.fds = {{one, 3}, {two, 4}, {one, 500}};
    CHECK(box().run(command).out == "0 1 2 3 4 500 \n");
    for (const int fd : {stray, one, two}) {
        ::close(fd);
    }
}

TEST_CASE("sandbox: a descriptor number taken twice or below three is a usage error") {
    const int fd = memory_with("x");
    for (const auto& fds : std::vector<std::vector<PassedFd>>{
             {{fd, 5}, {fd, 5}}, {{fd, 2}}, {{-1, 7}}, {{fd, 100'000}}}) {
        Command command = box().hostile({"list_descriptors"});
        command.fds = fds;
        const auto outcome = box().sandbox->run(command);
        REQUIRE_FALSE(outcome.ok());
        CHECK(outcome.error().code == kw::Errc::usage);
    }
    ::close(fd);
}

TEST_CASE("sandbox: a directory that only root may enter works by descriptor or run directory") {
    const ClosedDirectory closed;
    fs::copy_file(KW_HOSTILE_PROGRAM, closed.path() / "hostile");
    std::ofstream(closed.path() / "note") << "hello";

    const int note = ::open((closed.path() / "note").c_str(), O_RDONLY | O_CLOEXEC);
    Command by_descriptor = box().hostile({"read_descriptors", "8"});
    by_descriptor.fds = {{note, 8}};
    CHECK(box().run(by_descriptor).out == "8=hello \n");
    ::close(note);

    const fs::path dir = must(box().sandbox->make_run_dir("copy"));
    fs::copy_file(closed.path() / "hostile", dir / "hostile");
    Command by_directory = box().hostile({"end", "exit", "5"});
    by_directory.binds = {{dir, "/box", false}};
    CHECK(box().run(by_directory).exit_code == 5);

    Command directly = box().hostile({"end", "exit", "5"});
    directly.binds = {{closed.path() / "hostile", "/box/hostile", false}};
    const auto outcome = box().sandbox->run(directly);
    if (::geteuid() == 0) {
        REQUIRE_FALSE(outcome.ok());
        CHECK(outcome.error().code == kw::Errc::environment);
        CHECK(outcome.error().hint.find("run directory") != std::string::npos);
    } else {
        CHECK(outcome->exit_code == 5);
    }
}

TEST_CASE("sandbox: a run directory is the child's to write and nobody else's to enter") {
    fs::path dir;
    {
        const Box one;
        dir = must(one.sandbox->make_run_dir("out/../../x y"));
        Command command = one.hostile({"open", "/out/made", "write"});
        command.binds.push_back({dir, "/out", true});
        CHECK(one.run(command).out == "open 0\n");
        CHECK(fs::exists(dir / "made"));
        struct stat info {};
        REQUIRE(::stat(dir.c_str(), &info) == 0);
        CHECK((info.st_mode & 0777) == 0700);
        REQUIRE(::stat((dir / "made").c_str(), &info) == 0);
        CHECK(info.st_uid != 0);
        if (::geteuid() == 0) {
            const std::string answer = in_other_process(
                12345, [&] { return fs::exists(dir / "made") ? "seen" : "unseen"; });
            CHECK(answer.rfind("threw: ", 0) == 0);  // permission denied
        }
    }
    CHECK_FALSE(fs::exists(dir));
}

TEST_CASE("sandbox: a processor can be chosen and the program may ask for it again") {
    Command command = box().hostile({"processors"});
    command.pin_cpu = 0;
    CHECK(box().run(command).out == "sched_getaffinity 0\nsched_setaffinity 0\nprocessors 1\n");
}

TEST_CASE("sandbox: a compiler works inside") {
    const fs::path dir = must(box().sandbox->make_run_dir("compile"));
    Command command;
    command.argv = {"/usr/bin/g++", "-O1", "-x", "c++", "-", "-o", "/out/a"};
    command.env = {{"PATH", "/usr/bin:/bin"}};
    command.stdin_text = "#include <cstdio>\nint main() { std::puts(\"built\"); }\n";
    command.binds = {{dir, "/out", true}};
    const Outcome built = box().run(command);
    INFO(built.err);
    REQUIRE(built.exit_code == 0);
    CHECK(built.cpu_s > 0);
    command = Command{};
    command.argv = {"/out/a"};
    command.binds = {{dir, "/out", false}};
    CHECK(box().run(command).out == "built\n");
}

TEST_CASE("sandbox: a program that is not there is an error of ours with its name") {
    Command command = box().hostile({});
    command.argv = {"/box/missing"};
    const auto outcome = box().sandbox->run(command);
    REQUIRE_FALSE(outcome.ok());
    CHECK(outcome.error().code == kw::Errc::environment);
    CHECK(outcome.error().what.find("/box/missing") != std::string::npos);
    CHECK_FALSE(box().sandbox->start(command).ok());
}

TEST_CASE("sandbox: a bind that is not there is an error of ours with its name") {
    Command command = box().hostile({"hang"});
    command.binds.push_back({"/nowhere/at/all", "/x", false});
    const auto outcome = box().sandbox->run(command);
    REQUIRE_FALSE(outcome.ok());
    CHECK(outcome.error().what.find("/nowhere/at/all") != std::string::npos);
}

TEST_CASE("sandbox: runs and failures leave no descriptor and no zombie behind") {
    Command missing = box().hostile({});
    missing.argv = {"/box/missing"};
    (void)box().run({"end", "exit", "0"});
    const int before = open_descriptors();
    for (int i = 0; i < 5; ++i) {
        (void)box().run({"end", "exit", "0"});
        (void)box().sandbox->run(missing);
        (void)box().start(box().hostile({"hang"}));
    }
    CHECK(open_descriptors() == before);
    CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
    CHECK(errno == ECHILD);
}
