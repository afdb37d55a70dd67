// SPDX-License-Identifier: Apache-2.0
#include "server/client/remote_device.hpp"

#include "core/csprng.hpp"
#include "core/hash.hpp"
#include "server/client/device_list.hpp"
#include "server/wire/job_options.hpp"
#include "server/wire/json.hpp"
#include "server/wire/wire.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace kw::server {
namespace {

using nlohmann::json;

constexpr int k_wait_s = 30;
constexpr int k_most_keys = 5;  ///< jobs of ours that had failed before they were asked for
constexpr double k_cancel_s = 5;

Error nonsense(const std::string& what) {
    return unreadable_answer("judging on the server", what);
}

std::string text_of(const json& document, const char* name) {
    const auto found = document.find(name);
    return found != document.end() && found->is_string() ? found->get<std::string>() : "";
}

double number_of(const json& document, const char* name, double fallback) {
    const auto found = document.find(name);
    return found != document.end() && found->is_number() ? found->get<double>() : fallback;
}

/// One line for people; what a server says must not steer a terminal.
std::string one_line(std::string text) {
    std::ranges::replace_if(
        text, [](char c) { return c < 0x20 || c == 0x7F; }, ' ');
    return text.size() <= 500 ? text : text.substr(0, 500) + "...";
}

std::string fresh_text() {
    return to_hex(random_seed());
}

/// What is asked, as the server reads it. The same text for the same question.
std::string question(
    const Task& task,
    const Candidate& candidate,
    const std::string& device,
    const JudgeOptions& options) {
    JobOptions wanted;
    wanted.timed = options.timed;
    wanted.hot = options.hot;
    wanted.independent = options.independent;
    wanted.promote = false;  // the campaign judges its best again by itself
    wanted.max_pairs = options.max_pairs;
    wanted.cap_s = options.cap_s;
    json body = {
        {"task", task.name},
        {"task_hash", hash_for(task, candidate.target)},  // its task must be ours
        {"target", candidate.target},
        {"device", device},
        {"isa", candidate.isa},
        {"source", candidate.source},
        {"options", to_json(wanted)}};
    if (options.seed) {
        body["seed"] = to_hex(*options.seed);
    }
    return json_text(body);
}

Result<void> check_possible(const JudgeOptions& options) {
    if (options.rival != nullptr) {
        return Error{
            Errc::usage,
            "a server judges against baselines, not against another kernel",
            "compare the two on this machine"};
    }
    if (options.layers != Layers{} || !options.hidden_cases) {
        return Error{Errc::usage, "a server's judge has all its layers", "test it on this machine"};
    }
    return {};
}

/// What a campaign would otherwise store as its own.
Result<Evaluation> checked(Evaluation result, const std::string& device) {
    const bool models = device.starts_with("emulated:");
    if (result.device.empty() || is_modelled(result) != models) {
        return nonsense("its device is not the one that was asked for");
    }
    if (is_weakened(result)) {
        return nonsense("a layer of its judge was off");
    }
    const Ratio& ratio = result.speedup;
    const bool timed = result.verdict == Verdict::accepted;
    if (timed &&
        !(std::isfinite(ratio.value) && std::isfinite(ratio.lo) && std::isfinite(ratio.hi) &&
          ratio.lo >= 0 && ratio.lo <= ratio.value && ratio.value <= ratio.hi)) {
        return nonsense("its speed-up");
    }
    if (!std::isfinite(result.wall_s) || result.wall_s < 0) {
        return nonsense("its time");
    }
    return result;
}

}  // namespace

/// An answer about a job.
struct RemoteDevice::Ticket {
    std::string id;
    std::string state;   ///< queued | leased | done | cancelled | failed
    std::string kernel;  ///< content hash of the candidate
    std::int64_t position = 0;
    double estimate_s = -1;
    std::string error;  ///< failed: our outage, in the server's words
    std::optional<Evaluation> evaluation;

    [[nodiscard]] bool ended() const { return state != "queued" && state != "leased"; }

    [[nodiscard]] std::string progress() const {
        if (state == "leased") {
            return "being judged";
        }
        std::string text = position > 0 ? "place " + std::to_string(position) : "waiting";
        if (estimate_s > 0 && estimate_s < 1e6) {
            text += ", about " + std::to_string(static_cast<int>(std::ceil(estimate_s))) + " s";
        }
        return text;
    }

    static Result<Ticket> read(const ApiAnswer& answer) {
        const auto document = parse_json(answer.body);
        if (!document || !document->is_object()) {
            return nonsense(document ? "no object" : document.error().what);
        }
        Ticket ticket;
        ticket.id = text_of(*document, "id");
        ticket.state = text_of(*document, "state");
        ticket.kernel = text_of(*document, "kernel");
        static const std::vector<std::string> states = {
            "queued", "leased", "done", "cancelled", "failed"};
        if (!is_plain_id(ticket.id) || std::ranges::count(states, ticket.state) == 0) {
            return nonsense("its id or its state");
        }
        const double position = number_of(*document, "position", 0);
        ticket.position = position > 0 && position < 1e9 ? static_cast<std::int64_t>(position) : 0;
        ticket.estimate_s = number_of(*document, "estimate_s", -1);
        if (const auto error = document->find("error");
            error != document->end() && error->is_object()) {
            ticket.error = one_line(text_of(*error, "message"));
        }
        if (ticket.state == "done") {
            const auto found = document->find("evaluation");
            auto result = evaluation_from_json(found == document->end() ? json() : *found);
            if (!result) {
                return nonsense(result.error().what);
            }
            ticket.evaluation = std::move(result).value();
        }
        return ticket;
    }
};

