// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cuda/ptx_facts.hpp"

#include "evaluator/device/cuda/ptx_text.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace kw::cuda {
namespace {

constexpr std::size_t k_most_functions = 4096;
constexpr std::size_t k_most_variables = 1000;
constexpr std::size_t k_most_parameters = 256;
constexpr std::size_t k_most_externs = 32;
constexpr std::size_t k_most_marked_lines = 20;

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

}  // namespace kw::cuda
