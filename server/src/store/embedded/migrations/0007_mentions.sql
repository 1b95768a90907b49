-- Whom messages mention.

-- As pages are told of it: JSON. Null if it is nobody.
ALTER TABLE messages ADD COLUMN mentions TEXT
    CHECK (mentions IS NULL OR (mentions <> '' AND deleted_at IS NULL));

-- A row for each person that a message mentions, but its sender. Twelve zeros stand for everybody in the group. It
-- stays when the person leaves, and is shown to members alone.
CREATE TABLE mentions (
    chat_id   BLOB    NOT NULL,
    user_id   BLOB    NOT NULL CHECK (length(user_id) = 12),
    ordinal   INTEGER NOT NULL,
    sender_id BLOB    NOT NULL CHECK (sender_id <> user_id),
    PRIMARY KEY (chat_id, user_id, ordinal),
    FOREIGN KEY (chat_id, ordinal) REFERENCES messages (chat_id, ordinal)
) STRICT, WITHOUT ROWID;

-- By what a name is found. The names of before are written in one form of each character as the file is opened.
CREATE INDEX users_by_name ON users (name_key);
