// SPDX-License-Identifier: Apache-2.0
#include "server/views/views.hpp"

#include "agent/campaign/campaign_settings.hpp"
#include "core/task_file.hpp"
#include "server/views/attempts.hpp"
#include "server/views/campaign_command.hpp"
#include "server/views/view_json.hpp"
#include "tests/support/rows.hpp"
#include "tests/unit/server_views/fixture.hpp"

#include <set>

using namespace kw;
using namespace kw::test;
using namespace kw::server;
using nlohmann::json;

namespace {

const std::vector<std::filesystem::path> k_roots{
    std::filesystem::path(KW_SOURCE_DIR) / "tests/support/tasks"};

/// "attempts[].speedup.ci95[]: number", each once; names that are data stand as "*".
void shape_of(const json& value, const std::string& at, std::set<std::string>& lines) {
    const std::set<std::string> maps{"dims", "resources", "instructions"};
    const std::string name = at.substr(at.rfind('.') + 1);
    if (value.is_object()) {
        for (const auto& [key, member] : value.items()) {
            shape_of(member, at + "." + (maps.contains(name) ? "*" : key), lines);
        }
    } else if (value.is_array()) {
        for (const json& item : value) {
            shape_of(item, at + "[]", lines);
        }
    } else {
        lines.insert(at + ": " + value.type_name());
    }
}

std::string shape_of(const json& document) {
    std::set<std::string> lines;
    shape_of(document, document.at("schema").get<std::string>(), lines);
    std::string text;
    for (const std::string& line : lines) {
        text += line + "\n";
    }
    return text;
}

}  // namespace

TEST_CASE("views: the fields of every document stay", "[server]") {
    Pages made;
    const auto kernels = made.pages.add({});
    std::string text;
    for (const json& each :
         {document(board_view(made.store, {})),
          document(campaigns_view(made.store)),
          document(campaign_view(made.store, "gemv-a")),
          document(kernel_view(made.store, kernels[6], k_roots)),
          document(tasks_view(made.store, k_roots)),
          document(task_view(made.store, k_roots, "scale_add"))}) {
        text += shape_of(each) + "\n";
    }
    check_golden("view-shapes.txt", text);
}

TEST_CASE("views: any stored value gives a document", "[server]") {
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
        Pages made;
        RandomRows random(seed);
        CampaignRow campaign = random.campaign("awkward" + k_evil);
        campaign = must(made.store.create_campaign(campaign));
        std::vector<std::string> hashes;
        for (int i = 0; i < 12; ++i) {
            CandidateRow kernel = random.candidate();
            kernel.task = campaign.task;
            REQUIRE(made.store.put_candidate(kernel).ok());
            EvaluationRow row = random.row(campaign.id, i, 0);
            row.candidate_hash = kernel.hash;
            row.parent_hash = hashes.empty() ? kernel.hash : hashes.back();
            row.result.verdict = i % 3 == 0 ? Verdict::accepted : row.result.verdict;
            REQUIRE(made.store.put_evaluation(row, campaign).ok());
            hashes.push_back(kernel.hash);
            must(made.store.reserve_calls({random.call(campaign.id, i, 0)}));
        }
        BoardFilter all;
        all.all = true;
        CHECK(document(board_view(made.store, all)).at("schema") == "kwright.board/1");
        CHECK(document(campaigns_view(made.store)).at("rows").size() == 1);
        const json page = document(campaign_view(made.store, campaign.name));
        CHECK(page.at("attempts").size() == 12);
        for (const std::string& hash : hashes) {
            CHECK(document(kernel_view(made.store, hash)).at("kernel") == hash);
        }
        CHECK(document(task_view(made.store, {}, campaign.task)).at("definition").is_null());
        CHECK(document(tasks_view(made.store, {})).at("tasks").size() == 1);
    }
}

TEST_CASE("views: what is not there is a usage error that says so", "[server]") {
    Pages made;
    CHECK(campaign_view(made.store, "nobody").error().code == Errc::usage);
    CHECK(kernel_view(made.store, "kabcdef0").error().code == Errc::usage);
    CHECK(kernel_view(made.store, "../../etc/passwd").error().code == Errc::usage);
    CHECK(task_view(made.store, k_roots, "scale_ad").error().code == Errc::usage);
    CHECK(document(board_view(made.store, {})).at("rows").empty());
    CHECK(document(campaigns_view(made.store)).at("rows").empty());
}

TEST_CASE("views: a task's name from outside is never read as a path", "[server]") {
    Pages made;
    const std::string path = (k_roots.front() / "scale_add").string();
    CHECK(task_view(made.store, k_roots, path).error().code == Errc::usage);
    CHECK(task_view(made.store, k_roots, "./scale_add").error().code == Errc::usage);
    PageCampaign campaign;
    campaign.task = path;
    const auto kernels = made.pages.add(campaign);
    CHECK(document(task_view(made.store, k_roots, path)).at("definition").is_null());
    const json page = document(kernel_view(made.store, kernels[0], k_roots));
    REQUIRE_FALSE(page.at("roofline").empty());
    for (const json& row : page.at("roofline")) {
        CHECK(row.at("flop").is_null());
    }
}

