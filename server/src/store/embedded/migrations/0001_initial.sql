-- The first schema. Ids are twelve bytes, times are milliseconds since 1970 in UTC.
--
-- The events are the truth: the insert of an event under its unique (chat_id, seq) is the commit point.
-- Messages, members and the heads in chats are projections, written in the same transaction.

CREATE TABLE users (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 12),
    email         TEXT    NOT NULL UNIQUE CHECK (length(CAST(email AS BLOB)) BETWEEN 3 AND 254 AND email = lower(email)),
    display_name  TEXT    NOT NULL CHECK (length(display_name) BETWEEN 1 AND 60),
    -- The display name in lower case: what lists of people are ordered by.
    name_key      TEXT    NOT NULL,
    about         TEXT    NOT NULL DEFAULT '' CHECK (length(about) <= 500),
    password_hash TEXT    NOT NULL CHECK (password_hash <> ''),
    created_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The words under which a person is found.
CREATE TABLE user_words (
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    word    TEXT NOT NULL CHECK (word <> ''),
    PRIMARY KEY (user_id, word)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX user_words_by_word ON user_words (word, user_id);

CREATE TABLE sessions (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 12),
    user_id      BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    user_agent   TEXT    NOT NULL CHECK (length(CAST(user_agent AS BLOB)) <= 300),
    address      TEXT    NOT NULL CHECK (length(CAST(address AS BLOB)) <= 100),
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_by_user ON sessions (user_id, last_used_at);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- Refresh tokens, by the SHA-256 of the token. A token that was exchanged stays, so that its reuse shows.
CREATE TABLE refresh_tokens (
    hash        BLOB    NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
    session_id  BLOB    NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    replaced_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id);
CREATE INDEX refresh_tokens_replaced ON refresh_tokens (replaced_at) WHERE replaced_at IS NOT NULL;

CREATE TABLE chats (
    id               BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 12),
    kind             TEXT    NOT NULL CHECK (kind IN ('direct', 'group')),
    name             TEXT    CHECK (length(name) BETWEEN 1 AND 80),
    -- A direct chat's two people, the lower id first, so that a pair is unique whoever asked.
    pair_low         BLOB    REFERENCES users (id),
    pair_high        BLOB    REFERENCES users (id),
    created_at       INTEGER NOT NULL,
    head_seq         INTEGER NOT NULL DEFAULT 0 CHECK (head_seq >= 0),
    head_ordinal     INTEGER NOT NULL DEFAULT 0 CHECK (head_ordinal BETWEEN 0 AND head_seq),
    member_count     INTEGER NOT NULL DEFAULT 0 CHECK (member_count >= 0),
    -- The last position that was given to a member.
    last_position    INTEGER NOT NULL DEFAULT 0 CHECK (last_position >= member_count),
    -- When the last message was sent; before that, when the chat was made.
    last_activity_at INTEGER NOT NULL,
    -- Set once, with the last event. The log of a deleted chat is removed later, in slices.
    deleted_at       INTEGER,
    CHECK ((kind = 'group') = (name IS NOT NULL)),
    CHECK ((pair_low IS NULL) = (pair_high IS NULL)),
    CHECK ((kind = 'direct' AND deleted_at IS NULL) = (pair_low IS NOT NULL)),
    CHECK (pair_low < pair_high),
    CHECK (deleted_at IS NULL OR member_count = 0)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX chats_by_pair ON chats (pair_low, pair_high) WHERE pair_low IS NOT NULL;
CREATE INDEX chats_deleted ON chats (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE members (
    chat_id   BLOB    NOT NULL REFERENCES chats (id),
    user_id   BLOB    NOT NULL REFERENCES users (id),
    role      TEXT    NOT NULL CHECK (role IN ('member', 'admin')),
    joined_at INTEGER NOT NULL,
    -- Orders members who joined in the same millisecond.
    position  INTEGER NOT NULL CHECK (position > 0),
    PRIMARY KEY (chat_id, user_id),
    UNIQUE (chat_id, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX members_by_user ON members (user_id, chat_id);

CREATE TABLE events (
    chat_id  BLOB    NOT NULL REFERENCES chats (id),
    seq      INTEGER NOT NULL CHECK (seq > 0),
    at       INTEGER NOT NULL,
    actor_id BLOB    NOT NULL REFERENCES users (id),
    -- What happened, as the JSON of the protocol.
    body     TEXT    NOT NULL CHECK (body <> ''),
    PRIMARY KEY (chat_id, seq)
) STRICT, WITHOUT ROWID;

-- Clustered by chat, so that a page of history lies together.
CREATE TABLE messages (
    chat_id    BLOB    NOT NULL,
    seq        INTEGER NOT NULL,
    ordinal    INTEGER NOT NULL CHECK (ordinal BETWEEN 1 AND seq),
    id         BLOB    NOT NULL UNIQUE CHECK (length(id) = 12),
    sender_id  BLOB    NOT NULL REFERENCES users (id),
    client_id  BLOB    NOT NULL CHECK (length(client_id) = 16),
    body       TEXT    NOT NULL CHECK (length(body) BETWEEN 1 AND 8000),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (chat_id, seq),
    UNIQUE (chat_id, ordinal),
    UNIQUE (sender_id, client_id),
    FOREIGN KEY (chat_id, seq) REFERENCES events (chat_id, seq)
) STRICT, WITHOUT ROWID;
