// SPDX-License-Identifier: Apache-2.0
#include "agent/models/http.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <cctype>
#include <memory>
#include <mutex>
#include <string_view>

namespace kw::agent {

namespace {

constexpr std::size_t k_max_body = std::size_t{16} << 20;
constexpr int k_poll_ms = 50;

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* user) {
    auto& outcome = *static_cast<HttpOutcome*>(user);
    const std::size_t bytes = size * count;
    if (outcome.body.size() + bytes > k_max_body) {
        return 0;  // curl ends the transfer with a write error
    }
    outcome.body.append(data, bytes);
    return bytes;
}

std::size_t on_header(char* data, std::size_t size, std::size_t count, void* user) {
    auto& outcome = *static_cast<HttpOutcome*>(user);
    const std::string_view line(data, size * count);
    static constexpr std::string_view k_name = "retry-after:";
    const bool match = line.size() > k_name.size() &&
                       std::equal(k_name.begin(), k_name.end(), line.begin(), [](char a, char b) {
                           return a == std::tolower(static_cast<unsigned char>(b));
                       });
    if (match) {
        std::string_view value = line.substr(k_name.size());
        while (!value.empty() && std::isspace(static_cast<unsigned char>(value.front())) != 0) {
            value.remove_prefix(1);
        }
        while (!value.empty() && std::isspace(static_cast<unsigned char>(value.back())) != 0) {
            value.remove_suffix(1);
        }
        outcome.retry_after = std::string(value);
    }
    return size * count;
}

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

void configure(CURL* easy, const HttpRequest& request, curl_slist* headers, HttpOutcome& outcome) {
    curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
    curl_easy_setopt(
        easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &outcome);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &outcome);
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(
        easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.connect_timeout_s * 1000));
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(request.total_timeout_s * 1000));
}

void finish(CURL* easy, CURLcode code, HttpOutcome& outcome) {
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &outcome.status);
    if (code == CURLE_OK) {
        outcome.end = HttpEnd::answered;
        return;
    }
    outcome.end = code == CURLE_OPERATION_TIMEDOUT ? HttpEnd::timed_out : HttpEnd::failed;
    outcome.problem = curl_easy_strerror(code);
}

}  // namespace

HttpOutcome http_post(const HttpRequest& request, const std::atomic<int>& cancelled) {
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
    HttpOutcome outcome;
    const Easy easy(curl_easy_init());
    const Multi multi(curl_multi_init());
    curl_slist* list = nullptr;
    for (const std::string& header : request.headers) {
        list = curl_slist_append(list, header.c_str());
    }
    const List headers(list);
    if (!easy || !multi) {
        outcome.problem = "libcurl could not be started";
        return outcome;
    }
    configure(easy.get(), request, headers.get(), outcome);
    curl_multi_add_handle(multi.get(), easy.get());
    int running = 1;
    while (running > 0) {
        if (cancelled.load() > 0) {
            outcome.end = HttpEnd::cancelled;
            outcome.problem = "cancelled";
            break;
        }
        if (curl_multi_perform(multi.get(), &running) != CURLM_OK ||
            curl_multi_poll(multi.get(), nullptr, 0, running > 0 ? k_poll_ms : 0, nullptr) !=
                CURLM_OK) {
            outcome.problem = "libcurl failed";
            break;
        }
    }
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi.get(), &left)) {
        if (message->msg == CURLMSG_DONE && outcome.end != HttpEnd::cancelled) {
            finish(easy.get(), message->data.result, outcome);
        }
    }
    curl_multi_remove_handle(multi.get(), easy.get());
    return outcome;
}

}  // namespace kw::agent
