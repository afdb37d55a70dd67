// SPDX-License-Identifier: Apache-2.0
#include "cli/surface_attacks.hpp"

#include "agent/proposers/cassette.hpp"
#include "agent/replies/reply_parser.hpp"
#include "cli/scratch.hpp"
#include "core/task_file.hpp"
#include "db/store.hpp"
#include "evaluator/device/cuda/launch_plan.hpp"

#include <algorithm>
#include <chrono>

namespace kw::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* k_parent = "void scale(const float*, const float*, float*, int64_t) {}\n";

/// Lines of the head stand before the attack and are no part of it.
std::string attack_bytes(const std::string& file) {
    std::size_t at = 0;
    while (file.compare(at, 2, "//") == 0) {
        at = std::min(file.find('\n', at), file.size() - 1) + 1;
    }
    return file.substr(at);
}

/// "" = taken; else why not.
using Refusal = std::string;

template <class T>
Refusal refusal_of(const Result<T>& result) {
    return result.ok() ? Refusal() : result.error().what;
}

Result<Refusal> attack_task(const std::string& bytes) {
    KW_TRY_ASSIGN(const auto scratch, Scratch::make());
    KW_TRY_ASSIGN(const fs::path file, scratch->write("scale/task.toml", bytes));
    for (const char* source : {"scale/reference.cpp", "scale/naive.cpp"}) {
        KW_TRY(scratch->write(source, "// SPDX-License-Identifier: Apache-2.0\n"));
    }
    return refusal_of(load_task(file.parent_path()));
}

Result<Refusal> attack_database(const std::string& bytes) {
    KW_TRY_ASSIGN(const auto scratch, Scratch::make());
    KW_TRY_ASSIGN(const fs::path file, scratch->write("attack.db", bytes));
    return refusal_of(db::Store::open(file, db::Access::read_only));
}

Result<Refusal> attack_plan(const exploits::Corpus& corpus, const std::string& bytes) {
    const Task& task = corpus.tasks.at("scale");
    const cuda::ParsedPlan plan = cuda::parse_launch_plan(bytes, cuda::scope_of(task));
    if (!plan.problems.empty()) {
        return Refusal(plan.problems.front().what);
    }
    const auto device = cuda::constants_of_arch("sm_90a");
    for (const Case& one : task.cases) {
        if (const auto evaluated = cuda::evaluate(plan.plan, one.dims, *device); !evaluated) {
            return Refusal(evaluated.error().what);
        }
    }
    return Refusal();
}

Result<Refusal> attack(
    const exploits::Corpus& corpus, const exploits::Fixture& fixture, const std::string& bytes) {
    const std::string kind = fixture.file.extension().string();
    if (kind == ".reply") {
        return Refusal(agent::parse_reply(bytes, "scale", k_parent).problem);
    }
    if (kind == ".cassette") {
        return refusal_of(agent::parse_cassette(bytes, fixture.file.filename().string()));
    }
    if (kind == ".toml") {
        return attack_task(bytes);
    }
    if (kind == ".plan") {
        return attack_plan(corpus, bytes);
    }
    if (kind == ".db") {
        return attack_database(bytes);
    }
    return Error{
        Errc::config,
        fixture.file.string() + ": no parser reads '" + kind + "'",
        ".reply .cassette .toml .plan .db"};
}

}  // namespace

Result<exploits::Report> run_surface_attack(
    const exploits::Corpus& corpus, const exploits::Fixture& fixture) {
    const auto begin = std::chrono::steady_clock::now();
    KW_TRY_ASSIGN(const Refusal refusal, attack(corpus, fixture, attack_bytes(fixture.source)));
    Evaluation seen;
    const bool reply = fixture.file.extension() == ".reply";
    seen.verdict = refusal.empty() ? Verdict::accepted
                   : reply         ? Verdict::no_reply
                                   : Verdict::forbidden;
    seen.summary = refusal.empty() ? "the parser took it" : refusal;
    seen.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return exploits::compare(fixture, seen);
}

}  // namespace kw::cli
