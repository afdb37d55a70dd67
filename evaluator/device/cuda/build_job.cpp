// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/build_diagnostics.hpp"
#include "evaluator/device/cpu/build_files.hpp"
#include "evaluator/device/cuda/build_steps.hpp"
#include "evaluator/device/cuda/shims.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>

namespace kw::cuda {

namespace fs = std::filesystem;

sandbox::Limits build_limits() {
    sandbox::Limits limits;
    limits.cpu = std::chrono::seconds(20);
    limits.file_bytes = cpu::k_build_output_limit;
    return limits;
}

Result<void> write_below(const fs::path& base, const fs::path& relative, std::string_view text) {
    std::error_code error;
    fs::path folder = base;
    for (const fs::path& part : relative.parent_path()) {
        folder /= part;
        if (fs::create_directory(folder, error)) {
            fs::permissions(folder, static_cast<fs::perms>(0755), error);
        }
        if (error) {
            return Error{
                Errc::environment,
                "preparing a build in '" + base.string() + "': " + error.message(),
                "check that the folder is writable and the disk has space"};
        }
    }
    return cpu::write_file(base / relative, text, 0444);
}

Job::Job(const BuildJob& job, fs::path in, fs::path out)
    : job_(job)
    , in_(std::move(in))
    , out_(std::move(out))
    , limits_(job.limits) {
    context_.own_file = job.file_name;
    context_.source = job.source;
    for (const fs::path& folder : job.toolkit.includes) {
        context_.toolkit.push_back(folder.string());
    }
    context_.toolkit.insert(context_.toolkit.end(), {"/usr/include", "/usr/lib/gcc"});
    context_.ours = {k_nvrtc_shims, k_nvcc_shims, k_stand_ins};
}

Result<JobResult> Job::run() {
    KW_TRY(write_inputs());
    KW_TRY_ASSIGN(const Next next, nvrtc());
    if (next == Next::stop || next == Next::done) {
        return std::move(result_);
    }
    if (next == Next::nvcc || job_.route == Route::nvcc) {
        KW_TRY_ASSIGN(const bool built, nvcc(next));
        if (!built) {
            return std::move(result_);
        }
    }
    KW_TRY(ptxas());
    return std::move(result_);
}

Result<void> Job::write_inputs() {
    KW_TRY(write_below(in_.path, job_.file_name, job_.source));
    for (const Shim& shim : nvrtc_shims()) {
        KW_TRY(write_below(in_.path, fs::path(k_nvrtc_shims) / shim.path, shim.text));
    }
    for (const Shim& shim : nvcc_shims()) {
        KW_TRY(write_below(in_.path, fs::path(k_nvcc_shims) / shim.path, shim.text));
    }
    return {};
}

sandbox::Command Job::command(std::vector<std::string> argv) const {
    sandbox::Command command;
    command.argv = std::move(argv);
    command.env = {
        {"PATH", path_variable()},
        {"LC_ALL", "C"},
        {"TMPDIR", "/tmp"},
        {"LD_LIBRARY_PATH", job_.toolkit.nvrtc.parent_path().string()}};
    command.cwd = k_in;
    command.binds = {
        {in_.path, k_in, false}, {out_.path, k_out, true}, {job_.harness, "/kw/kw-nvrtc", false}};
    for (const fs::path& folder : job_.toolkit.folders) {
        if (folder.string().rfind("/usr/", 0) != 0) {  // which every child sees
            command.binds.push_back({folder, {}, false});
        }
    }
    command.limits = limits_;
    return command;
}

std::string Job::path_variable() const {
    const std::string tools =
        job_.toolkit.nvcc.empty() ? "" : job_.toolkit.nvcc.parent_path().string() + ":";
    return tools + "/usr/bin:/bin";
}

bool Job::fail(Verdict verdict, std::string summary, std::string detail) {
    result_.verdict = verdict;
    if (verdict == Verdict::compile_error && !detail.empty()) {
        summary = detail.substr(0, detail.find('\n'));
    }
    result_.summary = std::move(summary);
    result_.detail = std::move(detail);
    result_.diagnostics = result_.detail;
    return false;
}

bool Job::out_of_memory(const std::vector<CompilerMessage>& messages) {
    return std::any_of(messages.begin(), messages.end(), [](const CompilerMessage& message) {
        return message.kind == CompilerMessage::Kind::error && message.text == "out of memory";
    });
}

bool Job::allowed(const std::vector<CompilerMessage>& messages) {
    if (out_of_memory(messages)) {
        return fail(
            Verdict::memory_limit,
            "compiling took more than " + std::to_string(limits_.memory_bytes >> 30) +
                " GiB of memory: smaller tables, fewer templates",
            {});
    }
    for (const CompilerMessage& message : messages) {
        if (message.kind != CompilerMessage::Kind::error) {
            continue;
        }
        if (message.place == CompilerMessage::Place::other) {
            return fail(
                Verdict::forbidden,
                "it includes a file that is no header of the toolkit",
                show_messages({message}, context_));
        }
        if (message.host_code && message.place == CompilerMessage::Place::own) {
            return fail(
                Verdict::forbidden,
                context_.own_file + ":" + std::to_string(message.line) +
                    ": host code in a file of device code",
                show_messages(messages, context_));
        }
    }
    return true;
}

bool Job::cpu_spent(const sandbox::Outcome& outcome) const {
    return outcome.cpu_s >= static_cast<double>(limits_.cpu.count());
}

bool Job::judge_limits(const sandbox::Outcome& outcome) {
    if (outcome.ended_by == sandbox::EndedBy::signal && outcome.signal == SIGXFSZ) {
        return too_large("what the compiler wrote");
    }
    const auto failure = cpu::judge_step(outcome, limits_);
    if (!failure) {
        return true;
    }
    if (failure->verdict == Verdict::internal && outcome.ended_by == sandbox::EndedBy::signal) {
        return fail(
            Verdict::compile_error,
            "the compiler crashed on this source",
            "error: the compiler crashed on this source (signal " + std::to_string(outcome.signal) +
                "); write it differently\n");
    }
    return fail(failure->verdict, failure->summary, {});
}

bool Job::too_large(const std::string& what) {
    return fail(
        Verdict::memory_limit,
        what + " is larger than " + std::to_string(limits_.file_bytes >> 20) +
            " MiB: smaller tables, less unrolling",
        {});
}

void Job::note(const char* rule, std::string evidence) {
    result_.findings.push_back({rule, "info", "build", std::move(evidence)});
}

Result<Job::Next> Job::take_ptx(const char* route, const std::vector<CompilerMessage>& messages) {
    auto ptx = cpu::read_file(out_.path / k_ptx, static_cast<std::size_t>(limits_.file_bytes));
    if (!ptx) {
        too_large("the PTX");
        return Next::stop;
    }
    result_.product.route = route;
    result_.product.ptx = std::move(*ptx);
    result_.diagnostics = show_messages(messages, context_);
    return Next::ptxas;
}

bool Job::passed(const sandbox::Outcome& outcome, const std::vector<CompilerMessage>& messages) {
    const auto failure = cpu::judge_step(outcome, limits_);
    if (!failure) {
        return true;
    }
    if (failure->verdict != Verdict::compile_error) {
        return judge_limits(outcome);
    }
    if (!allowed(messages)) {
        return false;
    }
    std::string detail = show_messages(messages, context_);
    if (detail.empty()) {
        detail = "error: the compiler failed without a message\n";
    }
    return fail(failure->verdict, failure->summary, std::move(detail));
}

std::string Job::shown_command(const std::string& tool) const {
    std::string text = tool;
    for (const std::string& option : compile_options(job_.arch)) {
        text += " " + option;
    }
    return text + " " + job_.file_name;
}

std::vector<std::string> compile_options(const std::string& arch) {
    // -lineinfo: findings and messages name lines of the source; it changes no code. No
    // -default-device: it would turn host functions into device code instead of refusing them, and
    // the file would mean something else under nvcc. No -use_fast_math: a kernel asks for fast
    // functions by name.
    return {
        "--gpu-architecture=compute_" + arch.substr(arch.find('_') + 1), "-std=c++17", "-lineinfo"};
}

Result<JobResult> run_build_job(const BuildJob& job) {
    KW_TRY_ASSIGN(fs::path in, job.sandbox.make_run_dir("cuda-in"));
    KW_TRY_ASSIGN(fs::path out, job.sandbox.make_run_dir("cuda-out"));
    return Job(job, std::move(in), std::move(out)).run();
}

}  // namespace kw::cuda
