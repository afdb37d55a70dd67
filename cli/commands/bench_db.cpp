// SPDX-License-Identifier: Apache-2.0
// What a look at the board costs on a large file: the database is filled as campaigns fill it, one
// transaction an evaluation, and asked as the board, the API and the pages ask.
#include "cli/commands/commands.hpp"
#include "cli/console.hpp"
#include "cli/json_text.hpp"
#include "cli/scratch.hpp"
#include "core/clock.hpp"
#include "core/hash.hpp"
#include "db/store.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <functional>

namespace kw::cli {
namespace {

constexpr double k_most_p99_ms = 20;
constexpr std::int64_t k_evaluations_each = 1000;  ///< of a campaign
constexpr int k_tasks = 8;
constexpr std::array<const char*, 4> k_devices = {"cpu", "cuda:0", "cuda:1", "emulated:sm_90a"};

struct DbWishes {
    std::int64_t rows = 1'000'000;
    std::int64_t queries = 200;
    std::string folder;  ///< "" = TMPDIR
};

struct Line {
    std::string what;
    std::size_t rows = 0;  ///< of an answer
    double p50_ms = 0;
    double p99_ms = 0;
};

struct Report {
    std::vector<Line> lines;  ///< the first is the floor: one row by its name
    double fill_s = 0;
    std::int64_t bytes = 0;

