// SPDX-License-Identifier: Apache-2.0
// A cluster, a server and what dies of them, all below one folder.
#pragma once

#include "tests/support/program.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace kw::test {

/// A child of the test, killed with it.
class Running {
public:
    Running() = default;
    explicit Running(int pid)
        : pid_(pid) {}
    ~Running() { kill9(); }
    Running(Running&& other) noexcept
        : pid_(other.pid_) {
        other.pid_ = -1;
    }
    Running& operator=(Running&& other) noexcept;
    void kill9();
    void signal(int number) const;
    [[nodiscard]] int wait();    ///< its exit status
    [[nodiscard]] bool ended();  ///< and then its exit status is code()
    [[nodiscard]] int code() const { return code_; }

private:
    int pid_ = -1;
    int code_ = -1;
};

/// True as soon as `what` is, false when `seconds` have passed.
bool within(double seconds, const std::function<bool()>& what);

class Cluster {
public:
    explicit Cluster(const std::filesystem::path& folder);
    ~Cluster();
    Cluster(const Cluster&) = delete;
    Cluster& operator=(const Cluster&) = delete;

    /// Nothing: it runs. Else why there is none here.
    std::optional<std::string> start();
    Outcome script(const std::vector<std::string>& arguments) const;
    Outcome command(const std::string& program, const std::vector<std::string>& arguments) const;
    [[nodiscard]] std::string conf() const;
    /// What squeue lists: "1_0 RUNNING n1".
    [[nodiscard]] std::vector<std::string> jobs() const;
    [[nodiscard]] int running() const;
    [[nodiscard]] std::string node_of(const std::string& job) const;

private:
    std::filesystem::path folder_;
    bool started_ = false;
};

/// Processes that run `kwright serve worker` as task `job` ("1_0") of an array.
std::vector<int> worker_processes(const std::string& job);

int free_port();

/// A row of the server's queue, read from its file while it runs.
struct QueuedJob {
    std::int64_t id = 0;
    std::string state;
    std::string worker;
    int attempts = 0;
    std::int64_t evaluation = 0;
    std::string key;
    std::string error;
};
std::vector<QueuedJob> jobs_in(const std::filesystem::path& database);

}  // namespace kw::test
