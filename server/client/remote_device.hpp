// SPDX-License-Identifier: Apache-2.0
// A device that a server's workers have: campaigns judge on it as on one of this machine. What a
// worker measured is taken over with the worker's device, calibration and sandbox.
#pragma once

#include "core/clock.hpp"
#include "evaluator/evaluator.hpp"
#include "server/client/link.hpp"

#include <functional>
#include <memory>
#include <string>

namespace kw::server {

struct RemoteSettings {
    std::string device;  ///< id: "cpu", "emulated:sm_90a", "cuda:0"
    std::string url;     ///< for people
    double retry_deadline_s = 900;
    std::function<bool()> abandoned;  ///< ends a judgement that waits; empty = never
};

class RemoteDevice final : public Device {
public:
    /// Asks the server what it knows of the device. Errc::environment: it does not answer, or
    /// refuses the token. A device that no worker has at the moment is no error: one may come.
    static Result<std::unique_ptr<RemoteDevice>> open(
        std::unique_ptr<ServerLink> link, RemoteSettings settings, Clock& clock);

    [[nodiscard]] std::string id() const override { return settings_.device; }
    [[nodiscard]] std::string description() const override { return description_; }
    [[nodiscard]] std::string arch() const override;
    /// Lines about the machine, for prompts; "" = no worker has said.
    [[nodiscard]] const std::string& facts() const { return facts_; }
    /// Workers that offer the device now.
    [[nodiscard]] int workers() const { return workers_; }

    /// Errc::usage for what a server does not do (a rival, layers turned off).
    Result<Evaluation> judge(
        const Task& task,
        const Candidate& candidate,
        const JudgeOptions& options,
        const StageObserver& observer) override;

private:
    struct Ticket;
    RemoteDevice(std::unique_ptr<ServerLink> link, RemoteSettings settings, Clock& clock);
    Result<void> learn();
    [[nodiscard]] std::string asked_device() const;
    Result<ApiAnswer> ask(ApiCall call, const StageObserver& observer);
    Result<Ticket> submit(
        const std::string& body, const std::string& key, const StageObserver& observer);
    Result<Evaluation> await(const Ticket& ticket, const StageObserver& observer);
    Result<Evaluation> follow(Ticket ticket, const StageObserver& observer);
    Result<Evaluation> accepted(const Ticket& ticket) const;
    void cancel(const std::string& id);

    std::unique_ptr<ServerLink> link_;
    RemoteSettings settings_;
    Clock* clock_;
    std::string description_;
    std::string arch_;
    std::string facts_;
    int workers_ = 0;
};

}  // namespace kw::server
