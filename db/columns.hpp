// SPDX-License-Identifier: Apache-2.0
// Which column holds which field. Each row type is visited by one function that names every column
// once; the list of names, the binding and the reading are three visitors of it, so they cannot
// disagree in order or number.
#pragma once

#include "core/rows.hpp"
#include "db/pack.hpp"
#include "db/sqlite.hpp"

#include <limits>
#include <string>
#include <type_traits>

namespace kw::db {

/// "" is stored as NULL: a foreign key or a content hash that does not apply.
template <class String>
struct Nullable {
    String& text;
};
/// The id of another row; 0 is stored as NULL.
template <class Integer>
struct Reference {
    Integer& id;
};
/// Stored as a zstd frame.
template <class String>
struct Packed {
    String& text;
};
/// One of a fixed list of words.
template <class String>
struct Word {
    String& text;
    const std::vector<std::string_view>& allowed;
};
/// A column of a later schema: in a file from before it reads as the SQL literal `before`.
template <class Field>
struct Since {
    Field& value;
    int schema;
    const char* before;
};
template <class Field>
Since(Field&, int, const char*) -> Since<Field>;
template <class String>
Nullable(String&) -> Nullable<String>;
template <class Integer>
Reference(Integer&) -> Reference<Integer>;
template <class String>
Packed(String&) -> Packed<String>;
template <class String>
Word(String&, const std::vector<std::string_view>&) -> Word<String>;

inline const std::vector<std::string_view> k_campaign_states = {
    "planned", "running", "interrupted", "finished", "failed"};
inline const std::vector<std::string_view> k_evaluation_states = {
    "queued", "waiting_device", "judged", "stale", "unverified", "revoked"};
inline const std::vector<std::string_view> k_purposes = {
    "search", "promotion", "reverify", "rejudge"};
inline const std::vector<std::string_view> k_call_states = {"reserved", "settled", "lost"};
inline const std::vector<std::string_view> k_critic_kinds = {"none", "rules", "model"};
inline const std::vector<std::string_view> k_value_kinds = {"none", "features", "model"};
inline const std::vector<std::string_view> k_finding_states = {"open", "confirmed", "false alarm"};

// --- visitors ---

/// Collects names and parameter marks.
class ColumnNames {
public:
    template <class Field>
    void operator()(const char* column, const Field& /*field*/) {
        if constexpr (std::is_same_v<std::remove_cv_t<Field>, Ratio>) {
            const std::string name = column;
            add(name);
            add(name + "_lo");
            add(name + "_hi");
        } else {
            add(column);
        }
    }
    template <class Field>
    void operator()(const char* column, const Since<Field>& field) {
        names_.push_back({column, field.schema, field.before});
    }
    void odd_doubles(const char* column) { add(column); }
    /// "a, b, c" with `prefix` before each. For reading a file of an older `schema`: what it does
    /// not have yet is a literal.
    [[nodiscard]] std::string list(
        const std::string& prefix = "", int schema = std::numeric_limits<int>::max()) const;
    [[nodiscard]] std::string marks() const;  ///< "?, ?, ?"
    [[nodiscard]] std::string insert_into(const std::string& table) const;
    [[nodiscard]] int count() const { return static_cast<int>(names_.size()); }

private:
    struct Name {
        std::string name;
        int since = 1;
        const char* before = "NULL";
    };
    void add(std::string name) { names_.push_back({std::move(name)}); }
    std::vector<Name> names_;
};

/// Binds fields in order. Packing can fail (a text over the limit): see failure().
class Binder {
public:
    explicit Binder(Statement& statement, int first = 0)
        : statement_(&statement)
        , index_(first) {}

