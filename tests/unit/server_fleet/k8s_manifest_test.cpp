// SPDX-License-Identifier: Apache-2.0
#include "server/fleet/k8s_manifest.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/program.hpp"
#include "tests/unit/server_fleet/settings.hpp"

using namespace kw;
using namespace kw::server;
using namespace kw::test;

namespace {

FleetSettings small() {
    FleetSettings fleet = plain_fleet();
    fleet.container = "kwright:0.1";
    return fleet;
}

}  // namespace

TEST_CASE("k8s manifest: golden texts", "[server]") {
    const auto plain = k8s_manifest(small(), 1);
    const auto full = k8s_manifest(full_fleet(), 8);
    REQUIRE((plain && full));
    check_golden("fleet-k8s-plain.yaml", *plain);
    check_golden("fleet-k8s-full.yaml", *full);
}

TEST_CASE("k8s manifest: values are quoted and stay one line", "[server]") {
    FleetSettings fleet = small();
    fleet.environment = {{"ON", "yes"}, {"A", "x: &a [1] # \" \\"}, {"B", "0x10"}};
    const auto text = k8s_manifest(fleet, 1);
    REQUIRE(text);
    CHECK(text->find("- name: \"ON\"\n              value: \"yes\"\n") != std::string::npos);
    CHECK(text->find("value: \"x: &a [1] # \\\" \\\\\"\n") != std::string::npos);
    CHECK(text->find("value: \"0x10\"\n") != std::string::npos);
}

TEST_CASE("k8s manifest: what Kubernetes would expand stays as it is written", "[server]") {
    FleetSettings fleet = small();
    fleet.environment = {{"A", "$(KWRIGHT_TOKEN) $($(B) $HOME"}};
    const auto text = k8s_manifest(fleet, 1);
    REQUIRE(text);
    CHECK(text->find("value: \"$$(KWRIGHT_TOKEN) $$($$(B) $HOME\"\n") != std::string::npos);
}

TEST_CASE("k8s manifest: names of Kubernetes and an image are asked for", "[server]") {
    for (const std::string& name :
         std::vector<std::string>{"Upper", "a_b", "-a", "a-", "a.b", std::string(64, 'a')}) {
        FleetSettings fleet = small();
        fleet.name = name;
        INFO(name);
        CHECK(!k8s_manifest(fleet, 1));
        fleet = small();
        fleet.secret = name;
        CHECK(!k8s_manifest(fleet, 1));
        fleet = small();
        fleet.k8s_namespace = name;
        CHECK(!k8s_manifest(fleet, 1));
    }
    const auto none = k8s_manifest(plain_fleet(), 1);
    REQUIRE(!none);
    CHECK(none.error().what.find("fleet.container") != std::string::npos);
}

TEST_CASE("k8s manifest: lines in values are refused", "[server]") {
    FleetSettings fleet = small();
    fleet.environment = {{"A", "x\n          privileged: true"}};
    CHECK(!k8s_manifest(fleet, 1));
    fleet = small();
    fleet.container = "a\nb";
    CHECK(!k8s_manifest(fleet, 1));
}
