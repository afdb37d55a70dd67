// SPDX-License-Identifier: Apache-2.0
#include "agent/ablate/fit.hpp"

#include "evaluator/simulated_pairs.hpp"
#include "evaluator/statistics.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>
#include <numeric>
#include <utility>

namespace kw::agent {

namespace {

constexpr double k_bytes_per_token = 4;
/// Nearer to the roof than this, what is left is within the roof's own error.
constexpr double k_least_left = 0.05;
constexpr double k_longest_s = 86'400;  ///< no judgement takes a day

struct Seen {
    std::vector<double> first, next, miss, headroom, noise, judge_seconds, task, source;
    std::int64_t changes = 0, failures = 0, repairs = 0, repaired = 0, hits = 0, kept = 0;
};

/// A database may hold any bits.
bool is_positive(double value) {
    return std::isfinite(value) && value > 0;
}

bool is_accepted(const EvaluationRow& row) {
    return row.result.verdict == Verdict::accepted && is_positive(row.result.speedup.value);
}

/// ln G of a gain, when something was left that it could close.
std::optional<double> log_closing(double gain, double left) {
    const double share = left < k_least_left ? 1 : gain / left;
    if (share <= 0 || share >= 1) {
        return std::nullopt;
    }
    return std::log(-std::log1p(-share));
}

double left_to_roof(const EvaluationRow& row) {
    return is_positive(row.result.sol) ? -std::log(row.result.sol) : 0;
}

void count_failure(BedFit& fit, Verdict verdict) {
    switch (verdict) {
        case Verdict::no_reply: ++fit.no_reply; break;
        case Verdict::compile_error:
        case Verdict::forbidden: ++fit.compile_error; break;
        default: ++fit.wrong; break;
    }
}

void see_gain(
    const EvaluationRow& parent,
    const EvaluationRow& child,
    bool of_start,
    Seen& seen,
    BedFit& fit) {
    const double gain =
        std::log(child.result.speedup.value) - std::log(parent.result.speedup.value);
    const auto closing = log_closing(gain, left_to_roof(parent));
    if (of_start) {
        if (closing) {
            seen.first.push_back(*closing);
        }
        return;
    }
    ++seen.kept;
    if (gain <= 0) {
        seen.miss.push_back(gain);
        return;
    }
    ++seen.hits;
    if (closing) {
        seen.next.push_back(*closing);
    } else {
        ++fit.at_roof;
    }
}

void see_child(
    const EvaluationRow& parent,
    const EvaluationRow& child,
    bool of_start,
    Seen& seen,
    BedFit& fit) {
    const Verdict verdict = child.result.verdict;
    if (verdict == Verdict::internal || verdict == Verdict::duplicate ||
        verdict == Verdict::compiled_only) {
        return;  // says nothing of the proposal's quality
    }
    if (!is_accepted(parent)) {
        ++seen.repairs;
        seen.repaired += is_accepted(child) ? 1 : 0;
        return;
    }
    ++seen.changes;
    if (!is_accepted(child)) {
        ++seen.failures;
        count_failure(fit, verdict);
        return;
    }
    see_gain(parent, child, of_start, seen, fit);
}

void see_campaign(const RecordedCampaign& campaign, Seen& seen, BedFit& fit) {
    std::map<std::string, const EvaluationRow*> by_hash;
    for (const EvaluationRow& row : campaign.evaluations) {
        const auto parent = by_hash.find(row.parent_hash);
        if (parent != by_hash.end()) {
            see_child(*parent->second, row, parent->second->step == 0, seen, fit);
        }
        if (!row.candidate_hash.empty()) {
            by_hash.emplace(row.candidate_hash, &row);
        }
        if (is_positive(row.result.wall_s) && row.result.wall_s < k_longest_s) {
            seen.judge_seconds.push_back(row.result.wall_s);
        }
        const Ratio& speedup = row.result.speedup;
        if (is_accepted(row) && is_positive(speedup.lo) && is_positive(speedup.hi)) {
            const double width = std::log(speedup.hi) - std::log(speedup.lo);
            seen.noise.push_back(std::max(0.0, width) / (2 * 1.96));
        }
        if (is_accepted(row) && row.step == 0 && is_positive(row.result.sol)) {
            seen.headroom.push_back(left_to_roof(row));
        }
    }
    if (campaign.task_bytes > 0) {
        seen.task.push_back(campaign.task_bytes / k_bytes_per_token);
    }
    for (const double bytes : campaign.reply_bytes) {
        seen.source.push_back(bytes / k_bytes_per_token);
    }
}

std::string short_figure(double value) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.3f", value);
    return text.data();
}

std::string line(const std::string& what, const Chance& chance) {
    return what + ": " + std::to_string(chance.hits) + " of " + std::to_string(chance.count) +
           ", estimate " + short_figure(chance.estimate) + " [" + short_figure(chance.at_least) +
           ", " + short_figure(chance.at_most) + "]";
}

std::string line(const std::string& what, const Sampled& values) {
    if (values.count == 0) {
        return what + ": none";
    }
    return what + ": " + std::to_string(values.count) + " values, mean " +
           short_figure(values.mean) + ", sd " + short_figure(values.sd) + ", from " +
           short_figure(values.least) + " to " + short_figure(values.most);
}

void take(Spread& spread, const Sampled& values) {
    if (values.count >= 2) {
        spread = {values.mean, values.sd};
    }
}

void take(double& number, const Sampled& values) {
    if (values.count >= 1) {
        number = values.mean;
    }
}

}  // namespace

