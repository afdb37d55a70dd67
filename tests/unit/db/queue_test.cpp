// SPDX-License-Identifier: Apache-2.0
#include "db/queue.hpp"

#include "db/job_columns.hpp"
#include "tests/unit/db/fixture.hpp"

#include <algorithm>
#include <map>
#include <set>

using namespace kw;
using namespace kw::test;
using What = db::Finished::What;

namespace {

struct StandingClock final : Clock {
    std::chrono::nanoseconds steady() override { return std::chrono::milliseconds(now); }
    std::int64_t utc_ms() override { return 1'700'000'000'000 + now; }
    void sleep(std::chrono::nanoseconds) override { FAIL("the queue never sleeps"); }
    std::int64_t now = 0;
};

/// A store with a campaign of the service and a queue on a clock that stands still.
struct Bench {
    explicit Bench(const db::QueueSettings& settings = {})
        : store(open_store(dir / "k.db"))
        , campaign(campaign_of(store, "service-t", "t"))
        , queue(store, clock, settings) {}

    db::NewJob job(const std::string& device = "cpu", std::int64_t token = 1) {
        db::NewJob made;
        made.candidate.hash = sha(++made_jobs);
        made.candidate.task = "t";
        made.candidate.source = "source " + std::to_string(made_jobs);
        made.job.campaign_id = campaign.id;
        made.job.candidate_hash = made.candidate.hash;
        made.job.task = "t";
        made.job.task_hash = "task hash";
        made.job.device = device;
        made.job.token_id = token;
        made.job.options = "{}";
        made.job.stage = "time";
        return made;
    }
    std::int64_t submit(db::NewJob wanted) {
        const auto admitted = must(queue.submit({std::move(wanted)}));
        REQUIRE(admitted.size() == 1);
        REQUIRE(admitted[0].admission == db::Admission::accepted);
        return admitted[0].id;
    }
    std::optional<JobRow> claim(
        const std::string& worker = "w", bool trusted = true, const std::string& kind = "time") {
        db::Claim who;
        who.worker.name = worker;
        who.worker.trusted = trusted;
        who.worker.devices = {"cpu"};
        who.worker.kinds = {kind};
        return must(queue.claim(who));
    }
    db::Finished finish(const JobRow& job, const Evaluation& result) {
        return must(queue.finish(job.lease_id, {db::JobOutcome::Kind::judged, result, "", ""}));
    }
    db::Finished fail(const JobRow& job, const std::string& why) {
        return must(queue.finish(job.lease_id, {db::JobOutcome::Kind::outage, {}, why, ""}));
    }
    static std::string sha(int number) {
        std::string text = std::to_string(number);
        return std::string(64 - text.size(), '0') + text;
    }

    const TempDir dir;
    StandingClock clock;
    db::Store store;
    CampaignRow campaign;
    db::Queue queue;
    int made_jobs = 0;
};

Evaluation accepted(double speedup) {
    Evaluation result;
    result.verdict = Verdict::accepted;
    result.speedup = {speedup, speedup * 0.99, speedup * 1.01};
    result.shapes.resize(1);
    result.device = "cpu: one";
    result.wall_s = 2;
    return result;
}

Evaluation rejected() {
    Evaluation result;
    result.verdict = Verdict::wrong_result;
    result.device = "cpu: one";
    result.wall_s = 1;
    return result;
}

}  // namespace

TEST_CASE("queue: a job goes from its submission to a stored evaluation", "[db]") {
    Bench bench;
    const std::int64_t id = bench.submit(bench.job());
    CHECK(must(bench.queue.counts()).total == 1);
    const auto job = bench.claim();
    REQUIRE(job);
    CHECK(job->id == id);
    CHECK(job->state == "leased");
    CHECK(job->lease_id.size() == 32);
    CHECK(job->attempts == 1);
    CHECK_FALSE(bench.claim());
    const db::Finished done = bench.finish(*job, rejected());
    CHECK(done.what == What::stored);
    CHECK(done.evaluation_state == "judged");
    const auto row = must(bench.store.evaluation(done.evaluation_id));
    REQUIRE(row);
    CHECK(row->candidate_hash == job->candidate_hash);
    CHECK(row->task_hash == "task hash");
    CHECK(differences(row->result, rejected()) == "");
    CHECK(must(bench.queue.job(id))->state == "done");
    CHECK(must(bench.queue.counts()).total == 0);
    CHECK(must(bench.store.campaign("service-t"))->evaluations == 1);
}

