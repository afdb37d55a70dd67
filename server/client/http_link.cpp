// SPDX-License-Identifier: Apache-2.0
#include "server/client/http_link.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <fstream>
#include <mutex>

namespace kw::server {
namespace {

constexpr std::size_t k_most_body = std::size_t{32} << 20;

struct EasyDeleter {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct MultiDeleter {
    void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
struct ListDeleter {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

/// One call at a time, and a connection that stays for the next. The multi handle is what lets a
/// call be stopped while nothing comes.
struct Line {
    std::unique_ptr<CURLM, MultiDeleter> multi;  // goes after the easy handle
    std::unique_ptr<CURL, EasyDeleter> easy;
};

struct Transfer {
    ApiAnswer answer;
    bool too_long = false;
};

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* user) {
    auto& transfer = *static_cast<Transfer*>(user);
    transfer.too_long = transfer.answer.body.size() + size * count > k_most_body;
    if (transfer.too_long) {
        return 0;  // curl ends the transfer with a write error
    }
    transfer.answer.body.append(data, size * count);
    return size * count;
}

std::size_t on_header(char* data, std::size_t size, std::size_t count, void* user) {
    auto& transfer = *static_cast<Transfer*>(user);
    std::string line(data, size * count);
    std::ranges::transform(
        line, line.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    constexpr std::string_view name = "retry-after:";
    if (line.starts_with(name)) {
        const std::size_t begin = line.find_first_not_of(" \t", name.size());
        double seconds = -1;
        if (begin != std::string::npos) {
            std::from_chars(line.data() + begin, line.data() + line.size(), seconds);
        }
        if (seconds >= 0) {  // a date is left to our own patience
            transfer.answer.retry_after_s = seconds;
        }
    }
    return size * count;
}

/// Nothing: stopped.
std::optional<CURLcode> perform(const Line& line, const std::function<bool()>& stop) {
    constexpr int k_look_ms = 50;
    std::optional<CURLcode> end;
    curl_multi_add_handle(line.multi.get(), line.easy.get());
    while (!end && !(stop && stop())) {
        int running = 0;
        curl_multi_perform(line.multi.get(), &running);
        int left = 0;
        while (const CURLMsg* message = curl_multi_info_read(line.multi.get(), &left)) {
            if (message->msg == CURLMSG_DONE) {
                end = message->data.result;
            }
        }
        if (!end) {
            curl_multi_poll(line.multi.get(), nullptr, 0, stop ? k_look_ms : 1000, nullptr);
        }
    }
    curl_multi_remove_handle(line.multi.get(), line.easy.get());
    return end;
}

bool is_loopback(const std::string& url) {
    const std::size_t begin = url.find("://") + 3;
    const std::string host = url.substr(begin, url.find_first_of(":/", begin) - begin);
    const bool address = host.find_first_not_of("0123456789.") == std::string::npos;
    return host == "localhost" || (address && host.starts_with("127.")) ||
           url.substr(begin, 5) == "[::1]";
}

class CurlLink final : public ServerLink {
public:
    explicit CurlLink(ServerAddress address)
        : address_(std::move(address)) {
        static std::once_flag once;
        std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
    }

    Result<ApiAnswer> call(const ApiCall& call) override {
        Line line = borrow();
        if (!line.easy || !line.multi) {
            return Error{Errc::environment, "libcurl could not be started", ""};
        }
        Transfer transfer;
        const auto headers = headers_of(call);
        configure(line.easy.get(), call, headers.get(), transfer);
        const std::optional<CURLcode> end = perform(line, call.stop);
        curl_easy_getinfo(line.easy.get(), CURLINFO_RESPONSE_CODE, &transfer.answer.status);
        give_back(std::move(line));
        if (!end) {
            return Error{Errc::interrupted, "calling " + address_.url + ": stopped", ""};
        }
        if (*end != CURLE_OK) {
            return Error{
                Errc::environment,
                "calling " + address_.url + ": " +
                    (transfer.too_long ? "the answer is longer than allowed"
                                       : curl_easy_strerror(*end)),
                "is the server up, and its address right (evaluator.url)?"};
        }
        return std::move(transfer.answer);
    }

private:
    using List = std::unique_ptr<curl_slist, ListDeleter>;

    Line borrow() {
        const std::lock_guard guard(mutex_);
        if (idle_.empty()) {
            Line line;
            line.multi.reset(curl_multi_init());
            line.easy.reset(curl_easy_init());
            return line;
        }
        Line line = std::move(idle_.back());
        idle_.pop_back();
        return line;
    }

    void give_back(Line line) {
        const std::lock_guard guard(mutex_);
        idle_.push_back(std::move(line));
    }

    [[nodiscard]] List headers_of(const ApiCall& call) const {
        std::vector<std::string> lines{"Accept: application/json", "Expect:"};
        if (!address_.token.empty()) {
            lines.push_back("Authorization: Bearer " + address_.token);
        }
        if (!call.body.empty()) {
            lines.emplace_back("Content-Type: application/json");
        }
        for (const auto& [name, value] : call.headers) {
            lines.push_back(name + ": " + value);
        }
        curl_slist* list = nullptr;
        for (const std::string& line : lines) {
            list = curl_slist_append(list, line.c_str());
        }
        return List(list);
    }

    void configure(CURL* easy, const ApiCall& call, curl_slist* headers, Transfer& transfer) const {
        curl_easy_reset(easy);  // the connection stays
        curl_easy_setopt(easy, CURLOPT_URL, (address_.url + call.path).c_str());
        curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call.method.c_str());
        if (!call.body.empty() || call.method == "POST") {
            curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call.body.data());
            curl_easy_setopt(
                easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body.size()));
        }
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
        curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
        curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
        curl_easy_setopt(
            easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(address_.connect_timeout_s * 1000));
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(call.timeout_s * 1000));
        if (!address_.ca_file.empty()) {
            curl_easy_setopt(easy, CURLOPT_CAINFO, address_.ca_file.c_str());
        }
    }

