-- When people were last there, and whom they have blocked.

-- Whether others see when the person was last there.
ALTER TABLE users ADD COLUMN show_last_seen INTEGER NOT NULL DEFAULT 1 CHECK (show_last_seen IN (0, 1));
ALTER TABLE users ADD COLUMN last_seen_at INTEGER;

CREATE TABLE blocks (
    blocker_id BLOB    NOT NULL REFERENCES users (id),
    blocked_id BLOB    NOT NULL REFERENCES users (id),
    blocked_at INTEGER NOT NULL,
    PRIMARY KEY (blocker_id, blocked_id),
    CHECK (blocker_id <> blocked_id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX blocks_by_blocked ON blocks (blocked_id, blocker_id);

-- The same of a direct chat's two people, where every write to it looks.
ALTER TABLE chats ADD COLUMN blocked_by_low INTEGER NOT NULL DEFAULT 0
    CHECK (blocked_by_low IN (0, 1) AND (blocked_by_low = 0 OR kind = 'direct'));
ALTER TABLE chats ADD COLUMN blocked_by_high INTEGER NOT NULL DEFAULT 0
    CHECK (blocked_by_high IN (0, 1) AND (blocked_by_high = 0 OR kind = 'direct'));
