// SPDX-License-Identifier: Apache-2.0
// Observers of a campaign for the screen: a block of lines redrawn in place on a terminal, one line
// an evaluation elsewhere, JSON lines for programs.
#pragma once

#include "cli/console.hpp"
#include "core/event.hpp"

#include <array>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

namespace kw::cli {

/// One line an evaluation; on a terminal also the live block below it (at most 4 redraws a second).
class ProgressSink final : public EventSink {
public:
    explicit ProgressSink(Console& console)
        : console_(console) {}
    ~ProgressSink() override { console_.redraw({}); }
    void on_event(const Event& event) override;

private:
    void judged(const Event& event);
    void promoted(const Event& event);
    void draw(bool now);

    Console& console_;
    std::string stage_;
    std::string model_;
    int max_evals_ = 0;
    int done_ = 0;
    std::optional<Ratio> best_;
    std::string best_candidate_;
    int accepted_ = 0;
    double usd_ = 0;
    std::int64_t tokens_ = 0;
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
    std::chrono::steady_clock::time_point drawn_{};
};

class JsonLinesSink final : public EventSink {
public:
    /// "-" = stdout. Check ok() before use.
    explicit JsonLinesSink(const std::string& file);
    ~JsonLinesSink() override;
    [[nodiscard]] bool ok() const { return file_ != nullptr; }
    void on_event(const Event& event) override;

private:
    std::FILE* file_ = nullptr;
    bool owned_ = false;
};

}  // namespace kw::cli
