// SPDX-License-Identifier: Apache-2.0
// Diagnostics for us, off by default (-v). Library code never prints anything else. spdlog stays in
// log.cpp.
#pragma once

#include <string>

namespace kw::log {

enum class Level { trace, debug, info, warn, error, off };

void set_level(Level level);
void write(Level level, const std::string& message);

inline void debug(const std::string& message) {
    write(Level::debug, message);
}
inline void info(const std::string& message) {
    write(Level::info, message);
}
inline void warn(const std::string& message) {
    write(Level::warn, message);
}

}  // namespace kw::log
