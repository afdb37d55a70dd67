// SPDX-License-Identifier: Apache-2.0
#include "server/http/server.hpp"

namespace kw::server {

namespace {

int digit_of(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

std::optional<std::string> percent_decoded(const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        const int high = i + 2 < text.size() ? digit_of(text[i + 1]) : -1;
        const int low = i + 2 < text.size() ? digit_of(text[i + 2]) : -1;
        if (high < 0 || low < 0) {
            return std::nullopt;
        }
        out += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return out;
}

bool split_target(
    const std::string& target, std::string& path, std::map<std::string, std::string>& query) {
    const std::size_t mark = target.find('?');
    path = target.substr(0, mark);
    if (mark == std::string::npos) {
        return true;
    }
    std::string rest = target.substr(mark + 1);
    rest = rest.substr(0, rest.find('#'));
    while (!rest.empty()) {
        const std::size_t end = rest.find('&');
        std::string part = rest.substr(0, end);
        rest = end == std::string::npos ? "" : rest.substr(end + 1);
        for (char& c : part) {
            c = c == '+' ? ' ' : c;
        }
        const std::size_t equal = part.find('=');
        const auto name = percent_decoded(part.substr(0, equal));
        const auto value =
            percent_decoded(equal == std::string::npos ? "" : part.substr(equal + 1));
        if (!name || !value) {
            return false;
        }
        if (!name->empty()) {
            query.emplace(*name, *value);
        }
    }
    return true;
}

}  // namespace kw::server
