// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cuda/build_log.hpp"

#include "evaluator/device/cuda/ptx_facts.hpp"

#include <algorithm>

namespace kw::cuda {
namespace {

constexpr int k_most_errors_kept = 400;
constexpr int k_most_warnings_kept = 50;
constexpr std::size_t k_most_bytes = 2048;
constexpr std::size_t k_most_text = 400;
constexpr int k_most_errors = 8;
constexpr int k_most_warnings = 3;

using Kind = CompilerMessage::Kind;
using Place = CompilerMessage::Place;

bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

std::string printable(std::string_view text, std::size_t limit) {
    std::string out;
    for (const char c : text) {
        if (out.size() >= limit) {
            return out + "...";
        }
        const auto byte = static_cast<unsigned char>(c);
        out += byte < 0x20 || byte >= 0x7f ? ' ' : c;
    }
    return out;
}

int number_at(std::string_view text, std::size_t& at) {
    int value = 0;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9' && value < 100'000'000) {
        value = value * 10 + (text[at++] - '0');
    }
    return value;
}

std::string_view source_text(std::string_view source, int number) {
    for (int n = 1; n < number; ++n) {
        const std::size_t end = source.find('\n');
        if (end == std::string_view::npos) {
            return {};
        }
        source.remove_prefix(end + 1);
    }
    return source.substr(0, source.find('\n'));
}

bool is_below(std::string_view file, const std::vector<std::string>& folders) {
    return std::any_of(folders.begin(), folders.end(), [file](const std::string& folder) {
        return file.size() > folder.size() && file.substr(0, folder.size()) == folder &&
               file[folder.size()] == '/';
    });
}

/// Behind the place: `error: text`, `warning #177-D: text`, `catastrophic error: text`.
bool read_kind(std::string_view rest, CompilerMessage& message) {
    while (!rest.empty() && rest.front() == ' ') {
        rest.remove_prefix(1);
    }
    const std::size_t colon = rest.find(": ");
    if (colon == std::string_view::npos || colon > 40) {
        return false;
    }
    const std::string_view word = rest.substr(0, colon);
    if (contains(word, "error")) {
        message.kind = Kind::error;
    } else if (word.substr(0, 7) == "warning") {
        message.kind = Kind::warning;
    } else {
        return false;
    }
    message.text = rest.substr(colon + 2, 4096);
    return true;
}

class LogReader {
public:
    explicit LogReader(const LogContext& context)
        : context_(context) {}

    std::vector<CompilerMessage> run(std::string_view log) {
        while (!log.empty() && kept_errors_ < k_most_errors_kept) {
            const std::size_t end = std::min(log.find('\n'), log.size());
            line(log.substr(0, end));
            log.remove_prefix(std::min(end + 1, log.size()));
        }
        return std::move(messages_);
    }

private:
    void line(std::string_view text) {
        CompilerMessage message;
        if (!text.empty() && text.front() == ' ') {
            return;  // excerpts and carets
        }
        if (text.substr(0, 6) == "ptxas ") {
            ptxas_line(text.substr(6));
            return;
        }
        if (!compiler_line(text, message) && !gcc_line(text, message)) {
            return;
        }
        message.place = place_of(message.file);
        classify(message);
        keep(std::move(message));
    }

    void keep(CompilerMessage message) {
        int& kept = message.kind == Kind::error ? kept_errors_ : kept_warnings_;
        if (message.kind == Kind::error || kept < k_most_warnings_kept) {
            ++kept;
            messages_.push_back(std::move(message));
        }
    }

    /// `candidate.cu(3): error: text`; `nvrtc: error: text`
    static bool compiler_line(std::string_view text, CompilerMessage& message) {
        const std::size_t open = text.find('(');
        const std::size_t colon = text.find(':');
        if (open != std::string_view::npos && open < colon) {
            std::size_t at = open + 1;
            message.line = number_at(text, at);
            if (text.substr(at, 2) == "):") {
                message.file = text.substr(0, std::min<std::size_t>(open, 1024));
                return read_kind(text.substr(at + 2), message);
            }
        }
        const bool tool = text.substr(0, 6) == "nvrtc:" || text.substr(0, 5) == "nvcc ";
        return tool && read_kind(text.substr(std::min(colon + 1, text.size())), message);
    }

    /// `candidate.cu:1:10: fatal error: x.h: No such file or directory`
    static bool gcc_line(std::string_view text, CompilerMessage& message) {
        const std::size_t colon = text.find(':');
        if (colon == std::string_view::npos) {
            return false;
        }
        std::size_t at = colon + 1;
        message.line = number_at(text, at);
        if (message.line == 0 || at >= text.size() || text[at] != ':') {
            return false;
        }
        ++at;
        number_at(text, at);
        at += at < text.size() && text[at] == ':' ? 1 : 0;
        message.file = text.substr(0, std::min<std::size_t>(colon, 1024));
        return read_kind(text.substr(at), message);
    }

