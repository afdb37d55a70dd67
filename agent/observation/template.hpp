// SPDX-License-Identifier: Apache-2.0
// Prompt templates: plain text files with {{placeholders}}. Substitution is one pass: what is
// filled in is never read as a template again, so candidate text with {{braces}} stays text.
#pragma once

#include "core/result.hpp"

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace kw::agent {

using TemplateValues = std::map<std::string, std::string, std::less<>>;

/// Errc::config "NAME:LINE: ..." for a placeholder without a value or an unclosed one. A value that
/// the template does not use is fine.
[[nodiscard]] Result<std::string> fill_template(
    std::string_view text, const TemplateValues& values, const std::string& name);

/// compile, memory, numbers: what verify_NAME.md asks about.
[[nodiscard]] const std::vector<std::string>& verifier_names();

/// The templates of one target. Each file begins with a line "%% kwright prompt NAME, version N",
/// which is not part of the text.
struct PromptBook {
    std::string system;                            ///< role text
    std::string propose;                           ///< layout of the whole user message
    std::string rules;                             ///< what the judge allows
    std::string answer;                            ///< the form of the answer
    std::map<std::string, std::string> operators;  ///< what the step is to do, by operator_names()
    std::string critic_system;                     ///< role text of critics and value estimates
    std::string critique;                          ///< whole user message to a critic
    std::string value;                             ///< whole user message to a value estimate
    std::map<std::string, std::string> verifiers;  ///< to soft verifiers, by verifier_names()
    std::string version;                           ///< "system 1, propose 1, ..."
};

/// Reads every template of prompts_dir/<target>/. Errc::environment when a file is missing,
/// Errc::config when its first line is not the version line.
[[nodiscard]] Result<PromptBook> load_prompts(
    const std::filesystem::path& prompts_dir, const std::string& target);

}  // namespace kw::agent
