// SPDX-License-Identifier: Apache-2.0
// How commands reach an evaluation server: address and certificates from configuration, the token
// from the environment or a file, never from the command line.
#pragma once

#include "core/config.hpp"
#include "core/result.hpp"
#include "evaluator/evaluator.hpp"
#include "server/client/http_link.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace kw::cli {

/// KWRIGHT_TOKEN, else the first line of the file; "" = none.
[[nodiscard]] Result<std::string> token_of(const std::filesystem::path& file);

[[nodiscard]] Result<std::unique_ptr<server::ServerLink>> open_server(
    const Config& config, const std::string& url, const std::filesystem::path& token_file);

/// The device of a server's workers, and what people should know before they wait for it: that
/// nobody serves it at the moment, that the token travels unencrypted.
struct RemoteChoice {
    std::unique_ptr<Device> device;
    std::vector<std::string> warnings;
};
[[nodiscard]] Result<RemoteChoice> open_remote(
    const Config& config, const std::string& url, const std::string& device);

}  // namespace kw::cli
