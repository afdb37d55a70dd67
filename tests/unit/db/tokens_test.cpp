// SPDX-License-Identifier: Apache-2.0
#include "db/tokens.hpp"

#include "tests/unit/db/fixture.hpp"

using namespace kw;
using namespace kw::test;

namespace {

TokenRow token(const std::string& name, const std::string& hash) {
    TokenRow row;
    row.name = name;
    row.hash = hash;
    row.created_ms = 5;
    return row;
}

}  // namespace

TEST_CASE("tokens: they are made while a writer has the file and seen at once", "[db]") {
    const TempDir dir;
    const db::Store writer = open_store(dir / "k.db");
    db::Tokens server = must(db::Tokens::open(dir / "k.db", db::Access::write));
    CHECK(must(server.changed()));
    CHECK_FALSE(must(server.changed()));
    db::Tokens person = must(db::Tokens::open(dir / "k.db", db::Access::write));
    CHECK(must(person.add(token("ci", "h1"))).id == 1);
    CHECK(must(server.changed()));
    CHECK(must(server.list()).size() == 1);
    CHECK(must(person.revoke("ci", 9)));
    CHECK_FALSE(must(person.revoke("ci", 9)));
    CHECK(must(server.changed()));
    const auto rows = must(server.list());
    CHECK(rows[0].revoked_ms == 9);
    CHECK(rows[0].hash == "h1");
}

TEST_CASE("tokens: a name is in use once and may come back when it was revoked", "[db]") {
    const TempDir dir;
    db::Tokens tokens = must(db::Tokens::open(dir / "new.db", db::Access::write));
    must(tokens.add(token("a", "h1")));
    const auto twice = tokens.add(token("a", "h2"));
    REQUIRE_FALSE(twice.ok());
    CHECK(twice.error().code == Errc::usage);
    CHECK(must(tokens.revoke("a", 1)));
    CHECK(must(tokens.add(token("a", "h3"))).id == 2);
    TokenRow wrong = token("b", "h4");
    wrong.scope = "root";
    CHECK_FALSE(tokens.add(wrong).ok());
}
