-- People and groups: what a group says about itself, and the invitations to it.

ALTER TABLE chats ADD COLUMN description TEXT NOT NULL DEFAULT ''
    CHECK (length(description) <= 500 AND (description = '' OR kind = 'group'));

-- The links by which people join groups.
CREATE TABLE invites (
    id         BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 12),
    chat_id    BLOB    NOT NULL REFERENCES chats (id),
    -- The SHA-256 of the token in the link, which is shown once.
    token_hash BLOB    NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    created_by BLOB    NOT NULL REFERENCES users (id),
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    max_uses   INTEGER CHECK (max_uses > 0),
    uses       INTEGER NOT NULL DEFAULT 0 CHECK (uses >= 0 AND (max_uses IS NULL OR uses <= max_uses))
) STRICT, WITHOUT ROWID;

CREATE INDEX invites_by_chat ON invites (chat_id, id);

-- What happened to chats rather than to their messages: shown between them.
CREATE INDEX events_of_chat ON events (chat_id, seq)
    WHERE body ->> '$.type' IN
        ('member_added', 'member_removed', 'role_changed', 'chat_renamed', 'chat_described');

CREATE INDEX messages_by_time ON messages (chat_id, created_at, seq);