TEST_CASE("queue: a result is taken once and the same again is told so", "[db]") {
    Bench bench;
    bench.submit(bench.job());
    const auto job = bench.claim();
    const db::Finished first = bench.finish(*job, rejected());
    const db::Finished again = bench.finish(*job, accepted(9));
    CHECK(again.what == What::repeated);
    CHECK(again.evaluation_id == first.evaluation_id);
    CHECK(must(bench.store.evaluations(bench.campaign.id)).size() == 1);
    CHECK(must(bench.queue.finish("no such lease", {})).what == What::lost);
    CHECK(must(bench.queue.finish("", {})).what == What::lost);
}

TEST_CASE("queue: a lease that ran out is given on and its first holder refused", "[db]") {
    Bench bench;
    const std::int64_t id = bench.submit(bench.job());
    const auto first = bench.claim("a");
    bench.clock.now += 59'999;
    CHECK_FALSE(bench.claim("b"));
    CHECK(must(bench.queue.heartbeat(first->lease_id)));
    bench.clock.now += 59'999;
    CHECK_FALSE(bench.claim("b"));
    bench.clock.now += 1;
    const auto second = bench.claim("b");
    REQUIRE(second);
    CHECK(second->id == id);
    CHECK(second->attempts == 2);
    CHECK(second->lease_id != first->lease_id);
    CHECK_FALSE(must(bench.queue.heartbeat(first->lease_id)));
    CHECK(bench.finish(*first, accepted(3)).what == What::lost);
    CHECK_FALSE(must(bench.queue.give_back(first->lease_id)));
    CHECK(bench.finish(*second, rejected()).what == What::stored);
    CHECK(must(bench.store.evaluations(bench.campaign.id)).size() == 1);
    const auto workers = must(bench.queue.workers());
    REQUIRE(workers.size() == 2);
    CHECK(workers[0].lost == 1);
    CHECK(workers[1].done == 1);
}

TEST_CASE("queue: attempts end as our outage and nothing is scored", "[db]") {
    Bench bench;
    const std::int64_t id = bench.submit(bench.job());
    for (int attempt = 1; attempt <= 3; ++attempt) {
        const auto job = bench.claim();
        REQUIRE(job);
        CHECK(job->attempts == attempt);
        const db::Finished ended = bench.fail(*job, "no compiler");
        CHECK(ended.what == (attempt < 3 ? What::requeued : What::failed));
    }
    CHECK_FALSE(bench.claim());
    const auto job = must(bench.queue.job(id));
    CHECK(job->state == "failed");
    CHECK(job->error == "our outage: no compiler");
    CHECK(must(bench.store.evaluations(bench.campaign.id)).empty());
    Evaluation ours = rejected();
    ours.verdict = Verdict::internal;
    bench.submit(bench.job());
    CHECK(bench.finish(*bench.claim(), ours).what == What::requeued);
}

TEST_CASE("queue: what is given back has lost no attempt", "[db]") {
    Bench bench;
    bench.submit(bench.job());
    for (int i = 0; i < 5; ++i) {
        const auto job = bench.claim();
        REQUIRE(job);
        CHECK(job->attempts == 1);
        CHECK(must(bench.queue.give_back(job->lease_id)));
    }
    CHECK(must(bench.queue.counts()).total == 1);
}

TEST_CASE("queue: the leases of a dead worker count as attempts", "[db]") {
    Bench bench;
    bench.submit(bench.job());
    bench.submit(bench.job());
    CHECK(bench.claim("local/cpu"));
    CHECK(bench.claim("other"));
    CHECK(must(bench.queue.lose_leases_of("local/cpu")) == 1);
    const auto again = bench.claim("local/cpu");
    REQUIRE(again);
    CHECK(again->attempts == 2);
}

