//! The client's frames: what they may be, how often they may come, and what answers them.

use std::time::{Duration, Instant};

use app::{
    domain::{ChatId, Seq, limits},
    error::{AppError, ErrorCode},
    ports::{BusMessage, Limit},
    protocol::{ClientFrame, Heads, Notice},
};
use axum::extract::ws::{Message, WebSocket};
use tokio::time::timeout;
use tungstenite::error::{Error as WsError, ProtocolError};

use super::{
    close::Close,
    encode,
    hub::Socket,
    outbox::Class,
    realtime::{Realtime, within},
    socket::{End, answer, flush, unless_closed, write},
};

/// One more frame is taken every so often …
const FRAME_EVERY: Duration = Duration::from_millis(50);
/// … and so many at once.
const FRAME_BURST: u32 = 40;
/// As many frames in a row that make no sense are a broken client.
const NONSENSE_IN_A_ROW: u8 = 10;
/// How often one person may resume, on all sockets together: each reads the store.
const RESUMES: Limit = Limit { name: "resume", burst: 40, period_ms: 500 };
/// How often one socket may say that somebody is writing in a chat.
const TYPING_EVERY: Duration = Duration::from_secs(2);
/// How often one person may, on all sockets together and in whichever chats: each goes to many.
const TYPING: Limit = Limit { name: "typing", burst: 10, period_ms: 1_000 };
/// Events that a resume reads at once.
const PAGE: usize = 100;
/// How long it may take to tell that somebody is writing.
const TYPING_WITHIN: Duration = Duration::from_secs(1);
/// How long a resume may take.
const RESUME_WITHIN: Duration = Duration::from_secs(10);

/// What a frame asks of the task that read it.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming {
    /// Nothing more.
    Done,
    /// To write what came after these heads.
    Resume(Heads),
    /// To tell the others in this chat that the person is writing.
    Typing(ChatId),
}

/// What is remembered of a client's frames: a few bytes per socket.
#[derive(Debug, Default)]
pub struct Reader {
    /// When the next frame would be on time if none had come early (the generic cell rate algorithm).
    due: Option<Instant>,
    nonsense: u8,
    /// Where the person has been said to be writing, within the last moments.
    typing: Vec<(ChatId, Instant)>,
}

impl Reader {
    /// Judges what came from the peer, and answers it unless that takes more than a look.
    pub fn read(
        &mut self,
        realtime: &Realtime,
        handle: &Socket,
        received: Option<Result<Message, axum::Error>>,
    ) -> Result<Incoming, End> {
        let message = match received {
            None => return Err(End::Gone),
            Some(Err(error)) => return Err(fault(error)),
            Some(Ok(message)) => message,
        };
        let now = Instant::now();
        realtime.parts.hub.heard_from(handle, now);
        if !self.in_time(now) {
            return Err(End::Close(Close::TooOften));
        }
        let text = match message {
            Message::Text(text) => text,
            Message::Binary(_) => return Err(End::Close(Close::Binary)),
            Message::Close(_) => return Err(End::Gone),
            Message::Ping(_) | Message::Pong(_) => return Ok(Incoming::Done),
        };
        let Ok(frame) = serde_json::from_str::<ClientFrame>(&text) else {
            self.nonsense += 1;
            if self.nonsense >= NONSENSE_IN_A_ROW {
                return Err(End::Close(Close::Nonsense));
            }
            refuse(handle, ErrorCode::InvalidRequest);
            return Ok(Incoming::Done);
        };
        self.nonsense = 0;
        match frame {
            ClientFrame::Ping {} => {
                let heads = realtime.parts.hub.heads_of(handle);
                answer(handle, &Notice::Heads { heads }, Class::Lossy);
                Ok(Incoming::Done)
            }
            ClientFrame::Resume { heads } if heads.len() > limits::CHATS_IN_LIST => {
                refuse(handle, ErrorCode::InvalidRequest);
                Ok(Incoming::Done)
            }
            ClientFrame::Typing { chat_id } => {
                let is_told =
                    self.typing_in_time(chat_id, now) && realtime.parts.hub.may_tell_typing(handle, chat_id);
                Ok(if is_told { Incoming::Typing(chat_id) } else { Incoming::Done })
            }
            ClientFrame::Resume { heads } => Ok(Incoming::Resume(heads)),
        }
    }

