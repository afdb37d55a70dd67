// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cuda/build_job.hpp"

#include "evaluator/device/cpu/build_diagnostics.hpp"
#include "evaluator/device/cpu/build_files.hpp"
#include "evaluator/device/cuda/ptxas_facts.hpp"
#include "evaluator/device/cuda/shims.hpp"
#include "evaluator/device/cuda/source_scan.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>

namespace kw::cuda {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr const char* k_in = "/kw/in";
constexpr const char* k_out = "/kw/out";
constexpr const char* k_ptx = "kernel.ptx";
constexpr const char* k_cubin = "kernel.cubin";
constexpr const char* k_nvrtc_shims = "kw_rtc";
constexpr const char* k_nvcc_shims = "kw_cc";
constexpr const char* k_stand_ins = "kw_stand_in";
constexpr int k_most_stand_ins = 8;

// Exit codes of kw-nvrtc.
constexpr int k_does_not_compile = 1;
constexpr int k_library_failed = 4;

/// A run directory that goes with the build.
struct RunDir {
    fs::path path;
    explicit RunDir(fs::path folder)
        : path(std::move(folder)) {}
    RunDir(const RunDir&) = delete;
    RunDir& operator=(const RunDir&) = delete;
    ~RunDir() {
        std::error_code ignored;
        fs::remove_all(path, ignored);
    }
};

sandbox::Limits build_limits() {
    sandbox::Limits limits;
    limits.cpu = std::chrono::seconds(20);
    limits.file_bytes = cpu::k_build_output_limit;
    return limits;
}

/// A relative header name without anything that leads elsewhere.
bool is_plain_header(const std::string& name) {
    const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-' || c == '+' || c == '.' || c == '/';
    });
    return plain && !name.empty() && name.size() < 128 && name.front() != '/' &&
           name.back() != '/' && name.find("..") == std::string::npos &&
           name.find("//") == std::string::npos;
}

/// Creates the folders of `relative` below `base`, readable by the sandbox's user.
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

class Job {
public:
    Job(const BuildJob& job, fs::path in, fs::path out)
        : job_(job)
        , in_(std::move(in))
        , out_(std::move(out))
        , limits_(build_limits()) {
        context_.own_file = job.file_name;
        context_.source = job.source;
        for (const fs::path& folder : job.toolkit.includes) {
            context_.toolkit.push_back(folder.string());
        }
        context_.toolkit.insert(context_.toolkit.end(), {"/usr/include", "/usr/lib/gcc"});
        context_.ours = {k_nvrtc_shims, k_nvcc_shims, k_stand_ins};
    }