    /// `kw_kernel.ptx, line 133; error   : text`, `error   : text`, `fatal   : text`
    void ptxas_line(std::string_view text) {
        CompilerMessage message;
        const std::size_t semicolon = text.find(';');
        const std::size_t mark = text.find(", line ");
        if (mark != std::string_view::npos && semicolon != std::string_view::npos) {
            std::size_t at = mark + 7;
            const int ptx_line = number_at(text, at);
            const auto line = source_line(context_.ptx, ptx_line, context_.own_file);
            message.line = line.value_or(0);
            message.place = line ? Place::own : Place::nowhere;
            text = text.substr(semicolon + 1);
        }
        const std::size_t colon = text.find(':');
        const std::string_view word = text.substr(0, colon);
        if (colon == std::string_view::npos || contains(text, "aborted due to errors") ||
            !(contains(word, "error") || contains(word, "fatal"))) {
            return;
        }
        message.text = "in PTX:" + std::string(text.substr(colon + 1, 4096));
        keep(std::move(message));
    }

    [[nodiscard]] Place place_of(const std::string& file) const {
        if (file.empty()) {
            return Place::nowhere;
        }
        if (file == context_.own_file) {
            return Place::own;
        }
        // ".." would lead out of a folder whose name stands in front.
        if (contains(file, "..")) {
            return Place::other;
        }
        if (is_below(file, context_.ours)) {
            return Place::ours;
        }
        return is_below(file, context_.toolkit) ? Place::toolkit : Place::other;
    }

    static void classify(CompilerMessage& message) {
        const std::string_view text = message.text;
        message.host_code = contains(text, "host functions are not allowed in JIT mode") ||
                            contains(text, "host variables are not allowed in JIT mode") ||
                            contains(text, "__host__ function is not allowed in JIT mode") ||
                            contains(text, "kernel launch from host");
        constexpr std::string_view k_missing = "cannot open source file \"";
        if (const std::size_t at = text.find(k_missing); at != std::string_view::npos) {
            const std::string_view rest = text.substr(at + k_missing.size());
            message.missing_header = rest.substr(0, std::min<std::size_t>(rest.find('"'), 255));
        }
    }

    const LogContext& context_;
    std::vector<CompilerMessage> messages_;
    int kept_errors_ = 0;
    int kept_warnings_ = 0;
};

/// What NVRTC says of host code assumes that somebody can pass options.
std::string own_words(const CompilerMessage& message) {
    if (message.host_code && contains(message.text, "host variables")) {
        return "host code: a variable without __device__, __constant__ or constexpr; the file "
               "holds "
               "device code alone";
    }
    if (message.host_code) {
        return "host code: a function that is neither __device__ nor __global__; the file holds "
               "device code alone";
    }
    return printable(message.text, k_most_text);
}

std::string shown(const CompilerMessage& message, const LogContext& context) {
    const std::string kind = message.kind == Kind::error ? "error: " : "warning: ";
    if (message.place == Place::other) {
        return "(in another file) " + kind + "include only headers of the toolkit\n";
    }
    if (message.place != Place::own || message.line == 0) {
        const bool header = message.place == Place::toolkit || message.place == Place::ours;
        return (header ? "(in a header) " : "") + kind + own_words(message) + "\n";
    }
    std::string text =
        context.own_file + ":" + std::to_string(message.line) + ": " + kind + own_words(message);
    const std::string code = printable(source_text(context.source, message.line), 160);
    const std::size_t first = code.find_first_not_of(' ');
    return text + "\n" + (first == std::string::npos ? "" : "    " + code.substr(first) + "\n");
}

}  // namespace

std::vector<CompilerMessage> read_log(std::string_view log, const LogContext& context) {
    return LogReader(context).run(log);
}

std::string show_messages(const std::vector<CompilerMessage>& messages, const LogContext& context) {
    std::string text;
    int errors = 0;
    // The own file's first: what a header says is a consequence more often than not.
    for (const bool own : {true, false}) {
        for (const CompilerMessage& message : messages) {
            const bool wanted = message.kind == Kind::error && (message.place == Place::own) == own;
            if (wanted && errors < k_most_errors && text.size() < k_most_bytes) {
                ++errors;
                text += shown(message, context);
            }
        }
    }
    int warnings = 0;
    for (const CompilerMessage& message : messages) {
        const bool wanted = message.kind == Kind::warning && message.place == Place::own;
        if (errors == 0 && wanted && warnings < k_most_warnings) {
            ++warnings;
            text += shown(message, context);
        }
    }
    if (text.size() > k_most_bytes) {
        text.resize(k_most_bytes);
        text += "...\n";
    }
    return text;
}

}  // namespace kw::cuda
