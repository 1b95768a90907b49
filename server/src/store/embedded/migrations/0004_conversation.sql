-- Edits, reactions, pins, and what a message answers.

ALTER TABLE messages ADD COLUMN edited_at INTEGER CHECK (edited_at IS NULL OR deleted_at IS NULL);
ALTER TABLE messages ADD COLUMN pinned_at INTEGER CHECK (pinned_at IS NULL OR deleted_at IS NULL);
-- The last event that changed it; 0 if none did.
ALTER TABLE messages ADD COLUMN changed_seq INTEGER NOT NULL DEFAULT 0
    CHECK (changed_seq = 0 OR changed_seq > seq);
-- The place of the message that it answers. Messages stay in their places until their chat goes.
ALTER TABLE messages ADD COLUMN reply_seq INTEGER
    CHECK (reply_seq IS NULL OR (reply_seq BETWEEN 1 AND seq - 1 AND deleted_at IS NULL));
-- The places of the events that changed its text: a JSON array.
ALTER TABLE messages ADD COLUMN edit_seqs TEXT NOT NULL DEFAULT '[]'
    CHECK (edit_seqs <> '' AND (edit_seqs = '[]') = (edited_at IS NULL));
-- Its reactions as pages are told of them: a JSON array. Written with the rows of `reactions`.
ALTER TABLE messages ADD COLUMN reactions TEXT NOT NULL DEFAULT '[]'
    CHECK (reactions <> '' AND (reactions = '[]' OR deleted_at IS NULL));

CREATE INDEX messages_pinned ON messages (chat_id, pinned_at) WHERE pinned_at IS NOT NULL;

-- Who has put what under which message. By person first: what is asked is which of them are somebody's own.
CREATE TABLE reactions (
    chat_id     BLOB    NOT NULL,
    message_seq INTEGER NOT NULL,
    user_id     BLOB    NOT NULL REFERENCES users (id),
    emoji       TEXT    NOT NULL CHECK (emoji <> ''),
    PRIMARY KEY (chat_id, message_seq, user_id, emoji),
    FOREIGN KEY (chat_id, message_seq) REFERENCES messages (chat_id, seq)
) STRICT, WITHOUT ROWID;
