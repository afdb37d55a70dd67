// SPDX-License-Identifier: Apache-2.0
// pages.py walks through the pages; here are the databases it looks at.
#include "server/report/html_report.hpp"
#include "server/views/views.hpp"
#include "tests/support/page_stores.hpp"
#include "tests/support/program.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <optional>
#include <thread>

using namespace kw;
using namespace kw::test;
using namespace kw::server;
using nlohmann::json;

namespace {

const std::string k_evil =
    "</script><script>window.pwned=1</script><img src=x onerror=\"window.pwned=2\">'\"&--><!--"
    "</style><svg onload=window.pwned=3><a href=javascript:window.pwned=4>x</a>\x01\xff";

template <class T>
T must(Result<T> result) {
    INFO((result.ok() ? std::string() : result.error().what));
    REQUIRE(result.ok());
    return std::move(result).value();
}

const std::vector<std::filesystem::path> k_roots{
    std::filesystem::path(KW_SOURCE_DIR) / "tests/support/tasks"};

Outcome walk(const Folder& folder, std::vector<std::string> arguments) {
    Program python(folder.path());
    python.program = "/usr/bin/env";
    arguments.insert(
        arguments.begin(), {"python3", KW_SOURCE_DIR "/tests/integration/browser/pages.py"});
    return python.run_for(arguments, std::chrono::minutes(4));
}

void check(const Outcome& outcome) {
    if (outcome.code == 77) {
        WARN("skipped: no Chromium here");
        return;
    }
    INFO(outcome.out << outcome.err);
    CHECK(outcome.code == 0);
}

json parsed(Result<std::string> text) {
    return json::parse(must(std::move(text)));
}

/// By the address that the dashboard asks for.
json documents_of(db::Store& store) {
    json documents = {
        {"campaigns", parsed(campaigns_view(store))},
        {"board", parsed(board_view(store, {}))},
        {"tasks", parsed(tasks_view(store, k_roots))},
        {"queue", {{"schema", "kwright.queue/1"}, {"queued", 2}, {"jobs", json::array()}}},
        {"workers", {{"schema", "kwright.workers/1"}, {"workers", json::array()}}}};
    documents["queue"]["jobs"].push_back(
        {{"id", "e-41"}, {"task", "scale_add<img src=x>"}, {"state", "queued"}, {"attempts", 0}});
    documents["workers"]["workers"].push_back(
        {{"name", "node-1"}, {"devices", {"cpu", "cuda:0"}}, {"jobs", 3}});
    for (const CampaignRow& row : must(store.campaigns())) {
        documents["campaigns/" + row.name] = parsed(campaign_view(store, row.name));
    }
    for (const json& row : documents["board"]["rows"]) {
        const std::string kernel = row.at("kernel");
        documents["kernels/" + kernel] = parsed(kernel_view(store, kernel, k_roots));
    }
    documents["tasks/scale_add"] = parsed(task_view(store, k_roots, "scale_add"));
    return documents;
}

}  // namespace

TEST_CASE("browser: hostile texts stay texts on every page of a report", "[browser]") {
    const Folder folder;
    PageCampaign campaign;
    campaign.evil = k_evil;
    {
        auto store = must(db::Store::open(folder / "k.db", db::Access::write));
        PageStore(store).add(campaign);
        write_file(
            folder / "report.html",
            must(html_report(store, k_roots, campaign.name + campaign.evil)).text);
    }
    check(walk(folder, {"hostile", "report.html"}));
}

TEST_CASE("browser: a report's pages can be walked through", "[browser]") {
    const Folder folder;
    {
        auto store = must(db::Store::open(folder / "k.db", db::Access::write));
        PageCampaign campaign;
        campaign.attempts = 60;
        PageStore(store).add(campaign);
    }
    const Program kwright(folder.path());
    REQUIRE(kwright({"report", "gemv-a", "-o", "report.html", "--db", "k.db"}).code == 0);
    check(walk(folder, {"report", "report.html"}));
}

TEST_CASE("browser: the served pages follow a campaign and ask for a token", "[browser]") {
    const Folder folder;
    {
        auto store = must(db::Store::open(folder / "k.db", db::Access::write));
        PageStore pages(store);
        pages.add({});
        PageCampaign modelled;
        modelled.name = "gemv-m";
        modelled.timing = "modelled";
        modelled.device = "emulated:sm_90a";
        modelled.state = "running";
        pages.add(modelled);
        json documents = documents_of(store);
        documents["campaigns/gemv-m"]["state"] = "running";
        write_file(folder / "documents.json", documents.dump());
    }
    check(
        walk(folder, {"served", "documents.json", KW_SOURCE_DIR "/server/dashboard", KW_CHART_JS}));
}

TEST_CASE("browser: a campaign is followed through kwright serve while it runs", "[browser]") {
    const Folder folder;
    auto store = must(db::Store::open(folder / "k.db", db::Access::write));
    PageStore pages(store);
    PageCampaign campaign;
    campaign.state = "running";
    pages.begin(campaign);
    for (int i = 0; i < 8; ++i) {
        pages.add_next();
    }
    // Another process searches: an attempt every half second until the walk is over.
    std::jthread search([&pages](const std::stop_token& over) {
        for (int i = 0; i < 400 && !over.stop_requested(); ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds(500));
            pages.add_next();
        }
    });
    const Outcome outcome = walk(folder, {"live", KW_BINARY_DIR "/bin/kwright", "k.db", "gemv-a"});
    search.request_stop();
    search.join();  // assertions are for one thread at a time
    check(outcome);
}
