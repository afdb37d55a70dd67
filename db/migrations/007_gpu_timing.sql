-- Schema 7: how a shape was timed on a GPU. Earlier rows were timed on the CPU or modelled.

ALTER TABLE shape_timing ADD COLUMN mode TEXT NOT NULL DEFAULT '';
ALTER TABLE shape_timing ADD COLUMN sm_mhz REAL DEFAULT 0.0;
ALTER TABLE shape_timing ADD COLUMN temperature_c REAL DEFAULT 0.0;
ALTER TABLE shape_timing ADD COLUMN power_w REAL DEFAULT 0.0;
ALTER TABLE shape_timing ADD COLUMN candidate_joules REAL DEFAULT 0.0;
ALTER TABLE shape_timing ADD COLUMN baseline_joules REAL DEFAULT 0.0;
