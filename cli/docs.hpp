// SPDX-License-Identifier: Apache-2.0
// The prose of docs/cli/*.md, compiled in: the help of the program and the documentation are one
// text.
#pragma once

#include <map>
#include <string>

namespace kw::cli {

/// By file name without ".md": "run", "campaign-list". The text is Markdown.
[[nodiscard]] const std::map<std::string, std::string>& embedded_docs();

/// The prose for a reader at a terminal: without the title line, links and emphasis marks.
[[nodiscard]] std::string plain_prose(const std::string& markdown);

}  // namespace kw::cli
