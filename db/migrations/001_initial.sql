-- Schema 1. Never edit a released migration: add the next number.
-- Times are UTC milliseconds, durations nanoseconds unless the name says otherwise. A double that
-- is not a number is NULL, never 0. Blobs are zstd frames, unless said otherwise.
-- odd_doubles: the bits of NaN and -0.0, which REAL columns do not keep; NULL nearly always.

CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE schema_note (
    version     INTEGER NOT NULL PRIMARY KEY,
    name        TEXT NOT NULL,
    kwright     TEXT NOT NULL,
    applied_utc TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
) STRICT;

CREATE TABLE task (
    hash      TEXT NOT NULL PRIMARY KEY,
    name      TEXT NOT NULL,
    canonical BLOB
) STRICT;

CREATE TABLE campaign (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    name          TEXT NOT NULL UNIQUE,
    task          TEXT NOT NULL,
    task_hash     TEXT REFERENCES task (hash),
    target        TEXT NOT NULL,
    strategy      TEXT NOT NULL,
    proposer      TEXT NOT NULL,
    settings_json TEXT NOT NULL,
    state         TEXT NOT NULL
        CHECK (state IN ('planned', 'running', 'interrupted', 'finished', 'failed')),
    stop_reason   TEXT NOT NULL,
    created_ms    INTEGER NOT NULL,
    updated_ms    INTEGER NOT NULL,
    evaluations   INTEGER NOT NULL,
    spent_usd     REAL,
    tokens_in     INTEGER NOT NULL,
    tokens_out    INTEGER NOT NULL,
    odd_doubles   TEXT
) STRICT;

CREATE TABLE candidate (
    hash          TEXT NOT NULL PRIMARY KEY,
    task          TEXT NOT NULL,
    target        TEXT NOT NULL,
    isa           TEXT NOT NULL,
    source        BLOB NOT NULL,
    token_hash    TEXT NOT NULL,
    origin        TEXT NOT NULL,
    created_ms    INTEGER NOT NULL,
    lines_of_code INTEGER NOT NULL
) STRICT;
CREATE INDEX candidate_by_tokens ON candidate (token_hash);

CREATE TABLE prompt (
    hash TEXT NOT NULL PRIMARY KEY,
    text BLOB NOT NULL
) STRICT;

CREATE TABLE reply (
    campaign_id INTEGER NOT NULL REFERENCES campaign (id) ON DELETE CASCADE,
    step        INTEGER NOT NULL,
    slot        INTEGER NOT NULL,
    hash        TEXT NOT NULL,
    prompt_hash TEXT REFERENCES prompt (hash),
    raw         BLOB NOT NULL,
    model       TEXT NOT NULL,
    parent_hash TEXT,
    tokens_in   INTEGER NOT NULL,
    tokens_out  INTEGER NOT NULL,
    usd         REAL,
    seconds     REAL,
    created_ms  INTEGER NOT NULL,
    odd_doubles TEXT,
    PRIMARY KEY (campaign_id, step, slot)
) STRICT;
CREATE INDEX reply_by_prompt ON reply (prompt_hash);
CREATE INDEX reply_by_parent ON reply (parent_hash);

