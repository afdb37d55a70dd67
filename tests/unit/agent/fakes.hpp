// SPDX-License-Identifier: Apache-2.0
// A campaign without a model, a compiler or a clock: everything that run_campaign() touches,
// scripted.
#pragma once

#include "agent/campaign/campaign.hpp"
#include "agent/proposers/proposer.hpp"
#include "core/hash.hpp"
#include "tests/support/catch.hpp"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <sstream>
#include <stdlib.h>
#include <string>
#include <vector>

namespace kw::test {

namespace fs = std::filesystem;

template <class T>
T must(Result<T> result) {
    INFO((result.ok() ? std::string() : result.error().what + " | " + result.error().hint));
    REQUIRE(result.ok());
    if constexpr (!std::is_void_v<T>) {
        return std::move(result).value();
    }
}

inline bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

/// In memory where the machine has it: these tests store thousands of transactions.
class TempDir {
public:
    TempDir() {
        const fs::path memory = "/dev/shm";
        const fs::path root = fs::is_directory(memory) ? memory : fs::temp_directory_path();
        std::string pattern = (root / "kw-agent-XXXXXX").string();
        REQUIRE(::mkdtemp(pattern.data()) != nullptr);
        path_ = pattern;
    }
    ~TempDir() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    [[nodiscard]] fs::path operator/(const std::string& name) const { return path_ / name; }
    [[nodiscard]] const fs::path& path() const { return path_; }

private:
    fs::path path_;
};

inline void write_text(const fs::path& file, const std::string& text) {
    fs::create_directories(file.parent_path());
    std::ofstream out(file, std::ios::binary);
    out << text;
    REQUIRE(out.good());
}

inline std::string read_text(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return std::move(out).str();
}

/// What kill -9 looks like from inside: nothing after it runs.
struct Crash {};

/// Counts what the campaign does to the world and crashes it at the chosen moment.
struct Bomb {
    std::atomic<int> ticks{0};  ///< model calls tick on their own thread
    int at = -1;
    std::function<std::string()> commits;  ///< changes with every transaction of the store
    /// Of a campaign that is not crashed: its moments, but only the first of those between which it
    /// did nothing but look at the clock. Whatever dies at the others leaves the same behind.
    std::vector<int> moments;

    void tick() { count(false); }
    void look() { count(true); }

private:
    void count(bool looks) {
        const int now = ticks++;
        if (now == at) {
            throw Crash{};
        }
        if (at < 0 && commits) {
            const std::lock_guard guard(mutex_);
            const std::string stored = commits();
            if (!looked_ || stored != stored_) {
                moments.push_back(now);
            }
            looked_ = looks;
            stored_ = stored;
        }
    }
    std::mutex mutex_;
    std::string stored_;
    bool looked_ = false;
};

class FakeClock final : public Clock {
public:
    explicit FakeClock(Bomb* bomb = nullptr)
        : bomb_(bomb) {}
    std::chrono::nanoseconds steady() override {
        tick();
        return std::chrono::nanoseconds(now_);
    }
    std::int64_t utc_ms() override {
        tick();
        return 1'700'000'000'000 + now_ / 1'000'000;
    }
    void sleep(std::chrono::nanoseconds duration) override {
        now_ += duration.count();
        slept_ += duration.count();
        if (on_sleep) {
            on_sleep();
        }
    }
    void advance(std::chrono::nanoseconds duration) { now_ += duration.count(); }
    [[nodiscard]] double slept_s() const { return static_cast<double>(slept_) * 1e-9; }

    std::function<void()> on_sleep;

private:
    void tick() {
        if (bomb_ != nullptr) {
            bomb_->look();
        }
    }
    Bomb* bomb_;
    std::atomic<std::int64_t> now_{0};  ///< ns; model calls look from their own thread
    std::atomic<std::int64_t> slept_{0};
};

inline Evaluation accepted(double speedup, double half_width = 0.01) {
    Evaluation result;
    result.verdict = Verdict::accepted;
    result.speedup = {speedup, speedup * (1 - half_width), speedup * (1 + half_width)};
    result.vs_naive = result.speedup;
    result.sol = 0.5;
    result.summary = "accepted";
    return result;
}

inline Evaluation failed(Verdict verdict, const std::string& summary = "failed") {
    Evaluation result;
    result.verdict = verdict;
    result.summary = summary;
    return result;
}

/// Judges by a function of the source; counts.
class FakeDevice final : public Device {
public:
    using Judge = std::function<Result<Evaluation>(const std::string& source)>;
    explicit FakeDevice(Judge judge, Bomb* bomb = nullptr)
        : judge_(std::move(judge))
        , bomb_(bomb) {}

