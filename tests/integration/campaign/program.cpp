// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/campaign/program.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace kw::test {
namespace {

std::string read_file(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
}

[[noreturn]] void become_kwright(
    const std::vector<std::string>& arguments, const std::filesystem::path& folder) {
    const int out = open((folder / "stdout").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    const int err = open((folder / "stderr").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    const std::string program = std::string(KW_BINARY_DIR) + "/bin/kwright";
    const std::string cache = std::string(KW_BINARY_DIR) + "/test-cache";
    if (chdir(folder.c_str()) != 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0 ||
        setenv("KWRIGHT_CACHE_DIR", cache.c_str(), 1) != 0) {
        _exit(126);
    }
    std::vector<char*> argv{const_cast<char*>(program.c_str())};
    for (const std::string& argument : arguments) {
        argv.push_back(const_cast<char*>(argument.c_str()));
    }
    argv.push_back(nullptr);
    execv(program.c_str(), argv.data());
    _exit(127);
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "kw-campaign-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
}

TemporaryFolder::~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

Ended kwright(
    const std::vector<std::string>& arguments,
    const std::filesystem::path& folder,
    std::chrono::milliseconds kill_after) {
    const pid_t child = fork();
    if (child == 0) {
        become_kwright(arguments, folder);
    }
    Ended ended;
    if (kill_after.count() > 0) {
        // Waiting on the pidfd: no polling, and no sleep when it ends by itself.
        const int handle = static_cast<int>(syscall(SYS_pidfd_open, child, 0));
        pollfd entry{handle, POLLIN, 0};
        if (poll(&entry, 1, static_cast<int>(kill_after.count())) == 0) {
            kill(child, SIGKILL);
            ended.killed = true;
        }
        close(handle);
    }
    int status = 0;
    waitpid(child, &status, 0);
    ended.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    ended.out = read_file(folder / "stdout");
    ended.err = read_file(folder / "stderr");
    return ended;
}

}  // namespace kw::test
