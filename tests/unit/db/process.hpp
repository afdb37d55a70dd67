// SPDX-License-Identifier: Apache-2.0
// Children made by fork(), for what needs another process: a lock, a death, another user. A child
// never runs Catch assertions; it says bytes through a pipe.
#pragma once

#include "db/store.hpp"
#include "tests/support/catch.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <set>
#include <string>

namespace kw::test {

inline void write_all(int fd, const void* data, std::size_t size) {
    const char* at = static_cast<const char*>(data);
    while (size > 0) {
        const ssize_t done = write(fd, at, size);
        if (done <= 0) {
            _exit(9);
        }
        at += done;
        size -= static_cast<std::size_t>(done);
    }
}

inline void say(int fd, char c) {
    write_all(fd, &c, 1);
}

[[noreturn]] inline void wait_for_ever() {
    while (true) {
        pause();
    }
}

/// Runs `body(pipe)` in a child, which ends with it; killed and reaped with this object.
class Child {
public:
    explicit Child(const std::function<void(int)>& body) {
        int ends[2];
        REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
        pid_ = fork();
        REQUIRE(pid_ >= 0);
        if (pid_ == 0) {
            close(ends[0]);
            body(ends[1]);
            _exit(0);
        }
        close(ends[1]);
        from_ = ends[0];
    }
    ~Child() {
        kill_now();
        close(from_);
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    [[nodiscard]] pid_t pid() const { return pid_; }
    [[nodiscard]] int pipe() const { return from_; }
    /// One byte, or 0 at the end.
    char hear() {
        char c = 0;
        return read(from_, &c, 1) == 1 ? c : '\0';
    }
    template <class T>
    T hear_value() {
        T value{};
        REQUIRE(read(from_, &value, sizeof value) == sizeof value);
        return value;
    }
    /// Until the child closes the pipe.
    std::string hear_all() {
        std::string all;
        char buffer[4096];
        for (ssize_t n = 0; (n = read(from_, buffer, sizeof buffer)) > 0;) {
            all.append(buffer, static_cast<std::size_t>(n));
        }
        return all;
    }
    void kill_now() {
        if (pid_ > 0) {
            kill(pid_, SIGKILL);
            waitpid(pid_, nullptr, 0);
            pid_ = -1;
        }
    }

private:
    pid_t pid_ = -1;
    int from_ = -1;
};

/// Root may write anywhere, so tests of permissions drop it first.
inline void become_ordinary() {
    if (geteuid() == 0 &&
        (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0)) {
        _exit(8);
    }
}

/// What `body` returns when an ordinary user runs it.
inline std::string as_ordinary_user(const std::function<std::string()>& body) {
    Child child([&](int pipe) {
        become_ordinary();
        const std::string said = body();
        write_all(pipe, said.data(), said.size());
    });
    return child.hear_all();
}

/// An ordinary user opens `file` for reading, looks, lets `change` happen here, and looks again.
inline std::string with_ordinary_viewer(
    const std::filesystem::path& file,
    const std::function<int(db::Store&)>& look,
    const std::function<void()>& change) {
    int go[2];
    REQUIRE(pipe2(go, O_CLOEXEC) == 0);
    Child child([&](int pipe) {
        become_ordinary();
        auto store = db::Store::open(file, db::Access::read_only);
        std::string said = store.ok() ? std::to_string(look(*store)) : store.error().what;
        say(pipe, '.');
        char c = 0;
        const bool told = read(go[0], &c, 1) == 1;
        said += " then " + (store.ok() && told ? std::to_string(look(*store)) : "nothing");
        write_all(pipe, said.data(), said.size());
    });
    REQUIRE(child.hear() == '.');
    change();
    REQUIRE(write(go[1], "g", 1) == 1);
    const std::string said = child.hear_all();
    close(go[0]);
    close(go[1]);
    return said;
}

}  // namespace kw::test
