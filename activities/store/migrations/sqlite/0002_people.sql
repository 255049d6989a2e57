-- Gates that wait for people, over all runs; one that closed leaves its number behind.
CREATE TABLE inbox (
    chain TEXT NOT NULL,
    gate TEXT NOT NULL,
    workflow_id TEXT NOT NULL,
    -- Of the notice that was written last: an older one changes nothing.
    number INTEGER NOT NULL,
    agent TEXT NOT NULL,
    kind TEXT NOT NULL,
    tool TEXT NOT NULL,
    summary TEXT NOT NULL,
    effect TEXT NOT NULL,
    -- The worst effect has the lowest, so that it comes first.
    effect_rank INTEGER NOT NULL,
    reason TEXT NOT NULL,
    batch TEXT,
    starter TEXT,
    -- 1 if whoever started the run may not decide.
    no_self INTEGER NOT NULL,
    asked_at INTEGER NOT NULL,
    deadline INTEGER NOT NULL,
    -- The whole `ApprovalRequest` as JSON, secrets masked; empty once closed.
    request TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    closed_at INTEGER,
    PRIMARY KEY (chain, gate)
);
CREATE INDEX inbox_age ON inbox (asked_at, chain, gate) WHERE closed_at IS NULL;
CREATE INDEX inbox_deadline ON inbox (deadline, chain, gate) WHERE closed_at IS NULL;
CREATE INDEX inbox_effect ON inbox (effect_rank, asked_at, chain, gate) WHERE closed_at IS NULL;
CREATE INDEX inbox_workflow ON inbox (workflow_id);

-- Who may decide (`*`, `group:…`, `person:…`) and who has (`voted:…`).
CREATE TABLE inbox_audience (
    chain TEXT NOT NULL,
    gate TEXT NOT NULL,
    who TEXT NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (chain, gate, who)
);
CREATE INDEX inbox_audience_who ON inbox_audience (who, chain, gate);

-- What was done by and to people, each entry bound to the one before by its hash.
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    chain TEXT,
    -- Digest of salt, workflow id and body, which can be erased without it.
    content TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL,
    salt TEXT,
    workflow_id TEXT,
    body TEXT,
    erased_at INTEGER
);
CREATE INDEX audit_chain ON audit (chain, seq);
CREATE INDEX audit_kind ON audit (kind, seq);
CREATE INDEX audit_at ON audit (at, seq);
CREATE INDEX audit_workflow ON audit (workflow_id, seq);

-- Its end: whoever appends holds this row.
CREATE TABLE audit_head (
    id INTEGER PRIMARY KEY,
    seq INTEGER NOT NULL,
    hash TEXT NOT NULL
);
INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, '');

-- Decisions that hold for calls to come; a revoked one stays.
CREATE TABLE remembered (
    id TEXT PRIMARY KEY,
    -- Empty: all agents.
    agent TEXT NOT NULL,
    tool TEXT NOT NULL,
    -- The whole `Remembered` as JSON.
    decision TEXT NOT NULL,
    at INTEGER NOT NULL,
    revoked_at INTEGER,
    revoked_by TEXT
);

-- Counts up with each change of `remembered`.
CREATE TABLE remembered_version (
    id INTEGER PRIMARY KEY,
    version INTEGER NOT NULL
);
INSERT INTO remembered_version (id, version) VALUES (1, 0);

-- Which notice has been sent where.
CREATE TABLE deliveries (
    chain TEXT NOT NULL,
    number INTEGER NOT NULL,
    channel TEXT NOT NULL,
    -- SHA-256: an address may be a secret.
    target TEXT NOT NULL,
    workflow_id TEXT NOT NULL,
    -- When somebody began to send it, and until when nobody else does.
    claimed_at INTEGER NOT NULL,
    claimed_until INTEGER NOT NULL,
    sent_at INTEGER,
    PRIMARY KEY (chain, number, channel, target)
);
CREATE INDEX deliveries_workflow ON deliveries (workflow_id);

-- Links that were used.
CREATE TABLE spent_tokens (
    id TEXT PRIMARY KEY,
    expires_at INTEGER NOT NULL,
    spent_at INTEGER NOT NULL
);
CREATE INDEX spent_tokens_expires ON spent_tokens (expires_at);

-- Keys of the HTTP interface, by their hash alone.
CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,
    principal TEXT NOT NULL,
    -- A JSON list.
    groups TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
);

-- Chains of which no backup brings anything back.
CREATE TABLE forgotten (
    chain TEXT PRIMARY KEY,
    forgotten_at INTEGER NOT NULL
);
