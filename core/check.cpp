// SPDX-License-Identifier: Apache-2.0
#include "core/check.hpp"

#include "core/result.hpp"

namespace kw {

void check_failed(const char* file, int line, const char* expression, const std::string& note) {
    std::string message =
        std::string(file) + ":" + std::to_string(line) + ": broken invariant: " + expression;
    if (!note.empty()) {
        message += " (" + note + ")";
    }
    throw BugError(message);
}

int exit_code(Errc code) {
    switch (code) {
        case Errc::no: return 1;
        case Errc::usage:
        case Errc::config: return 2;
        case Errc::environment: return 3;
        case Errc::model: return 4;
        case Errc::database: return 5;
        case Errc::interrupted: return 130;
    }
    return 70;
}

}  // namespace kw
