// SPDX-License-Identifier: Apache-2.0
// KW_CHECK: an invariant of ours. Its failure is a bug of kwright, never of a candidate, a user or
// the world; the top-level handler prints a bug report and exits with 70.
#pragma once

#include <stdexcept>
#include <string>

namespace kw {

/// Thrown by KW_CHECK; caught only in cli/main.cpp and at thread entry points.
class BugError : public std::logic_error {
public:
    using std::logic_error::logic_error;
};

// File and line come from the macros: clang 14 has no std::source_location.
[[noreturn]] void check_failed(
    const char* file, int line, const char* expression, const std::string& note);

}  // namespace kw

#define KW_CHECK(condition)                                                    \
    do {                                                                       \
        if (!(condition)) {                                                    \
            ::kw::check_failed(__FILE__, __LINE__, #condition, std::string{}); \
        }                                                                      \
    } while (false)

#define KW_CHECK_NOTE(condition, note)                                \
    do {                                                              \
        if (!(condition)) {                                           \
            ::kw::check_failed(__FILE__, __LINE__, #condition, note); \
        }                                                             \
    } while (false)
