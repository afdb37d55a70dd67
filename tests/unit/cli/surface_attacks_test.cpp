// SPDX-License-Identifier: Apache-2.0
// Bytes from outside against the parsers that read them: surface/ of the exploit corpus.
#include "cli/surface_attacks.hpp"

#include "tests/support/catch.hpp"

using namespace kw;

TEST_CASE("surface: parsers refuse the attacks and take what is sound", "[exploits]") {
    const auto corpus =
        exploits::load_corpus(std::filesystem::path(KW_SOURCE_DIR) / "tests/exploits");
    REQUIRE(corpus.ok());
    int attacks = 0;
    for (const exploits::Fixture& fixture : corpus->fixtures) {
        if (fixture.folder != "surface") {
            continue;
        }
        INFO(fixture.name);
        const auto report = cli::run_surface_attack(*corpus, fixture);
        REQUIRE(report.ok());
        INFO(report->verdict << " " << report->evidence);
        CHECK_FALSE(exploits::is_bad(report->outcome));
        attacks += fixture.expect.twin ? 0 : 1;
    }
    CHECK(attacks >= 20);
}
