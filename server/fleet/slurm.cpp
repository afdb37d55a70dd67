// SPDX-License-Identifier: Apache-2.0
#include "server/fleet/slurm.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <sstream>

namespace kw::server {
namespace {

constexpr std::size_t k_most_ids = 200;  ///< of one call of scancel

bool is_number(std::string_view text) {
    return !text.empty() && text.size() <= 18 &&
           std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

/// "1234" or "1234_5". Nothing else is ever handed to scancel.
bool is_job_id(std::string_view id) {
    const std::size_t line = id.find('_');
    return is_number(id.substr(0, line)) &&
           (line == std::string_view::npos || is_number(id.substr(line + 1)));
}

std::int64_t number(std::string_view text) {
    std::int64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

std::string one_line_of(std::string text, std::size_t most) {
    std::ranges::replace_if(
        text, [](char c) { return c < 0x20 || c >= 0x7F; }, ' ');
    text.erase(text.find_last_not_of(' ') + 1);
    return text.size() <= most ? text : text.substr(0, most) + "...";
}

std::vector<std::string> fields_of(const std::string& line) {
    std::vector<std::string> fields;
    std::istringstream stream(line);
    for (std::string field; fields.size() < 5 && std::getline(stream, field, '|');) {
        fields.push_back(one_line_of(field, 200));
    }
    fields.resize(5);
    return fields;
}

}  // namespace

bool is_worker(const SlurmJob& job) {
    static constexpr std::array<std::string_view, 9> k_here = {
        "PENDING",
        "RUNNING",
        "CONFIGURING",
        "REQUEUED",
        "REQUEUE_HOLD",
        "REQUEUE_FED",
        "RESIZING",
        "SPECIAL_EXIT",
        "SUSPENDED"};
    return std::ranges::find(k_here, job.state) != k_here.end();
}

bool is_running(const SlurmJob& job) {
    return job.state == "RUNNING";
}

std::int64_t slurm_seconds(const std::string& text) {
    const std::size_t dash = text.find('-');
    const std::int64_t days = dash == std::string::npos ? 0 : number(text.substr(0, dash));
    std::int64_t seconds = 0;
    std::istringstream parts(dash == std::string::npos ? text : text.substr(dash + 1));
    for (std::string part; std::getline(parts, part, ':');) {
        if (!is_number(part) || part.size() > 6) {
            return 0;
        }
        seconds = seconds * 60 + number(part);
    }
    return days > 100'000 ? 0 : days * 86'400 + seconds;
}

std::vector<SlurmJob> parse_squeue(const std::string& text) {
    std::vector<SlurmJob> jobs;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
        const std::vector<std::string> fields = fields_of(line);
        if (!is_job_id(fields[0]) || fields[1].empty()) {
            continue;
        }
        SlurmJob job{fields[0], fields[1], slurm_seconds(fields[2]), fields[3], fields[4]};
        job.reason = job.reason == "None" ? "" : job.reason;
        jobs.push_back(std::move(job));
    }
    return jobs;
}

Result<std::string> parse_sbatch(const std::string& text) {
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
        const std::string id = line.substr(0, line.find_first_of("; \r"));
        if (is_number(id)) {
            return id;
        }
    }
    return Error{
        Errc::environment,
        "submitting to Slurm: sbatch names no job: " + one_line_of(text, 200),
        "look with squeue whether the workers were taken"};
}

Result<ProgramEnd> Slurm::call(const std::vector<std::string>& argv, const std::string& input) {
    auto end = run_(argv, input);
    if (!end) {
        Error error = end.error();
        error.hint = "is this a machine of the cluster? Slurm's commands must be in PATH";
        return error;
    }
    if (end->exit_code != 0) {
        return Error{
            Errc::environment,
            "asking Slurm: " + argv.front() + " ended with " + std::to_string(end->exit_code) +
                ": " + one_line_of(end->err.empty() ? end->out : end->err, 400),
            ""};
    }
    return end;
}

Result<std::string> Slurm::submit(const std::string& script) {
    KW_TRY_ASSIGN(const ProgramEnd end, call({"sbatch", "--parsable"}, script));
    return parse_sbatch(end.out);
}

Result<std::vector<SlurmJob>> Slurm::jobs(const std::string& name) {
    KW_TRY_ASSIGN(
        const ProgramEnd end,
        call(
            {"squeue",
             "--noheader",
             "--array",
             "--me",
             "--name=" + name,
             "--format=%i|%T|%M|%N|%r"}));
    return parse_squeue(end.out);
}

Result<void> Slurm::cancel(std::vector<std::string> words, const std::vector<std::string>& ids) {
    for (std::size_t at = 0; at < ids.size(); at += k_most_ids) {
        std::vector<std::string> argv = words;
        const auto begin = ids.begin() + static_cast<std::ptrdiff_t>(at);
        const std::size_t count = std::min(k_most_ids, ids.size() - at);
        argv.insert(argv.end(), begin, begin + static_cast<std::ptrdiff_t>(count));
        KW_TRY(call(argv));
    }
    return {};
}

Result<void> Slurm::end(const std::vector<SlurmJob>& jobs, Ending how) {
    std::vector<std::string> running;
    std::vector<std::string> others;
    for (const SlurmJob& job : jobs) {
        KW_CHECK_NOTE(is_job_id(job.id), job.id);
        (is_running(job) ? running : others).push_back(job.id);
    }
    if (how == Ending::at_once) {
        running.insert(running.end(), others.begin(), others.end());
        return cancel({"scancel"}, running);
    }
    // One that has begun to run meanwhile is left alone.
    KW_TRY(cancel({"scancel", "--state=PENDING"}, others));
    // The batch script alone: it has become the worker (exec).
    return cancel({"scancel", "--batch", "--signal=TERM"}, running);
}

}  // namespace kw::server
