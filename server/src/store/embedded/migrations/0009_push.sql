-- Web Push: where a session's browser is told of messages while no page is open. It lives with the session, and ends
-- with it.

ALTER TABLE sessions ADD COLUMN push_endpoint TEXT
    CHECK (length(CAST(push_endpoint AS BLOB)) BETWEEN 1 AND 2048);
-- The browser's public key, an uncompressed point, and the secret that is shared with it.
ALTER TABLE sessions ADD COLUMN push_p256dh BLOB
    CHECK ((push_p256dh IS NULL) = (push_endpoint IS NULL) AND length(push_p256dh) = 65);
ALTER TABLE sessions ADD COLUMN push_auth BLOB
    CHECK ((push_auth IS NULL) = (push_endpoint IS NULL) AND length(push_auth) = 16);

CREATE UNIQUE INDEX sessions_by_endpoint ON sessions (push_endpoint) WHERE push_endpoint IS NOT NULL;
CREATE INDEX sessions_with_push ON sessions (user_id) WHERE push_endpoint IS NOT NULL;