    /// Whether it is time to say again that the person is writing there. What is too early is passed over. Frames come
    /// so seldom that few chats are remembered.
    fn typing_in_time(&mut self, chat: ChatId, now: Instant) -> bool {
        self.typing.retain(|(_, at)| now.saturating_duration_since(*at) < TYPING_EVERY);
        let is_new = self.typing.iter().all(|(other, _)| *other != chat);
        if is_new {
            self.typing.push((chat, now));
        }
        is_new
    }

    fn in_time(&mut self, now: Instant) -> bool {
        let due = self.due.map_or(now, |due| due.max(now)) + FRAME_EVERY;
        self.due = Some(due);
        due.saturating_duration_since(now) <= FRAME_EVERY * FRAME_BURST
    }
}

/// What a fault of the stream means for the socket.
fn fault(error: axum::Error) -> End {
    let error = error.into_inner();
    match error.downcast_ref::<WsError>() {
        Some(WsError::Capacity(_)) => End::Close(Close::TooLarge),
        Some(WsError::Utf8(_)) => End::Close(Close::InvalidText),
        Some(WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => End::Gone,
        Some(WsError::Protocol(_)) => End::Close(Close::Protocol),
        _ => End::Gone,
    }
}

/// Tells the client that a frame was not understood or not allowed.
fn refuse(handle: &Socket, code: ErrorCode) {
    answer(handle, &Notice::Error { code, message: code.sentence().to_owned() }, Class::Lossy);
}

/// Brings what came after the client's heads: inline as far as that goes, else it is told to page.
pub async fn resume(
    realtime: &Realtime,
    handle: &Socket,
    socket: &mut WebSocket,
    theirs: Heads,
) -> Result<(), End> {
    unless_closed(&handle.outbox, async {
        let mut resume = Resume { realtime, handle, socket, left: limits::RESUME_EVENTS };
        match timeout(RESUME_WITHIN, resume.run(theirs)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(Stop::End(end))) => Err(end),
            Ok(Err(Stop::Refused(error))) => {
                if error.code == ErrorCode::TooManyRequests {
                    refuse(handle, error.code);
                    return Ok(());
                }
                // An error frame may be lost, and the client would wait for events that nobody sends: it
                // connects again, and so asks again.
                tracing::warn!(error = %error.chain(), "a resume failed");
                Err(End::Close(Close::NotReady))
            }
            Err(_elapsed) => Err(End::Close(Close::Overflow)),
        }
    })
    .await
}

/// Tells the others in the chat that the socket's person is writing, but for whom they have blocked; unless they are in
/// very many at once: that is passed over, as nobody waits for it.
pub async fn typing(realtime: &Realtime, handle: &Socket, chat_id: ChatId) {
    let user_id = handle.user;
    // It keeps its socket from everything else: so not for long, and not from being closed.
    let told = within(TYPING_WITHIN, async {
        realtime.parts.limiter.take(TYPING, &user_id.to_string()).await?;
        let blocked = realtime.parts.presence.blocked_by(user_id).await?;
        let except = blocked.into_iter().collect();
        let frame =
            serde_json::to_string(&Notice::Typing { chat_id, user_id }).map_err(AppError::internal)?;
        realtime.parts.bus.publish(BusMessage::Typing { chat_id, user_id, except, frame: frame.into() }).await
    });
    tokio::select! {
        biased;
        // Whoever serves the socket sees that as well.
        _close = handle.outbox.closing() => {}
        done = told => if let Err(error) = done {
            tracing::debug!(error = %error.chain(), "that somebody is writing could not be told");
        }
    }
}

/// Why a resume stopped half-way.
enum Stop {
    End(End),
    Refused(AppError),
}

