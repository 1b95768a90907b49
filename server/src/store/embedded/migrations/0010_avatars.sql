-- The pictures that stand for people and groups. They are files as those of messages are, which a person or a group has
-- instead of a message.

-- SQLite cannot change a CHECK: the table is made anew. Nothing refers to it yet.
CREATE TABLE new_attachments (
    id          BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 12),
    owner_id    BLOB    NOT NULL REFERENCES users (id),
    state       TEXT    NOT NULL CHECK (state IN ('arriving', 'attached', 'released', 'claimed')),
    -- Whether a person or a group has it, which says so itself, rather than a message.
    is_avatar   INTEGER NOT NULL DEFAULT 0 CHECK (is_avatar IN (0, 1) AND (is_avatar = 0 OR state = 'attached')),
    -- The message that has it, while one has.
    chat_id     BLOB,
    message_seq INTEGER,
    bytes       INTEGER CHECK (bytes >= 0),
    -- What pages are told of it: JSON.
    view        TEXT    CHECK (view <> ''),
    -- From when on it is collected.
    collect_at  INTEGER,
    FOREIGN KEY (chat_id, message_seq) REFERENCES messages (chat_id, seq),
    CHECK ((state = 'attached' AND is_avatar = 0) = (chat_id IS NOT NULL)),
    CHECK ((state = 'attached' AND is_avatar = 0) = (message_seq IS NOT NULL)),
    CHECK ((state = 'attached' AND is_avatar = 0) = (bytes IS NOT NULL)),
    CHECK ((state = 'attached' AND is_avatar = 0) = (view IS NOT NULL)),
    CHECK ((state = 'attached') = (collect_at IS NULL))
) STRICT, WITHOUT ROWID;

INSERT INTO new_attachments (id, owner_id, state, chat_id, message_seq, bytes, view, collect_at)
    SELECT id, owner_id, state, chat_id, message_seq, bytes, view, collect_at FROM attachments ORDER BY id;
DROP TABLE attachments;
ALTER TABLE new_attachments RENAME TO attachments;

CREATE INDEX attachments_by_message ON attachments (chat_id, message_seq) WHERE chat_id IS NOT NULL;
CREATE INDEX attachments_to_collect ON attachments (collect_at) WHERE collect_at IS NOT NULL;

ALTER TABLE users ADD COLUMN avatar_id BLOB REFERENCES attachments (id);
ALTER TABLE chats ADD COLUMN avatar_id BLOB REFERENCES attachments (id)
    CHECK (avatar_id IS NULL OR (kind = 'group' AND deleted_at IS NULL));

-- Nobody shares one; and who forgets a file need not look through all people and chats for it.
CREATE UNIQUE INDEX users_by_avatar ON users (avatar_id) WHERE avatar_id IS NOT NULL;
CREATE UNIQUE INDEX chats_by_avatar ON chats (avatar_id) WHERE avatar_id IS NOT NULL;

-- One more kind of what happens to chats rather than to their messages.
DROP INDEX events_of_chat;
CREATE INDEX events_of_chat ON events (chat_id, seq)
    WHERE body ->> '$.type' IN
        ('member_added', 'member_removed', 'role_changed', 'chat_renamed', 'chat_described', 'chat_avatar_changed');
