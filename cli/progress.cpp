// SPDX-License-Identifier: Apache-2.0
#include "cli/progress.hpp"

#include "core/hash.hpp"

#include <algorithm>

namespace kw::cli {
namespace {

using std::chrono::steady_clock;

constexpr auto k_redraw_every = std::chrono::milliseconds(250);

Ink ink_of(Verdict verdict) {
    switch (verdict) {
        case Verdict::accepted: return Ink::green;
        case Verdict::compiled_only:
        case Verdict::duplicate: return Ink::dim;
        case Verdict::too_fast:
        case Verdict::sandbox_violation:
        case Verdict::forbidden:
        case Verdict::internal: return Ink::red;
        default: return Ink::yellow;
    }
}

std::string pad(const std::string& text, std::size_t width) {
    return text.size() >= width ? text : text + std::string(width - text.size(), ' ');
}

std::string padded_number(int number, std::size_t width) {
    const std::string text = std::to_string(number);
    return text.size() >= width ? text : std::string(width - text.size(), ' ') + text;
}

}  // namespace

void ProgressSink::on_event(const Event& event) {
    max_evals_ = std::max(max_evals_, event.max_evals);
    usd_ = std::max(usd_, event.usd);
    switch (event.type) {
        case EventType::judged: judged(event); break;
        case EventType::best:
            best_ = event.best_speedup ? event.best_speedup : event.speedup;
            best_candidate_ = event.candidate;
            break;
        case EventType::promoted: promoted(event); break;
        case EventType::proposing: model_ = event.text; break;
        case EventType::proposed:
            model_.clear();
            tokens_ += event.tokens_in + event.tokens_out;
            break;
        case EventType::stage: stage_ = event.text; break;
        case EventType::retry: console_.say(pad("retry", 10) + event.text); break;
        case EventType::warning:
            console_.say(console_.paint_err(pad("warning", 10), Ink::yellow) + event.text);
            break;
        case EventType::budget:
            console_.say(
                event.text.starts_with("budget") ? event.text : pad("budget", 10) + event.text);
            break;
        case EventType::estimated:  // shown with the plan
        case EventType::started:
        case EventType::critique:
        case EventType::stopped: break;
    }
    draw(event.type == EventType::judged || event.type == EventType::promoted);
}

void ProgressSink::promoted(const Event& event) {
    stage_.clear();
    const Verdict verdict = event.verdict.value_or(Verdict::internal);
    console_.say(
        padded_number(event.eval, 3) + "  " +
        console_.paint_err(std::string(code(verdict)), ink_of(verdict)) + "  " +
        pad(short_id('k', event.candidate), 8) + "  " + event.text);
}

void ProgressSink::judged(const Event& event) {
    done_ = std::max(done_, event.eval + 1);
    stage_.clear();
    const Verdict verdict = event.verdict.value_or(Verdict::internal);
    accepted_ += verdict == Verdict::accepted ? 1 : 0;
    std::string line = padded_number(event.eval, 3) + "  ";
    line += console_.paint_err(std::string(code(verdict)), ink_of(verdict)) + "  ";
    line += pad(event.candidate.empty() ? "-" : short_id('k', event.candidate), 8) + "  ";
    const std::string ratio =
        event.speedup ? show_ratio(event.speedup->value, event.speedup->lo, event.speedup->hi)
                      : "-";
    line += pad(ratio, 20) + "  ";
    // The judge's summary begins with the ratio, which stands in its own column here.
    const bool twice = event.text.starts_with(ratio + ": ");
    line += twice ? event.text.substr(ratio.size() + 2) : event.text;
    console_.say(line);
}

void ProgressSink::draw(bool now) {
    if (!console_.err_is_terminal()) {
        return;
    }
    const auto at = steady_clock::now();
    if (!now && at - drawn_ < k_redraw_every) {
        return;
    }
    drawn_ = at;
    const double seconds = std::chrono::duration<double>(at - begin_).count();
    std::vector<std::string> lines;
    std::string head =
        "  " + std::to_string(done_) + "/" + (max_evals_ > 0 ? std::to_string(max_evals_) : "?");
    head += "  best " + (best_ ? show_ratio(best_->value, best_->lo, best_->hi) + " " +
                                     short_id('k', best_candidate_)
                               : "-");
    head += "  accepted " + std::to_string(accepted_);
    if (tokens_ > 0) {
        head += "  " + std::to_string(tokens_) + " tokens";
    }
    std::array<char, 32> usd{};
    std::snprintf(usd.data(), usd.size(), "  %.2f USD", usd_);
    head += usd.data();
    head += "  " + show_duration(seconds);
    lines.push_back(console_.paint_err(head, Ink::bold));
    if (!model_.empty()) {
        lines.push_back("  model   " + model_);
    }
    if (!stage_.empty()) {
        lines.push_back("  judge   " + stage_);
    }
    console_.redraw(lines);
}

JsonLinesSink::JsonLinesSink(const std::string& file) {
    if (file == "-") {
        file_ = stdout;
    } else {
        file_ = std::fopen(file.c_str(), "ae");
        owned_ = true;
    }
}

JsonLinesSink::~JsonLinesSink() {
    if (owned_ && file_ != nullptr) {
        std::fclose(file_);
    }
}

void JsonLinesSink::on_event(const Event& event) {
    const std::string line = to_json_line(event);
    std::fwrite(line.data(), 1, line.size(), file_);
    std::fputc('\n', file_);
    std::fflush(file_);
}

}  // namespace kw::cli
