// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/build_flags.hpp"

#include "evaluator/device/cpu/machine_isa.hpp"

#include <algorithm>

namespace kw::cpu {

const std::vector<std::string>& allowed_flags() {
    // Code generation only: nothing that names a file, loads a plug-in, or weakens IEEE arithmetic
    // beyond what the compiler may do anyway (contraction, errno, traps).
    static const std::vector<std::string> flags{
        "-O1",
        "-O2",
        "-O3",
        "-funroll-loops",
        "-fno-unroll-loops",
        "-ftree-vectorize",
        "-fno-tree-vectorize",
        "-ftree-slp-vectorize",
        "-fno-tree-slp-vectorize",
        "-fomit-frame-pointer",
        "-fno-math-errno",
        "-fno-trapping-math",
        "-ffp-contract=fast",
        "-ffp-contract=off",
        "-fstrict-aliasing",
        "-fno-strict-aliasing",
        "-fno-exceptions",
        "-fno-rtti",
        "-fschedule-insns",
        "-fno-schedule-insns",
        "-fno-tree-loop-distribute-patterns",
        "-fprefetch-loop-arrays",
        "-fno-prefetch-loop-arrays",
        "-fpeel-loops",
        "-fno-ivopts",
        "-mprefer-vector-width=128",
        "-mprefer-vector-width=256",
        "-mprefer-vector-width=512",
    };
    return flags;
}

std::optional<std::string> first_forbidden_flag(const std::vector<std::string>& flags) {
    const auto& allowed = allowed_flags();
    for (const std::string& flag : flags) {
        if (std::find(allowed.begin(), allowed.end(), flag) == allowed.end()) {
            return flag;
        }
    }
    return std::nullopt;
}

std::vector<std::string> compile_flags(
    const Toolchain& toolchain,
    SourceKind kind,
    const std::string& isa,
    const std::vector<std::string>& extra) {
    // A reference must not depend on what the machine can fuse.
    const std::string contract =
        kind == SourceKind::reference ? "-ffp-contract=off" : "-ffp-contract=fast";
    std::vector<std::string> flags{"-std=c++20", "-O3"};
    const std::vector<std::string> machine = machine_flags(isa);
    flags.insert(flags.end(), machine.begin(), machine.end());
    const std::vector<std::string> fixed{
        "-fPIC",
        "-fvisibility=hidden",
        "-fno-math-errno",
        contract,
        "-fcf-protection=none",
        "-fno-stack-protector",
        "-fno-ident",
        "-g0"};
    flags.insert(flags.end(), fixed.begin(), fixed.end());
    flags.insert(flags.end(), extra.begin(), extra.end());
    // Diagnostics: no source text from the compiler (it would show lines of any file that a source
    // can name); the candidate's own lines are added later.
    if (toolchain.family == "clang++") {
        flags.insert(
            flags.end(), {"-fno-caret-diagnostics", "-fno-color-diagnostics", "-ferror-limit=10"});
    } else {
        flags.insert(
            flags.end(),
            {"-fno-diagnostics-show-caret",
             "-fdiagnostics-color=never",
             "-fmax-errors=10",
             "-Wno-psabi"});
    }
    return flags;
}

std::vector<std::string> link_flags() {
    return {
        "-shared",
        "-Wl,-z,defs,-z,now,-z,relro,-z,noexecstack",
        "-Wl,--build-id=none",
        "-Wl,--as-needed"};
}

}  // namespace kw::cpu