TEST_CASE("queue: what is built waits for its device without its attempts", "[db]") {
    Bench bench;
    db::NewJob wanted = bench.job();
    wanted.job.stage = "build";
    bench.submit(wanted);
    CHECK_FALSE(bench.claim("lane", true, "time"));
    const auto built = bench.claim("builder", true, "build");
    REQUIRE(built);
    CHECK(
        must(bench.queue.finish(built->lease_id, {db::JobOutcome::Kind::passed, {}, "", ""}))
            .what == What::passed);
    CHECK_FALSE(bench.claim("builder", true, "build"));
    const auto timed = bench.claim("lane", true, "time");
    REQUIRE(timed);
    CHECK(timed->attempts == 1);
    CHECK(bench.finish(*timed, rejected()).what == What::stored);
    bench.submit(wanted = bench.job());
    // A candidate that does not build ends at the builder's.
    db::NewJob other = bench.job();
    other.job.stage = "build";
    bench.submit(other);
    Evaluation broken = rejected();
    broken.verdict = Verdict::compile_error;
    CHECK(bench.finish(*bench.claim("builder", true, "build"), broken).what == What::stored);
}

TEST_CASE("queue: a key gives the same job again and refuses another request", "[db]") {
    Bench bench;
    db::NewJob wanted = bench.job();
    wanted.job.idempotency_key = "k1";
    wanted.job.request_hash = "h1";
    const std::int64_t id = bench.submit(wanted);
    const auto again = must(bench.queue.submit({wanted}));
    CHECK(again[0].admission == db::Admission::replayed);
    CHECK(again[0].id == id);
    wanted.job.request_hash = "h2";
    CHECK(must(bench.queue.submit({wanted}))[0].admission == db::Admission::conflict);
    wanted.job.token_id = 2;  // somebody else's key is another key
    CHECK(must(bench.queue.submit({wanted}))[0].admission == db::Admission::accepted);
    bench.finish(*bench.claim(), rejected());
    wanted.job.token_id = 1;
    wanted.job.request_hash = "h1";
    CHECK(must(bench.queue.submit({wanted}))[0].admission == db::Admission::replayed);
    CHECK(must(bench.queue.counts()).total == 1);
}

TEST_CASE("queue: its length and each submitter's share are bounded", "[db]") {
    db::QueueSettings settings;
    settings.max_queued = 5;
    settings.max_queued_each = 3;
    Bench bench(settings);
    std::vector<db::NewJob> many;
    for (int i = 0; i < 4; ++i) {
        many.push_back(bench.job("cpu", 1));
    }
    const auto first = must(bench.queue.submit(many));
    CHECK(first[2].admission == db::Admission::accepted);
    CHECK(first[3].admission == db::Admission::full);
    bench.submit(bench.job("cpu", 2));
    bench.submit(bench.job("cpu", 2));
    CHECK(must(bench.queue.submit({bench.job("cpu", 3)}))[0].admission == db::Admission::full);
    CHECK(bench.claim());
    CHECK(must(bench.queue.submit({bench.job("cpu", 3)}))[0].admission == db::Admission::accepted);
}

TEST_CASE("queue: submitters take turns however much each has asked for", "[db]") {
    Bench bench;
    std::vector<db::NewJob> flood;
    for (int i = 0; i < 500; ++i) {
        flood.push_back(bench.job("cpu", 1));
    }
    must(bench.queue.submit(flood));
    for (int i = 0; i < 40; ++i) {  // it has got somewhere before the others come
        bench.finish(*bench.claim(), rejected());
    }
    for (int i = 0; i < 10; ++i) {
        bench.submit(bench.job("cpu", 2));
        bench.submit(bench.job("cpu", 3));
    }
    std::map<std::int64_t, int> served;
    for (int i = 0; i < 30; ++i) {
        const auto job = bench.claim();
        ++served[job->token_id];
        bench.finish(*job, rejected());
    }
    CHECK(served[1] >= 9);
    CHECK(served[2] >= 9);
    CHECK(served[3] >= 9);
}

