-- Guesses over many accounts are counted by client and by portal.

ALTER TABLE wrong_code ADD COLUMN ip TEXT;        -- of the person's client, cut to a subscriber
CREATE INDEX wrong_code_ip ON wrong_code (ip, at) WHERE ip IS NOT NULL;
CREATE INDEX wrong_code_portal ON wrong_code (portal, at);

-- A flag about a pattern of abuse stands for many sightings: one for each pattern and portal.

ALTER TABLE flag ADD COLUMN count INTEGER;        -- sightings; NULL: an ordinary case
ALTER TABLE flag ADD COLUMN last_at INTEGER;      -- the newest
CREATE INDEX flag_abuse ON flag (portal, reason) WHERE count IS NOT NULL;
CREATE INDEX flag_unproven ON flag (portal, created_at) WHERE proof = 'none' AND count IS NULL;
