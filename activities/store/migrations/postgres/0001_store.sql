-- Bodies by the hash of their bytes: blobs of items, and segments.
CREATE TABLE blobs (
    hash TEXT PRIMARY KEY,
    bytes BIGINT NOT NULL,
    -- `row`: in `body`; `object`: in the object store.
    place TEXT NOT NULL,
    body BYTEA,
    -- 0 until the object is written.
    complete BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    touched_at BIGINT NOT NULL,
    -- Set while the object is being deleted; nobody may write it then.
    deleting_at BIGINT,
    forgotten_at BIGINT
);
CREATE INDEX blobs_touched ON blobs (touched_at);

-- Which chain may read which blob.
CREATE TABLE refs (
    chain TEXT NOT NULL,
    hash TEXT NOT NULL,
    workflow_id TEXT NOT NULL,
    added_at BIGINT NOT NULL,
    forgotten_at BIGINT,
    PRIMARY KEY (chain, hash)
);
CREATE INDEX refs_hash ON refs (hash);
CREATE INDEX refs_workflow ON refs (workflow_id);

CREATE TABLE segments (
    hash TEXT PRIMARY KEY,
    chain TEXT NOT NULL,
    workflow_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    previous TEXT,
    from_length BIGINT NOT NULL,
    to_length BIGINT NOT NULL,
    to_digest TEXT NOT NULL,
    trace_from BIGINT NOT NULL,
    trace_to BIGINT NOT NULL,
    agent TEXT NOT NULL,
    state TEXT,
    bytes BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    written_at BIGINT NOT NULL,
    forgotten_at BIGINT
);
CREATE INDEX segments_workflow ON segments (workflow_id, written_at);
CREATE INDEX segments_chain ON segments (chain, number);
CREATE INDEX segments_previous ON segments (previous);
