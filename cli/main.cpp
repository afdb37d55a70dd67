// SPDX-License-Identifier: Apache-2.0
// The program: parse, run the sub-command, turn what happened into an exit code. The only place
// that catches everything.
#include "cli/command.hpp"
#include "cli/console.hpp"
#include "core/log.hpp"

#include <algorithm>
#include <cstdio>
#include <exception>

namespace kw::cli {
namespace {

constexpr int k_exit_bug = 70;

int fail(Console& console, const Error& error) {
    console.error(error.what, error.hint);
    return exit_code(error.code);
}

Color color_of(const std::string& name) {
    return name == "always" ? Color::always : name == "never" ? Color::never : Color::automatic;
}

int run_program(int argc, const char* const* argv) {
    Console early(stdout, stderr, Color::automatic);
    const auto parsed = parse(argc, argv);
    if (!parsed) {
        return fail(early, parsed.error());
    }
    const Invocation& invocation = *parsed;
    const auto& colors = invocation.config.values();
    const auto color = colors.find("color");
    Console console(
        stdout, stderr, color == colors.end() ? Color::automatic : color_of(color->second.text));
    console.set_quiet(invocation.verbosity < 0);
    log::set_level(
        invocation.verbosity > 1   ? log::Level::debug
        : invocation.verbosity > 0 ? log::Level::info
                                   : log::Level::off);
    const auto command = std::ranges::find(command_table(), invocation.command, &CommandSpec::name);
    KW_CHECK_NOTE(command != command_table().end(), invocation.command);
    const auto code = command->run(invocation, console);
    return code ? *code : fail(console, code.error());
}

int report_bug(int argc, const char* const* argv, const char* what) {
    std::fprintf(
        stderr, "bug: kwright %s met a condition that it never should: %s\n", KW_VERSION, what);
    std::fprintf(stderr, "  command:");
    for (int i = 0; i < argc; ++i) {
        std::fprintf(stderr, " %s", argv[i]);
    }
    std::fprintf(
        stderr,
        "\n  hint: everything judged so far is stored; please report these lines with `kwright "
        "doctor --json`\n");
    return k_exit_bug;
}

}  // namespace
}  // namespace kw::cli

int main(int argc, char** argv) {
    try {
        return kw::cli::run_program(argc, argv);
    } catch (const std::exception& error) {
        return kw::cli::report_bug(argc, argv, error.what());
    } catch (...) {
        return kw::cli::report_bug(argc, argv, "an exception of an unknown type");
    }
}
