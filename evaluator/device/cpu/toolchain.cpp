// SPDX-License-Identifier: Apache-2.0
#include "core/hash.hpp"
#include "evaluator/device/cpu/build.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <spawn.h>
#include <sstream>

namespace kw::cpu {
namespace {

namespace fs = std::filesystem;

/// First line that `program argument` prints; the compiler is the user's own, so no sandbox.
std::optional<std::string> first_line(const fs::path& program, const char* argument) {
    std::array<int, 2> pipe_fds{};
    if (pipe2(pipe_fds.data(), O_CLOEXEC) != 0) {
        return std::nullopt;
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipe_fds[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    std::string name = program.string();
    std::string option = argument;
    std::array<char*, 3> argv{name.data(), option.data(), nullptr};
    std::string locale = "LC_ALL=C";
    std::string path = "PATH=/usr/local/bin:/usr/bin:/bin";
    std::array<char*, 3> env{locale.data(), path.data(), nullptr};
    pid_t pid = 0;
    const int failed = posix_spawn(&pid, name.c_str(), &actions, nullptr, argv.data(), env.data());
    posix_spawn_file_actions_destroy(&actions);
    close(pipe_fds[1]);
    std::string text;
    if (failed == 0) {
        std::array<char, 4096> block{};
        for (;;) {
            const ssize_t got = read(pipe_fds[0], block.data(), block.size());
            if (got < 0 && errno == EINTR) {
                continue;
            }
            if (got <= 0) {
                break;
            }
            if (text.size() < 65536) {
                text.append(block.data(), static_cast<std::size_t>(got));
            }
        }
    }
    close(pipe_fds[0]);
    if (failed != 0) {
        return std::nullopt;
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        return std::nullopt;
    }
    return text.substr(0, text.find('\n'));
}

/// ccache's compiler links only confuse: one source is built once, and our cache is above it.
bool is_ccache(const fs::path& path) {
    std::error_code error;
    const fs::path real = fs::canonical(path, error);
    return !error && real.filename() == "ccache";
}

std::optional<fs::path> look_up(const std::string& name) {
    const auto usable = [](const fs::path& path) {
        return access(path.c_str(), X_OK) == 0 && !fs::is_directory(path) && !is_ccache(path);
    };
    if (name.find('/') != std::string::npos) {
        const fs::path path = fs::absolute(name).lexically_normal();
        return usable(path) ? std::optional(path) : std::nullopt;
    }
    const char* search = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): start-up only
    std::istringstream folders(search != nullptr ? search : "/usr/local/bin:/usr/bin:/bin");
    for (std::string folder; std::getline(folders, folder, ':');) {
        if (folder.empty() || folder.front() != '/') {
            continue;
        }
        const fs::path path = fs::path(folder) / name;
        if (usable(path)) {
            return path;
        }
    }
    return std::nullopt;
}

/// The sandbox has an almost empty /etc, so a link through /etc/alternatives would dangle there.
fs::path past_alternatives(fs::path path) {
    for (int depth = 0; depth < 8; ++depth) {
        std::error_code error;
        const fs::path target = fs::read_symlink(path, error);
        const bool through_etc = !error && target.string().rfind("/etc/", 0) == 0;
        if (!through_etc && path.string().rfind("/etc/", 0) != 0) {
            break;
        }
        if (error) {
            break;
        }
        path = target.is_absolute() ? target : path.parent_path() / target;
    }
    return path;
}

std::string file_bytes(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// "g++ (Debian 12.2.0-14+deb12u1) 12.2.0" -> "12.2.0"; "Debian clang version 14.0.6" -> "14.0.6".
std::string version_number(const std::string& line) {
    std::istringstream words(line);
    std::string number;
    for (std::string word; words >> word;) {
        const bool starts_with_digit = word[0] >= '0' && word[0] <= '9';
        if (starts_with_digit && word.find('.') != std::string::npos) {
            number = word;
        }
    }
    return number.substr(0, number.find('-'));
}

/// Size and time of the compiler proper: the driver alone does not change with every update.
std::string compiler_proper_stamp(const fs::path& driver) {
    const auto path = first_line(driver, "-print-prog-name=cc1plus");
    std::error_code error;
    if (!path || path->empty() || path->front() != '/') {
        return {};
    }
    const auto size = fs::file_size(*path, error);
    if (error) {
        return {};
    }
    const auto time = fs::last_write_time(*path, error).time_since_epoch().count();
    return std::to_string(size) + " " + std::to_string(time);
}

}  // namespace

Result<Toolchain> find_toolchain(const std::string& name) {
    const std::string wanted = name.empty() ? "g++" : name;
    const bool clang = wanted.find("clang") != std::string::npos;
    const auto found = look_up(wanted);
    if (!found) {
        return Error{
            Errc::environment,
            "looking for the compiler '" + wanted + "': no such program",
            clang ? "install it: apt-get install clang" : "install it: apt-get install g++"};
    }
    Toolchain toolchain;
    toolchain.compiler = past_alternatives(*found);
    const auto line = first_line(toolchain.compiler, "--version");
    if (!line) {
        return Error{
            Errc::environment,
            "asking the compiler '" + toolchain.compiler.string() + "' for its version: it failed",
            "name another one: --compiler g++, or reinstall it"};
    }
    const bool is_clang = line->find("clang") != std::string::npos;
    const std::string number = version_number(*line);
    if (number.empty()) {
        return Error{
            Errc::environment,
            "asking the compiler '" + toolchain.compiler.string() + "' for its version: it said '" +
                line->substr(0, 80) + "'",
            "kwright needs g++ 11 or later, or clang++ 14 or later"};
    }
    toolchain.family = is_clang ? "clang++" : "g++";
    toolchain.version = toolchain.family + " " + number;
    toolchain.hash = Hasher()
                         .add("kw-toolchain/1")
                         .add(*line)
                         .add(sha256_hex(file_bytes(toolchain.compiler)))
                         .add(compiler_proper_stamp(toolchain.compiler))
                         .hex();
    return toolchain;
}

}  // namespace kw::cpu
