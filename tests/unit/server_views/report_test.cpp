// SPDX-License-Identifier: Apache-2.0
#include "core/hash.hpp"
#include "server/dashboard/assets.hpp"
#include "server/report/axis.hpp"
#include "server/report/evaluations_csv.hpp"
#include "server/report/html_report.hpp"
#include "server/report/new_file.hpp"
#include "server/report/speedup_svg.hpp"
#include "tests/unit/server_views/fixture.hpp"

#include <algorithm>
#include <filesystem>

using namespace kw;
using namespace kw::test;
using namespace kw::server;
using nlohmann::json;

namespace {

std::size_t count(const std::string& text, std::string_view part) {
    std::size_t found = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
        ++found;
    }
    return found;
}

json data_of(const std::string& html) {
    constexpr std::string_view k_begin = "<script type=\"application/json\" id=\"kw-data\">";
    const std::size_t begin = html.find(k_begin) + k_begin.size();
    json data = json::parse(html.substr(begin, html.find("</script>", begin) - begin));
    return data;
}

PageCampaign evil() {
    PageCampaign campaign;
    campaign.evil = k_evil;
    return campaign;
}

/// Fields of a CSV text, by RFC 4180.
std::vector<std::vector<std::string>> parse_csv(const std::string& text) {
    std::vector<std::vector<std::string>> rows(1, {""});
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quoted && c == '"' && i + 1 < text.size() && text[i + 1] == '"') {
            rows.back().back() += text[++i];
        } else if (c == '"') {
            quoted = !quoted;
        } else if (!quoted && c == ',') {
            rows.back().emplace_back();
        } else if (!quoted && c == '\r' && i + 1 < text.size() && text[i + 1] == '\n') {
            rows.push_back({""});
            ++i;
        } else {
            rows.back().back() += c;
        }
    }
    rows.pop_back();
    return rows;
}

}  // namespace

TEST_CASE("report: hostile texts stay within its data", "[server]") {
    Pages made;
    made.pages.add(evil());
    const HtmlReport report = must(html_report(made.store, {}, "gemv-a" + k_evil));
    CHECK(report.kernels == 24);
    CHECK(report.left_out == 0);
    const auto own = std::ranges::count_if(
        assets(), [](const Asset& asset) { return asset.path.ends_with(".js"); });
    CHECK(count(report.text, "<script") == static_cast<std::size_t>(own) + 1);
    CHECK(count(report.text, "</script") == static_cast<std::size_t>(own) + 1);
    CHECK(count(report.text, "<img") == 0);
    CHECK(count(report.text, "<svg") == 0);
    CHECK(count(report.text, "<!--") == 0);
    CHECK(count(report.text, "</style") == 1);
    CHECK(count(report.text, "pwned") > 24);
    CHECK(std::ranges::count(report.text, '\xff') == 0);
}

TEST_CASE("report: it holds every document that its pages ask for", "[server]") {
    Pages made;
    const auto kernels = made.pages.add({});
    const json data = data_of(must(html_report(made.store, {}, "gemv-a")).text);
    CHECK(data.at("report").at("campaign") == "gemv-a");
    CHECK(data.at("campaigns/gemv-a").at("schema") == "kwright.campaign-view/1");
    CHECK(data.at("board").at("schema") == "kwright.board/1");
    CHECK(data.at("tasks/scale_add").at("schema") == "kwright.task-view/1");
    for (const std::string& kernel : kernels) {
        CHECK(data.at("kernels/" + kernel).at("schema") == "kwright.kernel/1");
    }
    CHECK(html_report(made.store, {}, "nobody").error().code == Errc::usage);
}

TEST_CASE("report: its policy allows its own scripts and style by their hashes alone", "[server]") {
    Pages made;
    made.pages.add({});
    const std::string html = must(html_report(made.store, {}, "gemv-a")).text;
    const std::size_t begin = html.find("<meta http-equiv=\"Content-Security-Policy\"");
    REQUIRE(begin != std::string::npos);
    CHECK(begin < html.find("<style>"));
    CHECK(begin < html.find("<script"));
    const std::string policy = html.substr(begin, html.find('>', begin) - begin);
    CHECK(policy.find("default-src 'none'") != std::string::npos);
    CHECK(policy.find("unsafe") == std::string::npos);
    CHECK(policy.find("http:") == std::string::npos);
    CHECK(count(policy, "'sha256-") == assets().size() - 1);  // all but the page
    CHECK(count(policy, "=' ") + count(policy, "=';") == assets().size() - 1);
    CHECK(html.find("src=\"") == std::string::npos);
    CHECK(html.find("href=\"http") == std::string::npos);
}

