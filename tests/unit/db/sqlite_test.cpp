// SPDX-License-Identifier: Apache-2.0
// What SQLite's values promise: statements are lent again, and nothing of one use is left in the
// next.
#include "db/sqlite.hpp"

#include "tests/support/catch.hpp"

#include <sqlite3.h>

#include <string>

using namespace kw;
using namespace kw::db;

namespace {

constexpr std::string_view k_testing = "testing";

Connection in_memory() {
    return Connection::open(":memory:", ":memory:", OpenMode::write, 0).value();
}

int prepared(const Connection& connection) {
    int count = 0;
    for (sqlite3_stmt* statement = sqlite3_next_stmt(connection.raw(), nullptr);
         statement != nullptr;
         statement = sqlite3_next_stmt(connection.raw(), statement)) {
        ++count;
    }
    return count;
}

}  // namespace

TEST_CASE("sqlite: the same SQL is prepared once", "[db]") {
    Connection connection = in_memory();
    for (int i = 0; i < 10; ++i) {
        Statement query(connection, k_testing, "SELECT ?");
        query.bind_all(i);
        REQUIRE(query.step().value());
        CHECK(query.integer(0) == i);
    }
    CHECK(prepared(connection) == 1);
}

TEST_CASE("sqlite: a statement that was used before has none of its parameters", "[db]") {
    Connection connection = in_memory();
    {
        Statement query(connection, k_testing, "SELECT ?");
        query.bind_all("a secret");
        REQUIRE(query.step().value());
    }
    Statement again(connection, k_testing, "SELECT ?");
    REQUIRE(again.step().value());
    CHECK(again.is_null(0));
}

TEST_CASE("sqlite: two statements of the same SQL are read at once, each at its own row", "[db]") {
    Connection connection = in_memory();
    REQUIRE(connection.exec(k_testing, "CREATE TABLE t (x); INSERT INTO t VALUES (1), (2)"));
    Statement one(connection, k_testing, "SELECT x FROM t ORDER BY x");
    REQUIRE(one.step().value());
    Statement other(connection, k_testing, "SELECT x FROM t ORDER BY x");
    REQUIRE(other.step().value());
    REQUIRE(other.step().value());
    CHECK(one.integer(0) == 1);
    CHECK(other.integer(0) == 2);
}

TEST_CASE("sqlite: a statement that is given back half read holds no lock", "[db]") {
    Connection connection = in_memory();
    REQUIRE(connection.exec(k_testing, "CREATE TABLE t (x); INSERT INTO t VALUES (1), (2)"));
    {
        Statement query(connection, k_testing, "SELECT x FROM t");
        REQUIRE(query.step().value());
    }
    CHECK(connection.exec(k_testing, "DROP TABLE t"));
}

TEST_CASE("sqlite: a statement sees a table that was made anew since it was prepared", "[db]") {
    Connection connection = in_memory();
    REQUIRE(connection.exec(k_testing, "CREATE TABLE t (x); INSERT INTO t VALUES (1)"));
    REQUIRE(query_integer(connection, k_testing, "SELECT x FROM t").value() == 1);
    REQUIRE(connection.exec(
        k_testing, "DROP TABLE t; CREATE TABLE t (y, x); INSERT INTO t VALUES (5, 6)"));
    CHECK(query_integer(connection, k_testing, "SELECT x FROM t").value() == 6);
}

TEST_CASE("sqlite: a statement that failed can be asked again", "[db]") {
    Connection connection = in_memory();
    REQUIRE(connection.exec(k_testing, "CREATE TABLE t (x UNIQUE)"));
    const auto insert = [&](std::int64_t value) {
        Statement statement(connection, k_testing, "INSERT INTO t VALUES (?)");
        statement.bind_all(value);
        return statement.run().ok();
    };
    CHECK(insert(1));
    CHECK_FALSE(insert(1));
    CHECK(insert(2));
}

TEST_CASE("sqlite: SQL of many forms is not kept without end", "[db]") {
    Connection connection = in_memory();
    for (int i = 0; i < 2'000; ++i) {
        REQUIRE(query_integer(connection, k_testing, "SELECT " + std::to_string(i)).value() == i);
    }
    CHECK(prepared(connection) <= 256);
}