RemoteDevice::RemoteDevice(std::unique_ptr<ServerLink> link, RemoteSettings settings, Clock& clock)
    : link_(std::move(link))
    , settings_(std::move(settings))
    , clock_(&clock) {}

Result<std::unique_ptr<RemoteDevice>> RemoteDevice::open(
    std::unique_ptr<ServerLink> link, RemoteSettings settings, Clock& clock) {
    std::unique_ptr<RemoteDevice> device(
        new RemoteDevice(std::move(link), std::move(settings), clock));
    KW_TRY(device->learn());
    return device;
}

Result<void> RemoteDevice::learn() {
    KW_TRY_ASSIGN(const auto workers, ask_workers(*link_, settings_.abandoned));
    description_ = settings_.device + " of " + settings_.url;
    for (const RemoteWorker& worker : workers) {
        if (!worker.alive || !worker.serves(settings_.device)) {
            continue;
        }
        ++workers_;
        const RemoteMachine* machine = worker.machine(settings_.device);
        if (machine != nullptr && facts_.empty()) {
            description_ = machine->description;
            facts_ = machine->facts;
            arch_ = machine->arch;
        }
    }
    return {};
}

/// The first GPU of somebody is none of ours in particular: any of its architecture will do, and
/// code is made for that.
std::string RemoteDevice::asked_device() const {
    return settings_.device.starts_with("cuda:") && !arch_.empty() ? "cuda:" + arch_
                                                                   : settings_.device;
}

std::string RemoteDevice::arch() const {
    return arch_.empty() ? Device::arch() : arch_;
}

Result<ApiAnswer> RemoteDevice::ask(ApiCall call, const StageObserver& observer) {
    call.stop = settings_.abandoned;
    RetryWorld world{*clock_, [&](const std::string& why) {
                         if (observer) {
                             observer("server", why);
                         }
                     }};
    return call_until_answered(*link_, call, {settings_.retry_deadline_s, 0.5, 15}, world);
}

Result<RemoteDevice::Ticket> RemoteDevice::submit(
    const std::string& body, const std::string& key, const StageObserver& observer) {
    ApiCall call;
    call.method = "POST";
    call.path = "/v1/evaluations";
    call.body = body;
    call.headers = {{"Idempotency-Key", key}};
    KW_TRY_ASSIGN(const ApiAnswer answer, ask(call, observer));
    if (!is_success(answer)) {
        return error_of(answer, "asking the server to judge");
    }
    return Ticket::read(answer);
}

Result<Evaluation> RemoteDevice::judge(
    const Task& task,
    const Candidate& candidate,
    const JudgeOptions& options,
    const StageObserver& observer) {
    KW_TRY(check_possible(options));
    const std::string body = question(task, candidate, asked_device(), options);
    const std::string name = options.request.empty() ? fresh_text() : options.request;
    for (int attempt = 0; attempt < k_most_keys; ++attempt) {
        Hasher key;
        key.add("kw-request/1").add(name).add(body).add(std::to_string(attempt));
        KW_TRY_ASSIGN(const Ticket ticket, submit(body, key.hex(), observer));
        if (ticket.kernel != candidate.hash) {
            return nonsense("it took the source for another kernel");
        }
        // Asked before, and given up: by the server, or by a campaign that was abandoned.
        if (ticket.ended() && !ticket.evaluation) {
            continue;
        }
        return await(ticket, observer);
    }
    return Error{
        Errc::environment,
        "judging on the server: it gave this judgement up " + std::to_string(k_most_keys) +
            " times",
        "see its queue page, and whether its workers are well"};
}

/// A judgement that the user abandons would be made for nobody.
Result<Evaluation> RemoteDevice::await(const Ticket& ticket, const StageObserver& observer) {
    try {
        auto result = follow(ticket, observer);
        if (!result && result.error().code == Errc::interrupted) {
            cancel(ticket.id);
        }
        return result;
    } catch (...) {  // the observer's
        cancel(ticket.id);
        throw;
    }
}

Result<Evaluation> RemoteDevice::follow(Ticket ticket, const StageObserver& observer) {
    const std::string id = ticket.id;
    std::string told;
    while (!ticket.ended()) {
        if (const std::string now = ticket.progress(); observer && now != told) {
            told = now;
            observer("server", now);
        }
        ApiCall call;
        call.path = "/v1/evaluations/" + id + "?wait=" + std::to_string(k_wait_s) + "s";
        call.timeout_s = k_wait_s + 30;
        KW_TRY_ASSIGN(const ApiAnswer answer, ask(call, observer));
        if (!is_success(answer)) {
            return error_of(answer, "waiting for the server's judgement");
        }
        KW_TRY_ASSIGN(ticket, Ticket::read(answer));
        if (ticket.id != id) {
            return nonsense("it is of another judgement");
        }
    }
    return accepted(ticket);
}

Result<Evaluation> RemoteDevice::accepted(const Ticket& ticket) const {
    if (!ticket.evaluation) {
        return Error{
            Errc::environment,
            "judging on the server: " + (ticket.error.empty() ? ticket.state : ticket.error),
            "the candidate was not scored; resume the campaign to ask again"};
    }
    return checked(*ticket.evaluation, settings_.device);
}

void RemoteDevice::cancel(const std::string& id) {
    ApiCall call;
    call.method = "DELETE";
    call.path = "/v1/evaluations/" + id;
    call.timeout_s = k_cancel_s;
    static_cast<void>(link_->call(call));
}

}  // namespace kw::server