TEST_CASE("queue: whoever waits on one device does not wait for another", "[db]") {
    Bench bench;
    const std::int64_t other = bench.submit(bench.job("cuda:0", 1));
    const std::int64_t here = bench.submit(bench.job("cpu", 1));
    CHECK(bench.claim()->id == here);
    db::Claim gpu;
    gpu.worker = {"gpu", 0, true, {"cuda:0", "cuda"}, {"time"}, "", "", 0, 0, 0, 0};
    CHECK(must(bench.queue.claim(gpu))->id == other);
}

TEST_CASE("queue: only jobs of the tasks that a worker has go to it", "[db]") {
    Bench bench;
    db::NewJob foreign = bench.job();
    foreign.job.task_hash = "another task";
    bench.submit(foreign);
    const std::int64_t wanted = bench.submit(bench.job());
    db::Claim claim;
    claim.worker = {"w", 0, true, {"cpu"}, {"time"}, "", "", 0, 0, 0, 0};
    claim.task_hashes = {"task hash"};
    CHECK(must(bench.queue.claim(claim))->id == wanted);
    CHECK_FALSE(must(bench.queue.claim(claim)));
}

TEST_CASE("queue: what was withdrawn is not judged and its result refused", "[db]") {
    Bench bench;
    const std::int64_t waiting = bench.submit(bench.job());
    CHECK(must(bench.queue.cancel(waiting)));
    CHECK_FALSE(must(bench.queue.cancel(waiting)));
    CHECK_FALSE(bench.claim());
    const std::int64_t running = bench.submit(bench.job());
    const auto job = bench.claim();
    CHECK(must(bench.queue.cancel(running)));
    CHECK_FALSE(must(bench.queue.heartbeat(job->lease_id)));
    CHECK(bench.finish(*job, rejected()).what == What::lost);
    CHECK(must(bench.store.evaluations(bench.campaign.id)).empty());
    CHECK(must(bench.queue.counts()).total == 0);
    CHECK_FALSE(must(bench.queue.cancel(9999)));
}

TEST_CASE("queue: a result of a stranger counts when a trusted worker bears it out", "[db]") {
    Bench bench;
    bench.submit(bench.job());
    const auto first = bench.claim("stranger", false);
    const db::Finished told = bench.finish(*first, accepted(1.5));
    CHECK(told.evaluation_state == "unverified");
    CHECK(told.reproduction != 0);
    CHECK(must(bench.store.board({})).empty());
    CHECK_FALSE(bench.claim("stranger", false));  // not for the one who is doubted
    const auto second = bench.claim("ours", true);
    REQUIRE(second);
    CHECK(second->reproduces == told.evaluation_id);
    CHECK(second->candidate_hash == first->candidate_hash);
    CHECK(bench.finish(*second, accepted(1.49)).evaluation_state == "judged");
    CHECK(must(bench.store.evaluation(told.evaluation_id))->state == "judged");
    const auto later = must(bench.store.judgings(bench.campaign.id));
    REQUIRE(later.size() == 1);
    CHECK(later[0].purpose == "reverify");
    CHECK(later[0].slot == must(bench.store.evaluation(told.evaluation_id))->slot);
    CHECK(must(bench.store.campaign("service-t"))->evaluations == 1);
    CHECK(must(bench.store.board({})).size() == 1);
}

TEST_CASE("queue: what a stranger made up is revoked with a finding", "[db]") {
    struct Lie {
        Evaluation told, true_one;
    };
    for (const Lie& lie :
         {Lie{accepted(4), accepted(1.2)},
          Lie{accepted(2), rejected()},
          Lie{rejected(), accepted(2)}}) {
        Bench bench;
        bench.submit(bench.job());
        const db::Finished told = bench.finish(*bench.claim("stranger", false), lie.told);
        CHECK(bench.finish(*bench.claim("ours"), lie.true_one).evaluation_state == "judged");
        const auto row = must(bench.store.evaluation(told.evaluation_id));
        CHECK(row->state == "revoked");
        REQUIRE(row->result.findings.size() == 1);
        CHECK(row->result.findings[0].rule == "not-reproduced");
        CHECK(row->result.findings[0].severity == "violation");
    }
}

