// SPDX-License-Identifier: Apache-2.0
// A fleet that uses every setting.
#pragma once

#include "server/fleet/fleet_settings.hpp"

namespace kw::test {

inline server::FleetSettings plain_fleet() {
    server::FleetSettings fleet;
    fleet.url = "https://head.cluster:8737";
    fleet.program = "/opt/kwright/bin/kwright";
    fleet.folder = "/scratch/kernels";
    return fleet;
}

inline server::FleetSettings full_fleet() {
    server::FleetSettings fleet = plain_fleet();
    fleet.name = "gemv-workers";
    fleet.token_file = "/home/me/my tokens/worker's";
    fleet.devices = {"cuda:0", "emulated:sm_90a"};
    fleet.environment = {{"CUDA_HOME", "/opt/cuda $(id)"}, {"NO", "it's \"quoted\""}};
    fleet.launcher = {"apptainer", "exec", "--nv", "/images/kw;reboot.sif"};
    fleet.prolog = "module load cuda/13.0";
    fleet.container = "registry.site/kwright:0.1";
    fleet.container_mounts = "/scratch:/scratch:ro";
    fleet.drain_s = 300;
    fleet.cache_dir = "/local/$USER/kwright";
    fleet.partition = "gpu,gpu-long";
    fleet.account = "proj-42";
    fleet.qos = "normal";
    fleet.time = "1-12:00:00";
    fleet.gres = "gpu:h100:2";
    fleet.constraint = "(h100|h200)&ib";
    fleet.memory = "64G";
    fleet.cpus = 16;
    fleet.k8s_namespace = "kernels";
    fleet.secret = "worker-token";
    return fleet;
}

}  // namespace kw::test
