-- Schema 9: the evaluation service. A job is an evaluation that was asked for: it waits in the fair
-- order of its device (rank), is leased to a worker for a time, and ends as a normal evaluation or
-- as our outage. A token is somebody who may call the service; its secret is not kept.

CREATE TABLE token (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT NOT NULL,
    scope      TEXT NOT NULL CHECK (scope IN ('submit', 'worker', 'admin')),
    trusted    INTEGER NOT NULL,
    hash       TEXT NOT NULL UNIQUE,
    created_ms INTEGER NOT NULL,
    revoked_ms INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX token_by_name ON token (name) WHERE revoked_ms = 0;

CREATE TABLE job (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    campaign_id     INTEGER NOT NULL REFERENCES campaign (id) ON DELETE CASCADE,
    candidate_hash  TEXT NOT NULL REFERENCES candidate (hash),
    task            TEXT NOT NULL,
    task_hash       TEXT NOT NULL,
    target          TEXT NOT NULL,
    device          TEXT NOT NULL,
    arch            TEXT NOT NULL,
    isa             TEXT NOT NULL,
    seed            TEXT NOT NULL,
    options         TEXT NOT NULL,
    purpose         TEXT NOT NULL CHECK (purpose IN ('search', 'promotion', 'reverify')),
    reproduces      INTEGER REFERENCES evaluation (id) ON DELETE CASCADE,
    promote         INTEGER NOT NULL,
    token_id        INTEGER NOT NULL,
    idempotency_key TEXT,
    request_hash    TEXT NOT NULL,
    rank            INTEGER NOT NULL,
    state           TEXT NOT NULL CHECK (state IN
        ('queued', 'leased', 'done', 'cancelled', 'failed')),
    stage           TEXT NOT NULL CHECK (stage IN ('build', 'time')),
    attempts        INTEGER NOT NULL,
    lease_id        TEXT,
    worker          TEXT NOT NULL,
    trusted         INTEGER NOT NULL,
    lease_until_ms  INTEGER NOT NULL,
    created_ms      INTEGER NOT NULL,
    started_ms      INTEGER NOT NULL,
    ended_ms        INTEGER NOT NULL,
    evaluation_id   INTEGER REFERENCES evaluation (id) ON DELETE SET NULL,
    error           TEXT NOT NULL,
    CHECK ((reproduces IS NULL) = (purpose = 'search'))
) STRICT;
CREATE INDEX job_queued ON job (stage, device, rank, id, task_hash, reproduces, state)
    WHERE state = 'queued';
CREATE INDEX job_leased ON job (lease_until_ms) WHERE state = 'leased';
CREATE UNIQUE INDEX job_by_lease ON job (lease_id) WHERE lease_id IS NOT NULL;
CREATE UNIQUE INDEX job_by_key ON job (token_id, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
CREATE INDEX job_done ON job (task_hash, device, id) WHERE state = 'done';
CREATE INDEX job_ended ON job (ended_ms) WHERE ended_ms <> 0;
CREATE INDEX job_by_campaign ON job (campaign_id);
CREATE INDEX job_by_candidate ON job (candidate_hash);
CREATE INDEX job_by_evaluation ON job (evaluation_id);
CREATE INDEX job_by_reproduced ON job (reproduces);

-- The highest rank a submitter has been given on a device. The next one is above it and not below
-- the head of the queue: who asks for little waits for little, whatever others asked for.
CREATE TABLE queue_share (
    device   TEXT NOT NULL,
    token_id INTEGER NOT NULL,
    rank     INTEGER NOT NULL,
    PRIMARY KEY (device, token_id)
) STRICT;

CREATE TABLE worker (
    name           TEXT NOT NULL PRIMARY KEY,
    token_id       INTEGER NOT NULL,
    trusted        INTEGER NOT NULL,
    devices        TEXT NOT NULL,
    machines       TEXT NOT NULL,
    kinds          TEXT NOT NULL,
    toolchain      TEXT NOT NULL,
    evaluator_hash TEXT NOT NULL,
    first_ms       INTEGER NOT NULL,
    last_ms        INTEGER NOT NULL,
    done           INTEGER NOT NULL,
    lost           INTEGER NOT NULL
) STRICT;

-- Whether a result would be the best of its campaign, by the lower end of its interval.
CREATE INDEX evaluation_best ON evaluation (campaign_id, speedup_lo)
    WHERE verdict = 'AC' AND state = 'judged';
