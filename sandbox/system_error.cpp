// SPDX-License-Identifier: Apache-2.0
#include "sandbox/system_error.hpp"

#include <system_error>

namespace kw::sandbox {

Error system_error(const std::string& doing, int number, std::string hint) {
    return Error{
        Errc::environment, doing + ": " + std::generic_category().message(number), std::move(hint)};
}

}  // namespace kw::sandbox