    [[nodiscard]] std::string id() const override { return device_id; }
    [[nodiscard]] std::string description() const override { return device_id + ": fake"; }
    Result<Evaluation> judge(
        const Task&,
        const Candidate& candidate,
        const JudgeOptions& options,
        const StageObserver& observer) override {
        if (options.independent) {
            judged_again.push_back(candidate.source);
            if (bomb_ != nullptr) {
                bomb_->tick();
            }
            return again ? again(candidate.source) : judge_(candidate.source);
        }
        judged.push_back(candidate.source);
        candidates.push_back(candidate);
        if (observer) {
            observer("check", "checking");
        }
        if (bomb_ != nullptr) {
            bomb_->tick();
        }
        if (after) {
            after();
        }
        return judge_(candidate.source);
    }

    std::string device_id = "cpu";
    Judge again;  ///< of independent judgings; the same as the first ones when there is none
    std::vector<std::string> judged;
    std::vector<std::string> judged_again;
    std::vector<Candidate> candidates;
    std::function<void()> after;

private:
    Judge judge_;
    Bomb* bomb_;
};

class EventLog final : public EventSink {
public:
    explicit EventLog(Bomb* bomb = nullptr)
        : bomb_(bomb) {}
    void on_event(const Event& event) override {
        events.push_back(event);
        if (bomb_ != nullptr) {
            bomb_->tick();
        }
    }
    [[nodiscard]] int count(EventType type) const {
        int count = 0;
        for (const Event& event : events) {
            count += event.type == type ? 1 : 0;
        }
        return count;
    }
    [[nodiscard]] std::string all_text() const {
        std::string out;
        for (const Event& event : events) {
            out += to_json_line(event) + "\n";
        }
        return out;
    }
    std::vector<Event> events;

private:
    Bomb* bomb_;
};

inline std::string kernel(const std::string& tag) {
    return "#include \"twice.h\"\n// " + tag +
           "\nvoid twice(const float* x, float* y, int64_t N) {\n" +
           "    for (int64_t i = 0; i < N; ++i) y[i] = 2 * x[i]; const int " + tag +
           " = 0; (void)" + tag + ";\n}\n";
}

inline std::string reply_with(const std::string& source, const std::string& note) {
    return "NOTE: " + note + "\n\n```cpp\n" + source + "```\n";
}

inline const char* k_tuned_seed =
    "#include \"twice.h\"\n"
    "//!tune UNROLL = {1, 2, 4, 8}\n"
    "#define UNROLL 1\n"
    "//!tune BLOCK = {16, 32, 64}\n"
    "constexpr int BLOCK = 16;\n"
    "void twice(const float* x, float* y, int64_t N) {\n"
    "    for (int64_t i = 0; i < N; ++i) y[i] = 2 * x[i];\n"
    "}\n";

/// A task folder that loads: twice(x) = 2 x.
inline fs::path write_task(const fs::path& root, const std::string& seed = k_tuned_seed) {
    const fs::path folder = root / "tasks" / "twice";
    write_text(folder / "task.toml", R"(schema = "kwright.task/1"
name = "twice"
title = "y = 2 x"
summary = "y[i] = 2 * x[i], exactly."
source = "own"
license = "Apache-2.0"
targets = ["cpu"]
judge_cap_s = 5
hints = ["Load wide."]
[[dims]]
name = "N"
min = 1
max = 4096
about = "elements"
[[args]]
name = "x"
dtype = "f32"
role = "in"
shape = ["N"]
layout = "plain"
fill = { dist = "normal", sigma = 1.0 }
[[args]]
name = "y"
dtype = "f32"
role = "out"
shape = ["N"]
layout = "plain"
check = { tolerance = "exact" }
[cost]
flop = "N"
bytes = "8 * N"
op_class = "f32"
reference_flop = "N"
[[cases]]
name = "tiny"
dims = { N = 7 }
probe = true
[[cases]]
name = "timed"
dims = { N = 1024 }
timed = true
[hidden]
count = 1
choose = { N = [1, 33] }
distributions = [""]
[[baselines]]
name = "naive"
file = "baselines/naive.cpp"
[seed]
file = "seed.cpp"
)");
    write_text(
        folder / "reference.cpp",
        "#include \"twice_reference.h\"\nvoid twice_reference(const float* x, float* y, int64_t N) "
        "{ for (int64_t i = 0; i < N; ++i) y[i] = 2 * x[i]; }\n");
    write_text(folder / "baselines" / "naive.cpp", kernel("naive"));
    write_text(folder / "seed.cpp", seed);
    return folder;
}

inline const char* k_cuda_seed =
    "//!kwright task=twice target=cuda\n"
    "//!launch twice_kernel grid=ceil_div(N, BLOCK) block=BLOCK args=(x, y, N)\n"
    "//!tune BLOCK = {64, 128, 256}\n"
    "#define BLOCK 64\n"
    "//!tune UNROLL = {1, 2}\n"
    "constexpr int UNROLL = 1;\n"
    "extern \"C\" __global__ void twice_kernel(const float* x, float* y, int N) {\n"
    "    const int i = blockIdx.x * BLOCK + threadIdx.x;\n"
    "    if (i < N) y[i] = 2 * x[i];\n"
    "}\n";

/// The same task for CPU and CUDA.
inline fs::path write_cuda_task(const fs::path& root, bool with_seed = true) {
    const fs::path folder = write_task(root);
    std::string toml = read_text(folder / "task.toml");
    const std::string targets = "targets = [\"cpu\"]";
    toml.replace(toml.find(targets), targets.size(), "targets = [\"cpu\", \"cuda\"]");
    toml += with_seed ? "[cuda]\nseed = \"cuda/seed.cu\"\n" : "[cuda]\n";
    toml += "forbid = [\"mma.bf16\"]\n";
    toml += "[[cuda.baselines]]\nname = \"plain\"\nfile = \"cuda/plain.cu\"\n";
    write_text(folder / "task.toml", toml);
    write_text(folder / "cuda/seed.cu", k_cuda_seed);
    write_text(folder / "cuda/plain.cu", std::string(k_cuda_seed) + "// plain\n");
    return folder;
}

/// A store without rows. Its schema comes from a file made once a process: building it takes longer
/// than most campaigns here, and some tests begin hundreds.
inline db::Store blank_store(const fs::path& file) {
    static const TempDir made;
    static const fs::path blank = [] {
        must(db::Store::open(made / "blank.db", db::Access::write));
        return made / "blank.db";
    }();
    fs::copy_file(blank, file);
    return must(db::Store::open(file, db::Access::write));
}

/// One campaign's world on a store in a folder of its own.
struct World {
    explicit World(FakeDevice::Judge judge, Bomb* bomb = nullptr)
        : clock(bomb)
        , events(bomb)
        , device(std::move(judge), bomb)
        , store(blank_store(dir / "kw.db")) {
        if (bomb != nullptr) {
            bomb->commits = [index = dir / "kw.db-shm"] {
                // The index of the write-ahead log begins with a header that counts transactions.
                std::ifstream in(index, std::ios::binary);
                std::string header(48, '\0');
                REQUIRE(in.read(header.data(), 48).good());
                return header;
            };
        }
    }

