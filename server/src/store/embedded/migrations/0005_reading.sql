-- How far people have read, and what else a chat is to each of its members alone: with the membership, so that it goes
-- with it. Everybody begins as having read everything.

-- Whether others see how far the person has read.
ALTER TABLE users ADD COLUMN read_receipts INTEGER NOT NULL DEFAULT 1 CHECK (read_receipts IN (0, 1));

-- The ordinal of the last message that the member has read.
ALTER TABLE members ADD COLUMN read_ordinal INTEGER NOT NULL DEFAULT 0 CHECK (read_ordinal >= 0);
-- The ordinal of the message from which on the chat counts as unread all the same.
ALTER TABLE members ADD COLUMN unread_from INTEGER CHECK (unread_from > 0);
ALTER TABLE members ADD COLUMN muted_until INTEGER;
ALTER TABLE members ADD COLUMN archived INTEGER NOT NULL DEFAULT 0 CHECK (archived IN (0, 1));
-- How often the member has changed one of these four.
ALTER TABLE members ADD COLUMN my_revision INTEGER NOT NULL DEFAULT 0 CHECK (my_revision >= 0);

UPDATE members SET read_ordinal = (SELECT c.head_ordinal FROM chats c WHERE c.id = members.chat_id);
