// SPDX-License-Identifier: Apache-2.0
#include "server/work/job_maker.hpp"

#include "agent/campaign/campaign_settings.hpp"
#include "core/candidate.hpp"
#include "core/hash.hpp"
#include "server/wire/json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace kw::server {

namespace {

std::string campaign_name(
    const std::string& prefix, const std::string& task, const std::string& device) {
    std::string name = prefix + "-" + task;
    if (device != "cpu") {
        name += "-" + device;
        std::replace(name.begin(), name.end(), ':', '-');
    }
    return name;
}

/// One a task and device, as submissions by hand have.
Result<CampaignRow> campaign_of(
    const Task& task,
    const std::string& device,
    const std::string& prefix,
    db::Store& store,
    Clock& clock) {
    const std::string name = campaign_name(prefix, task.name, device);
    KW_TRY_ASSIGN(std::optional<CampaignRow> found, store.campaign(name));
    if (found) {
        return std::move(*found);
    }
    agent::StoredSettings stored;
    stored.settings.proposer = "service";
    stored.settings.strategy = "submit";
    stored.task_folder = task.folder;
    CampaignRow row;
    row.name = name;
    row.task = task.name;
    row.device = device;
    row.target = target_of_device(device);
    row.task_hash = hash_for(task, row.target);
    row.strategy = "submit";
    row.proposer = "service";
    row.settings_json = agent::to_json(stored);
    row.state = "finished";
    row.created_ms = row.updated_ms = clock.utc_ms();
    return store.create_campaign(std::move(row));
}

CandidateRow row_of(const Candidate& candidate, std::int64_t now) {
    CandidateRow row;
    row.hash = candidate.hash;
    row.task = candidate.task;
    row.target = candidate.target;
    row.isa = code_level(candidate);
    row.source = candidate.source;
    row.token_hash = token_hash(candidate.source);
    row.origin = "user";
    row.created_ms = now;
    return row;
}

}  // namespace

Result<db::NewJob> make_job(
    const JobWish& wish,
    const Task& task,
    const std::string& prefix,
    db::Store& store,
    Clock& clock) {
    const std::string arch = arch_of_device(wish.device);
    const Candidate candidate = make_candidate(task.name, wish.source, wish.isa, wish.target, arch);
    KW_TRY_ASSIGN(const CampaignRow campaign, campaign_of(task, wish.device, prefix, store, clock));
    db::NewJob made;
    made.candidate = row_of(candidate, clock.utc_ms());
    JobRow& job = made.job;
    job.campaign_id = campaign.id;
    job.candidate_hash = candidate.hash;
    job.task = task.name;
    // What the lane will compare: the hash for the candidate's own target.
    job.task_hash = hash_for(task, candidate.target);
    job.target = wish.target;
    job.device = wish.device;
    job.arch = arch;
    job.isa = wish.isa;
    job.seed = wish.seed;
    job.options = json_text(to_json(wish.options));
    job.promote = wish.options.promote;
    job.token_id = wish.token_id;
    job.stage = "build";
    job.request_hash = Hasher()
                           .add(job.task_hash)
                           .add(job.device)
                           .add(candidate.hash)
                           .add(job.isa)
                           .add(job.seed)
                           .add(job.options)
                           .hex();
    return made;
}

}  // namespace kw::server
