// SPDX-License-Identifier: Apache-2.0
#include "server/report/speedup_svg.hpp"

#include "server/report/axis.hpp"
#include "server/views/attempts.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string_view>
#include <vector>

namespace kw::server {

namespace {

// Pixels; the figure scales.
constexpr double k_width = 720;
constexpr double k_height = 400;
constexpr double k_left = 64;
constexpr double k_right = 704;
constexpr double k_top = 40;
constexpr double k_bottom = 316;
constexpr double k_ticks = 334;  ///< row of the attempts that were not accepted

struct Best {
    double eval = 0;
    Ratio speedup;
};

struct Curve {
    std::string kind;
    std::vector<Best> bests;
};

struct Figure {
    std::vector<Curve> curves;  ///< those that are not empty
    std::vector<double> rejected;
    double last = 1;  ///< ordinal of the last evaluation
};

Figure figure_of(const std::vector<Attempt>& attempts) {
    Curve measured{"measured", {}};
    Curve modelled{"modelled", {}};
    Figure figure;
    for (const Attempt* attempt : in_order(attempts)) {
        const double eval = attempt->ordinal;
        figure.last = std::max(figure.last, eval);
        if (attempt->row.result.verdict != Verdict::accepted) {
            figure.rejected.push_back(eval);
        }
        if (is_best(*attempt)) {
            Curve& curve = is_modelled(attempt->row.result) ? modelled : measured;
            curve.bests.push_back({eval, attempt->row.result.speedup});
        }
    }
    for (Curve& curve : {std::ref(measured), std::ref(modelled)}) {
        if (!curve.bests.empty()) {
            figure.curves.push_back(std::move(curve));
        }
    }
    return figure;
}

Axis height_axis(const Figure& figure) {
    double low = 1;
    double high = 1;
    for (const Curve& curve : figure.curves) {
        for (const Best& best : curve.bests) {
            const double top = std::isfinite(best.speedup.hi) ? best.speedup.hi : 0;
            low = std::min(low, best.speedup.value);
            high = std::max({high, best.speedup.value, std::min(top, 2 * best.speedup.value)});
        }
    }
    return make_axis(low, high, k_bottom, k_top);
}

std::string px(double value) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.1f", value);
    return text.data();
}

std::string line(double x1, double y1, double x2, double y2, std::string_view look) {
    return "<line x1=\"" + px(x1) + "\" y1=\"" + px(y1) + "\" x2=\"" + px(x2) + "\" y2=\"" +
           px(y2) + "\" " + std::string(look) + "/>\n";
}

std::string words(
    double x, double y, std::string_view anchor, const std::string& text, int size = 12) {
    return "<text x=\"" + px(x) + "\" y=\"" + px(y) + "\" text-anchor=\"" + std::string(anchor) +
           "\" font-size=\"" + std::to_string(size) + "\">" + xml_text(text) + "</text>\n";
}

constexpr std::string_view k_grid = "stroke=\"#d0d0d0\" stroke-width=\"1\"";
constexpr std::string_view k_frame = "stroke=\"#404040\" stroke-width=\"1\"";
constexpr std::string_view k_failed = "stroke=\"#b03030\" stroke-width=\"1\"";

std::string frame(const Axis& across, const Axis& up) {
    std::string svg;
    for (const double tick : up.ticks) {
        const double y = up.at(tick);
        svg += line(k_left, y, k_right, y, k_grid);
        svg += words(k_left - 8, y + 4, "end", tick_text(tick) + "x");
    }
    for (const double tick : across.ticks) {
        svg += words(across.at(tick), k_bottom + 36, "middle", tick_text(tick));
    }
    svg += line(k_left, k_top, k_left, k_bottom, k_frame);
    svg += line(k_left, k_bottom, k_right, k_bottom, k_frame);
    svg += words((k_left + k_right) / 2, k_height - 24, "middle", "evaluations");
    return svg;
}

/// The staircase, and the interval of each step.
std::string drawn(const Curve& curve, double last, const Axis& across, const Axis& up) {
    const bool modelled = curve.kind == "modelled";
    const std::string colour = modelled ? "#7a4fbf" : "#1f6fb4";
    std::string path;
    std::string whiskers;
    for (const Best& best : curve.bests) {
        const double x = across.at(best.eval);
        const double y = up.at(best.speedup.value);
        path += path.empty() ? "M" + px(x) + " " + px(y) : " H" + px(x) + " V" + px(y);
        if (std::isfinite(best.speedup.lo) && std::isfinite(best.speedup.hi)) {
            const double low = up.at(std::max(best.speedup.lo, best.speedup.value / 2));
            const double high = up.at(std::min(best.speedup.hi, 2 * best.speedup.value));
            whiskers += line(x, low, x, high, "stroke=\"" + colour + "\" stroke-width=\"1.5\"");
        }
        whiskers +=
            "<circle cx=\"" + px(x) + "\" cy=\"" + px(y) + "\" r=\"3\" fill=\"" + colour + "\"/>\n";
    }
    path += " H" + px(across.at(last));
    return "<path d=\"" + path + "\" fill=\"none\" stroke=\"" + colour + "\" stroke-width=\"2\"" +
           (modelled ? " stroke-dasharray=\"6 3\"" : "") + "/>\n" + whiskers;
}

std::string svg_of(const CampaignRow& campaign, const Figure& figure) {
    const Axis across = make_axis(0, figure.last, k_left, k_right, Scale::linear);
    const Axis up = height_axis(figure);
    std::string kinds;
    for (const Curve& curve : figure.curves) {
        kinds += (kinds.empty() ? "" : " and ") + curve.kind;
    }
    const std::string title = "best speed-up of " + campaign.name + " (" + campaign.task + " on " +
                              campaign.device + (kinds.empty() ? "" : ", " + kinds) + ")";
    std::string svg =
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"720\" height=\"400\" "
        "viewBox=\"0 0 720 400\" role=\"img\" font-family=\"sans-serif\">\n";
    svg += "<title>" + xml_text(title) + "</title>\n";
    svg += "<rect width=\"" + px(k_width) + "\" height=\"" + px(k_height) + "\" fill=\"white\"/>\n";
    svg += words(k_left, 24, "start", title, 14);
    svg += frame(across, up);
    for (const double eval : figure.rejected) {
        svg += line(across.at(eval), k_ticks - 10, across.at(eval), k_ticks - 2, k_failed);
    }
    for (const Curve& curve : figure.curves) {
        svg += drawn(curve, figure.last, across, up);
    }
    svg += words(
        k_left,
        k_height - 6,
        "start",
        "speed-up = fastest baseline / kernel, intervals 95 %, step by step the kernel in hand; "
        "red ticks: attempts not accepted",
        10);
    return svg + "</svg>\n";
}

}  // namespace

std::string xml_text(const std::string& text) {
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        switch (c) {
            case '&': out += "&amp;"; break;
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '"': out += "&quot;"; break;
            case '\'': out += "&apos;"; break;
            default: out += byte >= 0x20 && byte < 0x7F ? c : '?';
        }
    }
    return out;
}

Result<std::string> speedup_svg(db::Store& store, const std::string& campaign) {
    KW_TRY_ASSIGN(const std::optional<CampaignRow> row, store.campaign(campaign));
    if (!row) {
        return Error{
            Errc::usage,
            "no campaign is called \"" + campaign + "\"",
            "see `kwright campaign list`"};
    }
    KW_TRY_ASSIGN(const std::vector<Attempt> attempts, attempts_of(*row, store));
    return svg_of(*row, figure_of(attempts));
}

}  // namespace kw::server
