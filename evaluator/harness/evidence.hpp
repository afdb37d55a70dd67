// SPDX-License-Identifier: Apache-2.0
// Crash handlers of a runner: they write down which signal, where, which system call, and end the
// process. A candidate that defeats them only loses the evidence; the judge still sees the process
// die or hang.
#pragma once

#include "evaluator/harness/control.hpp"

namespace kw::harness {

/// Handlers on their own stack for SIGSEGV SIGBUS SIGILL SIGFPE SIGABRT SIGSYS SIGXCPU.
bool install_evidence_handlers(Control& control);

}  // namespace kw::harness