    void operator()(const char*, std::int64_t value) { statement_->bind(index_++, value); }
    void operator()(const char*, int value) { statement_->bind(index_++, value); }
    void operator()(const char*, bool value) { statement_->bind(index_++, value ? 1 : 0); }
    void operator()(const char*, double value);
    void operator()(const char*, const std::string& value) { statement_->bind(index_++, value); }
    void operator()(const char*, Verdict value) { statement_->bind(index_++, code(value)); }
    void operator()(const char*, Comparison value) { statement_->bind(index_++, name(value)); }
    void operator()(const char* column, const Ratio& value) {
        (*this)(column, value.value);
        (*this)(column, value.lo);
        (*this)(column, value.hi);
    }
    void operator()(const char*, const DimMap& value) {
        statement_->bind(index_++, json_of(value));
    }
    void operator()(const char*, const std::map<std::string, int>& value) {
        statement_->bind(index_++, json_of(value));
    }
    void operator()(const char*, const std::vector<Sample>& value) { put(pack_samples(value)); }
    template <class String>
    void operator()(const char*, const Nullable<String>& value);
    template <class Integer>
    void operator()(const char*, const Reference<Integer>& value);
    template <class String>
    void operator()(const char*, const Packed<String>& value) {
        put(pack_text(value.text));
    }
    template <class String>
    void operator()(const char*, const Word<String>& value) {
        statement_->bind(index_++, value.text);  // the table's CHECK knows the words
    }
    template <class Field>
    void operator()(const char* column, const Since<Field>& field) {
        (*this)(column, field.value);
    }
    /// After the last double of the row.
    void odd_doubles(const char* column);

    [[nodiscard]] Result<void> failure() const {
        return failure_ ? Result<void>(*failure_) : Result<void>();
    }

private:
    void put(Result<Bytes> packed);
    Statement* statement_;
    int index_;
    int doubles_ = 0;  ///< bound so far
    std::string odd_;
    std::optional<Error> failure_;
};

/// Reads fields in order from the row that the statement is at. What cannot be is remembered and
/// told by failure(); the fields keep a harmless value.
class Reader {
public:
    explicit Reader(const Statement& statement, int first = 0)
        : statement_(&statement)
        , index_(first) {}

    void operator()(const char*, std::int64_t& value) { value = statement_->integer(index_++); }
    void operator()(const char* column, int& value);
    void operator()(const char*, bool& value) { value = statement_->integer(index_++) != 0; }
    void operator()(const char*, double& value) {
        value = statement_->real(index_++);
        doubles_.push_back(&value);
    }
    void operator()(const char*, std::string& value) { value = statement_->text(index_++); }
    void operator()(const char* column, Verdict& value);
    void operator()(const char* column, Comparison& value);
    void operator()(const char* column, Ratio& value) {
        (*this)(column, value.value);
        (*this)(column, value.lo);
        (*this)(column, value.hi);
    }
    void operator()(const char* column, DimMap& value) { json(column, value); }
    void operator()(const char* column, std::map<std::string, int>& value) { json(column, value); }
    void operator()(const char* column, std::vector<Sample>& value);
    void operator()(const char*, Nullable<std::string> value) {
        value.text = statement_->text(index_++);  // NULL reads as ""
    }
    void operator()(const char*, Reference<std::int64_t> value) {
        value.id = statement_->integer(index_++);  // NULL reads as 0
    }
    void operator()(const char* column, Packed<std::string> value);
    void operator()(const char* column, Word<std::string> value);
    template <class Field>
    void operator()(const char* column, const Since<Field>& field) {
        (*this)(column, field.value);
    }
    void odd_doubles(const char* column);

