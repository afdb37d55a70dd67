// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cuda/ptx_facts.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

namespace kw::cuda {
namespace {

constexpr std::size_t k_most_functions = 4096;
constexpr std::size_t k_most_variables = 1000;
constexpr std::size_t k_most_parameters = 256;
constexpr std::size_t k_most_externs = 32;
constexpr std::size_t k_most_marked_lines = 20;

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}
bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '$' || c == '%' || c == '.' || c == ':';
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && is_space(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && is_space(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

/// The next word or single character; removed from `text`.
std::string_view next_token(std::string_view& text) {
    text = trim(text);
    std::size_t n = 0;
    while (n < text.size() && is_word(text[n])) {
        ++n;
    }
    n = n == 0 && !text.empty() ? 1 : n;
    const std::string_view token = text.substr(0, n);
    text.remove_prefix(n);
    return token;
}

std::uint64_t number(std::string_view text) {
    std::uint64_t value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    return read.ec == std::errc() ? value : 0;
}

/// Bytes of `.u64`, `.f16x2`, `.b8`, `.b128`, `.pred`; 0 for what is no type.
std::size_t type_bytes(std::string_view word) {
    if (word.size() < 3 || word[0] != '.') {
        return 0;
    }
    word.remove_prefix(1);
    if (word == "f16x2" || word == "bf16x2") {
        return 4;
    }
    const std::size_t digits = word.substr(0, 2) == "bf" ? 2 : 1;
    const char kind = word[0];
    const bool known = kind == 'u' || kind == 's' || kind == 'b' || kind == 'f';
    const std::string_view bits = word.substr(std::min(digits, word.size()));
    static constexpr std::array<std::string_view, 5> k_bits{"8", "16", "32", "64", "128"};
    if (!known || std::find(k_bits.begin(), k_bits.end(), bits) == k_bits.end()) {
        return 0;
    }
    return number(bits) / 8;
}

/// `.param .u64 .ptr .global .align 4 name`, `.shared .align 4 .b8 name[4][32]`.
struct Declaration {
    std::string name;
    std::string type;
    std::size_t element = 0;
    std::size_t align = 0;
    std::size_t count = 0;  ///< 0 = scalar
    bool pointer = false;
    bool initialised = false;
    bool unsized = false;
};

Declaration read_declaration(std::string_view text) {
    Declaration out;
    for (std::string_view token = next_token(text); !token.empty(); token = next_token(text)) {
        if (token == ".align") {
            const std::uint64_t align = number(next_token(text));
            // Of .ptr it is the pointee's.
            out.align = out.pointer ? out.align : static_cast<std::size_t>(align);
        } else if (token == ".ptr") {
            out.pointer = true;
        } else if (const std::size_t bytes = type_bytes(token); bytes > 0) {
            out.type = token.substr(1);
            out.element = bytes;
        } else if (token == "[") {
            const std::uint64_t extent = number(next_token(text));
            out.unsized = out.unsized || extent == 0;
            const std::uint64_t so_far = out.count == 0 ? 1 : out.count;
            std::uint64_t all = 0;
            const bool large = __builtin_mul_overflow(so_far, extent, &all) || all >> 40 != 0;
            out.count = large ? std::size_t{1} << 40 : static_cast<std::size_t>(all);
        } else if (token == "=") {
            out.initialised = true;
            break;
        } else if (token[0] != '.' && token[0] != ']' && token[0] != ',' && out.name.empty()) {
            out.name = token.substr(0, 1024);
        }
    }
    out.align = out.align == 0 ? out.element : out.align;
    return out;
}

std::int64_t bytes_of(const Declaration& declaration) {
    const std::size_t count =
        declaration.count == 0 && !declaration.unsized ? 1 : declaration.count;
    return static_cast<std::int64_t>(declaration.element * count);
}

struct Function {
    PtxKernel kernel;
    bool entry = false;
    bool body = false;
    std::set<std::string, std::less<>> calls;
    std::set<std::string, std::less<>> shared_names;  ///< of the module's, used here
};

std::array<std::uint32_t, 3> three_numbers(std::string_view text) {
    std::array<std::uint32_t, 3> sizes{1, 1, 1};
    for (std::size_t i = 0; i < 3; ++i) {
        sizes[i] = static_cast<std::uint32_t>(number(next_token(text)));
        if (next_token(text) != ",") {
            for (std::size_t j = i + 1; j < 3; ++j) {
                sizes[j] = 1;
            }
            break;
        }
    }
    return sizes;
}

class Reader {
public:
    explicit Reader(std::string_view ptx)
        : text_(ptx) {}

    PtxFacts run() {
        while (at_ < text_.size()) {
            skip_blank();
            if (at_ >= text_.size()) {
                break;
            }
            statement();
        }
        finish();
        return std::move(facts_);
    }

private:
    void skip_blank() {
        while (at_ < text_.size()) {
            if (is_space(text_[at_])) {
                line_start_ = line_start_ || text_[at_] == '\n';
                line_ += text_[at_] == '\n' ? 1 : 0;
                ++at_;
            } else if (text_.substr(at_, 2) == "//") {
                at_ = std::min(text_.find('\n', at_), text_.size());
            } else if (text_.substr(at_, 2) == "/*") {
                const std::size_t end = std::min(text_.find("*/", at_ + 2), text_.size() - 2);
                line_ += static_cast<int>(std::count(
                    text_.begin() + static_cast<std::ptrdiff_t>(at_),
                    text_.begin() + static_cast<std::ptrdiff_t>(end),
                    '\n'));
                at_ = end + 2;
            } else if (text_[at_] == '#' && line_start_) {
                mark_line();
                at_ = std::min(text_.find('\n', at_), text_.size());
            } else {
                break;
            }
        }
    }

    void mark_line() {
        if (facts_.preprocessor_lines.size() < k_most_marked_lines) {
            facts_.preprocessor_lines.push_back(line_);
        }
    }

    /// Up to one of `ends` outside parentheses and strings; comments become blanks. The end itself
    /// is taken too and kept in end_.
    std::string take_until(std::string_view ends) {
        std::string out;
        end_ = '\0';
        int depth = 0;
        while (at_ < text_.size()) {
            skip_blank_into(out);
            if (at_ >= text_.size()) {
                break;
            }
            const char c = text_[at_];
            if (c == '"') {
                take_string(out);
                continue;
            }
            line_start_ = false;
            ++at_;
            if (depth == 0 && ends.find(c) != std::string_view::npos) {
                end_ = c;
                break;
            }
            depth += c == '(' ? 1 : (c == ')' && depth > 0 ? -1 : 0);
            out += c;
        }
        return out;
    }

    void skip_blank_into(std::string& out) {
        const std::size_t before = at_;
        skip_blank();
        if (at_ != before && !out.empty()) {
            out += ' ';
        }
    }

    void take_string(std::string& out) {
        const std::size_t end = text_.find_first_of("\"\n", at_ + 1);
        const std::size_t stop = end == std::string_view::npos ? text_.size() : end + 1;
        line_ += end != std::string_view::npos && text_[end] == '\n' ? 1 : 0;
        at_ = stop;
        out += '"';
    }

    void skip_line() { at_ = std::min(text_.find('\n', at_), text_.size()); }

    /// Directives that end with their line, not with a semicolon.
    bool line_directive() {
        std::string_view rest = text_.substr(at_);
        const std::string_view word = next_token(rest);
        static constexpr std::array<std::string_view, 6> k_lines{
            ".version", ".target", ".address_size", ".loc", ".file", ".include"};
        if (std::find(k_lines.begin(), k_lines.end(), word) == k_lines.end()) {
            return false;
        }
        if (word == ".version") {
            facts_.version = next_token(rest);
        } else if (word == ".target") {
            facts_.target = next_token(rest);
        } else if (word == ".include") {
            mark_line();
        }
        skip_line();
        return true;
    }

    void statement() {
        if (line_directive()) {
            return;
        }
        if (current_ != nullptr) {
            body_statement();
        } else {
            module_statement();
        }
    }

    void module_statement() {
        if (text_.substr(at_, 8) == ".section") {
            take_until("{");
            skip_braces();
            return;
        }
        const std::string text = take_until(";{");
        const bool opens = end_ == '{';
        if (text.find(".entry") != std::string::npos || text.find(".func") != std::string::npos) {
            function(text, opens);
        } else {
            variable(text);
            if (opens) {
                take_until(";");  // the initialiser's end
            }
        }
    }

    void skip_braces() {
        for (int depth = 1; depth > 0 && at_ < text_.size();) {
            take_until("{}");
            depth += end_ == '{' ? 1 : -1;
        }
    }

    void variable(const std::string& text) {
        for (const char* space : {"global", "const", "shared"}) {
            if (text.find("." + std::string(space)) == std::string::npos) {
                continue;
            }
            const Declaration declaration = read_declaration(text);
            if (!declaration.name.empty() && facts_.variables.size() < k_most_variables) {
                facts_.variables.push_back(
                    {declaration.name,
                     space,
                     bytes_of(declaration),
                     text.find(".extern") != std::string::npos,
                     declaration.initialised});
            }
            return;
        }
    }

    void function(const std::string& text, bool opens) {
        Function function;
        function.entry = text.find(".entry") != std::string::npos;
        function.body = opens;
        std::string_view rest = text;
        rest.remove_prefix(rest.find(function.entry ? ".entry" : ".func") + 5);
        if (!rest.empty() && rest.front() == 'y') {
            rest.remove_prefix(1);
        }
        rest = trim(rest);
        if (!function.entry && !rest.empty() && rest.front() == '(') {
            rest.remove_prefix(std::min(rest.find(')') + 1, rest.size()));  // return value
        }
        auto& signature = function.kernel.signature;
        signature.name = next_token(rest);
        rest = trim(rest);
        if (!rest.empty() && rest.front() == '(') {
            const std::size_t close = std::min(rest.find(')'), rest.size() - 1);
            parameters(rest.substr(1, close - 1), signature);
            rest.remove_prefix(close + 1);
        }
        bounds(rest, signature);
        if (functions_.size() >= k_most_functions) {
            if (opens) {
                skip_braces();
            }
            return;
        }
        functions_.push_back(std::move(function));
        current_ = opens ? &functions_.back() : nullptr;
        depth_ = 1;
    }

    static void parameters(std::string_view text, KernelSignature& signature) {
        while (!text.empty() && signature.parameters.size() < k_most_parameters) {
            const std::size_t comma = text.find(',');
            const Declaration one = read_declaration(text.substr(0, comma));
            if (!one.name.empty()) {
                const std::size_t count = std::max<std::size_t>(one.count, 1);
                signature.parameters.push_back(
                    {one.name, one.type, one.element * count, one.align, one.count, one.pointer});
            }
            text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
        }
    }

    static void bounds(std::string_view text, KernelSignature& signature) {
        while (!text.empty()) {
            const std::string_view token = next_token(text);
            if (token == ".maxntid") {
                signature.max_threads = three_numbers(text);
            } else if (token == ".reqntid") {
                signature.required_threads = three_numbers(text);
            } else if (token == ".reqnctapercluster") {
                signature.required_cluster = three_numbers(text);
            }
        }
    }

    void body_statement() {
        if (text_[at_] == '{') {
            ++at_;
            ++depth_;
            return;
        }
        if (text_[at_] == '}') {
            ++at_;
            if (--depth_ == 0) {
                current_ = nullptr;
            }
            return;
        }
        const std::string text = take_until(";{}");
        // A vector operand {%r1, %r2} or a list of labels is part of its statement.
        std::string whole = text;
        while (end_ == '{' && is_open_statement(whole)) {
            whole += "{" + take_until("}") + "}";
            whole += take_until(";{}");
        }
        if (end_ == '{') {
            ++depth_;
        } else if (end_ == '}') {
            --at_;  // seen again as the end of a scope
        }
        instruction(trim(whole));
    }

    /// Text before a brace that is no scope: an instruction has begun.
    static bool is_open_statement(std::string_view text) {
        text = trim(text);
        return !text.empty() && text.back() != ':';
    }

    void instruction(std::string_view text) {
        std::string_view rest = text;
        std::string_view word = next_token(rest);
        while (!word.empty() && word.back() == ':') {  // labels
            word = next_token(rest);
        }
        if (word == "@") {
            word = next_token(rest);
            word = word == "!" ? next_token(rest) : word;
            word = next_token(rest);
        }
        if (word.empty() || word.front() == '%' || word == "}") {
            return;
        }
        if (word.front() == '.') {
            declaration(word, text);
            return;
        }
        PtxKernel& kernel = current_->kernel;
        ++kernel.instructions;
        for (const std::string& name : classes_of(word)) {
            ++kernel.classes[name];
        }
        if (word.substr(0, 4) == "call") {
            call(rest);
        }
        operands(rest);
    }

    void operands(std::string_view rest) {
        if (rest.find("%clock") != std::string_view::npos ||
            rest.find("%globaltimer") != std::string_view::npos) {
            current_->kernel.reads_clock = true;
        }
        if (facts_.variables.empty()) {
            return;
        }
        for (std::string_view token = next_token(rest); !token.empty(); token = next_token(rest)) {
            if (token.front() != '%' && token.front() != '.' && token.size() > 1 &&
                !(token.front() >= '0' && token.front() <= '9')) {
                current_->shared_names.emplace(token);
            }
        }
    }

    /// `call.uni (retval0), name, (params);` or `call name, (params);`
    void call(std::string_view rest) {
        rest = trim(rest);
        if (!rest.empty() && rest.front() == '(') {
            const std::size_t close = std::min(rest.find(')') + 1, rest.size());
            rest.remove_prefix(close);
            next_token(rest);  // the comma
        }
        const std::string_view name = next_token(rest);
        if (!name.empty()) {
            current_->calls.emplace(name);
        }
    }

    void declaration(std::string_view word, std::string_view text) {
        if (word == ".shared" || word == ".local") {
            const std::int64_t bytes = bytes_of(read_declaration(text));
            auto& into = word == ".shared" ? current_->kernel.signature.static_smem
                                           : current_->kernel.local_bytes;
            into = std::min(into + bytes, std::int64_t{1} << 42);
        }
    }

    /// Adds what a kernel's callees use, each once.
    void finish() {
        std::map<std::string, std::size_t, std::less<>> by_name;
        for (std::size_t i = 0; i < functions_.size(); ++i) {
            if (functions_[i].body) {
                by_name.emplace(functions_[i].kernel.signature.name, i);
            }
        }
        std::size_t budget = 200'000;
        for (const Function& function : functions_) {
            if (function.entry && function.body) {
                facts_.kernels.push_back(closure(function, by_name, budget));
            }
        }
    }

    PtxKernel closure(
        const Function& function,
        const std::map<std::string, std::size_t, std::less<>>& by_name,
        std::size_t& budget) {
        PtxKernel kernel = function.kernel;
        std::set<std::string, std::less<>> seen{kernel.signature.name};
        std::set<std::string, std::less<>> shared = function.shared_names;
        std::vector<std::string> open(function.calls.begin(), function.calls.end());
        while (!open.empty() && budget > 0) {
            --budget;
            const std::string name = std::move(open.back());
            open.pop_back();
            if (!seen.insert(name).second) {
                continue;
            }
            const auto found = by_name.find(name);
            if (found == by_name.end()) {
                if (kernel.externs.size() < k_most_externs) {
                    kernel.externs.push_back(name.substr(0, 200));
                }
                continue;
            }
            const Function& callee = functions_[found->second];
            kernel.instructions += callee.kernel.instructions;
            kernel.reads_clock = kernel.reads_clock || callee.kernel.reads_clock;
            kernel.signature.static_smem += callee.kernel.signature.static_smem;
            for (const auto& [class_name, count] : callee.kernel.classes) {
                kernel.classes[class_name] += count;
            }
            open.insert(open.end(), callee.calls.begin(), callee.calls.end());
            shared.insert(callee.shared_names.begin(), callee.shared_names.end());
        }
        for (const PtxVariable& variable : facts_.variables) {
            if (variable.space == "shared" && !variable.external &&
                shared.contains(variable.name)) {
                kernel.signature.static_smem += variable.bytes;
            }
        }
        std::sort(kernel.externs.begin(), kernel.externs.end());
        return kernel;
    }

    std::string_view text_;
    std::size_t at_ = 0;
    int line_ = 1;
    bool line_start_ = true;
    char end_ = '\0';
    PtxFacts facts_;
    std::vector<Function> functions_;
    Function* current_ = nullptr;
    int depth_ = 0;
};

}  // namespace

PtxFacts ptx_facts(std::string_view ptx) {
    return Reader(ptx).run();
}

std::vector<KernelSignature> signatures(const PtxFacts& facts) {
    std::vector<KernelSignature> list;
    for (const PtxKernel& kernel : facts.kernels) {
        list.push_back(kernel.signature);
    }
    return list;
}

std::optional<int> source_line(std::string_view ptx, int ptx_line, std::string_view own_file) {
    std::map<std::uint64_t, bool> own;  // file number -> is the candidate's
    std::uint64_t file = 0;
    std::uint64_t line = 0;
    int number_of_line = 0;
    // .file lines stand at the end of what NVRTC writes, so they are read first.
    for (std::string_view rest = ptx; !rest.empty();) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        std::string_view text = trim(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
        if (next_token(text) == ".file") {
            const std::uint64_t index = number(next_token(text));
            const std::size_t open = text.find('"');
            const std::size_t close = text.find('"', open + 1);
            const std::string_view name =
                close < text.size() ? text.substr(open + 1, close - open - 1) : "";
            const std::size_t slash = name.rfind('/');
            own[index] =
                (slash == std::string_view::npos ? name : name.substr(slash + 1)) == own_file;
        }
    }
    for (std::string_view rest = ptx; !rest.empty() && number_of_line < ptx_line;) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        std::string_view text = trim(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
        ++number_of_line;
        const std::string_view word = next_token(text);
        if (word == ".loc") {
            file = number(next_token(text));
            line = number(next_token(text));
        } else if (word == ".func" || word == ".entry" || text.find(".entry") < 16) {
            line = 0;  // lines before the first .loc of a function are nobody's
        }
    }
    const auto known = own.find(file);
    if (line == 0 || line > 1'000'000 || known == own.end() || !known->second) {
        return std::nullopt;
    }
    return static_cast<int>(line);
}

}  // namespace kw::cuda
