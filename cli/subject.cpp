// SPDX-License-Identifier: Apache-2.0
#include "cli/subject.hpp"

#include "agent/campaign/stored_candidate.hpp"
#include "cli/context.hpp"
#include "cli/device_choice.hpp"
#include "core/hash.hpp"
#include "core/text_file.hpp"

namespace kw::cli {

Result<Subject> file_subject(
    const std::string& file, const std::string& task, const Config& config) {
    KW_TRY_ASSIGN(const std::string source, read_text_file(file));
    const std::string isa = config.text("search.isa");
    const bool cuda_file = std::filesystem::path(file).extension() == ".cu";
    const Candidate said = make_candidate("", source, isa, cuda_file ? "cuda" : "", "");
    const std::string wanted = task.empty() ? said.task : task;
    if (wanted.empty()) {
        return Error{
            Errc::usage,
            "no task is named for " + file,
            "pass --task NAME, or begin the file with: //!kwright task=NAME"};
    }
    Subject subject;
    subject.name = file;
    KW_TRY_ASSIGN(subject.task, open_task(wanted, config));
    if (!said.task.empty() && said.task != subject.task.name) {
        return Error{
            Errc::usage,
            file + " says task=" + said.task + ", but --task is " + subject.task.name,
            "drop one of the two"};
    }
    KW_TRY_ASSIGN(subject.device, choose_device(config, said));
    const std::string target = target_of_device(subject.device);
    KW_TRY(agent::check_target(subject.task, target));
    subject.candidate =
        make_candidate(subject.task.name, source, isa, target, arch_of_device(subject.device));
    return subject;
}

Result<Subject> stored_subject(
    const CandidateRow& row, const std::string& device, const Config& config) {
    Subject subject;
    subject.name = short_id('k', row.hash);
    KW_TRY_ASSIGN(subject.task, open_task(row.task, config));
    subject.device = device;
    subject.candidate = agent::candidate_of(row, device);
    return subject;
}

}  // namespace kw::cli
