// SPDX-License-Identifier: Apache-2.0
// One stream of events about a campaign; the terminal block, the plain lines and the JSON lines are
// sinks of it. An event is a flat value: fields that do not apply keep their defaults and are left
// out of the JSON.
#pragma once

#include "core/evaluation.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kw {

enum class EventType {
    started,    ///< campaign begins or resumes
    estimated,  ///< plan and estimate
    proposing,  ///< a model was asked
    proposed,   ///< a reply came back
    stage,      ///< the judge is at a stage of a candidate ("text" says which)
    judged,     ///< one evaluation is stored
    promoted,   ///< what would be the best was judged again ("text" says how it came out)
    best,       ///< a new best, after its promotion
    critique,   ///< advice for the next step
    budget,     ///< a limit was met
    retry,      ///< we try again: model call or our own failure
    warning,
    stopped,
};
[[nodiscard]] std::string_view name(EventType type);

struct Event {
    EventType type = EventType::stage;
    std::int64_t utc_ms = 0;
    std::string campaign;
    std::string task;
    int eval = -1;  ///< ordinal of the evaluation in its campaign, 0 = the baseline
    int max_evals = 0;
    int step = -1;
    int slot = -1;
    std::string candidate;  ///< full hash
    std::string parent;     ///< full hash
    std::optional<Verdict> verdict;
    std::optional<Ratio> speedup;
    std::optional<Ratio> best_speedup;
    double usd = 0;
    std::int64_t tokens_in = 0;
    std::int64_t tokens_out = 0;
    double seconds = 0;
    std::string text;  ///< one line for people
};

/// {"schema":"kwright.event/1",...}: one line, no newline at the end.
[[nodiscard]] std::string to_json_line(const Event& event);

struct EventSink {
    virtual ~EventSink() = default;
    virtual void on_event(const Event& event) = 0;
};

/// Passes every event on to each sink, in order. Sinks are not owned.
class EventStream final : public EventSink {
public:
    void add(EventSink& sink) { sinks_.push_back(&sink); }
    void on_event(const Event& event) override {
        for (EventSink* sink : sinks_) {
            sink->on_event(event);
        }
    }

private:
    std::vector<EventSink*> sinks_;
};

}  // namespace kw
