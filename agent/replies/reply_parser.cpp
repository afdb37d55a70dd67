// SPDX-License-Identifier: Apache-2.0
#include "agent/replies/reply_parser.hpp"

#include "agent/replies/edits.hpp"
#include "agent/replies/reply_blocks.hpp"
#include "agent/text.hpp"
#include "core/ascii.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace kw::agent {

namespace {

/// '\n' line ends, no NUL, no byte order mark, valid UTF-8.
std::string normalise(std::string_view reply) {
    if (reply.starts_with("\xEF\xBB\xBF")) {
        reply.remove_prefix(3);
    }
    std::string text;
    text.reserve(reply.size());
    for (std::size_t i = 0; i < reply.size(); ++i) {
        const char c = reply[i];
        if (c == '\r') {
            if (i + 1 >= reply.size() || reply[i + 1] != '\n') {
                text += '\n';
            }
        } else if (c != '\0') {
            text += c;
        }
    }
    return valid_utf8(text);
}

/// Drops <think>...</think> and its like; an opening that is missing begins at the start, an ending
/// that is missing leaves the text as it is.
std::string without_thinking(std::string text) {
    for (const char* tag : {"think", "thinking", "reasoning", "scratchpad"}) {
        const std::string open = std::string("<").append(tag).append(">");
        const std::string close = std::string("</").append(tag).append(">");
        std::string kept;
        std::size_t at = 0;
        bool first = true;
        for (std::size_t end = text.find(close); end != std::string::npos;
             end = text.find(close, at)) {
            const std::string_view before = std::string_view(text).substr(at, end - at);
            const std::size_t begin = before.find(open);
            if (begin != std::string_view::npos) {
                kept += before.substr(0, begin);
            } else if (!first) {
                kept += before;  // a stray ending tag
            }
            first = false;
            at = end + close.size();
        }
        kept += std::string_view(text).substr(at);
        text = std::move(kept);
    }
    return text;
}

/// The function's name as a word, then parameters, then '{' before any ';'. A hint for choosing
/// among blocks; the compiler has the last word.
bool defines(std::string_view code, std::string_view function) {
    if (function.empty()) {
        return false;
    }
    std::size_t stop = 0;
    for (std::size_t at = code.find(function); at != std::string_view::npos;
         at = code.find(function, at + function.size())) {
        const std::size_t end = at + function.size();
        const bool word =
            (at == 0 || !is_word(code[at - 1])) && (end >= code.size() || !is_word(code[end]));
        if (!word) {
            continue;
        }
        if (stop < end) {
            stop = code.find_first_of(";{", end);
        }
        if (stop == std::string_view::npos) {
            return false;
        }
        const std::size_t paren = code.find_first_not_of(" \t\n", end);
        if (paren != std::string_view::npos && code[paren] == '(' && code[stop] == '{') {
            return true;
        }
    }
    return false;
}

/// `//!launch`, also as formatters write it.
bool has_launch(std::string_view code) {
    for (std::size_t at = code.find("//"); at != std::string_view::npos;
         at = code.find("//", at + 2)) {
        std::string_view rest = code.substr(at + 2);
        for (const std::string_view part : {"!", "launch"}) {
            const std::size_t begin = rest.find_first_not_of(" \t");
            rest = begin == std::string_view::npos ? std::string_view{} : rest.substr(begin);
            if (!rest.starts_with(part)) {
                rest = {};
                break;
            }
            rest.remove_prefix(part.size());
        }
        if (!rest.empty() && !is_word(rest.front())) {
            return true;
        }
    }
    return false;
}

bool has_word(std::string_view code, std::string_view word) {
    for (std::size_t at = code.find(word); at != std::string_view::npos;
         at = code.find(word, at + word.size())) {
        const std::size_t end = at + word.size();
        if ((at == 0 || !is_word(code[at - 1])) && (end >= code.size() || !is_word(code[end]))) {
            return true;
        }
    }
    return false;
}

/// What a file of the task must hold to be one.
struct Wanted {
    std::string_view function;
    bool cuda = false;

