// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/build_diagnostics.hpp"

#include <algorithm>
#include <set>
#include <vector>

namespace kw::cpu {
namespace {

constexpr std::size_t k_most_bytes = 2048;
constexpr std::size_t k_most_message = 400;
constexpr std::size_t k_most_errors = 8;
constexpr std::size_t k_most_warnings = 3;

bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        lines.push_back(text.substr(0, end));
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    }
    return lines;
}

std::string printable(std::string_view text, std::size_t limit) {
    std::string out;
    for (const char c : text) {
        if (out.size() >= limit) {
            out += "...";
            break;
        }
        out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
    }
    return out;
}

void remove_all(std::string& text, const std::string& part) {
    if (part.empty()) {
        return;
    }
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at)) {
        text.erase(at, part.size());
    }
}

/// `FILE:LINE:COLUMN: error: TEXT`, `FILE:LINE: Error: TEXT` (assembler), `g++: fatal error: TEXT`.
struct Message {
    std::string_view file;
    std::size_t line = 0;
    enum class Kind { error, warning, note, other } kind = Kind::other;
    std::string_view text;
};

std::size_t number_at(std::string_view text, std::size_t& at) {
    std::size_t value = 0;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9' && value < 100'000'000) {
        value = value * 10 + static_cast<std::size_t>(text[at++] - '0');
    }
    return value;
}

Message parse_message(std::string_view line) {
    Message message;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) {
        return message;
    }
    message.file = line.substr(0, colon);
    std::size_t at = colon + 1;
    message.line = number_at(line, at);
    if (message.line > 0 && at < line.size() && line[at] == ':') {
        ++at;
        const std::size_t column = at;
        number_at(line, at);
        if (at > column && at < line.size() && line[at] == ':') {
            ++at;
        }
    }
    std::string_view rest = line.substr(std::min(at, line.size()));
    while (!rest.empty() && rest.front() == ' ') {
        rest.remove_prefix(1);
    }
    struct Start {
        std::string_view text;
        Message::Kind kind;
    };
    for (const Start& start :
         {Start{"fatal error: ", Message::Kind::error},
          Start{"error: ", Message::Kind::error},
          Start{"Error: ", Message::Kind::error},
          Start{"sorry, ", Message::Kind::error},
          Start{"internal compiler error: ", Message::Kind::error},
          Start{"warning: ", Message::Kind::warning},
          Start{"note: ", Message::Kind::note}}) {
        if (rest.substr(0, start.text.size()) == start.text) {
            message.kind = start.kind;
            message.text = rest.substr(start.text.size());
            return message;
        }
    }
    return message;
}

std::string_view source_line(std::string_view source, std::size_t number) {
    for (std::size_t n = 1; n < number; ++n) {
        const std::size_t end = source.find('\n');
        if (end == std::string_view::npos) {
            return {};
        }
        source.remove_prefix(end + 1);
    }
    return source.substr(0, source.find('\n'));
}

/// "undefined reference to `name'": the linker's quotes.
std::string undefined_name(std::string_view line) {
    constexpr std::string_view k_text = "undefined reference to ";
    const std::size_t at = line.find(k_text);
    if (at == std::string_view::npos) {
        return {};
    }
    std::string_view name = line.substr(at + k_text.size());
    if (!name.empty() && (name.front() == '`' || name.front() == '\'')) {
        name.remove_prefix(1);
    }
    if (!name.empty() && name.back() == '\'') {
        name.remove_suffix(1);
    }
    return std::string(name);
}

class Cleaner {
public:
    Cleaner(std::string_view messages, const DiagnosticContext& context)
        : context_(context)
        , lines_(lines_of(messages)) {}

    std::string run() {
        for (const std::string_view line : lines_) {
            if (errors_ >= k_most_errors || text_.size() >= k_most_bytes) {
                break;
            }
            one(line);
        }
        if (errors_ == 0) {
            return warnings_.substr(0, k_most_bytes);
        }
        if (text_.size() > k_most_bytes) {
            text_.resize(k_most_bytes);
            text_ += "...\n";
        }
        return text_;
    }

private:
    void one(std::string_view line) {
        if (const std::string name = undefined_name(line); !name.empty()) {
            undefined(name);
            return;
        }
        const Message message = parse_message(line);
        const bool own = message.file == context_.own_file;
        if (message.kind == Message::Kind::error) {
            ++errors_;
            text_ += shown(message, own, "error");
        } else if (message.kind == Message::Kind::note && own && errors_ > 0 && notes_ < 4) {
            ++notes_;
            text_ += shown(message, own, "note");
        } else if (
            message.kind == Message::Kind::warning && own && shown_warnings_ < k_most_warnings) {
            ++shown_warnings_;
            warnings_ += shown(message, own, "warning");
        }
    }

