-- Schema 6: what critics said of an attempt and what was foretold of a proposal, to be held against
-- what came of it. Keyed by the place in the campaign, so that a resumed campaign stores none twice.

CREATE TABLE critique (
    campaign_id   INTEGER NOT NULL REFERENCES campaign (id) ON DELETE CASCADE,
    step          INTEGER NOT NULL,
    slot          INTEGER NOT NULL,
    part          TEXT NOT NULL,
    kind          TEXT NOT NULL CHECK (kind IN ('none', 'rules', 'model')),
    usable        INTEGER NOT NULL,
    diagnosis     TEXT NOT NULL,
    bottleneck    TEXT NOT NULL,
    change        TEXT NOT NULL,
    expected_gain REAL,
    raw           BLOB NOT NULL,
    model         TEXT NOT NULL,
    tokens_in     INTEGER NOT NULL,
    tokens_out    INTEGER NOT NULL,
    usd           REAL,
    seconds       REAL,
    created_ms    INTEGER NOT NULL,
    odd_doubles   TEXT,
    PRIMARY KEY (campaign_id, step, slot, part)
) STRICT;

CREATE TABLE estimate (
    campaign_id INTEGER NOT NULL REFERENCES campaign (id) ON DELETE CASCADE,
    step        INTEGER NOT NULL,
    slot        INTEGER NOT NULL,
    part        TEXT NOT NULL,
    kind        TEXT NOT NULL CHECK (kind IN ('none', 'features', 'model')),
    speedup     REAL,
    chance      REAL,
    kept        INTEGER NOT NULL,
    raw         BLOB NOT NULL,
    model       TEXT NOT NULL,
    tokens_in   INTEGER NOT NULL,
    tokens_out  INTEGER NOT NULL,
    usd         REAL,
    seconds     REAL,
    created_ms  INTEGER NOT NULL,
    odd_doubles TEXT,
    PRIMARY KEY (campaign_id, step, slot, part)
) STRICT;