TEST_CASE("queue: a time on a device that nobody trusted has stays unverified", "[db]") {
    Bench bench;
    bench.submit(bench.job());
    Evaluation elsewhere = accepted(5);
    elsewhere.device = "cpu: another one";
    const db::Finished told = bench.finish(*bench.claim("stranger", false), elsewhere);
    bench.finish(*bench.claim("ours"), accepted(2));
    const auto row = must(bench.store.evaluation(told.evaluation_id));
    CHECK(row->state == "unverified");
    CHECK(row->result.findings.empty());
}

TEST_CASE("queue: one that would be the best is judged twice before it counts", "[db]") {
    Bench bench;
    bench.submit(bench.job());
    const db::Finished best = bench.finish(*bench.claim(), accepted(2));
    CHECK(best.evaluation_state == "unverified");
    CHECK(best.reproduction != 0);
    CHECK(must(bench.store.board({})).empty());
    CHECK(bench.finish(*bench.claim(), accepted(1.9)).evaluation_state == "judged");
    CHECK(must(bench.store.board({})).size() == 1);
    bench.submit(bench.job());
    const db::Finished slower = bench.finish(*bench.claim(), accepted(1.5));
    CHECK(slower.evaluation_state == "judged");
    CHECK(slower.reproduction == 0);
    db::NewJob quiet = bench.job();  // a campaign elsewhere promotes by itself
    quiet.job.promote = false;
    bench.submit(quiet);
    const db::Finished unpromoted = bench.finish(*bench.claim(), accepted(3));
    CHECK(unpromoted.evaluation_state == "unverified");
    CHECK(unpromoted.reproduction == 0);
}

TEST_CASE("queue: the place of a job falls to the next and the estimate with it", "[db]") {
    Bench bench;
    bench.submit(bench.job());
    CHECK(must(bench.queue.place(*must(bench.queue.job(1)))).estimate_s < 0);
    bench.finish(*bench.claim(), rejected());  // took 1 s
    std::vector<std::int64_t> ids;
    for (int i = 0; i < 4; ++i) {
        ids.push_back(bench.submit(bench.job()));
    }
    for (int gone = 0; gone < 4; ++gone) {
        const auto place = must(bench.queue.place(*must(bench.queue.job(ids[3]))));
        CHECK(place.position == 4 - gone);
        CHECK(place.lanes == 1);
        CHECK(place.estimate_s == 4 - gone);
        bench.finish(*bench.claim(), rejected());
    }
    bench.clock.now += 10 * 60'000;
    bench.submit(bench.job());
    CHECK(must(bench.queue.place(*must(bench.queue.job(ids[3] + 1)))).lanes == 0);
}

TEST_CASE("queue: everything is there again when the file is opened anew", "[db]") {
    const TempDir dir;
    StandingClock clock;
    std::string lease;
    {
        db::Store store = open_store(dir / "k.db");
        const CampaignRow campaign = campaign_of(store, "service-t", "t");
        db::Queue queue(store, clock);
        for (int i = 1; i <= 3; ++i) {
            db::NewJob job;
            job.candidate.hash = job.job.candidate_hash = Bench::sha(i);
            job.job.campaign_id = campaign.id;
            job.job.stage = "time";
            must(queue.submit({job}));
        }
        db::Claim claim;
        claim.worker = {"w", 0, true, {"cpu"}, {"time"}, "", "", 0, 0, 0, 0};
        lease = must(queue.claim(claim))->lease_id;
    }
    db::Store store = open_store(dir / "k.db");
    db::Queue queue(store, clock);
    CHECK(must(queue.counts()).total == 2);
    CHECK(must(queue.counts()).leased == 1);
    CHECK(
        must(queue.finish(lease, {db::JobOutcome::Kind::judged, rejected(), "", ""})).what ==
        What::stored);
    db::Store viewer = open_store(dir / "k.db", db::Access::read_only);
    db::Queue seen(viewer, clock);
    CHECK(must(seen.counts()).total == 2);
    CHECK(must(seen.recent(10)).size() == 1);
    CHECK_FALSE(seen.cancel(2).ok());
}

