-- The chats that somebody made: who made a chat is its first member.

CREATE INDEX members_who_made ON members (user_id) WHERE position = 1;
