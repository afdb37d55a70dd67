// SPDX-License-Identifier: Apache-2.0
#include "cli/command.hpp"

#include <charconv>

namespace kw::cli {
namespace {

Error not_a_number(const std::string& name, const std::string& text) {
    return {
        Errc::usage,
        "--" + name + " takes a number, not \"" + text + "\"",
        "see the command's --help"};
}

}  // namespace

std::string Invocation::text(const std::string& name, const std::string& fallback) const {
    const auto found = values.find(name);
    return found == values.end() || found->second.empty() ? fallback : found->second.back();
}

std::vector<std::string> Invocation::all(const std::string& name) const {
    const auto found = values.find(name);
    return found == values.end() ? std::vector<std::string>{} : found->second;
}

Result<std::int64_t> Invocation::integer(const std::string& name, std::int64_t fallback) const {
    if (!has(name)) {
        return fallback;
    }
    const std::string given = text(name);
    std::int64_t value = 0;
    const auto [end, problem] = std::from_chars(given.data(), given.data() + given.size(), value);
    if (problem != std::errc{} || end != given.data() + given.size()) {
        return not_a_number(name, given);
    }
    return value;
}

Result<double> Invocation::number(const std::string& name, double fallback) const {
    if (!has(name)) {
        return fallback;
    }
    const std::string given = text(name);
    double value = 0;
    const auto [end, problem] = std::from_chars(given.data(), given.data() + given.size(), value);
    if (problem != std::errc{} || end != given.data() + given.size()) {
        return not_a_number(name, given);
    }
    return value;
}

}  // namespace kw::cli