    agent::CampaignContext context() {
        return {
            device,
            store,
            events,
            clock,
            stop,
            fs::path(KW_SOURCE_DIR) / "prompts",
            {dir.path() / "tasks"},
            "caches: none",
            models};
    }

    TempDir dir;
    FakeClock clock;
    EventLog events;
    FakeDevice device;
    db::Store store;
    agent::StopControl stop;
    agent::ModelConfig models;
};

/// What must be equal between an uninterrupted campaign and a resumed one: all but times, and what
/// calls cost that a crash cut off.
inline std::string outline(db::Store& store, const std::string& name) {
    const auto campaign = must(store.campaign(name));
    REQUIRE(campaign);
    std::ostringstream out;
    out << campaign->state << " " << campaign->stop_reason << " " << campaign->evaluations << " "
        << campaign->tokens_in << " " << campaign->tokens_out << "\n";
    for (const ReplyRow& row : must(store.replies(campaign->id))) {
        out << row.step << " " << row.slot << " " << row.hash << " " << row.prompt_hash << " "
            << row.parent_hash << " " << sha256_hex(row.raw) << " " << row.usd << "\n";
    }
    for (const EvaluationRow& row : must(store.evaluations(campaign->id))) {
        out << row.step << " " << row.slot << " " << row.candidate_hash << " " << row.parent_hash
            << " " << row.reply_hash << " " << row.note << " " << code(row.result.verdict) << " "
            << row.result.summary << " " << row.reward << " " << row.best_discounted << " "
            << row.new_best << " " << row.state << "\n";
    }
    for (const EvaluationRow& row : must(store.judgings(campaign->id))) {
        out << "again " << row.step << " " << row.slot << " " << row.purpose << " " << row.state
            << " " << row.candidate_hash << " " << code(row.result.verdict) << " "
            << row.result.speedup.value << "\n";
    }
    return out.str();
}

}  // namespace kw::test