Sampled sampled(const std::vector<double>& values) {
    Sampled out;
    if (values.empty()) {
        return out;
    }
    const double count = static_cast<double>(values.size());
    out.count = static_cast<std::int64_t>(values.size());
    out.mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
    for (const double value : values) {
        out.sd += (value - out.mean) * (value - out.mean);
    }
    out.sd = values.size() < 2 ? 0 : std::sqrt(out.sd / (count - 1));
    const auto [least, most] = std::ranges::minmax(values);
    out.least = least;
    out.most = most;
    return out;
}

Chance chance(std::int64_t hits, std::int64_t count) {
    Chance out{hits, count};
    if (count > 0) {
        out.estimate = (static_cast<double>(hits) + 0.5) / (static_cast<double>(count) + 1);
        out.at_least = stats::at_least(hits, count);
        out.at_most = stats::at_most(hits, count);
    }
    return out;
}

BedFit fit_bed(const std::vector<RecordedCampaign>& campaigns) {
    BedFit fit;
    Seen seen;
    for (const RecordedCampaign& campaign : campaigns) {
        if (std::ranges::any_of(campaign.evaluations, [](const EvaluationRow& row) {
                return is_modelled(row.result);
            })) {
            ++fit.modelled;
            continue;
        }
        ++fit.campaigns;
        see_campaign(campaign, seen, fit);
    }
    fit.failure = chance(seen.failures, seen.changes);
    fit.repair = chance(seen.repaired, seen.repairs);
    fit.hit = chance(seen.hits, seen.kept);
    fit.first = sampled(seen.first);
    fit.next = sampled(seen.next);
    fit.miss = sampled(seen.miss);
    fit.headroom = sampled(seen.headroom);
    fit.noise = sampled(seen.noise);
    fit.noise.mean = stats::median(seen.noise);
    fit.judge_seconds = sampled(seen.judge_seconds);
    fit.task_tokens = sampled(seen.task);
    fit.source_tokens = sampled(seen.source);
    return fit;
}

SyntheticParams fitted(const SyntheticParams& base, const BedFit& fit) {
    SyntheticParams out = base;
    if (fit.failure.count > 0) {
        const double all = static_cast<double>(fit.failure.hits) + 1;
        const auto share = [&](std::int64_t seen) {
            return fit.failure.estimate * (static_cast<double>(seen) + 1.0 / 3) / all;
        };
        out.no_reply = share(fit.no_reply);
        out.compile_error = share(fit.compile_error);
        out.wrong = share(fit.wrong);
    }
    if (fit.repair.count > 0) {
        out.repair = fit.repair.estimate;
    }
    if (fit.hit.count > 0) {
        out.hit = fit.hit.estimate;
    }
    take(out.first, fit.first);
    take(out.next, fit.next);
    take(out.miss, fit.miss);
    take(out.headroom, fit.headroom);
    take(out.noise, fit.noise);
    take(out.judge_seconds, fit.judge_seconds);
    take(out.task_tokens, fit.task_tokens);
    take(out.source_tokens, fit.source_tokens);
    return out;
}

std::vector<std::string> fit_lines(const BedFit& fit) {
    return {
        "campaigns: " + std::to_string(fit.campaigns) + " measured; " +
            std::to_string(fit.modelled) + " modelled, left out",
        line("failures of a change", fit.failure) + ": " + std::to_string(fit.no_reply) + " NR, " +
            std::to_string(fit.compile_error) + " CE or FB, " + std::to_string(fit.wrong) +
            " others",
        line("repairs that work", fit.repair),
        line("changes that are faster than their parent", fit.hit) + "; " +
            std::to_string(fit.at_roof) + " of them at the roof",
        line("ln G of first implementations", fit.first),
        line("ln G of hits", fit.next),
        line("ln speed-up of misses", fit.miss),
        line("ln headroom of start sources", fit.headroom),
        line("noise of a judgement (its median as the mean)", fit.noise),
        line("seconds of a judgement", fit.judge_seconds),
        line("tokens of a task's text", fit.task_tokens),
        line("tokens of a reply", fit.source_tokens)};
}

Result<std::vector<RecordedCampaign>> recorded_campaigns(
    db::Store& store, const std::vector<std::string>& names) {
    std::vector<RecordedCampaign> out;
    for (const std::string& name : names) {
        KW_TRY_ASSIGN(const auto campaign, store.campaign(name));
        if (!campaign) {
            return Error{Errc::usage, "no campaign '" + name + "'", "see `kwright campaign list`"};
        }
        RecordedCampaign one;
        one.name = name;
        KW_TRY_ASSIGN(one.evaluations, store.evaluations(campaign->id));
        KW_TRY_ASSIGN(const std::vector<ReplyRow> replies, store.replies(campaign->id));
        for (const ReplyRow& reply : replies) {
            one.reply_bytes.push_back(static_cast<double>(reply.raw.size()));
        }
        if (!replies.empty() && !replies.front().prompt.empty() && !one.evaluations.empty() &&
            !one.evaluations.front().candidate_hash.empty()) {
            KW_TRY_ASSIGN(
                const CandidateRow start, store.candidate(one.evaluations.front().candidate_hash));
            one.task_bytes = std::max(
                0.0,
                static_cast<double>(replies.front().prompt.size()) -
                    static_cast<double>(start.source.size()));
        }
        out.push_back(std::move(one));
    }
    return out;
}

}  // namespace kw::agent
