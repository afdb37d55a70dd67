-- Schema 8: the judgings that stand on the board, kept beside the evaluations, so that a look at the
-- board costs what it shows and not what the file holds. Kept by db/board_upkeep.cpp with every
-- change of an evaluation: triggers of a file never run, since the file may come from anybody.

CREATE TABLE board_group (
    id          INTEGER PRIMARY KEY,
    task        TEXT NOT NULL,
    timing_kind TEXT NOT NULL,
    device      TEXT NOT NULL,
    target      TEXT NOT NULL,
    device_id   TEXT NOT NULL,
    UNIQUE (task, timing_kind, device, target, device_id)
) STRICT;

CREATE TABLE board_entry (
    evaluation_id INTEGER PRIMARY KEY REFERENCES evaluation (id) ON DELETE CASCADE,
    first_id      INTEGER NOT NULL,
    campaign_id   INTEGER NOT NULL,
    group_id      INTEGER NOT NULL REFERENCES board_group (id),
    speedup_lo    REAL,
    speedup       REAL NOT NULL
) STRICT;
CREATE INDEX board_by_rank ON board_entry (group_id, speedup_lo DESC, speedup DESC, evaluation_id);
CREATE INDEX board_by_first ON board_entry (first_id);
CREATE INDEX board_by_campaign ON board_entry (campaign_id);

CREATE TEMP TABLE standing AS
SELECT evaluation.id AS evaluation_id, coalesce(evaluation.reproduces, evaluation.id) AS first_id,
    evaluation.campaign_id, candidate.task, evaluation.timing_kind, evaluation.device,
    candidate.target, campaign.device AS device_id, evaluation.speedup_lo, evaluation.speedup
FROM evaluation
JOIN candidate ON candidate.hash = evaluation.candidate_hash
JOIN campaign ON campaign.id = evaluation.campaign_id
WHERE evaluation.state = 'judged' AND evaluation.verdict = 'AC'
    AND candidate.origin <> 'baseline' AND evaluation.speedup < 1e300
    AND NOT EXISTS (
        SELECT 1 FROM evaluation AS later
        WHERE later.id > evaluation.id AND later.state = 'judged'
            AND (later.reproduces = evaluation.id OR later.reproduces = evaluation.reproduces)
            AND later.device = evaluation.device
            AND later.timing_kind = evaluation.timing_kind);

INSERT INTO board_group (task, timing_kind, device, target, device_id)
SELECT DISTINCT task, timing_kind, device, target, device_id FROM standing;

INSERT INTO board_entry (evaluation_id, first_id, campaign_id, group_id, speedup_lo, speedup)
SELECT evaluation_id, first_id, campaign_id, board_group.id, speedup_lo, speedup
FROM standing JOIN board_group USING (task, timing_kind, device, target, device_id);

DROP TABLE standing;
