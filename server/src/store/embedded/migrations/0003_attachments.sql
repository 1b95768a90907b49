-- Files that travel with messages.

-- Bytes of all files that the person has sent and that are still attached.
ALTER TABLE users ADD COLUMN attached_bytes INTEGER NOT NULL DEFAULT 0 CHECK (attached_bytes >= 0);

-- SQLite cannot change a CHECK: the table is made anew. Nothing refers to it yet.
CREATE TABLE new_messages (
    chat_id     BLOB    NOT NULL,
    seq         INTEGER NOT NULL,
    ordinal     INTEGER NOT NULL CHECK (ordinal BETWEEN 1 AND seq),
    id          BLOB    NOT NULL UNIQUE CHECK (length(id) = 12),
    sender_id   BLOB    NOT NULL REFERENCES users (id),
    client_id   BLOB    NOT NULL CHECK (length(client_id) = 16),
    body        TEXT    NOT NULL CHECK (length(body) <= 8000),
    -- Its files as pages are told of them: a JSON array.
    attachments TEXT    NOT NULL DEFAULT '[]' CHECK (attachments <> ''),
    created_at  INTEGER NOT NULL,
    -- When it was deleted. Its text and files are gone then; its place stays.
    deleted_at  INTEGER,
    PRIMARY KEY (chat_id, seq),
    UNIQUE (chat_id, ordinal),
    UNIQUE (sender_id, client_id),
    FOREIGN KEY (chat_id, seq) REFERENCES events (chat_id, seq),
    CHECK ((body = '' AND attachments = '[]') = (deleted_at IS NOT NULL))
) STRICT, WITHOUT ROWID;

INSERT INTO new_messages (chat_id, seq, ordinal, id, sender_id, client_id, body, created_at)
    SELECT chat_id, seq, ordinal, id, sender_id, client_id, body, created_at
    FROM messages ORDER BY chat_id, seq;
DROP TABLE messages;
ALTER TABLE new_messages RENAME TO messages;

-- Every content that is kept has its row here, and every row of a message's file its message.
CREATE TABLE attachments (
    id          BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 12),
    owner_id    BLOB    NOT NULL REFERENCES users (id),
    state       TEXT    NOT NULL CHECK (state IN ('arriving', 'attached', 'released', 'claimed')),
    -- The message that has it, while one has.
    chat_id     BLOB,
    message_seq INTEGER,
    bytes       INTEGER CHECK (bytes >= 0),
    -- What pages are told of it: JSON.
    view        TEXT    CHECK (view <> ''),
    -- From when on it is collected.
    collect_at  INTEGER,
    FOREIGN KEY (chat_id, message_seq) REFERENCES messages (chat_id, seq),
    CHECK ((state = 'attached') = (chat_id IS NOT NULL)),
    CHECK ((state = 'attached') = (message_seq IS NOT NULL)),
    CHECK ((state = 'attached') = (bytes IS NOT NULL)),
    CHECK ((state = 'attached') = (view IS NOT NULL)),
    CHECK ((state = 'attached') = (collect_at IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX attachments_by_message ON attachments (chat_id, message_seq) WHERE chat_id IS NOT NULL;
CREATE INDEX attachments_to_collect ON attachments (collect_at) WHERE collect_at IS NOT NULL;
