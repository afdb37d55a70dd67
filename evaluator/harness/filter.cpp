// SPDX-License-Identifier: Apache-2.0
#include "evaluator/harness/filter.hpp"

#include <seccomp.h>

#include <fcntl.h>
#include <sys/mman.h>

#include <initializer_list>
#include <memory>

namespace kw::harness {
namespace {

struct Release {
    void operator()(void* context) const { seccomp_release(context); }
};
using Context = std::unique_ptr<void, Release>;

// Anything not allowed raises SIGSYS: our handler notes the system call as evidence and ends the
// process. A candidate cannot replace the handler, since rt_sigaction itself is not allowed.
Context new_context() {
    Context context(seccomp_init(SCMP_ACT_TRAP));
    if (context && seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_TSYNC, 1) != 0) {
        context.reset();
    }
    return context;
}

bool allow(const Context& context, std::initializer_list<int> calls) {
    for (const int call : calls) {
        if (seccomp_rule_add(context.get(), SCMP_ACT_ALLOW, call, 0) != 0) {
            return false;
        }
    }
    return true;
}

bool allow_flags_clear(
    const Context& context, int call, unsigned argument, std::uint64_t forbidden) {
    const scmp_arg_cmp clear{argument, SCMP_CMP_MASKED_EQ, forbidden, 0};
    return seccomp_rule_add_array(context.get(), SCMP_ACT_ALLOW, call, 1, &clear) == 0;
}

// Both filters: memory without code, abort(), exit.
bool allow_common(const Context& context) {
    return allow(
        context,
        {SCMP_SYS(munmap),
         SCMP_SYS(brk),
         SCMP_SYS(mremap),
         SCMP_SYS(madvise),
         SCMP_SYS(rt_sigreturn),
         SCMP_SYS(rt_sigprocmask),
         SCMP_SYS(gettid),
         SCMP_SYS(getpid),
         SCMP_SYS(tgkill),
         SCMP_SYS(exit),
         SCMP_SYS(exit_group),
         SCMP_SYS(clock_gettime),
         SCMP_SYS(getrandom),
         SCMP_SYS(restart_syscall)});
}

}  // namespace

bool install_load_filter() {
    const Context context = new_context();
    return context && allow_common(context) &&
           allow(
               context,
               {SCMP_SYS(futex),
                SCMP_SYS(read),
                SCMP_SYS(pread64),
                SCMP_SYS(close),
                SCMP_SYS(fstat),
                SCMP_SYS(newfstatat),
                SCMP_SYS(stat),
                SCMP_SYS(lseek),
                SCMP_SYS(mmap),
                SCMP_SYS(mprotect),
                SCMP_SYS(getdents64),
                SCMP_SYS(readlink),
                SCMP_SYS(readlinkat),
                SCMP_SYS(access),
                SCMP_SYS(faccessat),
                SCMP_SYS(prctl),
                SCMP_SYS(seccomp),
                SCMP_SYS(getcwd),
                SCMP_SYS(arch_prctl)}) &&
           allow_flags_clear(context, SCMP_SYS(openat), 2, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC) &&
           allow_flags_clear(context, SCMP_SYS(open), 1, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC) &&
           seccomp_load(context.get()) == 0;
}

// Nothing here sleeps or gives the processor away: a call that did would look as if other programs
// had been in its way, and be timed again.
bool install_strict_filter(bool yields) {
    const Context context = new_context();
    const scmp_arg_cmp no_code{2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0};
    const scmp_arg_cmp anonymous{3, SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS};
    const scmp_arg_cmp map_rule[] = {no_code, anonymous};
    return context && allow_common(context) &&
           (!yields || allow(context, {SCMP_SYS(sched_yield)})) &&
           seccomp_rule_add_array(context.get(), SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2, map_rule) ==
               0 &&
           seccomp_load(context.get()) == 0;
}

}  // namespace kw::harness
