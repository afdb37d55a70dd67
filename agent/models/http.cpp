// SPDX-License-Identifier: Apache-2.0
#include "agent/models/http.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <list>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

namespace kw::agent {

namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr std::size_t k_max_body = std::size_t{16} << 20;
constexpr milliseconds k_slice{50};      ///< longest wait for a timer when nothing is in flight
constexpr milliseconds k_longest{1000};  ///< longest wait for curl: it is woken for everything else

struct EasyDeleter {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct MultiDeleter {
    void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
struct ListDeleter {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, EasyDeleter>;
using Multi = std::unique_ptr<CURLM, MultiDeleter>;
using List = std::unique_ptr<curl_slist, ListDeleter>;

struct Transfer {
    const void* owner = nullptr;
    HttpRequest request;
    HttpClient::Done done;
    HttpOutcome outcome;
    bool event_stream = false;
    bool refused = false;  ///< on_stream, or the limit of the body, ended it
    bool begun = false;    ///< the request is on a connection
    Easy easy;
    List headers;
};

/// The value of header `name` (lower case, with its colon) when `line` is that header.
std::optional<std::string> header_value(std::string_view line, std::string_view name) {
    const bool match =
        line.size() >= name.size() &&
        std::equal(name.begin(), name.end(), line.begin(), [](char a, char b) {
            return a == static_cast<char>(std::tolower(static_cast<unsigned char>(b)));
        });
    if (!match) {
        return std::nullopt;
    }
    std::string_view value = line.substr(name.size());
    const char* spaces = " \t\r\n";
    value.remove_prefix(std::min(value.find_first_not_of(spaces), value.size()));
    value = value.substr(0, value.find_last_not_of(spaces) + 1);
    return std::string(value);
}

std::size_t on_header(char* data, std::size_t size, std::size_t count, void* user) {
    auto& transfer = *static_cast<Transfer*>(user);
    const std::string_view line(data, size * count);
    if (line.starts_with("HTTP/")) {  // the final response begins anew after a 1xx
        transfer.event_stream = false;
    }
    if (auto value = header_value(line, "retry-after:")) {
        transfer.outcome.retry_after = std::move(value);
    }
    if (auto value = header_value(line, "retry-after-ms:")) {
        transfer.outcome.retry_after_ms = std::move(value);
    }
    if (const auto value = header_value(line, "content-type:")) {
        transfer.event_stream = header_value(*value, "text/event-stream").has_value();
    }
    return size * count;
}

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* user) {
    auto& transfer = *static_cast<Transfer*>(user);
    const std::string_view piece(data, size * count);
    HttpOutcome& outcome = transfer.outcome;
    long status = 0;
    curl_easy_getinfo(transfer.easy.get(), CURLINFO_RESPONSE_CODE, &status);
    if (status == 200 && transfer.event_stream && transfer.request.on_stream) {
        outcome.streamed = true;
        transfer.refused = !transfer.request.on_stream(piece);
    } else {
        transfer.refused = outcome.body.size() + piece.size() > k_max_body;
        if (!transfer.refused) {
            outcome.body.append(piece);
        }
    }
    return transfer.refused ? 0 : piece.size();  // at 0 curl ends the transfer with a write error
}

/// When a kept connection dies, libcurl would send the request once more by itself: but it may be
/// under way already, and somebody pays for it.
int on_request(void* user, char*, char*, int, int) {
    auto& transfer = *static_cast<Transfer*>(user);
    return std::exchange(transfer.begun, true) ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

void configure(Transfer& transfer) {
    CURL* easy = transfer.easy.get();
    const HttpRequest& request = transfer.request;
    curl_slist* list = nullptr;
    for (const std::string& header : request.headers) {
        list = curl_slist_append(list, header.c_str());
    }
    transfer.headers.reset(list);
    curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
    curl_easy_setopt(
        easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_request);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, &transfer);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, &transfer);
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(
        easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.connect_timeout_s * 1000));
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(request.total_timeout_s * 1000));
    if (request.idle_timeout_s > 0) {
        curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
        curl_easy_setopt(
            easy, CURLOPT_LOW_SPEED_TIME, std::max(1L, static_cast<long>(request.idle_timeout_s)));
    }
    if (request.url.starts_with("https:")) {  // many calls on one connection
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
        curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
    }
}

void note_status(Transfer& transfer) {
    HttpOutcome& outcome = transfer.outcome;
    long bytes = 0;
    curl_easy_getinfo(transfer.easy.get(), CURLINFO_RESPONSE_CODE, &outcome.status);
    curl_easy_getinfo(transfer.easy.get(), CURLINFO_REQUEST_SIZE, &bytes);
    outcome.sent = bytes > 0 || outcome.status > 0;
}

void finish(Transfer& transfer, CURLcode code) {
    HttpOutcome& outcome = transfer.outcome;
    note_status(transfer);
    if (code == CURLE_OK) {
        outcome.end = HttpEnd::answered;
        return;
    }
    outcome.end = code == CURLE_OPERATION_TIMEDOUT ? HttpEnd::timed_out : HttpEnd::failed;
    outcome.problem = transfer.refused                    ? "the response is longer than allowed"
                      : code == CURLE_ABORTED_BY_CALLBACK ? "the connection was closed"
                                                          : curl_easy_strerror(code);
}

struct Timer {
    const void* owner = nullptr;
    std::function<void()> then;
};

}  // namespace

/// What is handed over lies in the inbox; everything else belongs to the thread.
struct HttpClient::Engine {
    explicit Engine(Clock& the_clock)
        : clock(the_clock) {
        static std::once_flag once;
        std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
        multi.reset(curl_multi_init());
        thread = std::thread([this] { run(); });
    }

