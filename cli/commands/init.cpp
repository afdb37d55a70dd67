// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.hpp"
#include "cli/console.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace kw::cli {
namespace {

constexpr const char* k_file = "kwright.toml";

Result<int> init(const Invocation&, Console& console) {
    // "x": never overwrites, also not when another process creates it at this moment.
    std::FILE* file = std::fopen(k_file, "wxe");
    if (file == nullptr && errno == EEXIST) {
        return Error{
            Errc::usage,
            std::string(k_file) + " exists already",
            "edit it, or move it away first; every key: kwright config show"};
    }
    if (file == nullptr) {
        return Error{
            Errc::environment,
            std::string("creating ") + k_file + ": " + std::strerror(errno),
            "go to a folder you may write to"};
    }
    const std::string text = config_template();
    const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
    if (std::fclose(file) != 0 || !written) {
        std::remove(k_file);
        return Error{
            Errc::environment, std::string("writing ") + k_file + " failed", "is the disk full?"};
    }
    console.print(std::string("wrote     ") + k_file + ": every key, commented, at its default");
    console.say("next      kwright doctor    kwright demo    kwright task list");
    return 0;
}

}  // namespace

CommandSpec init_command() {
    CommandSpec spec;
    spec.name = "init";
    spec.group = "Start";
    spec.summary = "write a commented kwright.toml into this folder";
    spec.examples = {"kwright init"};
    spec.run = init;
    return spec;
}

}  // namespace kw::cli
