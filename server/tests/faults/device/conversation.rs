//! Sending, and fetching what was missed: as `ui/state/{mod,sending,conversation}.rs` do it, with every chat of
//! the device open at once.

use std::{sync::Arc, time::Duration};

use app::{
    domain::{ChatId, ClientId},
    error::{AppError, AppResult, ErrorCode},
    protocol::{ClientFrame, HistoryPage, MessageView},
    ui::state::{
        effects::{Effects, slices},
        model::Model,
        outbox::Delivery,
        timeline::{Phase, Timeline},
    },
};

use super::{Done, Running, now};
use crate::evidence::Place;

/// When it is asked again for what did not come, at the earliest, and how much later at the latest.
const EARLIEST_AGAIN_MS: u64 = 2_000;
const SPREAD_AGAIN_MS: f64 = 3_000.0;
/// Messages among which one that waits is looked for.
const LATEST: usize = 500;

impl Running {
    /// A task has come to its end.
    pub(super) async fn done(&mut self, done: Done) {
        match done {
            Done::Connected(stream) => self.connected(stream),
            Done::Reconnect if self.is_away => {}
            Done::Reconnect => self.connect(),
            Done::AskedWho(answer) => self.asked_who(answer.err().map(|error| error.code)),
            Done::Sent { chat, client_id, answer, under_way } => {
                self.sent(chat, client_id, answer);
                drop(under_way);
            }
            Done::TryAgain(client_id) => {
                if let Some(chat) = self.outbox.requeue(client_id, false) {
                    self.pump(chat);
                }
            }
            Done::CaughtUp { chat, answer: Ok((view, pages)) } => {
                self.append(chat, pages);
                self.change(|model, effects| model.caught_up(view, effects)).await;
                self.heal(chat);
            }
            Done::CaughtUp { chat, answer: Err(error) } | Done::Restarted { chat, answer: Err(error) } => {
                self.model.catch_up_failed(chat);
                self.fetch_later(&error);
            }
            Done::Restarted { chat, answer: Ok(view) } => {
                if self.change(|model, effects| model.restarted(view, effects)).await {
                    self.open(chat);
                }
            }
            Done::Fetched { chat, answer } => {
                self.being_fetched.remove(&chat);
                match answer {
                    Ok(view) => self.change(|model, effects| model.fetched(view, effects)).await,
                    Err(error) if error.code == ErrorCode::NotFound => self.model.remove(chat),
                    Err(error) => {
                        self.model.fetch_failed(chat);
                        self.fetch_later(&error);
                    }
                }
            }
            Done::Listed(answer) => {
                self.list_under_way = false;
                match answer {
                    Ok(list) => self.change(|model, effects| model.listed(list, effects)).await,
                    Err(error) => {
                        self.model.list_failed();
                        self.fetch_later(&error);
                    }
                }
            }
            Done::Loaded { chat, opening, answer } => self.loaded(chat, opening, answer),
            Done::Healed { chat, answer } => match answer {
                Ok(pages) => self.append(chat, pages),
                Err(error) => self.fetch_later(&error),
            },
            Done::AskAgain => {
                self.asking_later = false;
                if self.is_greeted && self.stream.is_some() {
                    self.change(Model::ask_again).await;
                }
            }
        }
        self.settle();
    }

    /// Does what the model asks for.
    pub(super) async fn carry_out(&mut self, effects: &mut Effects) {
        self.show(std::mem::take(&mut effects.shown));
        for event in std::mem::take(&mut effects.changed) {
            if let Some(timeline) = self.timelines.get_mut(&event.chat_id) {
                timeline.change(event, Some(self.me));
            }
        }
        if !self.habits.fetches_gaps {
            return;
        }
        for id in std::mem::take(&mut effects.refetch) {
            self.catch_up(id);
        }
        for chat in std::mem::take(&mut effects.restart) {
            let http = self.http.clone();
            self.tasks.spawn(async move { Done::Restarted { chat, answer: http.chat(chat).await } });
        }
        for chat in std::mem::take(&mut effects.fetch) {
            if self.being_fetched.insert(chat) {
                let http = self.http.clone();
                self.tasks.spawn(async move { Done::Fetched { chat, answer: http.chat(chat).await } });
            }
        }
        for chat in std::mem::take(&mut effects.returned) {
            self.open(chat);
        }
        if std::mem::take(&mut effects.refetch_list) && !self.list_under_way {
            self.list_under_way = true;
            let http = self.http.clone();
            self.tasks.spawn(async move { Done::Listed(http.chats().await) });
        }
        for heads in slices(std::mem::take(&mut effects.resume)) {
            self.send(&ClientFrame::Resume { heads }).await;
        }
        if std::mem::take(&mut effects.retry) {
            self.ask_later();
        }
    }

    fn show(&mut self, messages: Vec<MessageView>) {
        for message in messages {
            let (client_id, sender) = (message.client_id, message.sender_id);
            let place = Place { seq: message.seq, ordinal: message.ordinal };
            if let Some(timeline) = self.timelines.get_mut(&message.chat_id) {
                timeline.arrive(Arc::new(message));
            }
            if sender == self.me {
                self.recorder.stored(client_id, place);
                self.mark_stored(client_id);
            }
        }
    }

    /// Loads the newest messages of the chat and shows them anew.
    fn open(&mut self, chat: ChatId) {
        let Some(timeline) = self.timelines.get_mut(&chat) else { return };
        let opening = timeline.opening() + 1;
        *timeline = Timeline::loading(chat, opening);
        let http = self.http.clone();
        self.tasks.spawn(async move { Done::Loaded { chat, opening, answer: http.newest(chat).await } });
    }

