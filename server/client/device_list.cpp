// SPDX-License-Identifier: Apache-2.0
#include "server/client/device_list.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace kw::server {
namespace {

using nlohmann::json;

constexpr std::size_t k_most_workers_read = 10'000;
constexpr std::size_t k_longest_line = 300;
constexpr std::size_t k_longest_facts = 8'000;

/// Printable ASCII, and lines where they are allowed.
std::string text_of(const json& from, const char* name, std::size_t most, bool lines = false) {
    const auto found = from.find(name);
    if (found == from.end() || !found->is_string()) {
        return "";
    }
    std::string text = found->get<std::string>().substr(0, most);
    std::ranges::replace_if(
        text, [&](char c) { return (c < 0x20 || c >= 0x7F) && !(lines && c == '\n'); }, ' ');
    return text;
}

const json& list_of(const json& from, const char* name) {
    static const json empty = json::array();
    const auto found = from.find(name);
    return found != from.end() && found->is_array() ? *found : empty;
}

RemoteWorker worker_of(const json& from) {
    RemoteWorker worker;
    worker.name = text_of(from, "name", k_longest_line);
    const auto alive = from.find("alive");
    worker.alive = alive != from.end() && alive->is_boolean() && alive->get<bool>();
    for (const json& one : list_of(from, "devices")) {
        if (one.is_string()) {
            worker.devices.push_back(one.get<std::string>().substr(0, k_longest_line));
        }
    }
    for (const json& one : list_of(from, "machines")) {
        if (one.is_object()) {
            worker.machines.push_back(
                {text_of(one, "device", k_longest_line),
                 text_of(one, "description", k_longest_line),
                 text_of(one, "arch", 32),
                 text_of(one, "facts", k_longest_facts, true)});
        }
    }
    return worker;
}

}  // namespace

bool RemoteWorker::serves(const std::string& device) const {
    return std::ranges::find(devices, device) != devices.end();
}

const RemoteMachine* RemoteWorker::machine(const std::string& device) const {
    const auto found = std::ranges::find(machines, device, &RemoteMachine::device);
    return found == machines.end() ? nullptr : &*found;
}

Result<std::vector<RemoteWorker>> ask_workers(ServerLink& link, std::function<bool()> stop) {
    ApiCall call;
    call.path = "/v1/workers";
    call.timeout_s = 30;
    call.stop = std::move(stop);
    KW_TRY_ASSIGN(const ApiAnswer answer, link.call(call));
    if (!is_success(answer)) {
        return error_of(answer, "asking the server for its workers");
    }
    const json document = json::parse(answer.body, nullptr, false);
    if (!document.is_object() || !document.contains("workers")) {
        return Error{
            Errc::environment,
            "asking the server for its workers: its answer cannot be read",
            "is this a Kernelwright server of this version? check evaluator.url"};
    }
    std::vector<RemoteWorker> workers;
    for (const json& one : list_of(document, "workers")) {
        if (one.is_object() && workers.size() < k_most_workers_read) {
            workers.push_back(worker_of(one));
        }
    }
    return workers;
}

}  // namespace kw::server
