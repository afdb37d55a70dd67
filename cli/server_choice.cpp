// SPDX-License-Identifier: Apache-2.0
#include "cli/server_choice.hpp"

#include "cli/context.hpp"
#include "core/clock.hpp"
#include "server/client/remote_device.hpp"

#include <cstdlib>

namespace kw::cli {

Result<std::string> token_of(const std::filesystem::path& file) {
    const auto environment = [](const std::string& name) -> std::optional<std::string> {
        const char* text = std::getenv(name.c_str());
        return text == nullptr ? std::nullopt : std::optional<std::string>(text);
    };
    return server::read_token(environment, file);
}

namespace {

Result<server::ServerAddress> address_of(
    const Config& config, const std::string& url, const std::filesystem::path& token_file) {
    server::ServerAddress address;
    address.url = url;
    address.ca_file = config.text("evaluator.ca_file");
    KW_TRY_ASSIGN(address.token, token_of(token_file));
    return address;
}

}  // namespace

Result<std::unique_ptr<server::ServerLink>> open_server(
    const Config& config, const std::string& url, const std::filesystem::path& token_file) {
    KW_TRY_ASSIGN(server::ServerAddress address, address_of(config, url, token_file));
    return server::open_link(std::move(address));
}

Result<RemoteChoice> open_remote(
    const Config& config, const std::string& url, const std::string& device) {
    KW_TRY_ASSIGN(
        server::ServerAddress address,
        address_of(config, url, config.text("evaluator.token_file")));
    RemoteChoice choice;
    if (server::is_in_the_clear(address)) {
        choice.warnings.push_back("the token travels unencrypted to " + url + ": use https");
    }
    KW_TRY_ASSIGN(auto link, server::open_link(std::move(address)));
    server::RemoteSettings settings;
    settings.device = device;
    settings.url = url;
    settings.retry_deadline_s = config.number("evaluator.retry_deadline_s");
    settings.abandoned = [&stop = stop_control()] {
        return stop.level.load() >= 2;
    };
    KW_TRY_ASSIGN(
        auto opened, server::RemoteDevice::open(std::move(link), settings, system_clock()));
    if (opened->workers() == 0) {
        choice.warnings.push_back(
            "no worker of " + url + " serves " + device + " at the moment: judging waits for one");
    }
    choice.device = std::move(opened);
    return choice;
}

}  // namespace kw::cli
