-- Searching messages.

-- The place of the message in the order in which messages were stored, over all chats: its number in the index.
ALTER TABLE messages ADD COLUMN position INTEGER CHECK (position > 0);

UPDATE messages SET position = places.position
    FROM (SELECT chat_id, seq, row_number() OVER (ORDER BY created_at, id) AS position FROM messages) places
    WHERE places.chat_id = messages.chat_id AND places.seq = messages.seq;

CREATE UNIQUE INDEX messages_by_position ON messages (position);

-- The grams of messages, by position, with their chat, their sender and whether they have files. Written behind the
-- messages, in groups: what is after `search_progress.indexed` is not in it yet.
CREATE VIRTUAL TABLE search USING fts5
    (grams, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii');

CREATE TABLE search_progress (
    only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
    indexed  INTEGER NOT NULL CHECK (indexed >= 0)
) STRICT, WITHOUT ROWID;

INSERT INTO search_progress (only_row, indexed) VALUES (1, 0);
