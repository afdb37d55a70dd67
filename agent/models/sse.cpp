// SPDX-License-Identifier: Apache-2.0
#include "agent/models/sse.hpp"

#include <utility>

namespace kw::agent {

bool SseReader::feed(std::string_view piece, const OnData& on_data) {
    bytes_ += piece.size();
    too_long_ = too_long_ || bytes_ > k_max_stream;
    over_ = over_ || too_long_;
    while (!over_ && !piece.empty()) {
        if (after_cr_ && piece.front() == '\n') {
            piece.remove_prefix(1);
        }
        after_cr_ = false;
        const std::size_t end = piece.find_first_of("\r\n");
        line_ += piece.substr(0, end);
        if (line_.size() + data_.size() > k_max_event) {
            too_long_ = over_ = true;
            break;
        }
        if (end == std::string_view::npos) {
            break;
        }
        after_cr_ = piece[end] == '\r';
        piece.remove_prefix(end + 1);
        const std::string line = std::exchange(line_, {});
        over_ = !take_line(line, on_data);
    }
    return !over_;
}

bool SseReader::take_line(std::string_view line, const OnData& on_data) {
    if (first_ && line.starts_with("\xEF\xBB\xBF")) {
        line.remove_prefix(3);
    }
    first_ = false;
    if (line.empty()) {  // the event is complete
        const std::string data = std::exchange(data_, {});
        return !std::exchange(has_data_, false) || on_data(data);
    }
    const std::size_t colon = line.find(':');
    if (line.substr(0, colon) != "data") {
        return true;  // comments, and fields that these APIs repeat in the data
    }
    std::string_view value = colon == std::string_view::npos ? "" : line.substr(colon + 1);
    if (value.starts_with(' ')) {
        value.remove_prefix(1);
    }
    if (has_data_) {
        data_ += '\n';
    }
    has_data_ = true;
    data_ += value;
    return true;
}

}  // namespace kw::agent