    Result<JobResult> run() {
        KW_TRY(write_inputs());
        KW_TRY_ASSIGN(const Next next, nvrtc());
        if (next == Next::stop) {
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

private:
    enum class Next { stop, ptxas, nvcc };

    Result<void> write_inputs() {
        KW_TRY(write_below(in_.path, job_.file_name, job_.source));
        for (const Shim& shim : nvrtc_shims()) {
            KW_TRY(write_below(in_.path, fs::path(k_nvrtc_shims) / shim.path, shim.text));
        }
        for (const Shim& shim : nvcc_shims()) {
            KW_TRY(write_below(in_.path, fs::path(k_nvcc_shims) / shim.path, shim.text));
        }
        return {};
    }

    [[nodiscard]] sandbox::Command command(std::vector<std::string> argv) const {
        sandbox::Command command;
        command.argv = std::move(argv);
        command.env = {
            {"PATH", path_variable()},
            {"LC_ALL", "C"},
            {"TMPDIR", "/tmp"},
            {"LD_LIBRARY_PATH", job_.toolkit.nvrtc.parent_path().string()}};
        command.cwd = k_in;
        command.binds = {
            {in_.path, k_in, false},
            {out_.path, k_out, true},
            {job_.harness, "/kw/kw-nvrtc", false}};
        for (const fs::path& folder : job_.toolkit.folders) {
            if (folder.string().rfind("/usr/", 0) != 0) {  // which every child sees
                command.binds.push_back({folder, {}, false});
            }
        }
        command.limits = limits_;
        return command;
    }

    [[nodiscard]] std::string path_variable() const {
        const std::string tools =
            job_.toolkit.nvcc.empty() ? "" : job_.toolkit.nvcc.parent_path().string() + ":";
        return tools + "/usr/bin:/bin";
    }

    template <class Step>
    auto timed(const char* stage, Step step) {
        const auto start = Clock::now();
        auto result = step();
        result_.stages.push_back(
            {stage, std::chrono::duration<double, std::milli>(Clock::now() - start).count()});
        return result;
    }

    bool fail(Verdict verdict, std::string summary, std::string detail) {
        result_.verdict = verdict;
        if (verdict == Verdict::compile_error && !detail.empty()) {
            summary = detail.substr(0, detail.find('\n'));
        }
        result_.summary = std::move(summary);
        result_.detail = std::move(detail);
        result_.diagnostics = result_.detail;
        return false;
    }

    static bool out_of_memory(const std::vector<CompilerMessage>& messages) {
        return std::any_of(messages.begin(), messages.end(), [](const CompilerMessage& message) {
            return message.kind == CompilerMessage::Kind::error && message.text == "out of memory";
        });
    }

    /// Host code and files that are none of the candidate's business; false with a verdict.
    bool allowed(const std::vector<CompilerMessage>& messages) {
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

    // --- NVRTC ----------------------------------------------------------------------------------

    Result<sandbox::Outcome> run_nvrtc() {
        std::error_code ignored;
        fs::remove(out_.path / k_ptx, ignored);
        std::vector<std::string> argv{
            "/kw/kw-nvrtc",
            "compile",
            job_.toolkit.nvrtc.string(),
            job_.file_name,
            job_.file_name,
            std::string(k_out) + "/" + k_ptx};
        const auto options = compile_options(job_.arch);
        argv.insert(argv.end(), options.begin(), options.end());
        argv.insert(
            argv.end(),
            {std::string("-I") + k_nvrtc_shims, std::string("--pre-include=") + k_prelude});
        for (const fs::path& folder : job_.toolkit.includes) {
            argv.push_back("-I" + folder.string());
        }
        argv.push_back(std::string("-I") + k_stand_ins);
        return timed("build.nvrtc", [&] { return job_.sandbox.run(command(std::move(argv))); });
    }

    /// A run of NVRTC that says nothing of the source: limits, crashes, its own failure.
    Result<bool> understood(const sandbox::Outcome& outcome) {
        using sandbox::EndedBy;
        if (cpu_spent(outcome)) {  // whatever the compiler made of its limit
            return judge_limits(outcome);
        }
        if (outcome.ended_by == EndedBy::exit && outcome.exit_code <= k_does_not_compile) {
            return true;
        }
        if (outcome.ended_by == EndedBy::exit && outcome.exit_code == k_library_failed) {
            const bool memory = outcome.err.find("OUT_OF_MEMORY") != std::string::npos;
            return fail(
                memory ? Verdict::memory_limit : Verdict::compile_error,
                memory ? "compiling took too much memory" : "the compiler failed on this source",
                memory ? "" : "error: the compiler failed on this source; write it differently\n");
        }
        if (outcome.ended_by == EndedBy::exit) {
            return Error{
                Errc::environment,
                "running NVRTC (" + job_.toolkit.nvrtc.string() + ") in the sandbox: " +
                    outcome.err.substr(0, std::min<std::size_t>(outcome.err.find('\n'), 300)),
                "check the CUDA toolkit: kwright doctor; it must be readable by other users"};
        }
        return judge_limits(outcome);
    }

    [[nodiscard]] bool cpu_spent(const sandbox::Outcome& outcome) const {
        return outcome.cpu_s >= static_cast<double>(limits_.cpu.count());
    }

    bool judge_limits(const sandbox::Outcome& outcome) {
        if (outcome.ended_by == sandbox::EndedBy::signal && outcome.signal == SIGXFSZ) {
            return fail(
                Verdict::memory_limit,
                "the compiler wrote more than " + std::to_string(limits_.file_bytes >> 20) +
                    " MiB: smaller tables, less unrolling",
                {});
        }
        const auto failure = cpu::judge_step(outcome, limits_);
        if (!failure) {
            return true;
        }
        if (failure->verdict == Verdict::internal && outcome.ended_by == sandbox::EndedBy::signal) {
            return fail(
                Verdict::compile_error,
                "the compiler crashed on this source",
                "error: the compiler crashed on this source (signal " +
                    std::to_string(outcome.signal) + "); write it differently\n");
        }
        return fail(failure->verdict, failure->summary, {});
    }

    Result<Next> nvrtc() {
        result_.compiler = "NVRTC " + job_.toolkit.version;
        result_.command = shown_command("nvrtc");
        std::vector<CompilerMessage> messages;
        for (int stood_in = 0;; ++stood_in) {
            KW_TRY_ASSIGN(const sandbox::Outcome outcome, run_nvrtc());
            KW_TRY_ASSIGN(const bool understandable, understood(outcome));
            if (!understandable) {
                return Next::stop;
            }
            messages = read_log(outcome.err, context_);
            if (outcome.exit_code == 0) {
                return stood_in > 0 ? Next::nvcc : take_ptx("nvrtc", messages);
            }
            const auto missing = missing_header(messages);
            if (!missing || stood_in >= k_most_stand_ins || !is_plain_header(*missing)) {
                return judge_errors(messages, stood_in > 0 || missing.has_value());
            }
            // An empty header in its place, so that NVRTC says what it has against the rest.
            const Result<void> written =
                write_below(in_.path, fs::path(k_stand_ins) / *missing, "");
            if (!written) {  // "a" and "a/b": the file system's limits are not ours
                return judge_errors(messages, true);
            }
            note("missing-header", "NVRTC lacks <" + *missing + ">: built with nvcc");
        }
    }

    static std::optional<std::string> missing_header(const std::vector<CompilerMessage>& messages) {
        for (const CompilerMessage& message : messages) {
            if (!message.missing_header.empty()) {
                return message.missing_header;
            }
        }
        return std::nullopt;
    }

    void note(const char* rule, std::string evidence) {
        result_.findings.push_back({rule, "info", "build", std::move(evidence)});
    }

    Next judge_errors(const std::vector<CompilerMessage>& messages, bool header_missing) {
        if (!allowed(messages)) {
            return Next::stop;
        }
        const bool in_toolkit =
            std::any_of(
                messages.begin(),
                messages.end(),
                [](const CompilerMessage& message) {
                    return message.kind == CompilerMessage::Kind::error;
                }) &&
            std::all_of(messages.begin(), messages.end(), [](const CompilerMessage& message) {
                return message.kind != CompilerMessage::Kind::error ||
                       message.place == CompilerMessage::Place::toolkit;
            });
        if (!header_missing && !in_toolkit) {
            fail(Verdict::compile_error, "does not compile", show_messages(messages, context_));
            return Next::stop;
        }
        if (in_toolkit && !header_missing) {
            note("header-of-host", "a header of the toolkit has host code: built with nvcc");
        }
        return Next::nvcc;
    }

    Result<Next> take_ptx(const char* route, const std::vector<CompilerMessage>& messages) {
        auto ptx = cpu::read_file(out_.path / k_ptx, cpu::k_build_output_limit);
        if (!ptx) {
            fail(Verdict::memory_limit, "the PTX is larger than 64 MiB", {});
            return Next::stop;
        }
        result_.product.route = route;
        result_.product.ptx = std::move(*ptx);
        result_.diagnostics = show_messages(messages, context_);
        return Next::ptxas;
    }

    // --- nvcc -----------------------------------------------------------------------------------

    /// False when a verdict stands.
    Result<bool> nvcc(Next why) {
        if (job_.toolkit.nvcc.empty()) {
            if (why == Next::nvcc) {
                return fail(
                    Verdict::compile_error,
                    "a header is missing",
                    "error: NVRTC lacks a header and there is no nvcc here\n");
            }
            return Error{
                Errc::environment,
                "building with nvcc: the toolkit " + job_.toolkit.root.string() + " has none",
                "install nvcc of the same version"};
        }
        // NVRTC may not have seen the whole file: what it would have refused is looked for here.
        const cpu::ScanResult host = scan_host_code(job_.source);
        if (!host.violations.empty()) {
            return fail(
                Verdict::forbidden,
                job_.file_name + ":" + std::to_string(host.violations[0].line) + ": " +
                    host.violations[0].what,
                cpu::show(host.violations, job_.file_name));
        }
        std::error_code ignored;
        fs::remove(out_.path / k_ptx, ignored);
        std::vector<std::string> argv{job_.toolkit.nvcc.string(), "-ptx"};
        const auto options = compile_options(job_.arch);
        argv.insert(argv.end(), options.begin(), options.end());
        argv.insert(
            argv.end(),
            {"-I",
             k_nvcc_shims,
             "-include",
             k_prelude,
             job_.file_name,
             "-o",
             std::string(k_out) + "/" + k_ptx});
        result_.compiler = "nvcc " + job_.toolkit.version;
        result_.command = shown_command("nvcc -ptx");
        KW_TRY_ASSIGN(const sandbox::Outcome outcome, timed("build.nvcc", [&] {
                          return job_.sandbox.run(command(std::move(argv)));
                      }));
        const auto messages = read_log(outcome.err + outcome.out, context_);
        if (!passed(outcome, messages)) {
            return false;
        }
        KW_TRY_ASSIGN(const Next next, take_ptx("nvcc", messages));
        return next != Next::stop;
    }

    /// The step went well; false with the verdict set.
    bool passed(const sandbox::Outcome& outcome, const std::vector<CompilerMessage>& messages) {
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

    // --- ptxas ----------------------------------------------------------------------------------

    Result<void> ptxas() {
        if (job_.toolkit.ptxas.empty()) {
            note("ptxas-absent", "no registers, spills and cubin: the toolkit has no ptxas");
            result_.summary = "built";
            return {};
        }
        context_.ptx = result_.product.ptx;
        KW_TRY(write_below(in_.path, k_ptx, result_.product.ptx));
        KW_TRY_ASSIGN(const sandbox::Outcome outcome, timed("build.ptxas", [&] {
                          return job_.sandbox.run(command(
                              {job_.toolkit.ptxas.string(),
                               "-v",
                               "-arch=" + job_.arch,
                               "-lineinfo",
                               k_ptx,
                               "-o",
                               std::string(k_out) + "/" + k_cubin}));
                      }));
        const std::string log = outcome.err + outcome.out;
        if (!passed(outcome, read_log(log, context_))) {
            return {};
        }
        auto cubin = cpu::read_file(out_.path / k_cubin, cpu::k_build_output_limit);
        if (!cubin) {
            fail(Verdict::memory_limit, "the cubin is larger than 64 MiB", {});
            return {};
        }
        result_.product.cubin = std::move(*cubin);
        result_.product.kernels = ptxas_facts(log);
        result_.summary = "built";
        return {};
    }

    [[nodiscard]] std::string shown_command(const std::string& tool) const {
        std::string text = tool;
        for (const std::string& option : compile_options(job_.arch)) {
            text += " " + option;
        }
        return text + " " + job_.file_name;
    }

    const BuildJob& job_;
    RunDir in_;
    RunDir out_;
    sandbox::Limits limits_;
    LogContext context_;
    JobResult result_;
};

}  // namespace

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
