// SPDX-License-Identifier: Apache-2.0
#include "server/fleet/slurm_script.hpp"

#include "core/shell_word.hpp"

namespace kw::server {
namespace {

/// What a worker needs of the submitting environment, and nothing else: keys of model APIs stay.
constexpr const char* k_exported = "HOME,PATH,USER,LANG";

void directive(std::string& script, const std::string& name, const std::string& value = "") {
    script += "#SBATCH --" + name + (value.empty() ? "" : "=" + value) + "\n";
}

void directive_if(std::string& script, const std::string& name, const std::string& value) {
    if (!value.empty()) {
        directive(script, name, value);
    }
}

std::string directives(const FleetSettings& settings, int workers) {
    std::string script = "#!/bin/bash\n";
    directive(script, "job-name", settings.name);
    directive(script, "array", "0-" + std::to_string(workers - 1));
    directive_if(script, "partition", settings.partition);
    directive_if(script, "account", settings.account);
    directive_if(script, "qos", settings.qos);
    directive_if(script, "time", settings.time);
    directive_if(script, "constraint", settings.constraint);
    directive(script, "nodes", "1");
    directive(script, "ntasks", "1");
    if (settings.cpus > 0) {
        directive(script, "cpus-per-task", std::to_string(settings.cpus));
    }
    directive_if(script, "mem", settings.memory);
    if (settings.exclusive) {
        directive(script, "exclusive");
    }
    directive_if(script, "gres", settings.gres);
    directive_if(script, "container-image", settings.container);
    directive_if(script, "container-mounts", settings.container_mounts);
    directive(script, "requeue");
    directive(script, "open-mode", "append");
    directive(script, "signal", "B:TERM@" + std::to_string(settings.drain_s));
    directive(script, "chdir", settings.folder.string());
    directive(script, "output", (settings.folder / (settings.name + "-%A_%a.log")).string());
    directive(
        script,
        "export",
        std::string(k_exported) + (settings.token_file.empty() ? ",KWRIGHT_TOKEN" : ""));
    return script;
}

std::string exports(const FleetSettings& settings) {
    // A node of its own in a home that all nodes share: the lock of a timing lane lies there.
    std::string script = "export KWRIGHT_CACHE_DIR=";
    script += settings.cache_dir.empty()
                  ? "\"${XDG_CACHE_HOME:-$HOME/.cache}/kwright-nodes/$SLURMD_NODENAME\""
                  : shell_word(settings.cache_dir.string());
    script += "\n";
    if (!settings.token_file.empty()) {
        script +=
            "export KWRIGHT_EVALUATOR_TOKEN_FILE=" + shell_word(settings.token_file.string()) +
            "\n";
    }
    for (const auto& [name, value] : settings.environment) {
        script += "export " + name + "=" + shell_word(value) + "\n";
    }
    return script;
}

std::string start(const FleetSettings& settings) {
    std::string line = "exec ";
    for (const std::string& word : settings.launcher) {
        line += shell_word(word) + " ";
    }
    line += shell_word(settings.program.string()) + " serve worker --connect " +
            shell_word(settings.url) +
            " --name \"slurm-${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}\"" + " --drain " +
            std::to_string(drain_within(settings));
    for (const std::string& device : settings.devices) {
        line += " --device " + shell_word(device);
    }
    return line + "\n";
}

}  // namespace

Result<std::string> slurm_script(const FleetSettings& settings, int workers) {
    KW_TRY(check_fleet(settings));
    if (workers < 1 || workers > k_most_workers) {
        return Error{
            Errc::usage,
            "a fleet is started with 1 to " + std::to_string(k_most_workers) + " workers",
            ""};
    }
    std::string script = directives(settings, workers);
    script += "set -eu\n" + exports(settings);
    if (!settings.prolog.empty()) {
        script += settings.prolog + "\n";
    }
    return script + "# exec: Slurm signals the worker itself, which drains on SIGTERM.\n" +
           start(settings);
}

}  // namespace kw::server