TEST_CASE("campaign view: attempts stand in stored order with what had been spent", "[server]") {
    Pages made;
    made.pages.add({});
    const json page = document(campaign_view(made.store, "gemv-a"));
    double usd = 0;
    for (std::size_t i = 0; i < 24; ++i) {
        const json& attempt = page.at("attempts")[i];
        CHECK(attempt.at("eval") == i);
        CHECK(attempt.at("step") == i);
        // A lost call is charged at its reservation.
        usd += i == 0 ? 0 : i == 7 ? 0.05 : 0.012;
        CHECK(attempt.at("spent").at("usd").get<double>() == Approx(usd));
        CHECK(attempt.at("spent").at("tokens") == (i < 7 ? i * 4900 : (i - 1) * 4900 + 8000));
        CHECK(
            attempt.at("spent").at("seconds").get<double>() ==
            Approx(20.0 * static_cast<double>(i)));
    }
    CHECK(page.at("calls").size() == 2);
    CHECK(page.at("environments").size() == 1);
}

TEST_CASE("campaign view: bests are those that still count, by their second judging", "[server]") {
    Pages made;
    const auto kernels = made.pages.add({});
    const json before = document(campaign_view(made.store, "gemv-a")).at("curves");
    CHECK(!before.contains("modelled"));
    const json last = before.at("measured").back();
    CHECK(last.at("kernel") == kernels[last.at("eval").get<std::size_t>()]);
    const json attempt =
        document(campaign_view(made.store, "gemv-a")).at("attempts")[last.at("eval").get<int>()];
    CHECK(
        attempt.at("first").at("speedup").at("value").get<double>() * 0.98 ==
        Approx(last.at("speedup").get<double>()));
    must(made.store.revoke(last.at("kernel")));
    const json after = document(campaign_view(made.store, "gemv-a"));
    CHECK(after.at("curves").at("measured").size() == before.at("measured").size() - 1);
    CHECK(after.at("attempts")[last.at("eval").get<int>()].at("state") == "revoked");
}

TEST_CASE("campaign view: measured and modelled kernels are two curves", "[server]") {
    Pages made;
    made.pages.add({});
    CampaignRow campaign = *must(made.store.campaign("gemv-a"));
    CandidateRow kernel = RandomRows(3).candidate();
    REQUIRE(made.store.put_candidate(kernel).ok());
    EvaluationRow row;
    row.campaign_id = campaign.id;
    row.step = 100;
    row.candidate_hash = kernel.hash;
    row.new_best = true;
    row.result.verdict = Verdict::accepted;
    row.result.timing_kind = "modelled";
    row.result.speedup = {9, 9, 9};
    must(made.store.put_evaluation(row, campaign));
    const json curves = document(campaign_view(made.store, "gemv-a")).at("curves");
    CHECK(curves.at("modelled").size() == 1);
    for (const json& point : curves.at("measured")) {
        CHECK(point.at("kernel") != kernel.hash);
    }
}

TEST_CASE("campaign view: its command is one that a shell reads back", "[server]") {
    CampaignRow row;
    row.name = "a b'c";
    row.task = "$(reboot)";
    row.device = "cpu";
    row.proposer = "command:x; y";
    CHECK(
        campaign_command(row) ==
        "kwright run '$(reboot)' --name 'a b'\\''c' --device cpu --proposer 'command:x; y'");
    row.settings_json = "{broken";
    CHECK(campaign_command(row).starts_with("kwright run '$(reboot)' --name"));
}

TEST_CASE(
    "campaign view: its command has the stored settings, and none that cannot be asked for",
    "[server]") {
    agent::StoredSettings stored;
    stored.settings.proposer = "openai:m";
    stored.settings.strategy = "fsr";
    stored.settings.budget.max_usd = 0.5;
    stored.settings.budget.max_evals = 7;
    stored.settings.isa = "x86-64-v3";
    CampaignRow row;
    row.name = row.task = "t";
    row.settings_json = to_json(stored);
    CHECK(
        campaign_command(row) ==
        "kwright run t --name t --device cpu --proposer openai:m --isa x86-64-v3 --strategy fsr "
        "--width 4 --depth 8 --gamma 0.95 --seed 1 --max-evals 7 --max-usd 0.5");
    for (const char* ordered : {"tune", "replay:file"}) {
        stored.settings.proposer = ordered;
        row.settings_json = to_json(stored);
        CHECK(campaign_command(row).find("--strategy") == std::string::npos);
    }
}

