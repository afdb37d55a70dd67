// SPDX-License-Identifier: Apache-2.0
// Slurm through its own commands: sbatch, squeue, scancel. What they print is read tolerantly: a
// line that is none of ours is passed over.
#pragma once

#include "core/result.hpp"
#include "server/fleet/program.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace kw::server {

/// One worker: a task of an array.
struct SlurmJob {
    std::string id;            ///< "1234_0"
    std::string state;         ///< "PENDING", "RUNNING", "COMPLETING", ... as Slurm says it
    std::int64_t seconds = 0;  ///< since it started to run
    std::string node;          ///< "" = none yet
    std::string reason;        ///< why it waits; "" = does not
    bool operator==(const SlurmJob&) const = default;
};
/// It runs or will run, and is not on its way out.
[[nodiscard]] bool is_worker(const SlurmJob& job);
[[nodiscard]] bool is_running(const SlurmJob& job);

/// Lines ID|STATE|TIME|NODE|REASON.
[[nodiscard]] std::vector<SlurmJob> parse_squeue(const std::string& text);
/// "1-02:03:04", "02:03", "INVALID" -> seconds, 0 for what is no time.
[[nodiscard]] std::int64_t slurm_seconds(const std::string& text);
/// The job's number of `sbatch --parsable`: "1234", "1234;cluster".
[[nodiscard]] Result<std::string> parse_sbatch(const std::string& text);

enum class Ending { drain, at_once };

class Slurm {
public:
    explicit Slurm(
        RunProgram run = [](const auto& argv,
                            const auto& input) { return run_program(argv, input); })
        : run_(std::move(run)) {}

    /// The number of the array. Errc::environment: no Slurm here, or what sbatch said.
    Result<std::string> submit(const std::string& script);
    /// The user's own jobs of that name, array tasks one by one.
    Result<std::vector<SlurmJob>> jobs(const std::string& name);
    /// drain: running workers get SIGTERM and end by themselves when they are done; waiting ones
    /// are taken off the queue. at_once: Slurm ends them (SIGTERM, SIGKILL after its KillWait).
    Result<void> end(const std::vector<SlurmJob>& jobs, Ending how);

private:
    Result<ProgramEnd> call(const std::vector<std::string>& argv, const std::string& input = "");
    Result<void> cancel(std::vector<std::string> words, const std::vector<std::string>& ids);
    RunProgram run_;
};

}  // namespace kw::server
