// SPDX-License-Identifier: Apache-2.0
// NVRTC, always first: what it calls host code is refused, whatever nvcc would make of it.
#include "evaluator/device/cpu/build_files.hpp"
#include "evaluator/device/cuda/build_steps.hpp"
#include "evaluator/device/cuda/shims.hpp"

#include <algorithm>

namespace kw::cuda {
namespace {

namespace fs = std::filesystem;

constexpr int k_most_stand_ins = 8;

// Exit codes of kw-nvrtc.
constexpr int k_does_not_compile = 1;
constexpr int k_library_failed = 4;

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

}  // namespace

Result<sandbox::Outcome> Job::run_nvrtc(bool assemble) {
    std::error_code ignored;
    fs::remove(out_.path / k_ptx, ignored);
    const std::string ptx = std::string(k_out) + "/" + k_ptx;
    std::vector<std::string> argv{
        "/kw/kw-nvrtc",
        "compile",
        job_.toolkit.nvrtc.string(),
        job_.file_name,
        job_.file_name,
        ptx};
    const auto options = compile_options(job_.arch);
    argv.insert(argv.end(), options.begin(), options.end());
    argv.insert(
        argv.end(), {std::string("-I") + k_nvrtc_shims, std::string("--pre-include=") + k_prelude});
    for (const fs::path& folder : job_.toolkit.includes) {
        argv.push_back("-I" + folder.string());
    }
    argv.push_back(std::string("-I") + k_stand_ins);
    if (assemble) {
        argv.emplace_back("--");
        const auto next = ptxas_command(ptx);
        argv.insert(argv.end(), next.begin(), next.end());
    }
    return timed(assemble ? "build.nvrtc+ptxas" : "build.nvrtc", [&] {
        return job_.sandbox.run(command(std::move(argv)));
    });
}

Result<bool> Job::understood(const sandbox::Outcome& outcome) {
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

Result<Job::Next> Job::nvrtc() {
    result_.compiler = "NVRTC " + job_.toolkit.version;
    result_.command = shown_command("nvrtc");
    std::vector<CompilerMessage> messages;
    for (int stood_in = 0;; ++stood_in) {
        const bool assemble =
            stood_in == 0 && job_.route != Route::nvcc && !job_.toolkit.ptxas.empty();
        KW_TRY_ASSIGN(sandbox::Outcome outcome, run_nvrtc(assemble));
        if (assemble && fs::exists(out_.path / k_ptx)) {
            KW_TRY_ASSIGN(const Next next, take_ptx("nvrtc", read_log(outcome.err, context_)));
            if (next != Next::stop) {
                outcome.err = std::move(outcome.out);  // of ptxas, from here on
                take_cubin(outcome);
            }
            return next == Next::stop ? next : Next::done;
        }
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
        const Result<void> written = write_below(in_.path, fs::path(k_stand_ins) / *missing, "");
        if (!written) {  // "a" and "a/b": the file system's limits are not ours
            return judge_errors(messages, true);
        }
        note("missing-header", "NVRTC lacks <" + *missing + ">: built with nvcc");
    }
}

std::optional<std::string> Job::missing_header(const std::vector<CompilerMessage>& messages) {
    for (const CompilerMessage& message : messages) {
        if (!message.missing_header.empty()) {
            return message.missing_header;
        }
    }
    return std::nullopt;
}

Job::Next Job::judge_errors(const std::vector<CompilerMessage>& messages, bool header_missing) {
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

}  // namespace kw::cuda
