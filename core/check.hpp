// SPDX-License-Identifier: Apache-2.0
// KW_CHECK: an invariant of ours. Its failure is a bug of kwright, never of a candidate, a user or
// the world; the top-level handler prints a bug report and exits with 70.
#pragma once

#include <source_location>
#include <stdexcept>
#include <string>

namespace kw {

/// Thrown by KW_CHECK; caught only in cli/main.cpp and at thread entry points.
class BugError : public std::logic_error {
public:
    using std::logic_error::logic_error;
};

[[noreturn]] void check_failed(
    const char* expression,
    const std::string& note,
    std::source_location where = std::source_location::current());

}  // namespace kw

#define KW_CHECK(condition)                                \
    do {                                                   \
        if (!(condition)) {                                \
            ::kw::check_failed(#condition, std::string{}); \
        }                                                  \
    } while (false)

#define KW_CHECK_NOTE(condition, note)            \
    do {                                          \
        if (!(condition)) {                       \
            ::kw::check_failed(#condition, note); \
        }                                         \
    } while (false)
