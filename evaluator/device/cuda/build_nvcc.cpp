// SPDX-License-Identifier: Apache-2.0
// nvcc, for headers that NVRTC lacks and for kernels that are promoted; ptxas behind either.
#include "evaluator/device/cpu/build_files.hpp"
#include "evaluator/device/cuda/build_steps.hpp"
#include "evaluator/device/cuda/ptxas_facts.hpp"
#include "evaluator/device/cuda/shims.hpp"
#include "evaluator/device/cuda/source_scan.hpp"

#include <algorithm>

namespace kw::cuda {

namespace fs = std::filesystem;

Result<bool> Job::nvcc(Next why) {
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
    // NVRTC takes the constexpr functions of a header (std::min, numeric_limits) as device code.
    argv.insert(
        argv.end(),
        {"--expt-relaxed-constexpr",
         "-I",
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

Result<void> Job::ptxas() {
    if (job_.toolkit.ptxas.empty()) {
        note("ptxas-absent", "no registers, spills and cubin: the toolkit has no ptxas");
        result_.summary = "built";
        return {};
    }
    KW_TRY(write_below(in_.path, k_ptx, result_.product.ptx));
    KW_TRY_ASSIGN(sandbox::Outcome outcome, timed("build.ptxas", [&] {
                      return job_.sandbox.run(command(ptxas_command(k_ptx)));
                  }));
    outcome.err += outcome.out;
    take_cubin(outcome);
    return {};
}

std::vector<std::string> Job::ptxas_command(const std::string& ptx) const {
    return {
        job_.toolkit.ptxas.string(),
        "-v",
        "-arch=" + job_.arch,
        "-lineinfo",
        ptx,
        "-o",
        std::string(k_out) + "/" + k_cubin};
}

void Job::take_cubin(const sandbox::Outcome& outcome) {
    context_.ptx = result_.product.ptx;
    if (!passed(outcome, read_log(outcome.err, context_))) {
        return;
    }
    auto cubin = cpu::read_file(out_.path / k_cubin, static_cast<std::size_t>(limits_.file_bytes));
    if (!cubin) {
        too_large("the cubin");
        return;
    }
    result_.product.cubin = std::move(*cubin);
    result_.product.kernels = ptxas_facts(outcome.err);
    result_.summary = "built";
}

}  // namespace kw::cuda
