// SPDX-License-Identifier: Apache-2.0
// Prompts as a reader of Markdown sees them.
#pragma once

#include "tests/support/catch.hpp"

#include <algorithm>
#include <sstream>
#include <string>

namespace kw::test {

/// Lines of a text that stand outside of every fenced block.
inline std::string outside_of_fences(const std::string& text) {
    std::istringstream in(text);
    std::string line;
    std::string out;
    std::size_t open = 0;
    while (std::getline(in, line)) {
        const std::size_t run = std::min(line.find_first_not_of('`'), line.size());
        if (open == 0 && run >= 3) {
            open = run;
        } else if (open > 0 && run >= open && run == line.size()) {
            open = 0;
        } else if (open == 0) {
            out += line + "\n";
        }
    }
    CHECK(open == 0);
    return out;
}

}  // namespace kw::test
