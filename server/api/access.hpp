// SPDX-License-Identifier: Apache-2.0
// Tokens: how a secret is made, and whose a request is. A secret is 256 random bits behind "kwt_",
// shown once; the database has its SHA-256.
#pragma once

#include "core/result.hpp"
#include "db/tokens.hpp"
#include "server/http/message.hpp"

#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace kw::server {

struct NewToken {
    TokenRow row;
    std::string secret;
};
/// Stored; the secret is nowhere else. A bad name or scope: Errc::usage.
[[nodiscard]] Result<NewToken> make_token(
    db::Tokens& tokens,
    const std::string& name,
    const std::string& scope,
    bool trusted,
    std::int64_t now_ms);

/// Whether two secrets are one, in a time that says nothing of where they differ.
[[nodiscard]] bool same_secret(const std::string& a, const std::string& b);

class Access {
public:
    /// `anonymous`: whoever has no token may do everything (bound to loopback).
    Access(db::Tokens& tokens, bool anonymous);
    /// Nothing: a token that is not known, or none where one is needed. Sees what was revoked a
    /// moment ago.
    std::optional<Caller> caller(const Request& request);

private:
    db::Tokens* tokens_;
    bool anonymous_;
    std::mutex mutex_;
    std::vector<TokenRow> known_;
};

}  // namespace kw::server