impl From<End> for Stop {
    fn from(end: End) -> Self {
        Self::End(end)
    }
}

impl From<AppError> for Stop {
    fn from(error: AppError) -> Self {
        Self::Refused(error)
    }
}

struct Resume<'a> {
    realtime: &'a Realtime,
    handle: &'a Socket,
    socket: &'a mut WebSocket,
    /// How many more events go inline.
    left: usize,
}

impl Resume<'_> {
    async fn run(&mut self, theirs: Heads) -> Result<(), Stop> {
        let parts = &self.realtime.parts;
        parts.limiter.take(RESUMES, &self.handle.user.to_string()).await?;
        let ours = self.realtime.in_turn(parts.store.heads_of(self.handle.user)).await?;
        for (chat_id, known) in theirs {
            if !parts.hub.is_in(self.handle, chat_id) {
                self.send(&Notice::ChatRemoved { chat_id }).await?;
                continue;
            }
            // In the room but not in the store's list: news of that is on its way.
            let Some(&head) = ours.get(&chat_id) else { continue };
            if known == head {
                continue;
            }
            // A head beyond the log is one from before the database was put back to a backup.
            let missing = head.0.checked_sub(known.0).and_then(|missing| usize::try_from(missing).ok());
            let reached = match missing {
                Some(missing) if missing <= self.left => self.send_events(chat_id, known, head).await?,
                _ => known,
            };
            if (reached < head || known > head) && parts.hub.is_in(self.handle, chat_id) {
                self.send(&Notice::Limited { chat_id, head }).await?;
            }
        }
        flush(self.socket, &self.handle.outbox).await?;
        Ok(())
    }

    /// Sends the events after `known` up to `head` at least. Returns how far it came: less if the log
    /// has a hole or the socket was taken out of the chat meanwhile.
    async fn send_events(&mut self, chat: ChatId, known: Seq, head: Seq) -> Result<Seq, Stop> {
        let parts = &self.realtime.parts;
        let mut reached = known;
        while reached < head {
            let page = parts.store.events_after(chat, reached, PAGE.min(self.left));
            let page = self.realtime.in_turn(page).await?;
            if page.is_empty() || !parts.hub.is_in(self.handle, chat) {
                break;
            }
            for event in page {
                if event.seq != reached.next() {
                    return Ok(reached);
                }
                self.send(&event).await?;
                reached = event.seq;
                self.left = self.left.saturating_sub(1);
            }
        }
        Ok(reached)
    }

    /// Written at once rather than queued: a resume may be larger than the queue, and what is queued
    /// meanwhile comes after it.
    async fn send(&mut self, frame: &impl serde::Serialize) -> Result<(), Stop> {
        let frame = encode(frame)?;
        Ok(write(self.socket, &self.handle.outbox, Message::Text(frame)).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_of_frames_is_taken_and_a_steady_flow_but_not_both() {
        let mut reader = Reader::default();
        let mut now = Instant::now();
        assert!((0..FRAME_BURST).all(|_| reader.in_time(now)));
        assert!(!reader.in_time(now));

        let mut reader = Reader::default();
        for _ in 0..1_000 {
            assert!(reader.in_time(now));
            now += FRAME_EVERY;
        }
    }

    #[test]
    fn that_somebody_is_writing_is_passed_on_now_and_then_in_each_chat() {
        let [one, two] = [1, 2].map(|n| ChatId::from_bytes([n; 12]));
        let mut reader = Reader::default();
        let mut now = Instant::now();
        assert!(reader.typing_in_time(one, now) && reader.typing_in_time(two, now));
        now += TYPING_EVERY / 2;
        assert!(!reader.typing_in_time(one, now), "too early");
        now += TYPING_EVERY / 2;
        assert!(reader.typing_in_time(one, now));
        now += TYPING_EVERY;
        assert!(reader.typing_in_time(one, now));
        assert_eq!(reader.typing.len(), 1, "what is long ago is forgotten");
    }
}