    std::string shown(const Message& message, bool own, const char* kind) const {
        std::string text = printable(message.text, k_most_message);
        remove_all(text, context_.work_dir + "/");
        std::string result;
        if (own && message.line > 0) {
            result = context_.own_file + ":" + std::to_string(message.line) + ": ";
        } else if (message.line > 0) {
            result = "(in a header) ";
        }
        result += std::string(kind) + ": " + text + "\n";
        const std::string_view code = own && message.line > 0
                                          ? source_line(context_.source, message.line)
                                          : std::string_view{};
        if (!code.empty()) {
            result += "    " + std::to_string(message.line) + " | " + printable(code, 120) + "\n";
        }
        return result;
    }

    void undefined(const std::string& name) {
        if (!undefined_.insert(name).second) {
            return;
        }
        ++errors_;
        if (name == context_.task_function) {
            text_ += "error: the source does not define " + name +
                     " as the task declares it; define exactly: " + context_.task_signature + "\n";
        } else {
            text_ += "error: undefined name " + printable(name, 200) +
                     ": it is declared or called but neither the source nor the C, C++ and maths "
                     "libraries define it\n";
        }
    }

    const DiagnosticContext& context_;
    std::vector<std::string_view> lines_;
    std::string text_;
    std::string warnings_;
    std::set<std::string> undefined_;
    std::size_t errors_ = 0;
    std::size_t notes_ = 0;
    std::size_t shown_warnings_ = 0;
};

std::string seconds(std::chrono::seconds value) {
    return std::to_string(value.count()) + " s";
}

}  // namespace

std::string clean_diagnostics(std::string_view messages, const DiagnosticContext& context) {
    return Cleaner(messages, context).run();
}

std::optional<StepFailure> judge_step(
    const sandbox::Outcome& outcome, const sandbox::Limits& limits) {
    using sandbox::EndedBy;
    const std::string_view err = outcome.err;
    if (outcome.ended_by == EndedBy::exit && outcome.exit_code == 0) {
        return std::nullopt;
    }
    const bool cpu = outcome.ended_by == EndedBy::cpu_limit || contains(err, "CPU time limit") ||
                     outcome.cpu_s >= static_cast<double>(limits.cpu.count());
    if (outcome.ended_by == EndedBy::wall_limit || cpu) {
        return StepFailure{
            Verdict::timeout,
            "compiling took more than " + seconds(limits.cpu) +
                " of processor time: fewer templates, less unrolling"};
    }
    // A compiler that is killed has met a limit; the wall and processor limits are excluded above.
    if (outcome.ended_by == EndedBy::memory_limit || contains(err, "out of memory") ||
        contains(err, "virtual memory exhausted") || contains(err, "std::bad_alloc") ||
        contains(err, "Cannot allocate memory") || contains(err, "Killed signal terminated")) {
        return StepFailure{
            Verdict::memory_limit,
            "compiling took more than " + std::to_string(limits.memory_bytes >> 30) +
                " GiB of memory: smaller tables, fewer templates"};
    }
    if (outcome.ended_by == EndedBy::output_limit || contains(err, "File size limit exceeded") ||
        contains(err, "File too large")) {
        return StepFailure{
            Verdict::memory_limit,
            "the compiler wrote more than " + std::to_string(limits.file_bytes >> 20) +
                " MiB: smaller tables, less unrolling"};
    }
    if (outcome.ended_by == EndedBy::exit) {
        return StepFailure{Verdict::compile_error, "does not compile"};
    }
    return StepFailure{
        Verdict::internal, "the compiler ended by signal " + std::to_string(outcome.signal)};
}

bool blames_pch(std::string_view messages) {
    return contains(messages, "invalid-pch") || contains(messages, "relocate PCH") ||
           contains(messages, "not a valid PCH") || contains(messages, "PCH file") ||
           contains(messages, "precompiled header");
}

bool has_undefined_names(std::string_view messages) {
    return contains(messages, "undefined reference to ");
}

}  // namespace kw::cpu
