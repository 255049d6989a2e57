-- When the next request to a vendor may go out, for all workers.
CREATE TABLE turns (
    key TEXT PRIMARY KEY,
    -- When the next turn would come without a burst, in milliseconds since 1970.
    next_at BIGINT NOT NULL,
    -- Not before, the vendor said.
    paused_until BIGINT NOT NULL
);
CREATE INDEX turns_next ON turns (next_at);
