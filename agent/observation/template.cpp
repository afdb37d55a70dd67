// SPDX-License-Identifier: Apache-2.0
#include "agent/observation/template.hpp"

#include "agent/search/strategy.hpp"
#include "core/text_file.hpp"

#include <algorithm>

namespace kw::agent {

namespace {

Error at_offset(
    std::string_view text, std::size_t offset, const std::string& name, const std::string& what) {
    const auto line =
        1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(offset), '\n');
    return {
        Errc::config,
        name + ":" + std::to_string(line) + ": " + what,
        "the placeholders are described in prompts/README.md"};
}

Result<std::string> load_one(
    const std::filesystem::path& folder, const std::string& name, std::string& version) {
    const std::filesystem::path file = folder / (name + ".md");
    Result<std::string> read = read_text_file(file);
    if (!read) {
        return Error{
            Errc::environment,
            read.error().what,
            "reinstall kwright: its share/kwright/prompts is not beside the program"};
    }
    const std::string& text = *read;
    const std::string mark = "%% kwright prompt " + name + ", version ";
    const std::size_t end = text.find('\n');
    if (!text.starts_with(mark) || end == std::string::npos) {
        return Error{
            Errc::config, file.string() + ":1: the first line must read '" + mark + "N'", ""};
    }
    version +=
        (version.empty() ? "" : ", ") + name + " " + text.substr(mark.size(), end - mark.size());
    return text.substr(end + 1);
}

}  // namespace

Result<std::string> fill_template(
    std::string_view text, const TemplateValues& values, const std::string& name) {
    std::string out;
    std::size_t at = 0;
    while (true) {
        const std::size_t open = text.find("{{", at);
        out += text.substr(at, open == std::string_view::npos ? open : open - at);
        if (open == std::string_view::npos) {
            return out;
        }
        const std::size_t close = text.find("}}", open);
        if (close == std::string_view::npos) {
            return at_offset(text, open, name, "a placeholder is not closed");
        }
        const std::string_view key = text.substr(open + 2, close - open - 2);
        const auto value = values.find(key);
        if (value == values.end()) {
            return at_offset(text, open, name, "unknown placeholder {{" + std::string(key) + "}}");
        }
        out += value->second;
        at = close + 2;
    }
}

const std::vector<std::string>& verifier_names() {
    static const std::vector<std::string> k_names = {"compile", "memory", "numbers"};
    return k_names;
}

Result<PromptBook> load_prompts(
    const std::filesystem::path& prompts_dir, const std::string& target) {
    const std::filesystem::path folder = prompts_dir / target;
    PromptBook book;
    KW_TRY_ASSIGN(book.system, load_one(folder, "system", book.version));
    KW_TRY_ASSIGN(book.propose, load_one(folder, "propose", book.version));
    KW_TRY_ASSIGN(book.rules, load_one(folder, "rules", book.version));
    KW_TRY_ASSIGN(book.answer, load_one(folder, "answer", book.version));
    for (const std::string& name : operator_names()) {
        KW_TRY_ASSIGN(book.operators[name], load_one(folder, name, book.version));
    }
    KW_TRY_ASSIGN(book.critic_system, load_one(folder, "critic_system", book.version));
    KW_TRY_ASSIGN(book.critique, load_one(folder, "critique", book.version));
    KW_TRY_ASSIGN(book.value, load_one(folder, "value", book.version));
    for (const std::string& name : verifier_names()) {
        KW_TRY_ASSIGN(book.verifiers[name], load_one(folder, "verify_" + name, book.version));
    }
    return book;
}

}  // namespace kw::agent
