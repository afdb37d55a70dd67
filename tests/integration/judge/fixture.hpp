// SPDX-License-Identifier: Apache-2.0
// One CPU device for all judge tests, and the small task they judge.
#pragma once

#include "evaluator/evaluator.hpp"

#include <string>

namespace kw::test {

/// Fails the test when the device cannot be opened: these tests are the reason the sandbox exists.
Device& cpu_device();
const Task& scale_add();

/// A source whose function has this body; the arguments are w, x, y, packed, N.
std::string with_body(const std::string& body, const std::string& before = "");

/// Judges without timing unless `timed`.
Evaluation judge_source(const std::string& source, bool timed = false);

}  // namespace kw::test
