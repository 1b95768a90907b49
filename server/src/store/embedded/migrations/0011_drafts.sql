-- What people are writing and have not sent: one for each member of a chat, which goes with the membership.

CREATE TABLE drafts (
    chat_id   BLOB    NOT NULL,
    user_id   BLOB    NOT NULL,
    -- The id that its message will have, or has.
    client_id BLOB    NOT NULL CHECK (length(client_id) = 16),
    -- Empty, with nothing that it answers, if it was sent or taken away: its revision stays.
    body      TEXT    NOT NULL CHECK (length(body) <= 8000),
    -- The id of the message that it answers.
    reply_to  BLOB    CHECK (length(reply_to) = 12),
    revision  INTEGER NOT NULL CHECK (revision > 0),
    -- From which revision on each was made of the one before.
    since     INTEGER NOT NULL CHECK (since BETWEEN 1 AND revision),
    saved_at  INTEGER NOT NULL,
    PRIMARY KEY (chat_id, user_id),
    FOREIGN KEY (chat_id, user_id) REFERENCES members (chat_id, user_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX drafts_by_user ON drafts (user_id, saved_at);
