// SPDX-License-Identifier: Apache-2.0
#include "server/fleet/slurm.hpp"

#include "tests/support/catch.hpp"

#include <random>

using namespace kw;
using namespace kw::server;

namespace {

struct Calls {
    std::vector<std::vector<std::string>> argvs;
    std::vector<std::string> inputs;
    ProgramEnd end;
    [[nodiscard]] RunProgram program() {
        return [this](const auto& argv, const auto& input) -> Result<ProgramEnd> {
            argvs.push_back(argv);
            inputs.push_back(input);
            return end;
        };
    }
};

}  // namespace

TEST_CASE("slurm: squeue's lines are read", "[server]") {
    const auto jobs = parse_squeue(
        "12_0|RUNNING|1-02:03:04|node3|None\n"
        "12_1|PENDING|0:00||Resources\n"
        "13|COMPLETING|5:06|n1|None\n");
    REQUIRE(jobs.size() == 3);
    CHECK(jobs[0] == SlurmJob{"12_0", "RUNNING", 93'784, "node3", ""});
    CHECK(jobs[1] == SlurmJob{"12_1", "PENDING", 0, "", "Resources"});
    CHECK(jobs[2].seconds == 306);
    CHECK(is_worker(jobs[0]));
    CHECK(is_worker(jobs[1]));
    CHECK(!is_worker(jobs[2]));
}

TEST_CASE("slurm: what is no job is passed over", "[server]") {
    for (const std::string line :
         {"slurm_load_jobs error: Unable to contact slurm controller",
          "",
          "|||",
          "12_0",
          "--all|RUNNING|0:01|n1|None",
          "12_[3-9]|PENDING|0:00||Resources",
          "12 13|RUNNING|0:01|n|",
          "-1|RUNNING|0:01|n|",
          "1234567890123456789|RUNNING|0:01|n|",
          "12_|RUNNING|0:01|n|"}) {
        INFO(line);
        CHECK(parse_squeue(line + "\n").empty());
    }
}

TEST_CASE("slurm: any bytes of squeue give jobs that scancel may be handed", "[server]") {
    std::mt19937 draw(7);
    const std::string alphabet = "0123456789_|-:,\n\t ;$RUNIG\x01\xff";
    for (int round = 0; round < 2000; ++round) {
        std::string text;
        for (unsigned at = 0; at < draw() % 80; ++at) {
            text += alphabet[draw() % alphabet.size()];
        }
        for (const SlurmJob& job : parse_squeue(text)) {
            CHECK(job.id.find_first_not_of("0123456789_") == std::string::npos);
            CHECK(job.node.find_first_of("\n\x01\xff") == std::string::npos);
            CHECK(job.seconds >= 0);
        }
    }
}

TEST_CASE("slurm: times", "[server]") {
    CHECK(slurm_seconds("0:07") == 7);
    CHECK(slurm_seconds("59:59") == 3599);
    CHECK(slurm_seconds("2:00:00") == 7200);
    CHECK(slurm_seconds("3-00:00:01") == 259'201);
    CHECK(slurm_seconds("INVALID") == 0);
    CHECK(slurm_seconds("") == 0);
    CHECK(slurm_seconds("999999999999-00:00") == 0);
}

TEST_CASE("slurm: sbatch names the job, whatever else it says", "[server]") {
    CHECK(*parse_sbatch("1234\n") == "1234");
    CHECK(*parse_sbatch("1234;cluster2\n") == "1234");
    CHECK(*parse_sbatch("sbatch: welcome to the cluster\n77\n") == "77");
    const auto none = parse_sbatch("queued, maybe\n");
    REQUIRE(!none);
    CHECK(none.error().code == Errc::environment);
}

TEST_CASE("slurm: the script goes in by stdin", "[server]") {
    Calls calls;
    calls.end.out = "5\n";
    Slurm slurm(calls.program());
    CHECK(*slurm.submit("#!/bin/bash\n") == "5");
    CHECK(calls.argvs[0] == std::vector<std::string>{"sbatch", "--parsable"});
    CHECK(calls.inputs[0] == "#!/bin/bash\n");
}

TEST_CASE("slurm: what sbatch refuses is told in its words", "[server]") {
    Calls calls;
    calls.end = {1, "", "sbatch: error: invalid partition specified: gpu\n\x1b[31m"};
    Slurm slurm(calls.program());
    const auto id = slurm.submit("");
    REQUIRE(!id);
    CHECK(id.error().code == Errc::environment);
    CHECK(id.error().what.find("invalid partition specified: gpu") != std::string::npos);
    CHECK(id.error().what.find('\x1b') == std::string::npos);
}

TEST_CASE("slurm: absent commands are an error of the environment with a hint", "[server]") {
    Slurm slurm([](const auto&, const auto&) -> Result<ProgramEnd> {
        return run_program({"kw-no-such-program"}, "");
    });
    const auto jobs = slurm.jobs("x");
    REQUIRE(!jobs);
    CHECK(jobs.error().code == Errc::environment);
    CHECK(jobs.error().what.find("kw-no-such-program") != std::string::npos);
    CHECK(!jobs.error().hint.empty());
}

TEST_CASE("slurm: draining signals running workers and takes waiting ones off", "[server]") {
    Calls calls;
    Slurm slurm(calls.program());
    const std::vector<SlurmJob> jobs = {
        {"7_0", "RUNNING", 5, "n1", ""}, {"7_1", "PENDING", 0, "", "Resources"}};
    REQUIRE(slurm.end(jobs, Ending::drain));
    REQUIRE(calls.argvs.size() == 2);
    CHECK(calls.argvs[0] == std::vector<std::string>{"scancel", "--state=PENDING", "7_1"});
    CHECK(calls.argvs[1] == std::vector<std::string>{"scancel", "--batch", "--signal=TERM", "7_0"});
    calls.argvs.clear();
    REQUIRE(slurm.end(jobs, Ending::at_once));
    CHECK(calls.argvs == std::vector<std::vector<std::string>>{{"scancel", "7_0", "7_1"}});
    calls.argvs.clear();
    REQUIRE(slurm.end({}, Ending::drain));
    CHECK(calls.argvs.empty());
}

TEST_CASE("slurm: a thousand workers end in calls of a length that systems take", "[server]") {
    Calls calls;
    Slurm slurm(calls.program());
    std::vector<SlurmJob> jobs;
    for (int at = 0; at < 1000; ++at) {
        jobs.push_back({"9_" + std::to_string(at), "RUNNING", 1, "n", ""});
    }
    REQUIRE(slurm.end(jobs, Ending::at_once));
    std::size_t ids = 0;
    for (const auto& argv : calls.argvs) {
        CHECK(argv.size() <= 201);
        ids += argv.size() - 1;
    }
    CHECK(ids == 1000);
}
