// SPDX-License-Identifier: Apache-2.0
#include "server/fleet/shell_quote.hpp"

namespace kw::server {

std::string shell_quoted(std::string_view text) {
    std::string word = "'";
    for (const char c : text) {
        if (c == '\'') {
            word += "'\\''";
        } else {
            word += c;
        }
    }
    return word + "'";
}

}  // namespace kw::server
