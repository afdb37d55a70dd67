-- Schema 3: an evaluation may be judged again. A later judging is a row of its own that names the
-- first one in `reproduces` and says in `purpose` why it was made; nothing is overwritten. Each row
-- knows the hash of the task it was judged by. Rows from before take their campaign's.
-- A table constraint cannot be dropped, so the table is made anew (foreign keys are off meanwhile).

CREATE TABLE judging (
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
    build_resources           TEXT NOT NULL DEFAULT '{}',
    task_hash                 TEXT NOT NULL DEFAULT '',
    purpose                   TEXT NOT NULL DEFAULT 'search' CHECK (purpose IN
        ('search', 'promotion', 'reverify', 'rejudge')),
    reproduces                INTEGER REFERENCES judging (id) ON DELETE CASCADE,
    CHECK ((reproduces IS NULL) = (purpose = 'search'))
) STRICT;

INSERT INTO judging (
    id, campaign_id, step, slot, candidate_hash, parent_hash, reply_hash, state, note, reward,
    best_discounted, new_best, created_ms, verdict, summary, detail, speedup, speedup_lo,
    speedup_hi, vs_naive, vs_naive_lo, vs_naive_hi, min_speedup, sol, comparison, protocol,
    timing_kind, device, device_hash, sandbox_profile, seed_commitment, seed, wall_s,
    build_compiler, build_command, build_cached, build_seconds, build_diagnostics,
    build_text_bytes, build_stack_references, build_instruction_classes, build_artifact_sha256,
    odd_doubles, build_resources,
    task_hash)
SELECT
    evaluation.id, evaluation.campaign_id, evaluation.step, evaluation.slot,
    evaluation.candidate_hash, evaluation.parent_hash, evaluation.reply_hash, evaluation.state,
    evaluation.note, evaluation.reward, evaluation.best_discounted, evaluation.new_best,
    evaluation.created_ms, evaluation.verdict, evaluation.summary, evaluation.detail,
    evaluation.speedup, evaluation.speedup_lo, evaluation.speedup_hi, evaluation.vs_naive,
    evaluation.vs_naive_lo, evaluation.vs_naive_hi, evaluation.min_speedup, evaluation.sol,
    evaluation.comparison, evaluation.protocol, evaluation.timing_kind, evaluation.device,
    evaluation.device_hash, evaluation.sandbox_profile, evaluation.seed_commitment,
    evaluation.seed, evaluation.wall_s, evaluation.build_compiler, evaluation.build_command,
    evaluation.build_cached, evaluation.build_seconds, evaluation.build_diagnostics,
    evaluation.build_text_bytes, evaluation.build_stack_references,
    evaluation.build_instruction_classes, evaluation.build_artifact_sha256,
    evaluation.odd_doubles, evaluation.build_resources,
    coalesce(campaign.task_hash, '')
FROM evaluation LEFT JOIN campaign ON campaign.id = evaluation.campaign_id;

DROP TABLE evaluation;
ALTER TABLE judging RENAME TO evaluation;

CREATE UNIQUE INDEX evaluation_by_slot ON evaluation (campaign_id, step, slot)
    WHERE reproduces IS NULL;
CREATE UNIQUE INDEX evaluation_promoted_once ON evaluation (reproduces)
    WHERE purpose = 'promotion';
CREATE INDEX evaluation_by_first ON evaluation (reproduces);
CREATE INDEX evaluation_by_campaign ON evaluation (campaign_id);
CREATE INDEX evaluation_by_candidate ON evaluation (candidate_hash);
CREATE INDEX evaluation_by_parent ON evaluation (parent_hash);