CREATE TABLE evaluation (
    id                        INTEGER PRIMARY KEY AUTOINCREMENT,
    campaign_id               INTEGER NOT NULL REFERENCES campaign (id) ON DELETE CASCADE,
    step                      INTEGER NOT NULL,
    slot                      INTEGER NOT NULL,
    candidate_hash            TEXT REFERENCES candidate (hash),
    parent_hash               TEXT,
    reply_hash                TEXT,
    state                     TEXT NOT NULL CHECK (state IN
        ('queued', 'waiting_device', 'judged', 'stale', 'unverified', 'revoked')),
    note                      TEXT NOT NULL,
    reward                    REAL,
    best_discounted           REAL,
    new_best                  INTEGER NOT NULL,
    created_ms                INTEGER NOT NULL,
    verdict                   TEXT NOT NULL,
    summary                   TEXT NOT NULL,
    detail                    TEXT NOT NULL,
    speedup                   REAL,
    speedup_lo                REAL,
    speedup_hi                REAL,
    vs_naive                  REAL,
    vs_naive_lo               REAL,
    vs_naive_hi               REAL,
    min_speedup               REAL,
    sol                       REAL,
    comparison                TEXT NOT NULL,
    protocol                  TEXT NOT NULL,
    timing_kind               TEXT NOT NULL,
    device                    TEXT NOT NULL,
    device_hash               TEXT NOT NULL,
    sandbox_profile           TEXT NOT NULL,
    seed_commitment           TEXT NOT NULL,
    seed                      TEXT NOT NULL,
    wall_s                    REAL,
    build_compiler            TEXT NOT NULL,
    build_command             TEXT NOT NULL,
    build_cached              INTEGER NOT NULL,
    build_seconds             REAL,
    build_diagnostics         TEXT NOT NULL,
    build_text_bytes          INTEGER NOT NULL,
    build_stack_references    INTEGER NOT NULL,
    build_instruction_classes TEXT NOT NULL,
    build_artifact_sha256     TEXT NOT NULL,
    odd_doubles               TEXT,
    UNIQUE (campaign_id, step, slot)
) STRICT;
CREATE INDEX evaluation_by_candidate ON evaluation (candidate_hash);
CREATE INDEX evaluation_by_parent ON evaluation (parent_hash);

-- samples: one version byte, then a zstd frame (db/pack.hpp).
CREATE TABLE shape_timing (
    evaluation_id    INTEGER NOT NULL REFERENCES evaluation (id) ON DELETE CASCADE,
    ordinal          INTEGER NOT NULL,
    case_name        TEXT NOT NULL,
    dims             TEXT NOT NULL,
    baseline         TEXT NOT NULL,
    candidate_ns     REAL,
    baseline_ns      REAL,
    naive_ns         REAL,
    hot_candidate_ns REAL,
    hot_baseline_ns  REAL,
    speedup          REAL,
    speedup_lo       REAL,
    speedup_hi       REAL,
    comparison       TEXT NOT NULL,
    floor_ns         REAL,
    sol              REAL,
    gb_per_s         REAL,
    null_ns          REAL,
    prepare_ns       REAL,
    prepare_bytes    INTEGER NOT NULL,
    stop_reason      TEXT NOT NULL,
    samples          BLOB NOT NULL,
    odd_doubles      TEXT,
    PRIMARY KEY (evaluation_id, ordinal)
) STRICT;

CREATE TABLE case_outcome (
    evaluation_id INTEGER NOT NULL REFERENCES evaluation (id) ON DELETE CASCADE,
    ordinal       INTEGER NOT NULL,
    case_name     TEXT NOT NULL,
    dims          TEXT NOT NULL,
    distribution  TEXT NOT NULL,
    hidden        INTEGER NOT NULL,
    verdict       TEXT NOT NULL,
    argument      TEXT NOT NULL,
    element       INTEGER NOT NULL,
    got           TEXT NOT NULL,
    want          TEXT NOT NULL,
    mismatches    INTEGER NOT NULL,
    elements      INTEGER NOT NULL,
    max_error     REAL,
    note          TEXT NOT NULL,
    odd_doubles   TEXT,
    PRIMARY KEY (evaluation_id, ordinal)
) STRICT;

CREATE TABLE finding (
    evaluation_id INTEGER NOT NULL REFERENCES evaluation (id) ON DELETE CASCADE,
    ordinal       INTEGER NOT NULL,
    rule          TEXT NOT NULL,
    severity      TEXT NOT NULL,
    phase         TEXT NOT NULL,
    evidence      TEXT NOT NULL,
    PRIMARY KEY (evaluation_id, ordinal)
) STRICT;

CREATE TABLE stage_time (
    evaluation_id INTEGER NOT NULL REFERENCES evaluation (id) ON DELETE CASCADE,
    ordinal       INTEGER NOT NULL,
    stage         TEXT NOT NULL,
    ms            REAL,
    odd_doubles   TEXT,
    PRIMARY KEY (evaluation_id, ordinal)
) STRICT;

CREATE TABLE device (
    hash        TEXT NOT NULL PRIMARY KEY,
    calibration TEXT NOT NULL
) STRICT;
