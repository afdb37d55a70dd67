// SPDX-License-Identifier: Apache-2.0
#include "cli/docs.hpp"

#include <algorithm>

namespace kw::cli {
namespace {

/// "[text](target)" -> "text"; backquotes and emphasis marks go.
std::string plain_line(const std::string& line) {
    std::string text;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const std::size_t middle = line[i] == '[' ? line.find("](", i) : std::string::npos;
        const std::size_t end = middle == std::string::npos ? middle : line.find(')', middle);
        if (end != std::string::npos) {
            text += plain_line(line.substr(i + 1, middle - i - 1));
            i = end;
        } else if (line.compare(i, 2, "**") == 0) {
            ++i;
        } else {
            text += line[i];
        }
    }
    return text;
}

}  // namespace

std::string plain_prose(const std::string& markdown) {
    std::string text;
    bool code = false;
    std::size_t begin = 0;
    while (begin < markdown.size()) {
        const std::size_t end = std::min(markdown.find('\n', begin), markdown.size());
        const std::string line = markdown.substr(begin, end - begin);
        begin = end + 1;
        if (line.starts_with("```")) {
            code = !code;
        } else if (code) {
            text += "  " + line + "\n";
        } else if (line.starts_with("# ")) {
            continue;
        } else if (line.starts_with("## ")) {
            text += line.substr(3) + "\n";
        } else {
            text += plain_line(line) + "\n";
        }
    }
    const std::size_t first = text.find_first_not_of('\n');
    const std::size_t last = text.find_last_not_of('\n');
    return first == std::string::npos ? "" : text.substr(first, last - first + 1);
}

}  // namespace kw::cli
