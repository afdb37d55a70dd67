// SPDX-License-Identifier: Apache-2.0
#include "tests/support/program.hpp"

#include "tests/support/catch.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace kw::test {
namespace {

namespace fs = std::filesystem;

std::string text_of(int fd) {
    std::string text;
    std::array<char, 4096> block{};
    lseek(fd, 0, SEEK_SET);
    for (ssize_t got = read(fd, block.data(), block.size()); got > 0;
         got = read(fd, block.data(), block.size())) {
        text.append(block.data(), static_cast<std::size_t>(got));
    }
    close(fd);
    return text;
}

}  // namespace

Folder::Folder() {
    std::string pattern = (fs::temp_directory_path() / "kw-test-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
}

Folder::~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

Program::Program(fs::path folder)
    : program(fs::path(KW_BINARY_DIR) / "bin" / "kwright")
    , folder_(std::move(folder)) {
    const char* path = std::getenv("PATH");
    environment = {
        {"PATH", path != nullptr ? path : "/usr/bin:/bin"},
        {"HOME", folder_.string()},
        {"LC_ALL", "C"},
        {"KWRIGHT_CACHE_DIR", (fs::path(KW_BINARY_DIR) / "test-cache").string()}};
}

int Program::start(const std::vector<std::string>& arguments) const {
    // Everything that allocates comes before fork().
    std::vector<std::string> words{program.string()};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<std::string> settings;
    for (const auto& [name, value] : environment) {
        settings.push_back(name + "=" + value);
    }
    std::vector<char*> argv;
    for (std::string& word : words) {
        argv.push_back(word.data());
    }
    argv.push_back(nullptr);
    std::vector<char*> env;
    for (std::string& setting : settings) {
        env.push_back(setting.data());
    }
    env.push_back(nullptr);
    const pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        if (chdir(folder_.c_str()) == 0) {
            execve(program.c_str(), argv.data(), env.data());
        }
        _exit(127);
    }
    return pid;
}

Outcome Program::operator()(const std::vector<std::string>& arguments) const {
    return run_for(arguments, std::chrono::milliseconds(-1));
}

Outcome Program::run_for(
    const std::vector<std::string>& arguments, std::chrono::milliseconds limit) const {
    const int out = memfd_create("out", MFD_CLOEXEC);
    const int err = memfd_create("err", MFD_CLOEXEC);
    const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    REQUIRE((out >= 0 && err >= 0 && nothing >= 0));
    const std::array<int, 3> wanted{nothing, out, err};
    std::array<int, 3> kept{};
    for (int fd = 0; fd < 3; ++fd) {
        kept[static_cast<std::size_t>(fd)] = fcntl(fd, F_DUPFD_CLOEXEC, 10);
        dup2(wanted[static_cast<std::size_t>(fd)], fd);
    }
    const int pid = start(arguments);
    Outcome outcome;
    // Waiting on the pidfd: no polling, and no sleep when it ends by itself.
    const int handle = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
    REQUIRE(handle >= 0);
    pollfd entry{handle, POLLIN, 0};
    if (poll(&entry, 1, static_cast<int>(limit.count())) == 0) {
        kill(pid, SIGKILL);
        outcome.killed = true;
    }
    close(handle);
    int status = 0;
    waitpid(pid, &status, 0);
    for (int fd = 0; fd < 3; ++fd) {
        dup2(kept[static_cast<std::size_t>(fd)], fd);
        close(kept[static_cast<std::size_t>(fd)]);
    }
    close(nothing);
    outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    outcome.out = text_of(out);
    outcome.err = text_of(err);
    return outcome;
}

std::string read_file(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
}

void write_file(const fs::path& file, const std::string& text) {
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
}

void check_golden(const std::string& name, const std::string& text) {
    const fs::path file = fs::path(KW_SOURCE_DIR) / "tests" / "golden" / "cli" / name;
    if (std::getenv("KW_UPDATE_GOLDEN") != nullptr) {
        write_file(file, text);
    }
    CHECK(text == read_file(file));
}

}  // namespace kw::test
