-- What of a chat notifies its members.

-- Whether only what mentions the member does.
ALTER TABLE members ADD COLUMN mentions_only INTEGER NOT NULL DEFAULT 0 CHECK (mentions_only IN (0, 1));