    fn loaded(&mut self, chat: ChatId, opening: u64, answer: AppResult<HistoryPage>) {
        let Some(timeline) = self.timelines.get_mut(&chat).filter(|open| open.opening() == opening) else {
            return;
        };
        match answer {
            Ok(page) => timeline.load(page),
            Err(error) => timeline.fail(error),
        }
        self.heal(chat);
    }

    /// The chat first and the messages then: so they reach at least as far as its head.
    fn catch_up(&mut self, chat: ChatId) {
        let applied = self.model.applied(chat).unwrap_or_default();
        let first = self.timelines.get(&chat).and_then(Timeline::first_seq);
        let shown = first.map(|first| app::domain::Seq(first.0.saturating_sub(1)));
        let after = shown.unwrap_or(applied).min(applied);
        let http = self.http.clone();
        self.tasks.spawn(async move {
            let answer = async {
                let view = http.chat(chat).await?;
                Ok((view, http.after(chat, after).await?))
            };
            Done::CaughtUp { chat, answer: answer.await }
        });
    }

    fn append(&mut self, chat: ChatId, pages: Vec<HistoryPage>) {
        let Some(timeline) = self.timelines.get_mut(&chat) else { return };
        if *timeline.phase() == Phase::Ready && !timeline.has_newer() {
            pages.into_iter().for_each(|page| timeline.append(page));
        }
    }

    /// Fetches what the chat lacks at its end, if its view knows of more messages than are shown.
    fn heal(&mut self, chat: ChatId) {
        let known = self.model.chat(chat).map_or_else(Default::default, |view| view.head_ordinal);
        let Some(timeline) = self.timelines.get(&chat) else { return };
        let is_ready = *timeline.phase() == Phase::Ready && !timeline.has_newer();
        if is_ready && timeline.last_ordinal() < known {
            let (http, after) = (self.http.clone(), timeline.last_seq());
            self.tasks.spawn(async move { Done::Healed { chat, answer: http.after(chat, after).await } });
        }
    }

    fn fetch_later(&mut self, error: &AppError) {
        if error.code.is_retryable() {
            self.ask_later();
        } else {
            self.fail(format!("what was missed cannot be fetched: {error:?}"));
        }
    }

    fn ask_later(&mut self) {
        if !std::mem::replace(&mut self.asking_later, true) {
            let delay = EARLIEST_AGAIN_MS + (self.random.fraction() * SPREAD_AGAIN_MS) as u64;
            self.later(Duration::from_millis(delay), Done::AskAgain);
        }
    }

    /// Takes a message into the outbox.
    pub(super) fn push(&mut self, chat: ChatId, body: String) {
        let client_id = self.random.client_id();
        // The text names the message: what is stored under another's id would show.
        let body = format!("{client_id} {body}");
        if self.outbox.push(chat, client_id, body, Vec::new(), now()).is_ok() {
            self.pump(chat);
        }
    }

    /// The connection is back: what waits is sent.
    pub(super) fn resend(&mut self) {
        self.outbox.requeue_all();
        for chat in self.outbox.chats() {
            self.pump(chat);
        }
    }

    /// Sends the chat's next message, if its turn has come.
    fn pump(&mut self, chat: ChatId) {
        let Some(next) = self.outbox.start_next(chat) else { return };
        let under_way = self.recorder.tries(next.client_id, self.me, chat, next.body.trim());
        let http = self.http.clone();
        self.tasks.spawn(async move {
            let client_id = next.client_id;
            let answer = http.send(chat, &client_id.to_string(), &next.body).await;
            Done::Sent { chat, client_id, answer, under_way }
        });
    }

    fn sent(&mut self, chat: ChatId, client_id: ClientId, answer: AppResult<MessageView>) {
        match answer {
            Ok(message) => {
                let place = Place { seq: message.seq, ordinal: message.ordinal };
                self.recorder.stored(client_id, place);
                self.model.note(&message);
                if let Some(timeline) = self.timelines.get_mut(&chat) {
                    timeline.arrive(Arc::new(message));
                }
                self.outbox.take(client_id);
            }
            Err(error) => {
                self.recorder.failed(client_id, error.code);
                let delay = self.outbox.failed(client_id, &error, self.random.fraction());
                let is_refused = self
                    .outbox
                    .get(client_id)
                    .is_some_and(|entry| matches!(entry.delivery, Delivery::Refused(_)));
                if error.code == ErrorCode::Unauthenticated {
                    self.fail("it is not signed in any more".into());
                } else if is_refused || !self.habits.is_patient {
                    // Its writer gives it up.
                    self.outbox.take(client_id);
                } else if let Some(delay) = delay {
                    self.later(Duration::from_millis(delay.into()), Done::TryAgain(client_id));
                }
            }
        }
        self.pump(chat);
    }

    fn mark_stored(&mut self, client_id: ClientId) {
        if let Some(stored) = self.outbox.take(client_id) {
            self.pump(stored.chat_id);
        }
    }

    /// Drops what stands among the messages that are shown: it is stored, though its answer never came.
    fn settle(&mut self) {
        let mut stored = Vec::new();
        for chat in self.outbox.chats() {
            let Some(timeline) = self.timelines.get(&chat) else { continue };
            // What waits was written lately: of a long chat the end is enough.
            let latest = timeline.messages().iter().rev().take(LATEST);
            for message in latest.filter(|message| message.sender_id == self.me) {
                if self.outbox.get(message.client_id).is_some() {
                    let place = Place { seq: message.seq, ordinal: message.ordinal };
                    stored.push((message.client_id, place));
                }
            }
        }
        for (client_id, place) in stored {
            self.recorder.stored(client_id, place);
            self.mark_stored(client_id);
        }
    }
}
