-- Schema 5: the budget is a ledger. Each try of a model call is reserved here before it is made and
-- ends as settled (its price is known) or lost (it may have been billed: charged as reserved).
-- Replies from before cost what their rows say.

CREATE TABLE model_call (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    campaign_id     INTEGER NOT NULL REFERENCES campaign (id) ON DELETE CASCADE,
    step            INTEGER NOT NULL,
    slot            INTEGER NOT NULL,
    purpose         TEXT NOT NULL,
    model           TEXT NOT NULL,
    state           TEXT NOT NULL CHECK (state IN ('reserved', 'settled', 'lost')),
    reserved_tokens INTEGER NOT NULL,
    reserved_usd    REAL,
    tokens_in       INTEGER NOT NULL,
    tokens_cached   INTEGER NOT NULL,
    tokens_out      INTEGER NOT NULL,
    usd             REAL,
    reserved_ms     INTEGER NOT NULL,
    ended_ms        INTEGER NOT NULL,
    odd_doubles     TEXT
) STRICT;
CREATE INDEX model_call_by_slot ON model_call (campaign_id, step, slot);

INSERT INTO model_call (
    campaign_id, step, slot, purpose, model, state, reserved_tokens, reserved_usd,
    tokens_in, tokens_cached, tokens_out, usd, reserved_ms, ended_ms)
SELECT
    campaign_id, step, slot, 'proposal', model, 'settled', tokens_in + tokens_out, usd,
    tokens_in, 0, tokens_out, usd, created_ms, created_ms
FROM reply WHERE tokens_in <> 0 OR tokens_out <> 0 OR usd > 0
ORDER BY campaign_id, step, slot;
