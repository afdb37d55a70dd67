// SPDX-License-Identifier: Apache-2.0
#include "server/fleet/slurm_script.hpp"

#include "server/fleet/program.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/program.hpp"
#include "tests/unit/server_fleet/settings.hpp"

#include <functional>
#include <sstream>

using namespace kw;
using namespace kw::server;
using namespace kw::test;

namespace {

int count(const std::string& text, const std::string& part) {
    int found = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
        ++found;
    }
    return found;
}

/// Strings that would say more than a value, if a script took them as they are.
const std::vector<std::string> k_attacks = {
    "a\n#SBATCH --wrap=x",
    "a\nrm -rf /",
    "$(touch /tmp/x)",
    "`id`",
    "a b",
    "a;b",
    "a'b",
    "a\"b",
    "a\\b",
    "a#b",
    "--wrap=id",
    "a\rb",
    std::string("a\0b", 3),
    "a\x7f",
    "\xc3\xa4"};

}  // namespace

TEST_CASE("slurm script: golden texts", "[server]") {
    const auto plain = slurm_script(plain_fleet(), 1);
    const auto full = slurm_script(full_fleet(), 8);
    REQUIRE((plain && full));
    check_golden("fleet-slurm-plain.sh", *plain);
    check_golden("fleet-slurm-full.sh", *full);
}

TEST_CASE("slurm script: the shell reads back exactly what the settings say", "[server]") {
    FleetSettings fleet = full_fleet();
    fleet.launcher = {"printf", "<%s>", "a'b $(id) `id` \\ \" ; # *"};
    fleet.prolog = ":";
    const auto script = slurm_script(fleet, 1);
    REQUIRE(script);
    const auto end = run_program(
        {"env", "SLURM_ARRAY_JOB_ID=7", "SLURM_ARRAY_TASK_ID=2", "bash", "-s"}, *script + "\n");
    REQUIRE(end);
    CHECK(
        end->out ==
        "<a'b $(id) `id` \\ \" ; # *></opt/kwright/bin/kwright><serve><worker><--connect>"
        "<https://head.cluster:8737><--name><slurm-7_2><--drain><290><--device><cuda:0><--device>"
        "<emulated:sm_90a>");
}

TEST_CASE("slurm script: no value of a directive can say anything else", "[server]") {
    using Set = std::function<void(FleetSettings&, const std::string&)>;
    const std::vector<std::pair<std::string, Set>> members = {
        {"fleet.name",
         [](auto& f, const auto& v) {
             f.name = v;
         }},
        {"fleet.partition",
         [](auto& f, const auto& v) {
             f.partition = v;
         }},
        {"fleet.account",
         [](auto& f, const auto& v) {
             f.account = v;
         }},
        {"fleet.qos",
         [](auto& f, const auto& v) {
             f.qos = v;
         }},
        {"fleet.time",
         [](auto& f, const auto& v) {
             f.time = v;
         }},
        {"fleet.gres",
         [](auto& f, const auto& v) {
             f.gres = v;
         }},
        {"fleet.constraint",
         [](auto& f, const auto& v) {
             f.constraint = v;
         }},
        {"fleet.memory",
         [](auto& f, const auto& v) {
             f.memory = v;
         }},
        {"fleet.container",
         [](auto& f, const auto& v) {
             f.container = v;
         }},
        {"fleet.container_mounts",
         [](auto& f, const auto& v) {
             f.container_mounts = v;
         }},
        {"fleet.devices",
         [](auto& f, const auto& v) {
             f.devices = {v};
         }},
        {"fleet.folder",
         [](auto& f, const auto& v) {
             f.folder = "/" + v;
         }},
        {"evaluator.url", [](auto& f, const auto& v) {
             f.url = "http://h/" + v;
         }}};
    for (const auto& [key, set] : members) {
        for (const std::string& attack : k_attacks) {
            FleetSettings fleet = plain_fleet();
            set(fleet, attack);
            const auto script = slurm_script(fleet, 1);
            INFO(key << ": " << attack);
            if (script) {  // a letter of one member's alphabet, harmless where it stands
                const auto plain = slurm_script(plain_fleet(), 1);
                CHECK(count(*script, "\n") <= count(*plain, "\n") + 1);
                CHECK(script->find("$(") == std::string::npos);
                CHECK(script->find('`') == std::string::npos);
            } else {
                CHECK(script.error().code == Errc::config);
                CHECK(script.error().what.find(key) != std::string::npos);
            }
        }
    }
}

