// SPDX-License-Identifier: Apache-2.0
// Who may call the service. On a connection of its own and not under the writer's lock: tokens are
// made and revoked while a server runs, and the server sees it at its next request. Knows hashes
// only (server/api/access.hpp makes the secrets).
#pragma once

#include "core/job.hpp"
#include "core/result.hpp"
#include "db/store.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace kw::db {

class Tokens {
public:
    /// Access::write makes or migrates the file when it must. Errors as Store::open().
    static Result<Tokens> open(const std::filesystem::path& file, Access access);
    ~Tokens();
    Tokens(Tokens&&) noexcept;
    Tokens& operator=(Tokens&&) noexcept;

    /// With its id. A name that is in use: Errc::usage.
    Result<TokenRow> add(TokenRow row);
    Result<std::vector<TokenRow>> list();  ///< oldest first, revoked ones too
    /// The token in use of that name. False: there is none.
    Result<bool> revoke(const std::string& name, std::int64_t now_ms);
    /// Whether the file may have changed since the last call: then list() again. Costs a look at
    /// shared memory.
    Result<bool> changed();

private:
    struct Impl;
    explicit Tokens(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace kw::db
