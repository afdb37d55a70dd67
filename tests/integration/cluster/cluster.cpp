// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/cluster/cluster.hpp"

#include "tests/support/catch.hpp"

#include <sqlite3.h>

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <netinet/in.h>
#include <sstream>
#include <thread>

namespace kw::test {

namespace fs = std::filesystem;

Running& Running::operator=(Running&& other) noexcept {
    kill9();
    std::swap(pid_, other.pid_);
    code_ = other.code_;
    return *this;
}

void Running::kill9() {
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
        static_cast<void>(wait());
    }
}

void Running::signal(int number) const {
    if (pid_ > 0) {
        ::kill(pid_, number);
    }
}

int Running::wait() {
    if (pid_ > 0) {
        int status = 0;
        ::waitpid(pid_, &status, 0);
        code_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
        pid_ = -1;
    }
    return code_;
}

bool Running::ended() {
    int status = 0;
    if (pid_ > 0 && ::waitpid(pid_, &status, WNOHANG) == pid_) {
        code_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
        pid_ = -1;
    }
    return pid_ <= 0;
}

bool within(double seconds, const std::function<bool()>& what) {
    using Clock = std::chrono::steady_clock;
    const auto until = Clock::now() + std::chrono::duration<double>(seconds);
    while (!what()) {
        if (Clock::now() >= until) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    return true;
}

Cluster::Cluster(const fs::path& folder)
    : folder_(folder / "slurm") {}

Cluster::~Cluster() {
    if (started_) {
        static_cast<void>(script({"stop"}));
    }
}

std::optional<std::string> Cluster::start() {
    started_ = true;
    const Outcome outcome = script({"start"});
    if (outcome.code == 77) {
        started_ = false;
        return outcome.err;
    }
    INFO(outcome.err);
    REQUIRE(outcome.code == 0);
    return std::nullopt;
}

Outcome Cluster::command(
    const std::string& program, const std::vector<std::string>& arguments) const {
    Program run(folder_.parent_path());
    run.program = "/usr/bin/env";
    run.environment["SLURM_CONF"] = conf();
    run.environment["KW_SLURM_PORTS"] = "17700";
    std::vector<std::string> words{program};
    words.insert(words.end(), arguments.begin(), arguments.end());
    return run.run_for(words, std::chrono::seconds(60));
}

Outcome Cluster::script(const std::vector<std::string>& arguments) const {
    std::vector<std::string> words{arguments.front(), folder_.string()};
    words.insert(words.end(), arguments.begin() + 1, arguments.end());
    return command(KW_SOURCE_DIR "/tests/integration/cluster/slurm-cluster", words);
}

std::string Cluster::conf() const {
    return (folder_ / "slurm.conf").string();
}

std::vector<std::string> Cluster::jobs() const {
    std::istringstream lines(
        command("squeue", {"--noheader", "--array", "--me", "--format=%i %T %N"}).out);
    std::vector<std::string> jobs;
    for (std::string line; std::getline(lines, line);) {
        jobs.push_back(line);
    }
    return jobs;
}

int Cluster::running() const {
    const std::vector<std::string> all = jobs();
    return static_cast<int>(std::ranges::count_if(
        all, [](const std::string& job) { return job.find(" RUNNING ") != std::string::npos; }));
}

std::string Cluster::node_of(const std::string& job) const {
    for (const std::string& line : jobs()) {
        if (line.starts_with(job + " RUNNING ")) {
            return line.substr(line.rfind(' ') + 1);
        }
    }
    return "";
}

std::vector<int> worker_processes(const std::string& job) {
    const std::size_t bar = job.find('_');
    const std::string array = "SLURM_ARRAY_JOB_ID=" + job.substr(0, bar);
    const std::string task = "SLURM_ARRAY_TASK_ID=" + job.substr(bar + 1);
    std::vector<int> found;
    std::error_code gone;
    for (const auto& entry : fs::directory_iterator("/proc")) {
        const std::string pid = entry.path().filename();
        if (pid.find_first_not_of("0123456789") != std::string::npos) {
            continue;
        }
        const std::string environment = read_file(entry.path() / "environ") + '\0';
        const std::string line = read_file(entry.path() / "cmdline");
        const auto has = [&](const std::string& setting) {
            return environment.find(setting + '\0') != std::string::npos;
        };
        if (has(array) && has(task) &&
            line.find(std::string("serve\0worker", 12)) != std::string::npos) {
            found.push_back(std::stoi(pid));
        }
    }
    return found;
}

std::vector<QueuedJob> jobs_in(const fs::path& database) {
    std::vector<QueuedJob> jobs;
    sqlite3* file = nullptr;
    sqlite3_stmt* rows = nullptr;
    const char* query =
        "SELECT id, state, worker, attempts, coalesce(evaluation_id, 0), "
        "coalesce(idempotency_key, ''), error FROM job ORDER BY id";
    if (sqlite3_open_v2(database.c_str(), &file, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK) {
        sqlite3_busy_timeout(file, 5000);
        sqlite3_prepare_v2(file, query, -1, &rows, nullptr);
    }
    const auto text = [&](int column) {
        const auto* bytes = sqlite3_column_text(rows, column);
        return std::string(reinterpret_cast<const char*>(bytes));
    };
    while (rows != nullptr && sqlite3_step(rows) == SQLITE_ROW) {
        jobs.push_back(
            {sqlite3_column_int64(rows, 0),
             text(1),
             text(2),
             sqlite3_column_int(rows, 3),
             sqlite3_column_int64(rows, 4),
             text(5),
             text(6)});
    }
    sqlite3_finalize(rows);
    sqlite3_close(file);
    return jobs;
}

int free_port() {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(fd, plain, length) == 0);
    REQUIRE(::getsockname(fd, plain, &length) == 0);
    ::close(fd);
    return ntohs(address.sin_port);
}

}  // namespace kw::test
