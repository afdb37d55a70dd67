// SPDX-License-Identifier: Apache-2.0
// How workers are placed by a cluster's scheduler: what the configuration's fleet.* keys say, each
// value checked. Texts that end in a scheduler's own syntax have a closed alphabet, so that nothing
// in a configuration file can add an option or a command; everything else is quoted where it is
// written (slurm_script.cpp, k8s_manifest.cpp).
#pragma once

#include "core/config.hpp"
#include "core/result.hpp"

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace kw::server {

struct FleetSettings {
    std::string name = "kwright-worker";  ///< of the jobs: what status, scale and cancel look for
    std::string url;                      ///< of the server, as the workers reach it
    std::filesystem::path program;        ///< kwright on the nodes
    std::filesystem::path token_file;     ///< on the nodes; "" = KWRIGHT_TOKEN travels with the job
    std::vector<std::string> devices;     ///< that workers open; none = every one they find
    std::vector<std::pair<std::string, std::string>> environment;
    std::vector<std::string> launcher;  ///< words before the program: a container's "exec"
    std::string prolog;                 ///< one line of shell before the worker starts
    std::string container;              ///< image
    std::string container_mounts;
    int drain_s = 120;  ///< seconds before the end in which a worker finishes what it judges

    // --- Slurm ---
    std::filesystem::path folder;     ///< workers run and log there
    std::filesystem::path cache_dir;  ///< local to the node; "" = a folder a node in the user's own
    std::string partition, account, qos, time, gres, constraint, memory;
    int cpus = 0;  ///< 0 = as the partition says
    bool exclusive = true;

    // --- Kubernetes ---
    std::string k8s_namespace;
    std::string secret = "kwright";  ///< name of the Secret whose key "token" holds the token
};

/// From configuration; `program` and `folder` where it says nothing. Errc::config naming the key
/// and what it may hold.
[[nodiscard]] Result<FleetSettings> fleet_settings(
    const Config& config,
    const std::filesystem::path& program,
    const std::filesystem::path& folder);

/// Checks every member as fleet_settings() does; the makers of texts call it too.
[[nodiscard]] Result<void> check_fleet(const FleetSettings& settings);

/// Seconds that a worker has to finish in: less than the scheduler gives it, for the good-bye.
[[nodiscard]] int drain_within(const FleetSettings& settings);

/// GPUs that a gres asks for: 2 of "gpu:h100:2", 1 of "gpu", 0 of "".
[[nodiscard]] int gpus_of(const std::string& gres);

}  // namespace kw::server
