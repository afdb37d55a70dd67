// SPDX-License-Identifier: Apache-2.0
// completion, and the hidden commands that shells and the build call.
#include "cli/completion.hpp"

#include "cli/commands/commands.hpp"
#include "cli/console.hpp"
#include "cli/man.hpp"

namespace kw::cli {
namespace {

Result<int> script(const Invocation& invocation, Console& console) {
    const std::string shell = invocation.text("SHELL");
    if (shell != "bash" && shell != "zsh" && shell != "fish") {
        return Error{
            Errc::usage,
            "no completion for the shell \"" + shell + "\"",
            "choose bash, zsh or fish"};
    }
    console.print(completion_script(shell));
    return 0;
}

Result<int> candidates(const Invocation& invocation, Console& console) {
    for (const std::string& word : complete(invocation.all("WORDS"), invocation.config)) {
        console.print(word);
    }
    return 0;
}

Result<int> man(const Invocation&, Console& console) {
    console.print(man_page(KW_VERSION));
    return 0;
}

}  // namespace

CommandSpec completion_command() {
    CommandSpec spec;
    spec.name = "completion";
    spec.group = "Housekeeping";
    spec.summary = "completion script of a shell: commands, options, tasks, campaigns, kernels";
    spec.examples = {
        "source <(kwright completion bash)",
        "kwright completion fish > ~/.config/fish/completions/kwright.fish"};
    spec.positionals = {{"SHELL", "bash | zsh | fish", true, false, "shell"}};
    spec.run = script;
    return spec;
}

CommandSpec complete_command() {
    CommandSpec spec;
    spec.name = "__complete";
    spec.group = "Hidden";
    spec.summary = "what may stand at the last word; for completion scripts";
    spec.positionals = {{"WORDS", "the words so far, behind --", false, true, ""}};
    spec.run = candidates;
    spec.hidden = true;
    return spec;
}

CommandSpec man_command() {
    CommandSpec spec;
    spec.name = "__man";
    spec.group = "Hidden";
    spec.summary = "the manual page as roff";
    spec.run = man;
    spec.hidden = true;
    return spec;
}

}  // namespace kw::cli
