// SPDX-License-Identifier: Apache-2.0
// A suite campaign judged by workers that Slurm placed, while everything dies in turn.
#include "tests/integration/cluster/cluster.hpp"

#include "db/store.hpp"
#include "tests/support/catch.hpp"

#include <signal.h>

#include <algorithm>
#include <map>
#include <set>

using namespace kw;
using namespace kw::test;

namespace fs = std::filesystem;

namespace {

constexpr int k_evaluations = 16;

/// The suite's two tasks: copies of the smallest one under two names.
void write_tasks(const fs::path& folder) {
    const fs::path from = fs::path(KW_SOURCE_DIR) / "tests" / "support" / "tasks" / "scale_add";
    for (const std::string name : {"scale_one", "scale_two"}) {
        for (const auto& entry : fs::recursive_directory_iterator(from)) {
            if (!entry.is_regular_file()) {
                continue;
            }
            std::string text = read_file(entry.path());
            for (std::size_t at = text.find("scale_add"); at != std::string::npos;
                 at = text.find("scale_add", at)) {
                text.replace(at, 9, name);
            }
            write_file(folder / "tasks" / name / fs::relative(entry.path(), from), text);
        }
    }
    write_file(
        folder / "suite.toml",
        "schema = \"kwright.suite/1\"\nname = \"pair\"\ntasks = [\"scale_one\", \"scale_two\"]\n");
}

/// Everything of one test: folder, server, tokens, configuration.
struct Site {
    Folder folder;
    Cluster cluster{folder.path()};
    int port = free_port();
    Program kwright{folder.path()};
    Running server;

    [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port); }

    void set_up() {
        write_tasks(folder.path());
        kwright.environment["SLURM_CONF"] = cluster.conf();
        write_file(
            folder / "kwright.toml",
            "tasks_dir = \"" + (folder / "tasks").string() +
                "\"\n"
                "[judge]\ncap_s = 1\n[serve]\nlease_s = 5\n"
                "[evaluator]\nurl = \"" +
                url() + "\"\ntoken_file = \"" + (folder / "submit.token").string() +
                "\"\n[fleet]\ntoken_file = \"" + (folder / "worker.token").string() +
                "\"\nfolder = \"" + folder.path().string() + "\"\ncache_dir = \"" +
                kwright.environment["KWRIGHT_CACHE_DIR"] +
                "\"\nenvironment = \"KWRIGHT_TASKS_DIR=" + (folder / "tasks").string() +
                "\"\ndrain_s = 20\ndevices = \"cpu\"\n");
        make_token("submit", {});
        make_token("worker", {"--trusted"});
    }

    void make_token(const std::string& scope, const std::vector<std::string>& more) {
        std::vector<std::string> words{
            "serve", "token", "new", "--db", "server.db", "--name", scope, "--scope", scope};
        words.insert(words.end(), more.begin(), more.end());
        const Outcome made = kwright(words);
        INFO(made.err);
        REQUIRE(made.code == 0);
        write_file(folder / (scope + ".token"), made.out);
    }

    void start_server() {
        server = Running(kwright.start(
            {"serve",
             "--db",
             "server.db",
             "--port",
             std::to_string(port),
             "--device",
             "none",
             "-q"}));
    }

    [[nodiscard]] std::vector<QueuedJob> server_jobs() const {
        return jobs_in(folder / "server.db");
    }

    /// The Slurm job whose worker judges now: "1_0".
    [[nodiscard]] std::string busy_worker() const {
        for (const QueuedJob& job : server_jobs()) {
            if (job.state == "leased" && job.worker.starts_with("slurm-")) {
                return job.worker.substr(6, job.worker.find('/') - 6);
            }
        }
        return "";
    }

    [[nodiscard]] int judged() const {
        int done = 0;
        for (const QueuedJob& job : server_jobs()) {
            done += job.state == "done" ? 1 : 0;
        }
        return done;
    }

    /// After `more` further results, while a worker is at a job: that worker.
    std::string next_busy_worker(int more) {
        const int before = judged();
        std::string worker;
        REQUIRE(within(60, [&] {
            worker = judged() >= before + more ? busy_worker() : "";
            return !worker.empty() && !worker_processes(worker).empty();
        }));
        return worker;
    }
};

std::vector<EvaluationRow> rows_of(const fs::path& file, const std::string& campaign) {
    auto store = db::Store::open(file, db::Access::read_only);
    REQUIRE(store);
    const auto row = store->campaign(campaign);
    REQUIRE((row && *row));
    auto rows = store->evaluations((*row)->id);
    const auto later = store->judgings((*row)->id);
    REQUIRE((rows && later));
    rows->insert(rows->end(), later->begin(), later->end());
    return *rows;
}