    /// Holds it: a reason to take this block and no other.
    [[nodiscard]] bool defined_in(std::string_view code) const {
        return cuda ? has_word(code, "__global__") && has_launch(code) : defines(code, function);
    }
    /// "" when the code may be judged: the judge says better than a parser what is wrong with it.
    [[nodiscard]] std::string missing_in(std::string_view code) const {
        if (cuda) {
            return has_word(code, "__global__") ? "" : "no code block holds a __global__ function";
        }
        return code.find(function) != std::string_view::npos
                   ? ""
                   : "no code block mentions " + std::string(function);
    }
};

bool is_code_language(std::string_view language) {
    static constexpr std::array<std::string_view, 11> k_code = {
        "", "c", "cpp", "c++", "cxx", "cc", "h", "hpp", "cu", "cuda", "cplusplus"};
    return std::find(k_code.begin(), k_code.end(), language) != k_code.end();
}

/// Best block: the last that defines what is wanted, else the longest of code; of CUDA code one
/// with a kernel before one without.
const Block* choose_block(const std::vector<Block>& blocks, const Wanted& wanted) {
    const Block* best = nullptr;
    for (const Block& block : blocks) {
        if (wanted.defined_in(block.body)) {
            best = &block;
        }
    }
    if (best != nullptr) {
        return best;
    }
    const auto value = [&wanted](const Block& block) {
        const bool kernel = wanted.cuda && has_word(block.body, "__global__");
        return std::pair(kernel, block.body.size());
    };
    for (const Block& block : blocks) {
        if (is_code_language(block.language) && (best == nullptr || value(block) >= value(*best))) {
            best = &block;
        }
    }
    return best;
}

/// A reply that is nothing but source, perhaps with a sentence before it.
std::string raw_source(std::string_view text, const Wanted& wanted) {
    if (!wanted.defined_in(text)) {
        return {};
    }
    static constexpr std::array<std::string_view, 17> k_starts = {
        "#",
        "//",
        "/*",
        "extern",
        "static",
        "template",
        "namespace",
        "using ",
        "typedef ",
        "inline",
        "void ",
        "struct",
        "constexpr",
        "const ",
        "__global__",
        "__device__",
        "__constant__"};
    std::size_t begin = 0;
    for (std::size_t at = 0; at < text.size();) {
        const std::string_view line = text.substr(at, text.find('\n', at) - at);
        const bool code =
            std::any_of(k_starts.begin(), k_starts.end(), [&](std::string_view start) {
                return line.starts_with(start);
            });
        if (code && !line.starts_with("# ") && !line.starts_with("##")) {
            begin = at;
            break;
        }
        at += line.size() + 1;
    }
    const std::size_t end = text.find_last_of("}\"");
    if (end == std::string_view::npos || end < begin) {
        return {};
    }
    const std::size_t line_end = text.find('\n', end);
    return std::string(text.substr(
               begin,
               line_end == std::string_view::npos ? std::string_view::npos : line_end - begin)) +
           "\n";
}

std::string clean_note(std::string_view text) {
    while (!text.empty() &&
           std::string_view(" \t*_#>-:").find(text.front()) != std::string_view::npos) {
        text.remove_prefix(1);
    }
    while (!text.empty() && std::string_view(" \t*_").find(text.back()) != std::string_view::npos) {
        text.remove_suffix(1);
    }
    return one_line(text, k_max_note_bytes);
}

/// "NOTE: ..." outside of blocks, else the first sentence.
std::string find_note(std::string_view prose) {
    std::string first;
    for (std::size_t at = 0; at < prose.size();) {
        const std::size_t end = std::min(prose.find('\n', at), prose.size());
        std::string_view line = prose.substr(at, end - at);
        at = end + 1;
        const std::size_t begin = line.find_first_not_of(" \t*_#>-/");
        if (begin == std::string_view::npos) {
            continue;
        }
        line.remove_prefix(begin);
        if (line.starts_with("<<<<<")) {
            break;  // edits outside of a block
        }
        if (line.starts_with("NOTE") || line.starts_with("Note:")) {
            const std::string_view rest = line.substr(4);
            const std::size_t colon = rest.find(':');
            if (colon != std::string_view::npos && colon <= 3) {
                return clean_note(rest.substr(colon + 1));
            }
        }
        if (first.empty()) {
            const std::size_t stop = line.find(". ");
            first = clean_note(
                line.substr(0, stop == std::string_view::npos ? std::string_view::npos : stop));
        }
    }
    return first;
}

ParsedReply usable(std::string source, std::string note, const Wanted& wanted) {
    ParsedReply parsed{{}, std::move(note), {}};
    if (source.find_first_not_of(" \t\n") == std::string::npos) {
        parsed.problem = "the code block is empty";
    } else if (source.size() > k_max_reply_bytes) {
        parsed.problem = "the source is over 1 MiB";
    } else if (std::string missing = wanted.missing_in(source); !missing.empty()) {
        parsed.problem = std::move(missing);
    } else {
        parsed.source = std::move(source);
    }
    return parsed;
}

ParsedReply no_source(std::string problem, std::string note) {
    return {{}, std::move(note), std::move(problem)};
}

}  // namespace

ParsedReply parse_reply(
    std::string_view reply,
    std::string_view function,
    std::string_view parent,
    std::string_view target) {
    const Wanted wanted{function, target == "cuda"};
    if (reply.size() > k_max_reply_bytes) {
        return no_source("the reply is over 1 MiB", {});
    }
    const std::string text = without_thinking(normalise(reply));
    const SplitReply split = split_blocks(text);
    const std::string note = find_note(split.prose);
    if (text.find_first_not_of(" \t\n") == std::string::npos) {
        return no_source("the reply is empty", {});
    }

    const EditList list = find_edits(text);
    const bool has_edits = !list.edits.empty() || !list.problem.empty();
    std::vector<Block> files;
    for (const Block& block : split.blocks) {
        const bool holds_edits = has_edits && block.body.find("<<<<< SEARCH") != std::string::npos;
        if (!holds_edits) {
            files.push_back(block);
        }
    }
    const Block* block = choose_block(files, wanted);
    const bool file_wins =
        block != nullptr && block->offset > list.last_offset && wanted.defined_in(block->body);
    if (has_edits && !file_wins) {
        if (!list.problem.empty()) {
            return no_source(list.problem, note);
        }
        if (parent.empty()) {
            return no_source(
                "the reply holds edits, but there is no parent to apply them to", note);
        }
        EditResult edited = apply_edits(normalise(parent), list.edits);
        return edited.problem.empty() ? usable(std::move(edited.source), note, wanted)
                                      : no_source(edited.problem, note);
    }
    if (block != nullptr) {
        if (!block->closed && !braces_balance(block->body)) {
            return no_source("the reply ends in the middle of the code: cut off", note);
        }
        return usable(block->body, note, wanted);
    }
    std::string source = raw_source(text, wanted);
    if (source.empty()) {
        return no_source(
            wanted.cuda ? "the reply holds no CUDA code block"
                        : "the reply holds no C++ code block",
            note);
    }
    return usable(std::move(source), {}, wanted);
}

}  // namespace kw::agent