TEST_CASE("slurm script: lines in quoted values are refused", "[server]") {
    for (const std::string attack : {"a\nb", "a\rb", "a\x01"}) {
        FleetSettings fleet = plain_fleet();
        fleet.prolog = attack;
        CHECK(!slurm_script(fleet, 1));
        fleet = plain_fleet();
        fleet.environment = {{"A", attack}};
        CHECK(!slurm_script(fleet, 1));
        fleet = plain_fleet();
        fleet.token_file = "/" + attack;
        CHECK(!slurm_script(fleet, 1));
        fleet = plain_fleet();
        fleet.program = "/" + attack;
        CHECK(!slurm_script(fleet, 1));
    }
}

TEST_CASE("slurm script: names of variables are names", "[server]") {
    for (const std::string name : {"", "1A", "A B", "A=B", "A-B", "A.B", "$A", "KWRIGHT_TOKEN"}) {
        FleetSettings fleet = plain_fleet();
        fleet.environment = {{name, "x"}};
        INFO(name);
        CHECK(!slurm_script(fleet, 1));
    }
}

TEST_CASE("slurm script: the token is named and never written", "[server]") {
    FleetSettings fleet = plain_fleet();
    CHECK(slurm_script(fleet, 1)->find(",KWRIGHT_TOKEN\n") != std::string::npos);
    fleet.token_file = "/home/me/token";
    const auto script = slurm_script(fleet, 1);
    CHECK(script->find("KWRIGHT_TOKEN") == std::string::npos);
    CHECK(script->find("TOKEN_FILE=/home/me/token\n") != std::string::npos);
}

TEST_CASE("slurm script: a user or a password in the address is refused", "[server]") {
    FleetSettings fleet = plain_fleet();
    for (const std::string url : {"https://me:secret@head:8737", "head:8737", "", "ftp://head"}) {
        fleet.url = url;
        const auto script = slurm_script(fleet, 1);
        REQUIRE(!script);
        CHECK(script.error().what.find("secret") == std::string::npos);
    }
}

TEST_CASE("slurm script: an array has one worker to a thousand", "[server]") {
    for (const int workers : {-1, 0, 1001}) {
        const auto script = slurm_script(plain_fleet(), workers);
        REQUIRE(!script);
        CHECK(script.error().code == Errc::usage);
    }
    CHECK(slurm_script(plain_fleet(), 1000)->find("--array=0-999\n") != std::string::npos);
}

TEST_CASE("fleet settings: every key of configuration is taken", "[server]") {
    Config config = *Config::load({});
    for (const auto& [key, value] : std::vector<std::pair<std::string, std::string>>{
             {"evaluator.url", "http://head:8737"},
             {"fleet.environment", "A=1, B=x=y"},
             {"fleet.launcher", "srun  --mpi=none"},
             {"fleet.devices", "cpu, cuda:0"},
             {"fleet.cpus", "3"},
             {"fleet.exclusive", "false"}}) {
        REQUIRE(config.set_flag(key, value, "--x"));
    }
    const auto fleet = fleet_settings(config, "/bin/kwright", "/work");
    REQUIRE(fleet);
    CHECK(fleet->program == "/bin/kwright");
    CHECK(fleet->folder == "/work");
    CHECK(
        fleet->environment ==
        std::vector<std::pair<std::string, std::string>>{{"A", "1"}, {"B", "x=y"}});
    CHECK(fleet->launcher == std::vector<std::string>{"srun", "--mpi=none"});
    CHECK(fleet->devices == std::vector<std::string>{"cpu", "cuda:0"});
    CHECK(fleet->cpus == 3);
    CHECK(!fleet->exclusive);
}

TEST_CASE("fleet settings: GPUs of a gres", "[server]") {
    CHECK(gpus_of("") == 0);
    CHECK(gpus_of("gpu") == 1);
    CHECK(gpus_of("gpu:2") == 2);
    CHECK(gpus_of("gpu:h100:4") == 4);
    CHECK(gpus_of("license:7,gpu:a100:1,gpu:t4:2") == 3);
    CHECK(gpus_of("mps:100") == 0);
}
