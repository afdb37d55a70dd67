// SPDX-License-Identifier: Apache-2.0
// The terminal: data goes to stdout, talk to stderr; colour and redrawing only on a terminal.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace kw::cli {

enum class Color { automatic, always, never };
enum class Ink { plain, bold, dim, red, green, yellow, cyan };

class Console {
public:
    Console(std::FILE* out, std::FILE* err, Color color);

    /// stdout, with a newline. Like all that is shown it loses control characters other than
    /// colours: candidates and models write texts that must not steer the terminal.
    void print(std::string_view text);
    void print_source(std::string_view text);  ///< as print(), but every byte unless a terminal
    void say(std::string_view text);           ///< stderr, with a newline; nothing under -q
    void error(const std::string& what, const std::string& hint);

    [[nodiscard]] std::string paint(std::string_view text, Ink ink) const;  ///< for stdout
    [[nodiscard]] std::string paint_err(std::string_view text, Ink ink) const;
    [[nodiscard]] bool out_is_terminal() const { return out_terminal_; }
    [[nodiscard]] bool err_is_terminal() const { return err_terminal_; }
    [[nodiscard]] int width() const;  ///< columns of the terminal, 100 when unknown
    void set_quiet(bool quiet) { quiet_ = quiet; }

    /// Redraws `lines` in place on stderr (terminal only); an empty vector clears the block.
    void redraw(const std::vector<std::string>& lines);

private:
    std::FILE* out_;
    std::FILE* err_;
    bool out_terminal_ = false;
    bool err_terminal_ = false;
    bool out_color_ = false;
    bool err_color_ = false;
    bool quiet_ = false;
    int drawn_ = 0;
};

/// Columns aligned by display width; the last one is not padded. Cells may hold colour escapes.
struct Table {
    std::vector<std::string> head;
    std::vector<std::vector<std::string>> rows;
    std::vector<bool> right;  ///< right-aligned columns
};
[[nodiscard]] std::string render(const Table& table);

// --- numbers as people read them ---
[[nodiscard]] std::string show_time(double ns);  ///< "3.10 us", three digits
[[nodiscard]] std::string show_ratio(double value, double lo, double hi);  ///< "2.31x [2.27, 2.36]"
[[nodiscard]] std::string show_percent(double fraction);                   ///< "81 %"
[[nodiscard]] std::string show_bytes(std::int64_t bytes);
[[nodiscard]] std::string show_duration(double seconds);  ///< "8m41s"

}  // namespace kw::cli
