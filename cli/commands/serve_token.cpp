// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.hpp"
#include "cli/console.hpp"
#include "cli/json_text.hpp"
#include "core/clock.hpp"
#include "server/api/access.hpp"

#include <nlohmann/json.hpp>

namespace kw::cli {
namespace {

Result<int> make(const Invocation& invocation, Console& console) {
    const std::string name = invocation.text("name");
    if (name.empty()) {
        return Error{
            Errc::usage,
            "a token needs a name",
            "kwright serve token new --name ci --scope submit"};
    }
    KW_TRY_ASSIGN(
        db::Tokens tokens, db::Tokens::open(invocation.config.text("db"), db::Access::write));
    KW_TRY_ASSIGN(
        const server::NewToken made,
        server::make_token(
            tokens,
            name,
            invocation.text("scope", "submit"),
            invocation.has("trusted"),
            system_clock().utc_ms()));
    if (invocation.json) {
        console.print(json_text(
            {{"schema", "kwright.token/1"},
             {"name", made.row.name},
             {"scope", made.row.scope},
             {"trusted", made.row.trusted},
             {"token", made.secret}}));
        return 0;
    }
    console.print(made.secret);
    console.say("shown this once; sent as  Authorization: Bearer TOKEN");
    return 0;
}

Result<int> list(const Invocation& invocation, Console& console) {
    KW_TRY_ASSIGN(
        db::Tokens tokens, db::Tokens::open(invocation.config.text("db"), db::Access::read_only));
    KW_TRY_ASSIGN(const std::vector<TokenRow> rows, tokens.list());
    if (invocation.json) {
        nlohmann::json document = {
            {"schema", "kwright.tokens/1"}, {"tokens", nlohmann::json::array()}};
        for (const TokenRow& row : rows) {
            document["tokens"].push_back(
                {{"name", row.name},
                 {"scope", row.scope},
                 {"trusted", row.trusted},
                 {"created_ms", row.created_ms},
                 {"revoked_ms", row.revoked_ms}});
        }
        console.print(json_text(document));
        return 0;
    }
    if (rows.empty()) {
        console.say("no tokens; kwright serve token new --name ci --scope submit");
        return 0;
    }
    Table table;
    table.head = {"name", "scope", "trusted", "made", "revoked"};
    for (const TokenRow& row : rows) {
        table.rows.push_back(
            {row.name,
             row.scope,
             row.trusted ? "yes" : "",
             iso8601(row.created_ms).substr(0, 10),
             row.revoked_ms == 0 ? "" : iso8601(row.revoked_ms).substr(0, 10)});
    }
    console.print(render(table));
    return 0;
}

Result<int> revoke(const Invocation& invocation, Console& console) {
    KW_TRY_ASSIGN(
        db::Tokens tokens, db::Tokens::open(invocation.config.text("db"), db::Access::write));
    const std::string name = invocation.text("NAME");
    KW_TRY_ASSIGN(const bool revoked, tokens.revoke(name, system_clock().utc_ms()));
    if (!revoked) {
        return Error{
            Errc::usage, "there is no token called " + name, "see `kwright serve token list`"};
    }
    console.say(name + " is refused from now on");
    return 0;
}

}  // namespace

CommandSpec serve_token_new_command() {
    CommandSpec spec;
    spec.name = "serve token new";
    spec.group = "Serve";
    spec.summary = "make a token for the service; its secret is shown once";
    spec.examples = {
        "kwright serve token new --name ci --scope submit",
        "kwright serve token new --name node7 --scope worker --trusted"};
    spec.options = {
        {"--name", "NAME", "whose it is", "", false, "Options", {}},
        {"--scope",
         "SCOPE",
         "submit | worker | admin (submit)",
         "",
         false,
         "Options",
         {"submit", "worker", "admin"}},
        {"--trusted",
         "",
         "a worker whose results count without a second judging",
         "",
         false,
         "Options",
         {}}};
    spec.run = make;
    return spec;
}

CommandSpec serve_token_list_command() {
    CommandSpec spec;
    spec.name = "serve token list";
    spec.group = "Serve";
    spec.summary = "who has a token";
    spec.examples = {"kwright serve token list"};
    spec.run = list;
    return spec;
}

CommandSpec serve_token_revoke_command() {
    CommandSpec spec;
    spec.name = "serve token revoke";
    spec.group = "Serve";
    spec.summary = "refuse a token from now on, also in a server that runs";
    spec.examples = {"kwright serve token revoke ci"};
    spec.positionals = {{"NAME", "whose it is", true, false, ""}};
    spec.run = revoke;
    return spec;
}

}  // namespace kw::cli
