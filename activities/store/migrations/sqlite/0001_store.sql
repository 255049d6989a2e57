-- Bodies by the hash of their bytes: blobs of items, and segments.
CREATE TABLE blobs (
    hash TEXT PRIMARY KEY,
    bytes INTEGER NOT NULL,
    -- `row`: in `body`; `object`: in the object store.
    place TEXT NOT NULL,
    body BLOB,
    -- 0 until the object is written.
    complete INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    touched_at INTEGER NOT NULL,
    -- Set while the object is being deleted; nobody may write it then.
    deleting_at INTEGER,
    forgotten_at INTEGER
);
CREATE INDEX blobs_touched ON blobs (touched_at);

-- Which chain may read which blob.
CREATE TABLE refs (
    chain TEXT NOT NULL,
    hash TEXT NOT NULL,
    workflow_id TEXT NOT NULL,
    added_at INTEGER NOT NULL,
    forgotten_at INTEGER,
    PRIMARY KEY (chain, hash)
);
CREATE INDEX refs_hash ON refs (hash);
CREATE INDEX refs_workflow ON refs (workflow_id);

CREATE TABLE segments (
    hash TEXT PRIMARY KEY,
    chain TEXT NOT NULL,
    workflow_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    previous TEXT,
    from_length INTEGER NOT NULL,
    to_length INTEGER NOT NULL,
    to_digest TEXT NOT NULL,
    trace_from INTEGER NOT NULL,
    trace_to INTEGER NOT NULL,
    agent TEXT NOT NULL,
    state TEXT,
    bytes INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    written_at INTEGER NOT NULL,
    forgotten_at INTEGER
);
CREATE INDEX segments_workflow ON segments (workflow_id, written_at);
CREATE INDEX segments_chain ON segments (chain, number);
CREATE INDEX segments_previous ON segments (previous);