    [[nodiscard]] double worst_p99_ms() const {
        double worst = 0;
        for (const Line& line : lines) {
            worst = std::max(worst, line.p99_ms);
        }
        return worst;
    }
};

double seconds_since(std::chrono::nanoseconds begin) {
    return std::chrono::duration<double>(system_clock().steady() - begin).count();
}

Result<DbWishes> db_wishes(const Invocation& invocation) {
    DbWishes wishes;
    KW_TRY_ASSIGN(wishes.rows, invocation.integer("rows", wishes.rows));
    KW_TRY_ASSIGN(wishes.queries, invocation.integer("queries", wishes.queries));
    wishes.folder = invocation.text("dir");
    if (wishes.rows < 1 || wishes.rows > 100'000'000) {
        return Error{Errc::usage, "--rows takes 1 to 100000000", ""};
    }
    if (wishes.queries < 1 || wishes.queries > 1'000'000) {
        return Error{Errc::usage, "--queries takes 1 to 1000000", ""};
    }
    return wishes;
}

CampaignRow campaign_number(std::int64_t number) {
    const char* device = k_devices[static_cast<std::size_t>(number / k_tasks) % k_devices.size()];
    CampaignRow row;
    row.name = "campaign-" + std::to_string(number);
    row.task = "task_" + std::to_string(number % k_tasks);
    row.target = std::string(device) == "cpu" ? "cpu" : "cuda";
    row.device = device;
    row.strategy = "maxcode";
    row.proposer = "tune";
    row.settings_json = "{}";
    row.state = "finished";
    return row;
}

/// Two thirds accepted, as recorded campaigns have it; every one a candidate of its own.
EvaluationRow evaluation_number(std::int64_t number, const CampaignRow& campaign) {
    EvaluationRow row;
    row.campaign_id = campaign.id;
    row.step = static_cast<int>(number % k_evaluations_each);
    Evaluation& result = row.result;
    result.verdict = number % 3 == 0 ? Verdict::wrong_result : Verdict::accepted;
    result.timing_kind = campaign.device.starts_with("emulated") ? "modelled" : "measured";
    result.device = campaign.device + ": a device that is described in a line of this length";
    const double speedup = 0.5 + static_cast<double>(number * 7919 % 9973) / 2000;
    result.speedup = {speedup, speedup * 0.98, speedup * 1.02};
    result.vs_naive = result.speedup;
    result.summary = "2.31x the fastest baseline";
    ShapeTiming shape;
    shape.case_name = "llama_qkv";
    shape.baseline = "avx2";
    shape.candidate_ns = 1000;
    shape.baseline_ns = 1000 * speedup;
    shape.speedup = result.speedup;
    shape.samples.assign(20, {1000 * speedup, 1000, 0, 0});
    result.shapes.push_back(std::move(shape));
    return row;
}

Result<void> fill(db::Store& store, const DbWishes& wishes, Console& console) {
    CampaignRow campaign;
    for (std::int64_t i = 0; i < wishes.rows; ++i) {
        if (i % k_evaluations_each == 0) {
            KW_TRY_ASSIGN(campaign, store.create_campaign(campaign_number(i / k_evaluations_each)));
            console.redraw({"  " + std::to_string(i) + " of " + std::to_string(wishes.rows)});
        }
        CandidateRow candidate;
        candidate.hash = sha256_hex("candidate " + std::to_string(i));
        candidate.token_hash = candidate.hash;
        candidate.task = campaign.task;
        candidate.target = campaign.target;
        candidate.isa = "x86-64-v3";
        candidate.source = "void kernel_" + std::to_string(i) + "(const float* x, float* y);\n";
        candidate.origin = "reply";
        KW_TRY(store.put_candidate(candidate));
        EvaluationRow row = evaluation_number(i, campaign);
        row.candidate_hash = candidate.hash;
        ++campaign.evaluations;
        KW_TRY(store.put_evaluation(row, campaign));
    }
    console.redraw({});
    return {};
}

using Ask = std::function<Result<std::size_t>(std::int64_t)>;

Result<Line> measure_db(const std::string& what, std::int64_t queries, const Ask& ask) {
    Line line{what, 0, 0, 0};
    std::vector<double> ms;
    for (std::int64_t i = 0; i < queries; ++i) {
        const std::chrono::nanoseconds begin = system_clock().steady();
        KW_TRY_ASSIGN(line.rows, ask(i));
        ms.push_back(seconds_since(begin) * 1e3);
    }
    std::ranges::sort(ms);
    const auto at = [&](double share) {
        return ms[static_cast<std::size_t>(share * static_cast<double>(ms.size() - 1))];
    };
    line.p50_ms = at(0.50);
    line.p99_ms = at(0.99);
    return line;
}

Result<void> ask_all(db::Store& store, const DbWishes& wishes, Report& report) {
    const std::int64_t campaigns = (wishes.rows + k_evaluations_each - 1) / k_evaluations_each;
    const auto board = [&](const std::string& what,
                           const std::function<void(BoardFilter&, std::int64_t)>& choose) {
        return measure_db(what, wishes.queries, [&](std::int64_t i) -> Result<std::size_t> {
            BoardFilter filter;
            choose(filter, i);
            KW_TRY_ASSIGN(const std::vector<BoardRow> rows, store.board(filter));
            return rows.size();
        });
    };
    const auto add = [&](Result<Line> line) -> Result<void> {
        KW_TRY(line);
        report.lines.push_back(std::move(line).value());
        return {};
    };
    KW_TRY(add(measure_db(
        "one campaign's row", wishes.queries, [&](std::int64_t i) -> Result<std::size_t> {
            KW_TRY_ASSIGN(
                const auto row, store.campaign("campaign-" + std::to_string(i * 31 % campaigns)));
            return row ? 1 : 0;
        })));
    KW_TRY(add(board("board", [](BoardFilter&, std::int64_t) {})));
    KW_TRY(add(board("board --task", [](BoardFilter& filter, std::int64_t i) {
        filter.task = "task_" + std::to_string(i % k_tasks);
    })));
    KW_TRY(add(board("board --device", [](BoardFilter& filter, std::int64_t i) {
        filter.device = k_devices[static_cast<std::size_t>(i) % k_devices.size()];
    })));
    KW_TRY(add(board("board --all", [](BoardFilter& filter, std::int64_t) { filter.all = true; })));
    KW_TRY(add(board("board --all --task --target", [](BoardFilter& filter, std::int64_t i) {
        filter.all = true;
        filter.task = "task_" + std::to_string(i % k_tasks);
        filter.target = "cuda";
    })));
    return add(board("board --campaign", [&](BoardFilter& filter, std::int64_t i) {
        filter.campaigns = {"campaign-" + std::to_string(i * 31 % campaigns)};
        filter.all = true;
    }));
}

Result<Report> run_bench(const DbWishes& wishes, Console& console) {
    Report report;
    KW_TRY_ASSIGN(const auto scratch, Scratch::make(wishes.folder));
    const std::filesystem::path file = scratch->path() / "bench.db";
    {
        KW_TRY_ASSIGN(db::Store store, db::Store::open(file, db::Access::write));
        const std::chrono::nanoseconds begin = system_clock().steady();
        KW_TRY(fill(store, wishes, console));
        report.fill_s = seconds_since(begin);
    }
    std::error_code ignored;
    report.bytes = static_cast<std::int64_t>(std::filesystem::file_size(file, ignored));
    KW_TRY_ASSIGN(db::Store store, db::Store::open(file, db::Access::read_only));
    KW_TRY(ask_all(store, wishes, report));
    return report;
}

std::string fixed(double value, int digits) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.*f", digits, value);
    return text.data();
}

void print_db_json(const Report& report, const DbWishes& wishes, Console& console) {
    nlohmann::json document = {
        {"schema", "kwright.bench-db/1"},
        {"evaluations", wishes.rows},
        {"queries", wishes.queries},
        {"fill_s", report.fill_s},
        {"bytes", report.bytes},
        {"answers", nlohmann::json::array()},
        {"worst_p99_ms", report.worst_p99_ms()},
        {"good", report.worst_p99_ms() <= k_most_p99_ms}};
    for (const Line& line : report.lines) {
        document["answers"].push_back(
            {{"what", line.what},
             {"rows", line.rows},
             {"p50_ms", line.p50_ms},
             {"p99_ms", line.p99_ms},
             {"of_floor", line.p50_ms / report.lines.front().p50_ms}});
    }
    console.print(json_text(document));
}

void print_db_table(const Report& report, const DbWishes& wishes, Console& console) {
    Table table;
    table.head = {"answer", "rows", "p50 ms", "p99 ms", "of the floor"};
    table.right = {false, true, true, true, true};
    for (const Line& line : report.lines) {
        table.rows.push_back(
            {line.what,
             std::to_string(line.rows),
             fixed(line.p50_ms, 3),
             fixed(line.p99_ms, 3),
             fixed(line.p50_ms / report.lines.front().p50_ms, 1) + "x"});
    }
    console.print(
        std::to_string(wishes.rows) + " evaluations stored in " + fixed(report.fill_s, 0) + " s (" +
        fixed(static_cast<double>(wishes.rows) / report.fill_s, 0) + " a second), " +
        fixed(static_cast<double>(report.bytes) / 1e6, 0) + " MB; " +
        std::to_string(wishes.queries) + " queries of each kind");
    console.print(render(table));
    console.print(
        report.worst_p99_ms() <= k_most_p99_ms ? "every answer within 20 ms, 99 of 100 times"
                                               : "some answers take longer than 20 ms");
}

Result<int> bench_db(const Invocation& invocation, Console& console) {
    KW_TRY_ASSIGN(const DbWishes wishes, db_wishes(invocation));
    KW_TRY_ASSIGN(const Report report, run_bench(wishes, console));
    (invocation.json ? print_db_json : print_db_table)(report, wishes, console);
    return report.worst_p99_ms() <= k_most_p99_ms ? 0 : 1;
}

}  // namespace

CommandSpec bench_db_command() {
    CommandSpec spec;
    spec.name = "dev bench db";
    spec.group = "Hidden";
    spec.summary = "the board of a large database: how long a look takes";
    spec.examples = {"kwright dev bench db --rows 100000 --dir /dev/shm"};
    spec.options = {
        {"--rows", "N", "evaluations in the file (1000000)", "", false, "Options", {}},
        {"--queries", "N", "of each kind (200)", "", false, "Options", {}},
        {"--dir", "DIR", "where the file is made and removed (TMPDIR)", "", false, "Options", {}},
    };
    spec.run = bench_db;
    spec.hidden = true;
    return spec;
}

}  // namespace kw::cli