    [[nodiscard]] Result<void> failure() const {
        return failure_ ? Result<void>(*failure_) : Result<void>();
    }

private:
    template <class Map>
    void json(const char* column, Map& value) {
        if (auto parsed = from_json(statement_->text(index_++), value); !parsed) {
            fail(column, parsed.error().what);
        }
    }
    void fail(const char* column, const std::string& why);
    const Statement* statement_;
    int index_;
    std::vector<double*> doubles_;  ///< read so far; the row outlives the reader
    std::optional<Error> failure_;
};

template <class String>
void Binder::operator()(const char*, const Nullable<String>& value) {
    if (value.text.empty()) {
        statement_->bind_null(index_++);
    } else {
        statement_->bind(index_++, value.text);
    }
}

template <class Integer>
void Binder::operator()(const char*, const Reference<Integer>& value) {
    if (value.id == 0) {
        statement_->bind_null(index_++);
    } else {
        statement_->bind(index_++, value.id);
    }
}

// --- rows: the id of a row that SQLite numbers is not among its fields ---

template <class Io, class Row>
void visit_campaign(Io& io, Row& row) {
    io("name", row.name);
    io("task", row.task);
    io("task_hash", Nullable{row.task_hash});
    io("target", row.target);
    io("device", Since{row.device, 2, "'cpu'"});
    io("strategy", row.strategy);
    io("proposer", row.proposer);
    io("settings_json", row.settings_json);
    io("state", Word{row.state, k_campaign_states});
    io("stop_reason", row.stop_reason);
    io("created_ms", row.created_ms);
    io("updated_ms", row.updated_ms);
    io("evaluations", row.evaluations);
    io("spent_usd", row.spent_usd);
    io("tokens_in", row.tokens_in);
    io("tokens_out", row.tokens_out);
    io.odd_doubles("odd_doubles");
}

template <class Io, class Row>
void visit_candidate(Io& io, Row& row) {
    io("hash", row.hash);
    io("task", row.task);
    io("target", row.target);
    io("isa", row.isa);
    io("source", Packed{row.source});
    io("token_hash", row.token_hash);
    io("origin", row.origin);
    io("created_ms", row.created_ms);
}

/// Without the prompt's text: it has a table of its own.
template <class Io, class Row>
void visit_reply(Io& io, Row& row) {
    io("campaign_id", row.campaign_id);
    io("step", row.step);
    io("slot", row.slot);
    io("hash", row.hash);
    io("prompt_hash", Nullable{row.prompt_hash});
    io("raw", Packed{row.raw});
    io("model", row.model);
    io("parent_hash", Nullable{row.parent_hash});
    io("tokens_in", row.tokens_in);
    io("tokens_out", row.tokens_out);
    io("usd", row.usd);
    io("seconds", row.seconds);
    io("created_ms", row.created_ms);
    io.odd_doubles("odd_doubles");
}

template <class Io, class Row>
void visit_call(Io& io, Row& row) {
    io("campaign_id", row.campaign_id);
    io("step", row.step);
    io("slot", row.slot);
    io("purpose", row.purpose);
    io("model", row.model);
    io("state", Word{row.state, k_call_states});
    io("reserved_tokens", row.reserved_tokens);
    io("reserved_usd", row.reserved_usd);
    io("tokens_in", row.tokens_in);
    io("tokens_cached", row.tokens_cached);
    io("tokens_out", row.tokens_out);
    io("usd", row.usd);
    io("reserved_ms", row.reserved_ms);
    io("ended_ms", row.ended_ms);
    io.odd_doubles("odd_doubles");
}

template <class Io, class Build>
void visit_build(Io& io, Build& build) {
    io("build_compiler", build.compiler);
    io("build_command", build.command);
    io("build_cached", build.cached);
    io("build_seconds", build.seconds);
    io("build_diagnostics", build.diagnostics);
    io("build_text_bytes", build.text_bytes);
    io("build_stack_references", build.stack_references);
    io("build_instruction_classes", build.instruction_classes);
    io("build_artifact_sha256", build.artifact_sha256);
    io("build_resources", Since{build.resources, 2, "'{}'"});
}

template <class Io, class Row>
void visit_evaluation(Io& io, Row& row) {
    io("campaign_id", row.campaign_id);
    io("step", row.step);
    io("slot", row.slot);
    io("candidate_hash", Nullable{row.candidate_hash});
    io("parent_hash", Nullable{row.parent_hash});
    io("reply_hash", Nullable{row.reply_hash});
    io("state", Word{row.state, k_evaluation_states});
    io("note", row.note);
    io("reward", row.reward);
    io("best_discounted", row.best_discounted);
    io("new_best", row.new_best);
    io("created_ms", row.created_ms);
    auto& result = row.result;
    io("verdict", result.verdict);
    io("summary", result.summary);
    io("detail", result.detail);
    io("speedup", result.speedup);
    io("vs_naive", result.vs_naive);
    io("min_speedup", result.min_speedup);
    io("sol", result.sol);
    io("comparison", result.comparison);
    io("protocol", result.protocol);
    io("timing_kind", result.timing_kind);
    io("device", result.device);
    io("device_hash", result.device_hash);
    io("sandbox_profile", result.sandbox_profile);
    io("seed_commitment", result.seed_commitment);
    io("seed", result.seed);
    io("wall_s", result.wall_s);
    visit_build(io, result.build);
    io("task_hash", Since{row.task_hash, 3, "''"});
    // Wrapped twice: the column is younger than the table, and its words are fixed.
    auto purpose = Word{row.purpose, k_purposes};
    io("purpose", Since{purpose, 3, "'search'"});
    auto first = Reference{row.reproduces};
    io("reproduces", Since{first, 3, "NULL"});
    io.odd_doubles("odd_doubles");
}

template <class Io, class Row>
void visit_shape(Io& io, Row& row) {
    io("case_name", row.case_name);
    io("dims", row.dims);
    io("baseline", row.baseline);
    io("candidate_ns", row.candidate_ns);
    io("baseline_ns", row.baseline_ns);
    io("naive_ns", row.naive_ns);
    io("hot_candidate_ns", row.hot_candidate_ns);
    io("hot_baseline_ns", row.hot_baseline_ns);
    io("speedup", row.speedup);
    io("comparison", row.comparison);
    io("floor_ns", row.floor_ns);
    io("sol", row.sol);
    io("gb_per_s", row.gb_per_s);
    io("null_ns", row.null_ns);
    io("prepare_ns", row.prepare_ns);
    io("prepare_bytes", row.prepare_bytes);
    io("stop_reason", row.stop_reason);
    io("mode", Since{row.mode, 7, "''"});
    io("sm_mhz", Since{row.sm_mhz, 7, "0.0"});
    io("temperature_c", Since{row.temperature_c, 7, "0.0"});
    io("power_w", Since{row.power_w, 7, "0.0"});
    io("candidate_joules", Since{row.candidate_joules, 7, "0.0"});
    io("baseline_joules", Since{row.baseline_joules, 7, "0.0"});
    io("samples", row.samples);
    io.odd_doubles("odd_doubles");
}

template <class Io, class Row>
void visit_case(Io& io, Row& row) {
    io("case_name", row.case_name);
    io("dims", row.dims);
    io("distribution", row.distribution);
    io("hidden", row.hidden);
    io("verdict", row.verdict);
    io("argument", row.argument);
    io("element", row.index);
    io("got", row.got);
    io("want", row.want);
    io("mismatches", row.mismatches);
    io("elements", row.elements);
    io("max_error", row.max_error);
    io("note", row.note);
    io.odd_doubles("odd_doubles");
}

template <class Io, class Row>
void visit_finding(Io& io, Row& row) {
    io("rule", row.rule);
    io("severity", row.severity);
    io("phase", row.phase);
    io("evidence", row.evidence);
    auto state = Word{row.state, k_finding_states};
    io("state", Since{state, 4, "'open'"});
}

/// The last columns of what critics and estimates said.
template <class Io, class Row>
void visit_paid_answer(Io& io, Row& row) {
    io("raw", Packed{row.raw});
    io("model", row.model);
    io("tokens_in", row.tokens_in);
    io("tokens_out", row.tokens_out);
    io("usd", row.usd);
    io("seconds", row.seconds);
    io("created_ms", row.created_ms);
    io.odd_doubles("odd_doubles");
}

template <class Io, class Row>
void visit_critique(Io& io, Row& row) {
    io("campaign_id", row.campaign_id);
    io("step", row.step);
    io("slot", row.slot);
    io("part", row.part);
    io("kind", Word{row.kind, k_critic_kinds});
    io("usable", row.usable);
    io("diagnosis", row.diagnosis);
    io("bottleneck", row.bottleneck);
    io("change", row.change);
    io("expected_gain", row.expected_gain);
    visit_paid_answer(io, row);
}

/// Without what came of it: that is the evaluation's.
template <class Io, class Row>
void visit_estimate(Io& io, Row& row) {
    io("campaign_id", row.campaign_id);
    io("step", row.step);
    io("slot", row.slot);
    io("part", row.part);
    io("kind", Word{row.kind, k_value_kinds});
    io("speedup", row.speedup);
    io("chance", row.chance);
    io("kept", row.kept);
    visit_paid_answer(io, row);
}

template <class Io, class Row>
void visit_stage(Io& io, Row& row) {
    io("stage", row.stage);
    io("ms", row.ms);
    io.odd_doubles("odd_doubles");
}

}  // namespace kw::db
