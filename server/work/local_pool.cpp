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

LaneSettings lane_of(
    const PoolSettings& settings,
    const std::string& name,
    std::vector<std::string> kinds,
    const std::string& hash) {
    LaneSettings lane;
    lane.self.name = settings.prefix + name;
    lane.self.trusted = true;  // of a lane elsewhere its token decides
    lane.self.kinds = std::move(kinds);
    lane.self.toolchain = settings.toolchain;
    lane.self.evaluator_hash = hash;
    lane.task_hashes = settings.task_hashes;
    return lane;
}

WorkerMachine machine_of(const Device& device, const PoolSettings& settings) {
    return {
        device.id(),
        device.description(),
        device.arch(),
        settings.facts ? settings.facts(device) : ""};
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
    const PoolSettings& settings, LeaseSource& source, TaskShelf& tasks) {
    std::unique_ptr<LocalPool> pool(new LocalPool(source));
    for (const std::string& id : settings.devices) {
        KW_TRY_ASSIGN(auto device, open_device(id, settings.evaluator));
        pool->devices_.push_back(std::move(device));
    }
    const std::string hash =
        settings.devices.empty() ? "" : evaluator_hash(settings.evaluator.harness_dir);
    std::vector<std::string> built;
    for (const auto& device : pool->devices_) {
        const bool gpu = device->id().starts_with("cuda:");
        std::vector<std::string> kinds = {"time"};
        if (settings.build_threads == 0 || gpu) {
            kinds.emplace_back("build");
        } else {
            built.push_back(device->id());
        }
        LaneSettings lane = lane_of(settings, device->id(), std::move(kinds), hash);
        lane.self.devices = names_of(*device);
        lane.self.machines = {machine_of(*device, settings)};
        Device* raw = device.get();
        pool->lanes_.push_back(std::make_unique<Lane>(
            source, tasks, [raw](const Lease&) -> Result<Device*> { return raw; }, lane));
    }
    for (int i = 0; i < settings.build_threads && !built.empty(); ++i) {
        LaneSettings lane = lane_of(settings, "build-" + std::to_string(i + 1), {"build"}, hash);
        lane.self.devices = built;
        pool->lanes_.push_back(
            std::make_unique<Lane>(source, tasks, opened_on_demand(settings.evaluator), lane));
    }
    return pool;
}

LocalPool::~LocalPool() {
    source_->interrupt();
    abandon();
    lanes_.clear();  // before the devices they judge on
}

void LocalPool::stop() {
    for (const auto& lane : lanes_) {
        lane->stop();
    }
    source_->interrupt();
}

std::int64_t LocalPool::finished() const {
    std::int64_t count = 0;
    for (const auto& lane : lanes_) {
        count += lane->finished();
    }
    return count;
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
