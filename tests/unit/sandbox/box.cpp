// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/sandbox/box.hpp"

#include <grp.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <iterator>

namespace kw::sandbox::test {

namespace fs = std::filesystem;

Box::Box(const std::string& mode) {
    sandbox = must(open_sandbox(mode));
    dir = must(sandbox->make_run_dir("hostile"));
    fs::copy_file(KW_HOSTILE_PROGRAM, dir / "hostile");
}

Command Box::hostile(std::vector<std::string> words) const {
    Command command;
    command.argv = {"/box/hostile"};
    command.argv.insert(command.argv.end(), words.begin(), words.end());
    command.binds.push_back({dir, "/box", false});
    command.filter = Filter::run;
    command.limits.wall = std::chrono::seconds(20);
    command.limits.cpu = std::chrono::seconds(10);
    return command;
}

Outcome Box::run(const Command& command) const {
    return must(sandbox->run(command));
}

Outcome Box::run(std::vector<std::string> words) const {
    return run(hostile(std::move(words)));
}

std::unique_ptr<Child> Box::start(const Command& command) const {
    return must(sandbox->start(command));
}

Box& box() {
    static Box the_box;
    return the_box;
}

std::string in_other_process(unsigned uid, const std::function<std::string()>& body) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t pid = ::fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        ::close(ends[0]);
        std::string answer;
        try {
            const bool root = ::geteuid() == 0;
            const bool changed =
                !root || (::setgroups(0, nullptr) == 0 && ::setresgid(uid, uid, uid) == 0 &&
                          ::setresuid(uid, uid, uid) == 0);
            answer = changed ? body() : "threw: cannot change user";
        } catch (const std::exception& error) {
            answer = std::string("threw: ") + error.what();
        } catch (...) {
            answer = "threw: a test assertion";
        }
        const ssize_t ignored = ::write(ends[1], answer.data(), answer.size());
        ::_exit(ignored < 0 ? 1 : 0);
    }
    ::close(ends[1]);
    std::string answer;
    char buffer[4096];
    for (ssize_t n = 0; (n = ::read(ends[0], buffer, sizeof(buffer))) > 0;) {
        answer.append(buffer, static_cast<std::size_t>(n));
    }
    ::close(ends[0]);
    ::waitpid(pid, nullptr, 0);
    return answer;
}

int open_descriptors() {
    return static_cast<int>(
        std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator()));
}

Variable::Variable(const char* name, const std::string& value)
    : name_(name)
    , was_set_(std::getenv(name) != nullptr) {
    if (was_set_) {
        before_ = std::getenv(name);
    }
    ::setenv(name, value.c_str(), 1);
}

Variable::~Variable() {
    if (was_set_) {
        ::setenv(name_, before_.c_str(), 1);
    } else {
        ::unsetenv(name_);
    }
}

}  // namespace kw::sandbox::test
