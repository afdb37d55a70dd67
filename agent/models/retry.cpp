// SPDX-License-Identifier: Apache-2.0
#include "agent/models/retry.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace kw::agent {

namespace {

constexpr double k_first_wait_s = 2;
constexpr double k_longest_wait_s = 60;

std::optional<double> number(const std::string& text) {
    double value = -1;
    const char* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, value);
    const bool good = error == std::errc{} && at == end && std::isfinite(value) && value >= 0;
    return good ? std::optional<double>(value) : std::nullopt;
}

/// "Sun, 06 Nov 1994 08:49:37 GMT" in seconds since 1970.
std::optional<double> http_date_s(const std::string& text) {
    static constexpr std::array<std::string_view, 12> k_months = {
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int day = 0;
    int year = 0;
    int hour = 0;
    int minute = 0;
    int second = 0;
    std::array<char, 4> month{};
    std::array<char, 4> zone{};
    if (std::sscanf(
            text.c_str(),
            "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d %3s",
            &day,
            month.data(),
            &year,
            &hour,
            &minute,
            &second,
            zone.data()) != 7 ||
        std::string_view(zone.data()) != "GMT") {
        return std::nullopt;
    }
    const auto* const found = std::ranges::find(k_months, std::string_view(month.data()));
    const std::chrono::year_month_day date{
        std::chrono::year(year),
        std::chrono::month(static_cast<unsigned>(found - k_months.begin()) + 1),
        std::chrono::day(static_cast<unsigned>(std::max(day, 0)))};
    if (found == k_months.end() || !date.ok() || hour > 23 || minute > 59 || second > 60) {
        return std::nullopt;
    }
    const auto days = std::chrono::sys_days(date).time_since_epoch().count();
    return static_cast<double>(days) * 86'400 + hour * 3600 + minute * 60 + second;
}

}  // namespace

bool worth_a_retry(const HttpOutcome& outcome) {
    if (outcome.end != HttpEnd::answered) {
        return outcome.end != HttpEnd::cancelled;
    }
    if (outcome.body.find("insufficient_quota") != std::string::npos) {
        return false;
    }
    switch (outcome.status) {
        case 408:
        case 425:
        case 429:
        case 500:
        case 502:
        case 503:
        case 504:
        case 524:
        case 529: return true;
        default: return false;
    }
}

bool may_be_billed(const HttpOutcome& outcome) {
    if (outcome.status == 0 || outcome.status == 200) {
        const std::size_t begin = outcome.body.find_first_not_of(" \t\r\n");
        const bool page = begin != std::string::npos && outcome.body[begin] == '<';
        return outcome.sent && !page;  // a web page is not the API's
    }
    return outcome.status == 408 || outcome.status == 504 || outcome.status == 524;
}

std::optional<double> asked_wait_s(const HttpOutcome& outcome, std::int64_t utc_ms) {
    if (outcome.retry_after_ms) {
        if (const auto ms = number(*outcome.retry_after_ms)) {
            return *ms / 1000;
        }
    }
    if (!outcome.retry_after) {
        return std::nullopt;
    }
    if (const auto seconds = number(*outcome.retry_after)) {
        return seconds;
    }
    if (const auto then = http_date_s(*outcome.retry_after)) {
        return std::max(0.0, *then - static_cast<double>(utc_ms) / 1000);
    }
    return std::nullopt;
}

double backoff_s(int tries, double jitter) {
    const double most =
        std::min(k_longest_wait_s, k_first_wait_s * std::exp2(std::clamp(tries, 0, 8)));
    return most * (1 - 0.5 * jitter);
}

std::string hint_for(long status) {
    switch (status) {
        case 401:
        case 403: return "check the API key and what it may use";
        case 404: return "check the model's name and model.base_url";
        case 402: return "check the account's credit";
        case 429: return "the rate or credit limit is met: wait, then resume the campaign";
        default: return "what was done so far is saved: resume the campaign later";
    }
}

}  // namespace kw::agent