    ServerAddress address_;
    std::mutex mutex_;
    std::vector<Line> idle_;
};

}  // namespace

Result<void> check_server_url(const std::string& url) {
    const bool known = url.starts_with("http://") || url.starts_with("https://");
    const std::size_t host = known ? url.find("://") + 3 : 0;
    const bool plain = std::ranges::all_of(url, [](char c) { return c > 0x20 && c < 0x7F; }) &&
                       url.find_first_of("@?#\\\"'`<>") == std::string::npos;
    if (!known || !plain || host >= url.size()) {
        return Error{
            Errc::usage,
            "the address of a server is like https://HOST:8737, without user, password or query",
            "see --evaluator, --connect, evaluator.url"};
    }
    return {};
}

bool is_in_the_clear(const ServerAddress& address) {
    return !address.token.empty() && address.url.starts_with("http://") &&
           !is_loopback(address.url);
}

Result<std::string> read_token(
    const std::function<std::optional<std::string>(const std::string&)>& environment,
    const std::filesystem::path& file) {
    std::string token = environment("KWRIGHT_TOKEN").value_or("");
    std::string where = "KWRIGHT_TOKEN";
    if (token.empty() && !file.empty()) {
        where = file.string();
        std::ifstream in(file);
        if (!in) {
            return Error{
                Errc::environment,
                "reading the token file " + where + ": cannot open it",
                "set KWRIGHT_TOKEN or correct evaluator.token_file"};
        }
        std::getline(in, token);
    }
    const char* spaces = " \t\r\n";
    token.erase(0, std::min(token.find_first_not_of(spaces), token.size()));
    token.erase(token.find_last_not_of(spaces) + 1);
    const bool printable = token.size() <= 512 &&
                           std::ranges::all_of(token, [](char c) { return c > 0x20 && c < 0x7F; });
    if (!printable) {
        return Error{
            Errc::environment, "the token in " + where + " holds characters no token has", ""};
    }
    return token;
}

Result<std::unique_ptr<ServerLink>> open_link(ServerAddress address) {
    KW_TRY(check_server_url(address.url));
    while (address.url.ends_with('/')) {
        address.url.pop_back();
    }
    return std::unique_ptr<ServerLink>(std::make_unique<CurlLink>(std::move(address)));
}

}  // namespace kw::server