TEST_CASE("report: the best kernels have pages when not all fit", "[server]") {
    Pages made;
    made.pages.add({});
    const HtmlReport some = must(html_report(made.store, {}, "gemv-a", 60'000));
    CHECK(some.kernels > 0);
    CHECK(some.left_out > 0);
    CHECK(some.kernels + some.left_out == 24);
    const json data = data_of(some.text);
    const json& best = data.at("campaigns/gemv-a").at("curves").at("measured").front();
    CHECK(data.contains("kernels/" + best.at("kernel").get<std::string>()));
    CHECK(must(html_report(made.store, {}, "gemv-a", 0)).kernels == 0);
}

TEST_CASE("csv: every line has every field and reads back", "[server]") {
    Pages made;
    made.pages.add(evil());
    const auto rows = parse_csv(must(evaluations_csv(made.store, "gemv-a" + k_evil)));
    REQUIRE(rows.size() == 25);
    const auto column = [&](std::string_view name) {
        const auto found = std::ranges::find(rows.front(), name);
        REQUIRE(found != rows.front().end());
        return static_cast<std::size_t>(found - rows.front().begin());
    };
    double best = 0;
    for (std::size_t i = 1; i < rows.size(); ++i) {
        REQUIRE(rows[i].size() == rows.front().size());
        CHECK(rows[i][column("eval")] == std::to_string(i - 1));
        CHECK(rows[i][column("note")] == "unroll by " + std::to_string(1 + (i - 1) % 8) + k_evil);
        const bool accepted = rows[i][column("verdict")] == "AC";
        CHECK(rows[i][column("speedup")].empty() != accepted);
        const double now = std::stod(rows[i][column("best_speedup")]);
        CHECK(now >= best);
        best = now;
    }
    CHECK(evaluations_csv(made.store, "nobody").error().code == Errc::usage);
}

TEST_CASE("csv: a text is no formula in a spreadsheet", "[server]") {
    CHECK(csv_field("=HYPERLINK(\"http://x\")") == "\"'=HYPERLINK(\"\"http://x\"\")\"");
    CHECK(csv_field("+1") == "'+1");
    CHECK(csv_field("-1") == "'-1");
    CHECK(csv_field("@x") == "'@x");
    CHECK(csv_field("\tx") == "'\tx");
    CHECK(csv_field("\rx") == "\"'\rx\"");
    CHECK(csv_field("a=b") == "a=b");
    CHECK(csv_field("") == "");
}

TEST_CASE("svg: hostile names are text in a figure without script", "[server]") {
    Pages made;
    made.pages.add(evil());
    const std::string svg = must(speedup_svg(made.store, "gemv-a" + k_evil));
    CHECK(svg.starts_with("<svg "));
    CHECK(count(svg, "<svg") == 1);
    CHECK(count(svg, "<script") == 0);
    CHECK(count(svg, "<img") == 0);
    CHECK(count(svg, "&lt;/script&gt;") == 8);  // twice in campaign and task, title and heading
    CHECK(std::ranges::all_of(svg, [](char c) { return c == '\n' || (c >= 0x20 && c < 0x7F); }));
    CHECK(speedup_svg(made.store, "nobody").error().code == Errc::usage);
}

TEST_CASE("svg: a campaign without any kernel is drawn empty", "[server]") {
    Pages made;
    PageCampaign none;
    none.attempts = 0;
    made.pages.add(none);
    const std::string svg = must(speedup_svg(made.store, "gemv-a"));
    CHECK(count(svg, "<path") == 0);
    CHECK(count(svg, "nan") == 0);
    CHECK(count(svg, "inf") == 0);
}

TEST_CASE("svg: one path a kind of timing, a mark a best, a tick a failure", "[server]") {
    Pages made;
    made.pages.add({});
    const std::string svg = must(speedup_svg(made.store, "gemv-a"));
    CHECK(count(svg, "<path") == 1);
    CHECK(count(svg, "stroke=\"#b03030\"") == 8);
    CHECK(count(svg, "stroke-dasharray") == 0);
    PageCampaign modelled;
    modelled.name = "m";
    modelled.timing = "modelled";
    made.pages.add(modelled);
    CHECK(count(must(speedup_svg(made.store, "m")), "stroke-dasharray") == 1);
}

TEST_CASE("axis: ticks are round, inside, and few", "[server]") {
    for (const double high : {1.2, 2.0, 7.3, 9.9, 10.0, 55.0, 1234.0, 3e7}) {
        for (const double low : {0.02, 0.5, 1.0}) {
            const Axis axis = make_axis(low, high, 300, 20);
            INFO(low << " " << high);
            CHECK(axis.ticks.size() >= 2);
            CHECK(axis.ticks.size() <= 14);
            CHECK(std::ranges::is_sorted(axis.ticks));
            for (const double tick : axis.ticks) {
                CHECK(axis.at(tick) <= 300.001);
                CHECK(axis.at(tick) >= 19.999);
            }
            CHECK(axis.at(high) < axis.at(low));
        }
    }
    CHECK(tick_text(0.25) == "0.25");
    CHECK(tick_text(0.1 + 0.2) == "0.3");
    CHECK(tick_text(40) == "40");
}

TEST_CASE("new file: it is whole, and nothing that exists is replaced", "[server]") {
    const Folder folder;
    must(write_new_file(folder / "a", "text"));
    CHECK(read_file(folder / "a") == "text");
    CHECK(write_new_file(folder / "a", "other").error().code == Errc::usage);
    CHECK(read_file(folder / "a") == "text");
    std::filesystem::create_symlink(folder / "elsewhere", folder / "link");
    CHECK(write_new_file(folder / "link", "x").error().code == Errc::usage);
    CHECK(!std::filesystem::exists(folder / "elsewhere"));
    CHECK(write_new_file(folder / "no/such/folder", "x").error().code == Errc::environment);
    CHECK(write_new_file(folder / "", "x").error().code == Errc::usage);
    std::size_t left = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
        left += entry.path().filename().string().find("partial") != std::string::npos ? 1 : 0;
    }
    CHECK(left == 0);
}

TEST_CASE("report: the command writes what was asked for and says what it cannot", "[server]") {
    Pages made;
    made.pages.add({});
    Program kwright(made.folder.path());
    kwright.environment["KWRIGHT_DB"] = "k.db";
    kwright.environment["PATH"] = "";  // no compiler, no sandbox, and no need of them
    const std::string before = read_file(made.folder / "k.db");
    CHECK(kwright({"report", "gemv-a"}).code == 2);
    CHECK(kwright({"report", "gemv-a", "--csv", "--svg", "speedup"}).code == 2);
    CHECK(kwright({"report", "gemv-a", "--svg", "other"}).code == 2);
    CHECK(kwright({"report", "nobody", "-o", "x.html"}).code == 2);
    CHECK(!std::filesystem::exists(made.folder / "x.html"));
    const Outcome page = kwright({"report", "gemv-a", "-o", "x.html", "--json"});
    INFO(page.err);
    REQUIRE(page.code == 0);
    const json said = json::parse(page.out);
    CHECK(said.at("schema") == "kwright.report/1");
    CHECK(said.at("bytes") == read_file(made.folder / "x.html").size());
    const Outcome again = kwright({"report", "gemv-a", "-o", "x.html"});
    CHECK(again.code == 2);
    CHECK(again.err.find("exists already") != std::string::npos);
    CHECK(
        kwright({"report", "gemv-a", "--csv"}).out == must(evaluations_csv(made.store, "gemv-a")));
    CHECK(kwright({"report", "gemv-a", "--svg", "speedup", "-o", "x.svg"}).code == 0);
    CHECK(read_file(made.folder / "x.svg") == must(speedup_svg(made.store, "gemv-a")));
    CHECK(kwright({"report", "gemv-a", "-o", "no/such/x.html"}).code == 3);
    CHECK(read_file(made.folder / "k.db") == before);
}
