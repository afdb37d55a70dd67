// SPDX-License-Identifier: Apache-2.0
#include "server/api/campaign_events.hpp"

#include "core/event.hpp"
#include "core/log.hpp"
#include "server/http/wakeups.hpp"

#include <exception>

namespace kw::server {

namespace {

constexpr int k_at_once = 100;

std::string message(const std::string& id, const char* type, const Event& event) {
    return (id.empty() ? "" : "id: " + id + "\n") + "event: " + type +
           "\ndata: " + to_json_line(event) + "\n\n";
}

class CampaignStream final : public Stream {
public:
    CampaignStream(db::Store& store, const CampaignRow& campaign, std::int64_t after)
        : store_(&store)
        , name_(campaign.name)
        , id_(campaign.id)
        , after_(after) {}

    [[nodiscard]] std::string topic() const override { return topic_of_campaign(id_); }

    std::optional<std::string> next() override {
        try {
            auto text = read();
            if (text) {
                return std::move(*text);
            }
            log::warn("events: " + text.error().what);
        } catch (const std::exception& error) {
            log::write(log::Level::error, std::string("events: ") + error.what());
        }
        return std::nullopt;
    }

private:
    Result<std::optional<std::string>> read() {
        if (stopped_) {
            return std::optional<std::string>();
        }
        // The state first: what is stored after it was read is seen below.
        KW_TRY_ASSIGN(const auto campaign, store_->campaign(name_));
        KW_TRY_ASSIGN(const auto rows, store_->evaluations_after(id_, after_, k_at_once));
        std::string text;
        for (const EvaluationRow& row : rows) {
            text += judged(row);
            after_ = row.id;
        }
        if (rows.empty() && (!campaign || campaign->state != "running")) {
            Event event;
            event.type = EventType::stopped;
            event.campaign = name_;
            event.text =
                campaign ? campaign->state +
                               (campaign->stop_reason.empty() ? "" : ": " + campaign->stop_reason)
                         : "the campaign was removed";
            text += message("", "stopped", event);
            stopped_ = true;
        }
        return std::optional(std::move(text));
    }

    std::string judged(const EvaluationRow& row) const {
        Event event;
        event.type = row.reproduces == 0 ? EventType::judged : EventType::promoted;
        event.utc_ms = row.created_ms;
        event.campaign = name_;
        event.step = row.step;
        event.slot = row.slot;
        event.candidate = row.candidate_hash;
        event.parent = row.parent_hash;
        event.verdict = row.result.verdict;
        if (row.result.verdict == Verdict::accepted && !row.result.shapes.empty()) {
            event.speedup = row.result.speedup;
        }
        event.seconds = row.result.wall_s;
        event.text = row.result.summary;
        return message(std::to_string(row.id), row.reproduces == 0 ? "judged" : "promoted", event);
    }

    db::Store* store_;
    std::string name_;
    std::int64_t id_;
    std::int64_t after_;
    bool stopped_ = false;
};

}  // namespace

Response event_stream(db::Store& store, const CampaignRow& campaign, std::int64_t after) {
    Response response;
    response.content_type = "text/event-stream";
    response.stream = std::make_shared<CampaignStream>(store, campaign, after);
    return response;
}

}  // namespace kw::server