    ~Engine() {
        ending = true;
        curl_multi_wakeup(multi.get());
        thread.join();
    }

    void run() {
        while (true) {
            const bool last = ending;
            take_inbox(last);
            call_due_timers();
            perform();
            if (last && transfers.empty() && timers.empty() && inbox_is_empty()) {
                return;
            }
            wait();
        }
    }

    void take_inbox(bool cancel_all) {
        std::vector<std::unique_ptr<Transfer>> fresh;
        std::set<const void*> gone;
        std::set<const void*> hasty;
        {
            const std::lock_guard guard(mutex);
            fresh.swap(new_transfers);
            gone.swap(cancelled);
            hasty.swap(hurried);
            timers.merge(new_timers);
            new_timers.clear();
        }
        const auto is_gone = [&](const void* owner) {
            return cancel_all || gone.contains(owner);
        };
        for (auto& transfer : fresh) {
            begin(std::move(transfer));
        }
        for (auto at = transfers.begin(); at != transfers.end();) {
            const auto next = std::next(at);
            if (is_gone((*at)->owner)) {
                note_status(**at);
                (*at)->outcome.end = HttpEnd::cancelled;
                (*at)->outcome.problem = "cancelled";
                end(at);
            }
            at = next;
        }
        std::vector<Timer> early;
        std::erase_if(timers, [&](auto& entry) {
            const bool now = is_gone(entry.second.owner) || hasty.contains(entry.second.owner);
            if (now) {
                early.push_back(std::move(entry.second));
            }
            return now;
        });
        for (const Timer& timer : early) {
            timer.then();
        }
    }

    void begin(std::unique_ptr<Transfer> transfer) {
        transfer->easy.reset(curl_easy_init());
        if (!transfer->easy || !multi) {
            transfer->outcome.problem = "libcurl could not be started";
            transfer->done(std::move(transfer->outcome));
            return;
        }
        configure(*transfer);
        curl_multi_add_handle(multi.get(), transfer->easy.get());
        transfers.push_back(std::move(transfer));
    }

    /// The transfer is out of the list when its owner hears of it.
    void end(std::list<std::unique_ptr<Transfer>>::iterator at) {
        const std::unique_ptr<Transfer> transfer = std::move(*at);
        transfers.erase(at);
        curl_multi_remove_handle(multi.get(), transfer->easy.get());
        transfer->done(std::move(transfer->outcome));
    }

    void perform() {
        int running = 0;
        curl_multi_perform(multi.get(), &running);
        int left = 0;
        while (const CURLMsg* message = curl_multi_info_read(multi.get(), &left)) {
            if (message->msg != CURLMSG_DONE) {
                continue;
            }
            const CURLcode code = message->data.result;
            void* user = nullptr;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &user);
            const auto at = std::find_if(transfers.begin(), transfers.end(), [&](const auto& one) {
                return one.get() == user;
            });
            finish(**at, code);
            end(at);
        }
    }

    void call_due_timers() {
        while (!timers.empty() && timers.begin()->first <= clock.steady()) {
            const Timer timer = std::move(timers.begin()->second);
            timers.erase(timers.begin());
            timer.then();
        }
    }

    void wait() {
        nanoseconds left = k_longest;
        if (!timers.empty()) {
            left = std::clamp<nanoseconds>(timers.begin()->first - clock.steady(), {}, k_longest);
        }
        if (!inbox_is_empty() || left.count() == 0) {
            return;
        }
        if (transfers.empty() && !timers.empty()) {
            clock.sleep(std::min<nanoseconds>(left, k_slice));  // a fake clock goes on here
            return;
        }
        const auto ms = std::chrono::ceil<milliseconds>(left).count();
        curl_multi_poll(multi.get(), nullptr, 0, static_cast<int>(ms), nullptr);
    }

    bool inbox_is_empty() {
        const std::lock_guard guard(mutex);
        return new_transfers.empty() && new_timers.empty() && cancelled.empty() && hurried.empty();
    }

    Clock& clock;
    Multi multi;
    std::atomic<bool> ending{false};
    std::list<std::unique_ptr<Transfer>> transfers;
    std::multimap<nanoseconds, Timer> timers;

    std::mutex mutex;  ///< of the inbox
    std::vector<std::unique_ptr<Transfer>> new_transfers;
    std::multimap<nanoseconds, Timer> new_timers;
    std::set<const void*> cancelled;
    std::set<const void*> hurried;

    std::thread thread;
};

HttpClient::HttpClient(Clock& clock)
    : engine_(std::make_unique<Engine>(clock)) {}

HttpClient::~HttpClient() = default;

void HttpClient::post(const void* owner, HttpRequest request, Done done) {
    auto transfer = std::make_unique<Transfer>();
    transfer->owner = owner;
    transfer->request = std::move(request);
    transfer->done = std::move(done);
    {
        const std::lock_guard guard(engine_->mutex);
        engine_->new_transfers.push_back(std::move(transfer));
    }
    curl_multi_wakeup(engine_->multi.get());
}

void HttpClient::at(const void* owner, nanoseconds when, std::function<void()> then) {
    {
        const std::lock_guard guard(engine_->mutex);
        engine_->new_timers.emplace(when, Timer{owner, std::move(then)});
    }
    curl_multi_wakeup(engine_->multi.get());
}

void HttpClient::hurry(const void* owner) {
    {
        const std::lock_guard guard(engine_->mutex);
        engine_->hurried.insert(owner);
    }
    curl_multi_wakeup(engine_->multi.get());
}

void HttpClient::cancel(const void* owner) {
    {
        const std::lock_guard guard(engine_->mutex);
        engine_->cancelled.insert(owner);
    }
    curl_multi_wakeup(engine_->multi.get());
}

}  // namespace kw::agent
