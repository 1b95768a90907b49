//! Every limit that people can run into, in one place. The server enforces them and the page says them.

/// Characters in a message, after trimming.
pub const BODY_CHARS: usize = 8_000;
/// Characters of a message that are shown where another one answers it.
pub const QUOTE_CHARS: usize = 200;
/// How often the text of one message can be changed.
pub const EDITS_PER_MESSAGE: usize = 200;
/// Different emoji under one message.
pub const REACTIONS_PER_MESSAGE: usize = 20;
/// People that are named with an emoji under a message, at most: of more there is only their number.
pub const REACTION_USERS: usize = 20;
/// Names that one message mentions; what is named beyond them is text.
pub const MENTIONS_PER_MESSAGE: usize = 50;
/// Messages that mention somebody and are unread, as far as a chat says which: the newest ones.
pub const MENTIONS_PER_CHAT: usize = 100;
/// Pinned messages of a chat.
pub const PINS_PER_CHAT: usize = 100;
/// In chats with more members than this nobody is told how far others have read, nor that they are writing.
pub const RECEIPT_MEMBERS: usize = 100;
/// Characters in a display name.
pub const DISPLAY_NAME_CHARS: usize = 60;
/// Characters in a group's name.
pub const GROUP_NAME_CHARS: usize = 80;
/// Characters in what a group says about itself.
pub const DESCRIPTION_CHARS: usize = 500;
/// Characters in what somebody says about themselves.
pub const ABOUT_CHARS: usize = 500;
/// Bytes in an e-mail address (RFC 5321, section 4.5.3.1.3).
pub const EMAIL_BYTES: usize = 254;
/// The fewest characters in a password.
pub const PASSWORD_MIN_CHARS: usize = 8;
/// The most characters in a password; a longer one is refused before it is hashed.
pub const PASSWORD_MAX_CHARS: usize = 256;
/// Members of a group.
pub const GROUP_MEMBERS: usize = 20_000;
/// Members of a chat that a page shows at once, and that one part of the list has.
pub const MEMBERS_AT_ONCE: usize = 100;
/// Invitations to one group that are good at the same time.
pub const INVITES_PER_CHAT: usize = 50;
/// For how long an invitation that expires is good, in seconds: at least.
pub const INVITE_SECONDS_LEAST: u64 = 60;
/// For how long an invitation that expires is good, in seconds: at most.
pub const INVITE_SECONDS_MOST: u64 = 366 * 24 * 60 * 60;
/// How many people may join by an invitation that counts them.
pub const INVITE_USES: u32 = 20_000;
/// People named in one request.
pub const USERS_PER_REQUEST: usize = 1_000;
/// People that somebody can have blocked.
pub const BLOCKED_PER_USER: usize = 1_000;
/// Groups that a profile names as shared with the reader.
pub const SHARED_GROUPS: usize = 20;
/// Members that a chat shows in a list of chats; `get_chat` gives all of them.
pub const MEMBERS_IN_LIST: usize = 20;
/// Chats that somebody is in and has made: groups, and direct chats that they opened. Who has as many cannot
/// make another one. Being added by others counts for those others, so that nobody can use up somebody
/// else's.
pub const CHATS_MADE_PER_USER: usize = 1_000;
/// Chats in a list of chats: the last active ones, if somebody is in more.
pub const CHATS_IN_LIST: usize = 1_000;
/// Messages on one page of history.
pub const PAGE_MESSAGES: usize = 100;
/// What else happened to the chat that one page of history tells, at most.
pub const EVENTS_PER_PAGE: usize = 200;
/// Messages on the page that the server renders, and that the client asks for.
pub const DEFAULT_PAGE_MESSAGES: usize = 50;
/// Characters of what messages are searched for.
pub const SEARCH_CHARS: usize = 200;
/// Messages in one answer of `search_messages`.
pub const SEARCH_PAGE_MESSAGES: usize = 30;
/// People in one answer of `search_users`.
pub const SEARCH_RESULTS: usize = 20;
/// Bytes in the body of a request that carries no files.
pub const FORM_BYTES: usize = 256 * 1024;
/// Bytes in a multipart body besides its files.
pub const MULTIPART_TEXT_BYTES: usize = 256 * 1024;
/// Files of one message, unless the server is told otherwise.
pub const FILES_PER_MESSAGE: usize = 10;
/// The most files of one message that a server can be told to take.
pub const MOST_FILES_PER_MESSAGE: usize = 50;
/// Bytes of one file, unless the server is told otherwise.
pub const FILE_BYTES: u64 = 25 * 1024 * 1024;
/// Bytes of all files of one person together, unless the server is told otherwise.
pub const USER_FILES_BYTES: u64 = 10 * 1024 * 1024 * 1024;
/// For how long a file is kept after its message or chat was deleted, in seconds: who is reading it right then
/// can finish. It counts no longer as theirs, so the time is short: whoever sends and deletes without end fills
/// the disk only as far as this and the rate of uploads allow.
pub const RELEASED_GRACE_SECONDS: i64 = 60 * 60;
/// Characters in a file's name.
pub const FILE_NAME_CHARS: usize = 255;
/// Characters in what is said of a picture for those who do not see it.
pub const ALT_TEXT_CHARS: usize = 500;
/// Pixels of a picture that is decoded.
pub const IMAGE_PIXELS: u64 = 50_000_000;
/// Pixels along the longer side of a thumbnail, as it stands in a conversation.
pub const THUMBNAIL_SIDE: u32 = 640;
/// Pixels along the longer side of a preview, as it fills a screen.
pub const PREVIEW_SIDE: u32 = 1_920;
/// Pixels along each side of the picture that stands for a person or a group.
pub const AVATAR_SIDE: u32 = 256;
/// Characters of a text file's first lines.
pub const EXCERPT_CHARS: usize = 600;
/// Lines of a text file that are shown.
pub const EXCERPT_LINES: usize = 8;
/// Bytes in a frame from a client.
pub const SOCKET_FRAME_BYTES: usize = 64 * 1024;
/// Events that a `resume` brings inline; beyond that the client is told to page.
pub const RESUME_EVENTS: usize = 500;
/// Frames waiting in one socket's queue.
pub const QUEUE_FRAMES: usize = 256;
/// Bytes waiting in one socket's queue.
pub const QUEUE_BYTES: usize = 1024 * 1024;
/// Sessions of one account that live at once. One more sign-in ends the one that was not used for longest.
pub const SESSIONS_PER_USER: usize = 100;
/// Sessions that the store is asked for at once.
pub const SESSIONS_PER_READ: usize = 1_000;
/// Sockets that one person may hold at once on one node.
pub const SOCKETS_PER_USER: usize = 10;
/// In chats with more members than this, presence is not announced to everybody: with `n` people
/// connecting at once it would cost `n²` frames. Their members' presence comes with the member list.
pub const PRESENCE_MEMBERS: usize = 500;
/// In chats with more members than this nobody is told of messages by Web Push.
pub const PUSH_MEMBERS: usize = 500;
/// Browsers that are told of one message.
pub const PUSH_TARGETS: usize = 2_000;
/// Bytes of what a browser is told by Web Push: what every push service takes, less what encryption adds.
pub const PUSH_BYTES: usize = 3_000;
/// Bytes in the address at which a browser is told.
pub const PUSH_ENDPOINT_BYTES: usize = 2_048;
