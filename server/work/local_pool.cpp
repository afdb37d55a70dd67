// SPDX-License-Identifier: Apache-2.0
#include "server/work/local_pool.hpp"

#include <algorithm>
#include <map>
#include <thread>

namespace kw::server {

namespace {

constexpr int k_most_build_threads = 4;

/// Devices that a build thread opens as it needs them. What builds times nothing, so several may
/// have the same device open.
DeviceOf opened_on_demand(const EvaluatorConfig& config) {
    auto opened = std::make_shared<std::map<std::string, std::unique_ptr<Device>>>();
    return [config, opened](const Lease& lease) -> Result<Device*> {
        auto& device = (*opened)[lease.device];
        if (!device) {
            KW_TRY_ASSIGN(device, open_device(lease.device, config));
        }
        return device.get();
    };
}

WorkerRow local_worker(
    const std::string& name, std::vector<std::string> kinds, const std::string& hash) {
    WorkerRow row;
    row.name = "local/" + name;
    row.trusted = true;
    row.kinds = std::move(kinds);
    row.evaluator_hash = hash;
    return row;
}

}  // namespace

std::vector<std::string> names_of(const Device& device) {
    std::vector<std::string> names = {device.id()};
    if (device.id().starts_with("cuda:")) {
        names.push_back("cuda:" + device.arch());
        names.emplace_back("cuda");
    }
    return names;
}

int spare_build_threads() {
    const int cores = static_cast<int>(std::thread::hardware_concurrency());
    return cores <= 2 ? 0 : std::min(k_most_build_threads, cores / 2);
}

Result<std::unique_ptr<LocalPool>> LocalPool::start(
    const PoolSettings& settings, Dispatch& dispatch, TaskShelf& tasks) {
    std::unique_ptr<LocalPool> pool(new LocalPool(dispatch));
    for (const std::string& id : settings.devices) {
        KW_TRY_ASSIGN(auto device, open_device(id, settings.evaluator));
        pool->devices_.push_back(std::move(device));
    }
    const std::string hash =
        settings.devices.empty() ? "" : evaluator_hash(settings.evaluator.harness_dir);
    std::vector<std::string> built;
    for (const auto& device : pool->devices_) {
        const bool gpu = device->id().starts_with("cuda:");
        LaneSettings lane;
        std::vector<std::string> kinds = {"time"};
        if (settings.build_threads == 0 || gpu) {
            kinds.emplace_back("build");
        } else {
            built.push_back(device->id());
        }
        lane.self = local_worker(device->id(), std::move(kinds), hash);
        lane.self.devices = names_of(*device);
        lane.self.toolchain = settings.evaluator.compiler;
        Device* raw = device.get();
        pool->lanes_.push_back(std::make_unique<Lane>(
            dispatch, tasks, [raw](const Lease&) -> Result<Device*> { return raw; }, lane));
    }
    for (int i = 0; i < settings.build_threads && !built.empty(); ++i) {
        LaneSettings lane;
        lane.self = local_worker("build-" + std::to_string(i + 1), {"build"}, hash);
        lane.self.devices = built;
        lane.self.toolchain = settings.evaluator.compiler;
        pool->lanes_.push_back(
            std::make_unique<Lane>(dispatch, tasks, opened_on_demand(settings.evaluator), lane));
    }
    return pool;
}

LocalPool::~LocalPool() {
    dispatch_->interrupt();
    abandon();
    lanes_.clear();  // before the devices they judge on
}

void LocalPool::stop() {
    for (const auto& lane : lanes_) {
        lane->stop();
    }
    dispatch_->interrupt();
}

void LocalPool::abandon() {
    for (const auto& lane : lanes_) {
        lane->abandon();
    }
}

bool LocalPool::ended() const {
    return std::ranges::all_of(lanes_, [](const auto& lane) { return lane->ended(); });
}

}  // namespace kw::server
