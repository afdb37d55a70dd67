// SPDX-License-Identifier: Apache-2.0
// A request to the evaluation service, as its handlers get it: first line, headers, body. Every
// answer is one that the table of routes knows, and JSON where it says so.
#include "core/check.hpp"
#include "server/api/api.hpp"
#include "tests/fuzz/folder.hpp"
#include "tests/fuzz/target.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace kw::fuzz {

namespace {

struct StandingClock final : Clock {
    std::chrono::nanoseconds steady() override { return std::chrono::nanoseconds(0); }
    std::int64_t utc_ms() override { return 1'700'000'000'000; }
    void sleep(std::chrono::nanoseconds) override {}
};

template <class T>
T opened(Result<T> result) {
    KW_CHECK_NOTE(result.ok(), result.ok() ? "" : result.error().what);
    return std::move(result).value();
}

struct Bench {
    Bench()
        : store(opened(db::Store::open(folder.path / "k.db", db::Access::write)))
        , tokens(opened(db::Tokens::open(folder.path / "k.db", db::Access::write)))
        , queue(store, clock, limits())
        , dispatch(store, queue, wakeups)
        , tasks({std::filesystem::path(KW_SOURCE_DIR) / "tests/support/tasks"}, clock)
        , api({store, store, queue, tokens, dispatch, tasks, wakeups, clock, open(), {}}) {}

    static db::QueueSettings limits() {
        db::QueueSettings settings;
        settings.max_queued = 50;
        return settings;
    }
    static server::ApiSettings open() {
        server::ApiSettings settings;
        settings.requests_per_s = 0;
        return settings;
    }

    Folder folder;
    StandingClock clock;
    db::Store store;
    db::Tokens tokens;
    server::Wakeups wakeups;
    db::Queue queue;
    server::Dispatch dispatch;
    server::TaskShelf tasks;
    server::Api api;
};

std::string_view cut(std::string_view& text, char end) {
    const std::size_t at = std::min(text.find(end), text.size());
    const std::string_view part = text.substr(0, at);
    text.remove_prefix(std::min(at + 1, text.size()));
    return part;
}

server::Request request_of(std::string_view bytes) {
    server::Request request;
    std::string_view line = cut(bytes, '\n');
    request.method = std::string(cut(line, ' '));
    if (!server::split_target(std::string(line), request.path, request.query)) {
        request.path = "/";
    }
    request.header = {{"host", "127.0.0.1"}, {"content-type", "application/json"}};
    while (!bytes.empty()) {
        std::string_view field = cut(bytes, '\n');
        if (field.empty()) {
            break;
        }
        const std::string name(cut(field, ':'));
        request.header[name] = std::string(field);
    }
    request.body = std::string(bytes);
    request.peer = "127.0.0.1";
    return request;
}

void check(const server::Response& response) {
    KW_CHECK(response.status >= 200 && response.status < 600);
    KW_CHECK_NOTE(response.status != 500 && response.status != 503, response.body);
    KW_CHECK(response.header.contains("Content-Security-Policy"));
    if (response.content_type == "application/json" && response.status != 204) {
        KW_CHECK(nlohmann::json::accept(response.body));
    }
}

}  // namespace

void service_request(std::string_view bytes) {
    static Bench bench;
    server::Response response = bench.api.answer(request_of(bytes));
    if (response.wait) {
        const auto late = response.wait->again(true);
        KW_CHECK(late.has_value());
        response = *late;
    }
    if (response.stream) {
        static_cast<void>(response.stream->next());
        return;
    }
    check(response);
}

}  // namespace kw::fuzz
