//! Every limit that people can run into, in one place. The server enforces them and the page says them.

/// Characters in a message, after trimming.
pub const BODY_CHARS: usize = 8_000;
/// Characters in a display name.
pub const DISPLAY_NAME_CHARS: usize = 60;
/// Characters in a group's name.
pub const GROUP_NAME_CHARS: usize = 80;
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
/// People named in one request.
pub const USERS_PER_REQUEST: usize = 1_000;
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
/// Messages on the page that the server renders, and that the client asks for.
pub const DEFAULT_PAGE_MESSAGES: usize = 50;
/// People in one answer of `search_users`.
pub const SEARCH_RESULTS: usize = 20;
/// Bytes in the body of a request that carries no files.
pub const FORM_BYTES: usize = 256 * 1024;
/// Bytes in a multipart body, until files can be attached.
pub const MULTIPART_BYTES: usize = 256 * 1024;
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
