// SPDX-License-Identifier: Apache-2.0
#include "server/client/queue_load.hpp"

#include <nlohmann/json.hpp>

namespace kw::server {

Result<ServerQueue> ask_queue(ServerLink& link, std::function<bool()> stop) {
    ApiCall call;
    call.path = "/v1/queue";
    call.timeout_s = 30;
    call.stop = std::move(stop);
    KW_TRY_ASSIGN(const ApiAnswer answer, link.call(call));
    if (!is_success(answer)) {
        return error_of(answer, "asking for the queue's length");
    }
    const auto document = nlohmann::json::parse(answer.body, nullptr, false);
    const auto count = [&](const char* name) -> std::int64_t {
        const bool there =
            document.is_object() && document.contains(name) && document[name].is_number_unsigned();
        return there ? document[name].get<std::int64_t>() : -1;
    };
    const ServerQueue queue{count("queued"), count("leased")};
    if (queue.waiting < 0 || queue.leased < 0) {
        return Error{
            Errc::environment,
            "asking for the queue's length: the server's answer does not say it",
            "is this a Kernelwright server of this version? check evaluator.url"};
    }
    return queue;
}

}  // namespace kw::server
