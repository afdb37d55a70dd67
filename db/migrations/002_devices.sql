-- Schema 2: campaigns say on which device they run; builds say what the kernels use of it.
-- Rows from before were all judged on the CPU.

ALTER TABLE campaign ADD COLUMN device TEXT NOT NULL DEFAULT 'cpu';

-- JSON object of counts: "gemv.registers" -> 96.
ALTER TABLE evaluation ADD COLUMN build_resources TEXT NOT NULL DEFAULT '{}';
