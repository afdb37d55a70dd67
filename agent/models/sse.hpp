// SPDX-License-Identifier: Apache-2.0
// Server-sent events (WHATWG HTML, 9.2) as they come, piece by piece, from a server that may be
// hostile: lines and the whole stream have limits.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace kw::agent {

class SseReader {
public:
    static constexpr std::size_t k_max_event = std::size_t{1} << 20;    ///< bytes of one event
    static constexpr std::size_t k_max_stream = std::size_t{16} << 20;  ///< bytes of all

    /// Takes the data of each event; false: nothing more is wanted.
    using OnData = std::function<bool(std::string_view data)>;

    /// False: `on_data` said so, or a limit is met (see too_long()). Nothing is read after that.
    bool feed(std::string_view piece, const OnData& on_data);
    [[nodiscard]] bool too_long() const { return too_long_; }

private:
    bool take_line(std::string_view line, const OnData& on_data);

    std::string line_;  ///< begun, not ended
    std::string data_;  ///< of the event so far
    bool has_data_ = false;
    bool after_cr_ = false;  ///< a LF that comes next belongs to the line end before
    bool first_ = true;      ///< a byte order mark may come
    bool over_ = false;
    bool too_long_ = false;
    std::size_t bytes_ = 0;
};

}  // namespace kw::agent
