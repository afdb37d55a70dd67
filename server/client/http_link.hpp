// SPDX-License-Identifier: Apache-2.0
// The transport of link.hpp over HTTP(S): libcurl, connections that are kept, one a call in
// progress. Redirects are not followed: they would carry the token to another host. The token never
// reaches an error, a log or the database.
#pragma once

#include "core/result.hpp"
#include "server/client/link.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

namespace kw::server {

struct ServerAddress {
    std::string url;                ///< "https://host:8737", perhaps with a path before /v1
    std::string token;              ///< "" = none
    std::filesystem::path ca_file;  ///< of a private authority; "" = the system's
    double connect_timeout_s = 10;
};

/// Errc::usage: no http(s) URL, or one with a user, a query or a fragment.
[[nodiscard]] Result<void> check_server_url(const std::string& url);
/// The token would cross a network that anybody may read.
[[nodiscard]] bool is_in_the_clear(const ServerAddress& address);

/// KWRIGHT_TOKEN, else the first line of the file; "" when there is neither. Errc::environment: the
/// file cannot be read, or what it holds is no token.
[[nodiscard]] Result<std::string> read_token(
    const std::function<std::optional<std::string>(const std::string&)>& environment,
    const std::filesystem::path& file);

/// Errc::usage as check_server_url(). Nothing is sent yet.
[[nodiscard]] Result<std::unique_ptr<ServerLink>> open_link(ServerAddress address);

}  // namespace kw::server