TEST_CASE("queue: each statement that is asked often goes by an index", "[db]") {
    Bench bench;
    Outsider raw(bench.dir / "k.db");
    const auto explained = [&](std::string_view text) {
        std::string sql(text);
        for (const char* mark : {"?1", "?2", "?3", "?4"}) {
            for (std::size_t at = sql.find(mark); at != std::string::npos; at = sql.find(mark)) {
                sql.replace(at, 2, "'1'");
            }
        }
        return raw.plan(sql);
    };
    CHECK(contains(explained(db::k_next_sql), "USING COVERING INDEX job_queued"));
    CHECK(contains(explained(db::k_next_untrusted_sql), "USING COVERING INDEX job_queued"));
    CHECK(contains(explained(db::k_next_of_tasks_sql), "USING COVERING INDEX job_queued"));
    CHECK(contains(explained(db::k_head_sql), "USING COVERING INDEX job_queued"));
    CHECK(contains(explained(db::k_expired_sql), "INDEX job_leased"));
    CHECK(contains(explained(db::k_by_lease_sql), "INDEX job_by_lease"));
    for (const auto sql :
         {db::k_next_sql, db::k_next_untrusted_sql, db::k_next_of_tasks_sql, db::k_head_sql}) {
        INFO(sql);
        CHECK_FALSE(contains(explained(sql), "TEMP B-TREE"));
    }
}

TEST_CASE("queue: nothing is lost or doubled whoever dies when", "[db]") {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        RandomRows random(seed);
        Bench bench;
        for (int i = 0; i < 12; ++i) {
            bench.submit(bench.job("cpu", static_cast<std::int64_t>(random.below(3))));
        }
        std::vector<JobRow> held;
        for (int step = 0; step < 400; ++step) {
            switch (random.below(6)) {
                case 0:
                case 1:
                    if (const auto job = bench.claim("w" + std::to_string(random.below(3)))) {
                        held.push_back(*job);
                    }
                    break;
                case 2: bench.clock.now += 20'000; break;
                case 3:
                    if (!held.empty()) {  // possibly long after it was lost
                        bench.finish(held[random.below(held.size())], rejected());
                    }
                    break;
                case 4:
                    if (!held.empty()) {
                        must(bench.queue.heartbeat(held[random.below(held.size())].lease_id));
                    }
                    break;
                default:
                    if (!held.empty()) {
                        must(bench.queue.give_back(held[random.below(held.size())].lease_id));
                    }
            }
        }
        bench.clock.now += 100'000;
        for (auto job = bench.claim(); job; job = bench.claim()) {
            bench.finish(*job, rejected());
        }
        INFO("seed " << seed);
        int done = 0;
        int failed = 0;
        std::set<std::int64_t> evaluations;
        for (std::int64_t id = 1; id <= 12; ++id) {
            const auto job = must(bench.queue.job(id));
            done += job->state == "done" ? 1 : 0;
            failed += job->state == "failed" ? 1 : 0;
            if (job->evaluation_id != 0) {
                evaluations.insert(job->evaluation_id);
            }
        }
        CHECK(done + failed == 12);
        CHECK(evaluations.size() == static_cast<std::size_t>(done));
        CHECK(
            must(bench.store.evaluations(bench.campaign.id)).size() ==
            static_cast<std::size_t>(done));
        CHECK(must(bench.queue.counts()).total == 0);
        CHECK(must(bench.queue.counts()).leased == 0);
        CHECK(must(bench.store.integrity()) == "ok");
    }
}

TEST_CASE("queue: sources of jobs stay and jobs go with their campaign", "[db]") {
    Bench bench;
    const std::int64_t id = bench.submit(bench.job());
    CampaignRow row = bench.campaign;
    row.state = "finished";
    must(bench.store.update_campaign(row));
    CHECK(must(bench.store.gc(true)).blobs == 0);
    CHECK(bench.store.candidate(Bench::sha(1)).ok());
    must(bench.store.remove_campaign("service-t"));
    CHECK_FALSE(must(bench.queue.job(id)));
    CHECK(must(bench.store.gc(true)).blobs == 1);
}
