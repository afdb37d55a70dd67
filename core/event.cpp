// SPDX-License-Identifier: Apache-2.0
#include "core/event.hpp"

#include "core/clock.hpp"

#include <nlohmann/json.hpp>

#include <array>

namespace kw {
namespace {

constexpr std::array<std::string_view, 13> k_names{
    "started",
    "estimated",
    "proposing",
    "proposed",
    "stage",
    "judged",
    "promoted",
    "best",
    "critique",
    "budget",
    "retry",
    "warning",
    "stopped"};

using Json = nlohmann::ordered_json;

void put_text(Json& json, const char* key, const std::string& value) {
    if (!value.empty()) {
        json[key] = value;
    }
}

void put_ratio(Json& json, const char* key, const char* interval, const std::optional<Ratio>& r) {
    if (r) {
        json[key] = r->value;
        json[interval] = {r->lo, r->hi};
    }
}

}  // namespace

std::string_view name(EventType type) {
    return k_names.at(static_cast<std::size_t>(type));
}

std::string to_json_line(const Event& event) {
    Json json;
    json["schema"] = "kwright.event/1";
    json["t"] = iso8601(event.utc_ms);
    json["type"] = name(event.type);
    put_text(json, "campaign", event.campaign);
    put_text(json, "task", event.task);
    if (event.eval >= 0) {
        json["eval"] = event.eval;
    }
    if (event.max_evals > 0) {
        json["max_evals"] = event.max_evals;
    }
    if (event.step >= 0) {
        json["step"] = event.step;
    }
    if (event.slot >= 0) {
        json["slot"] = event.slot;
    }
    put_text(json, "candidate", event.candidate);
    put_text(json, "parent", event.parent);
    if (event.verdict) {
        json["verdict"] = code(*event.verdict);
        json["verdict_name"] = name(*event.verdict);
    }
    put_ratio(json, "speedup", "ci95", event.speedup);
    put_ratio(json, "best_speedup", "best_ci95", event.best_speedup);
    if (event.usd != 0) {
        json["usd"] = event.usd;
    }
    if (event.tokens_in != 0 || event.tokens_out != 0) {
        json["tokens"] = {{"in", event.tokens_in}, {"out", event.tokens_out}};
    }
    if (event.seconds != 0) {
        json["seconds"] = event.seconds;
    }
    put_text(json, "text", event.text);
    // Texts may quote candidates and replies: bytes that are not UTF-8 become U+FFFD, never a
    // throw.
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace kw