/// Every place of the campaign once. How many results are a worker's, second judgings included.
int check_campaign(const fs::path& file, const std::string& campaign) {
    std::set<std::pair<int, int>> places;
    int judged = 0;
    for (const EvaluationRow& row : rows_of(file, campaign)) {
        CHECK(row.result.verdict != Verdict::internal);
        judged += row.result.verdict == Verdict::duplicate ? 0 : 1;
        if (row.reproduces == 0) {
            INFO(campaign << " " << row.step << "." << row.slot);
            CHECK(places.emplace(row.step, row.slot).second);
        }
    }
    return judged;
}

}  // namespace

TEST_CASE(
    "cluster: a campaign loses and doubles nothing while everything dies in turn", "[cluster]") {
    Site site;
    if (const auto why = site.cluster.start()) {
        WARN("skipped: " << *why);
        return;
    }
    site.set_up();
    site.start_server();
    Running scaling(site.kwright.start(
        {"serve", "fleet", "slurm", "scale", "--min", "2", "--max", "2", "--every", "1", "-q"}));
    REQUIRE(within(20, [&] { return site.cluster.running() == 2; }));
    Running campaign(site.kwright.start(
        {"run",
         "--suite",
         "./suite.toml",
         "--db",
         "campaign.db",
         "--max-evals",
         std::to_string(k_evaluations),
         "-q"}));

    // A worker, in the middle of a job.
    for (const int pid : worker_processes(site.next_busy_worker(2))) {
        ::kill(pid, SIGKILL);
    }
    // A node, with everything on it; the controller learns of it as from a monitor.
    const std::string node = site.cluster.node_of(site.next_busy_worker(2));
    REQUIRE(!node.empty());
    REQUIRE(site.cluster.script({"kill", node}).code == 0);
    REQUIRE(
        site.cluster
            .command("scontrol", {"update", "nodename=" + node, "state=down", "reason=crash"})
            .code == 0);
    // The controller: what runs goes on.
    static_cast<void>(site.next_busy_worker(2));
    REQUIRE(site.cluster.script({"kill", "ctld"}).code == 0);
    static_cast<void>(site.next_busy_worker(2));
    REQUIRE(site.cluster.script({"revive", "ctld"}).code == 0);
    REQUIRE(site.cluster.script({"revive", node}).code == 0);
    // The server itself.
    static_cast<void>(site.next_busy_worker(1));
    site.server.kill9();
    site.start_server();

    REQUIRE(within(120, [&] { return campaign.ended(); }));
    CHECK(campaign.code() == 0);
    int judged = 0;
    for (const std::string name : {"pair.scale_one", "pair.scale_two"}) {
        judged += check_campaign(site.folder / "campaign.db", name);
    }
    const std::vector<QueuedJob> jobs = site.server_jobs();
    CHECK(judged == static_cast<int>(jobs.size()));
    std::set<std::int64_t> results;
    std::set<std::string> keys;
    std::set<std::string> workers;
    int repeated = 0;
    for (const QueuedJob& job : jobs) {
        INFO("job " << job.id << " " << job.error);
        CHECK(job.state == "done");
        CHECK(results.insert(job.evaluation).second);
        CHECK(keys.insert(job.key).second);
        workers.insert(job.worker);
        repeated += job.attempts > 1 ? 1 : 0;
    }
    CHECK(repeated >= 1);
    CHECK(workers.size() >= 2);

    scaling.signal(SIGTERM);
    CHECK(scaling.wait() == 0);
    CHECK(site.kwright({"serve", "fleet", "slurm", "cancel"}).code == 0);
    CHECK(within(25, [&] { return site.cluster.jobs().empty(); }));
}

TEST_CASE("cluster: a worker that is told to drain finishes its job and ends with 0", "[cluster]") {
    Site site;
    if (const auto why = site.cluster.start()) {
        WARN("skipped: " << *why);
        return;
    }
    site.set_up();
    site.start_server();
    const Outcome started = site.kwright({"serve", "fleet", "slurm", "start", "--workers", "1"});
    INFO(started.err);
    REQUIRE(started.code == 0);
    Running campaign(
        site.kwright.start({"run", "scale_one", "--db", "campaign.db", "--max-evals", "4", "-q"}));
    const std::string worker = site.next_busy_worker(1);
    REQUIRE(site.kwright({"serve", "fleet", "slurm", "cancel"}).code == 0);
    REQUIRE(within(25, [&] { return site.cluster.jobs().empty(); }));
    for (const QueuedJob& job : site.server_jobs()) {
        CHECK(job.attempts <= 1);
        CHECK(job.state != "leased");
    }
    // What is left waits for the next worker.
    CHECK(!campaign.ended());
    REQUIRE(site.kwright({"serve", "fleet", "slurm", "start"}).code == 0);
    REQUIRE(within(60, [&] { return campaign.ended(); }));
    CHECK(campaign.code() == 0);
    const std::string log = read_file(site.folder / ("kwright-worker-" + worker + ".log"));
    CHECK(log.find("judged") != std::string::npos);
}
