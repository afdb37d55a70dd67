-- Schema 4: somebody may look into a finding and say what it was.

ALTER TABLE finding ADD COLUMN state TEXT NOT NULL DEFAULT 'open'
    CHECK (state IN ('open', 'confirmed', 'false alarm'));
