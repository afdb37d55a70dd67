// SPDX-License-Identifier: Apache-2.0
#include "server/api/access.hpp"

#include "core/csprng.hpp"
#include "core/hash.hpp"
#include "core/log.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <cctype>

namespace kw::server {

namespace {

constexpr std::string_view k_prefix = "kwt_";
constexpr std::size_t k_longest_name = 64;

Caller caller_of(const TokenRow& row) {
    Caller caller;
    caller.token_id = row.id;
    caller.name = row.name;
    caller.admin = row.scope == "admin";
    caller.submit = caller.admin || row.scope == "submit";
    caller.worker = caller.admin || row.scope == "worker";
    caller.trusted = row.trusted;
    return caller;
}

}  // namespace

Result<NewToken> make_token(
    db::Tokens& tokens,
    const std::string& name,
    const std::string& scope,
    bool trusted,
    std::int64_t now_ms) {
    const bool plain = !name.empty() && name.size() <= k_longest_name &&
                       std::ranges::all_of(name, [](unsigned char c) {
                           return std::isalnum(c) || c == '-' || c == '_' || c == '.';
                       });
    if (!plain) {
        return Error{
            Errc::usage, "a token's name has up to 64 letters, digits, '-', '_' and '.'", ""};
    }
    if (scope != "submit" && scope != "worker" && scope != "admin") {
        return Error{Errc::usage, "a token's scope is submit, worker or admin", ""};
    }
    if (trusted && scope != "worker") {
        return Error{Errc::usage, "only a worker's token can be trusted", "leave --trusted out"};
    }
    NewToken made;
    made.secret = std::string(k_prefix) + to_hex(random_seed());
    made.row.name = name;
    made.row.scope = scope;
    made.row.trusted = trusted;
    made.row.hash = sha256_hex(made.secret);
    made.row.created_ms = now_ms;
    KW_TRY_ASSIGN(made.row, tokens.add(made.row));
    return made;
}

bool same_secret(const std::string& a, const std::string& b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

Access::Access(db::Tokens& tokens, bool anonymous)
    : tokens_(&tokens)
    , anonymous_(anonymous) {}

std::optional<Caller> Access::caller(const Request& request) {
    const std::string given = request.header_text("authorization");
    if (given.empty()) {
        if (!anonymous_) {
            return std::nullopt;
        }
        Caller local;
        local.submit = local.worker = local.admin = local.trusted = true;
        return local;
    }
    constexpr std::string_view scheme = "bearer ";
    const bool bearer =
        given.size() > scheme.size() &&
        std::equal(scheme.begin(), scheme.end(), given.begin(), [](char wanted, unsigned char c) {
            return wanted == static_cast<char>(std::tolower(c));
        });
    if (!bearer) {
        return std::nullopt;
    }
    const std::lock_guard guard(mutex_);
    const auto changed = tokens_->changed();
    if (!changed || *changed) {
        auto listed = tokens_->list();
        if (!listed) {
            log::warn("access: " + listed.error().what);
            return std::nullopt;
        }
        known_ = std::move(*listed);
    }
    const std::string hash = sha256_hex(given.substr(scheme.size()));
    std::optional<Caller> found;
    for (const TokenRow& row : known_) {  // all of them, whichever it is
        if (same_secret(row.hash, hash) && row.revoked_ms == 0) {
            found = caller_of(row);
        }
    }
    return found;
}

}  // namespace kw::server
