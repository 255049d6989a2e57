-- To which services a person, a team, an organisation or an agent is connected. What is secret is
-- sealed before it gets here.
CREATE TABLE connections (
    id TEXT PRIMARY KEY,
    -- `user:…`, `team:…`, `org:…` or `agent:…`.
    principal TEXT NOT NULL,
    integration TEXT NOT NULL,
    name TEXT NOT NULL,
    -- The integration's way to prove who it is.
    method TEXT NOT NULL,
    -- `connected`, `needs_reauth`, `revoked`.
    state TEXT NOT NULL,
    -- What anybody may see who sees the connection, as JSON.
    facts TEXT NOT NULL,
    -- The data key, sealed by the key of that id.
    key_id TEXT NOT NULL,
    wrapped TEXT NOT NULL,
    -- The secrets, sealed by the data key.
    sealed TEXT NOT NULL,
    expires_at BIGINT,
    -- Counts up with each change of `sealed`, which is bound to it.
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (principal, integration, name)
);

-- What the operator is registered as at the services.
CREATE TABLE oauth_apps (
    integration TEXT NOT NULL,
    name TEXT NOT NULL,
    facts TEXT NOT NULL,
    key_id TEXT NOT NULL,
    wrapped TEXT NOT NULL,
    sealed TEXT NOT NULL,
    version BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (integration, name)
);

-- Consents that somebody was asked for and has not given yet.
CREATE TABLE consents (
    -- SHA-256 of what the vendor gives back.
    state TEXT PRIMARY KEY,
    connection TEXT NOT NULL,
    facts TEXT NOT NULL,
    key_id TEXT NOT NULL,
    wrapped TEXT NOT NULL,
    sealed TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX consents_expires ON consents (expires_at);

-- Which process is at something that one alone may do, and until when.
CREATE TABLE leases (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    until BIGINT NOT NULL
);