TEST_CASE("kernel view: lineage leads to the start source, the nearest first", "[server]") {
    Pages made;
    const auto kernels = made.pages.add({});
    const json page = document(kernel_view(made.store, "k" + kernels[9].substr(0, 9)));
    CHECK(page.at("parent") == kernels[4]);
    REQUIRE(page.at("lineage").size() == 3);
    CHECK(page.at("lineage")[0].at("kernel") == kernels[4]);
    CHECK(page.at("lineage")[1].at("kernel") == kernels[2]);
    CHECK(page.at("lineage")[2].at("kernel") == kernels[0]);
    CHECK(page.at("children").size() == 2);
    const auto diff = page.at("diff").get<std::string>();
    CHECK(diff.starts_with("--- k" + kernels[4].substr(0, 7) + "\n+++ k"));
    CHECK(diff.find("\n-// attempt 4") != std::string::npos);
    const json first = document(kernel_view(made.store, kernels[0]));
    CHECK(first.at("lineage").empty());
    CHECK(first.at("diff").is_null());
}

TEST_CASE("kernel view: parents that go round in circles end", "[server]") {
    Pages made;
    const CampaignRow campaign = must(made.store.create_campaign(RandomRows(1).campaign("c")));
    RandomRows random(2);
    std::vector<CandidateRow> kernels{random.candidate(), random.candidate()};
    for (int i = 0; i < 2; ++i) {
        const auto at = static_cast<std::size_t>(i);
        REQUIRE(made.store.put_candidate(kernels[at]).ok());
        EvaluationRow row;
        row.campaign_id = campaign.id;
        row.step = i;
        row.candidate_hash = kernels[at].hash;
        row.parent_hash = kernels[1 - at].hash;
        must(made.store.put_evaluation(row, campaign));
    }
    const json page = document(kernel_view(made.store, kernels[0].hash));
    CHECK(page.at("lineage").size() == 1);
    CHECK(page.at("children").size() == 1);
}

TEST_CASE("kernel view: it is about the newest judging that counts and lists all", "[server]") {
    Pages made;
    const auto kernels = made.pages.add({});
    const json page = document(kernel_view(made.store, kernels[2]));
    REQUIRE(page.at("evaluations").size() == 2);
    CHECK(page.at("evaluations")[page.at("shown").get<std::size_t>()].at("purpose") == "promotion");
    CHECK(page.at("evaluations")[0].at("campaign") == "gemv-a");
    CandidateRow fresh = RandomRows(5).candidate();
    REQUIRE(made.store.put_candidate(fresh).ok());
    const json unjudged = document(kernel_view(made.store, fresh.hash));
    CHECK(unjudged.at("shown").is_null());
    CHECK(unjudged.at("evaluations").empty());
}

TEST_CASE("kernel view: the roofline has operations only from the task that judged", "[server]") {
    Pages made;
    PageCampaign campaign;
    campaign.attempts = 1;
    const auto kernels = made.pages.add(campaign);
    const json other = document(kernel_view(made.store, kernels[0], k_roots)).at("roofline");
    REQUIRE(other.size() == 4);
    CHECK(other[0].at("flop").is_null());
    const double bytes = other[0].at("bytes");
    const json shape =
        document(kernel_view(made.store, kernels[0])).at("evaluations")[0].at("shapes")[0];
    CHECK(
        bytes ==
        Approx(shape.at("gb_per_s").get<double>() * shape.at("candidate_ns").get<double>()));
    CHECK(
        other[0].at("roof_gb_per_s").get<double>() ==
        Approx(shape.at("gb_per_s").get<double>() / shape.at("sol").get<double>()));
}

TEST_CASE("task view: kernels carry the highest error of their cases", "[server]") {
    Pages made;
    made.pages.add({});
    PageCampaign modelled;
    modelled.name = "gemv-m";
    modelled.timing = "modelled";
    modelled.device = "emulated:sm_90a";
    made.pages.add(modelled);
    const json page = document(task_view(made.store, k_roots, "scale_add"));
    CHECK(page.at("definition").at("title").is_string());
    CHECK(page.at("campaigns") == json({"gemv-a", "gemv-m"}));
    std::set<std::string> kinds;
    for (const json& kernel : page.at("kernels")) {
        kinds.insert(kernel.at("timing"));
        CHECK(kernel.at("max_error").get<double>() > 0);
    }
    CHECK(kinds == std::set<std::string>{"measured", "modelled"});
    REQUIRE(page.at("floors").size() == 8);
    CHECK(page.at("floors")[0].at("timing") == "measured");
    CHECK(page.at("floors")[7].at("timing") == "modelled");
}

TEST_CASE("campaigns view: a campaign's best is its own", "[server]") {
    Pages made;
    made.pages.add({});
    PageCampaign slower;
    slower.name = "gemv-b";
    slower.base = 0.5;
    const auto kernels = made.pages.add(slower);
    const json rows = document(campaigns_view(made.store)).at("rows");
    REQUIRE(rows.size() == 2);
    const std::string best = rows[1].at("best").at("kernel");
    CHECK(std::ranges::count(kernels, best) == 1);
    CHECK(rows[0].at("best").at("speedup").get<double>() > rows[1].at("best").at("speedup"));
    CHECK(rows[0].at("best").at("timing") == "measured");
}
