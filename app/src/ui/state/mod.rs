//! The client's state: made from the page's data on both sides, kept up to date by the socket in the
//! browser.
//!
//! | module | what belongs there |
//! | --- | --- |
//! | [`model`] | the chats as they are known: a pure reducer of the socket's frames |
//! | [`effects`] | what the model asks for: plain data |
//! | [`asking`] | does what the model asks for |
//! | `mentioned` | which messages of a chat mention the reader: pure |
//! | `known` | one chat as it is known, and what an event changes in it: pure |
//! | [`timeline`] | the messages of the open chat: a pure, ordered, gap-aware list |
//! | [`happening`] | what happened between messages, in words: pure |
//! | [`listing`] | what the list of messages shows, with a key for each that never changes: pure |
//! | [`outbox`] | what was written and is not stored yet: a pure queue |
//! | [`unsent`] | one message of it, and how it stands: pure |
//! | [`claim`] | which tab sends a message: pure |
//! | [`draft`] | what is being written to a chat, and what of it has been sent: pure |
//! | [`conversation`] | opening a chat, loading its messages, catching up |
//! | [`choosing`] | files for a message that is not written yet |
//! | [`local`] | (browser) the files of this device that the page holds |
//! | [`changing`] | editing, deleting, pinning and reacting, and hearing of it |
//! | [`pinned`] | the pinned messages of the open chat |
//! | [`reacting`] | reactions that were asked for and are not answered yet: pure |
//! | [`sending`] | carries the outbox out |
//! | [`keeping`] | keeps the outbox over reloads, for all tabs |
//! | [`records`] | (browser) the records of unsent messages, with their files |
//! | [`push`] | (browser) subscribing to what it is told while no page is open |
//! | [`drafting`] | keeps what is being written |
//! | [`syncing`] | what is being written here, held against what was saved on all devices: pure |
//! | [`saving`] | saves it for one's other devices, and takes over what they have saved |
//! | `upload` | (browser) one message's request, and how far it is |
//! | [`emoji`] | the list of all emoji, and which ones this browser has used |
//! | [`finding`] | what is shown of a message that was found, and the address of a search: pure |
//! | [`switching`] | which chats and people are meant by what is typed into the switcher: pure |
//! | [`naming`] | what chats are called and how a list shows them: pure |
//! | [`marks`] | how far the reader has read, and which messages count as read: pure |
//! | [`people`] | whom the reader has blocked, and when others were last there: pure |
//! | [`receipts`] | how far others have read: pure |
//! | [`typing`] | who is writing: pure |
//! | [`reading`] | telling how far one has read, what else a chat is to one alone, and who is writing |
//! | [`notifying`] | what is told to somebody who does not look |
//! | [`notifications`] | (browser) telling it |
//! | [`toasts`] | short notices |
//! | [`browser`] | storage, clock and location |
//!
//! [`Store`] holds the signals around them. Pages read it and call its verbs; the realtime client feeds
//! it. Rules and orders live in the pure modules, never here.

pub mod asking;
#[cfg(test)]
mod asking_tests;
pub mod browser;
pub mod changing;
#[cfg(test)]
mod changing_tests;
pub mod choosing;
pub mod claim;
pub mod conversation;
pub mod draft;
pub mod drafting;
pub mod effects;
pub mod emoji;
pub mod finding;
pub mod happening;
pub mod keeping;
mod known;
pub mod listing;
pub mod local;
pub mod marks;
mod mentioned;
pub mod model;
#[cfg(test)]
mod model_tests;
pub mod naming;
pub mod notifications;
pub mod notifying;
pub mod outbox;
#[cfg(test)]
mod outbox_tests;
pub mod people;
pub mod pinned;
#[cfg(test)]
mod property_tests;
pub mod push;
pub mod reacting;
pub mod reading;
#[cfg(test)]
mod reading_tests;
pub mod receipts;
pub mod records;
pub mod saving;
pub mod sending;
pub mod switching;
pub mod syncing;
#[cfg(all(test, feature = "ssr"))]
mod syncing_tests;
#[cfg(test)]
pub(crate) mod testing;
pub mod timeline;
#[cfg(test)]
mod timeline_tests;
pub mod toasts;
pub mod typing;
pub mod unsent;
#[cfg(feature = "hydrate")]
mod upload;

use std::{collections::BTreeSet, sync::Arc};

use futures::channel::mpsc;
use leptos::prelude::*;

use self::{
    effects::Effects, model::Model, outbox::Outbox, people::People, pinned::Pinned, reacting::Wishes,
    reading::Reading, saving::Saving, timeline::Timeline, toasts::Toasts,
};
use super::{
    files::chosen::Tray,
    page_data::{OFFSET_COOKIE, Page, PageData},
};
use crate::{
    domain::{ChatId, ClientId, Timestamp, UserId},
    error::{AppError, ErrorCode},
    protocol::{AccountView, ChatView, ClientFrame, MessageView, ProfileView, QuoteView, ServerFrame},
};

/// A text that goes back to where it was written, and what it answers.
pub type Returned = (String, Option<QuoteView>);

/// Whether the socket is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// For the first time on this page; nothing has failed.
    Connecting,
    /// Everything that happens arrives.
    Online,
    /// It was lost, and is tried again.
    Offline,
}

/// The state of the client, in the context of every page.
#[derive(Clone, Copy)]
pub struct Store {
    /// Who is signed in.
    pub account: RwSignal<Option<AccountView>>,
    /// Whether the socket is open.
    pub connection: RwSignal<Connection>,
    /// Short notices.
    pub toasts: Toasts,
    /// By how many minutes the reader's clock is ahead of UTC.
    pub utc_offset: RwSignal<i32>,
    /// The reader's day, in days since 1970-01-01; not known before the page is alive, so that server
    /// and browser render the same.
    pub today: RwSignal<Option<i64>>,
    /// What the page was made from.
    pub initial: StoredValue<PageData>,
    /// The messages of the chat that is open, or was last.
    pub timeline: RwSignal<Option<Timeline>>,
    /// What was written and is not stored yet.
    pub outbox: RwSignal<Outbox>,
    /// Whether what earlier pages and other tabs have not sent is in the outbox.
    pub outbox_is_there: RwSignal<bool>,
    /// The files that were chosen for messages which are not written yet.
    pub tray: RwSignal<Tray>,
    /// How far requests with files are: of which message, bytes that have gone, all of them.
    pub uploads: RwSignal<Vec<(ClientId, u64, u64)>>,
    /// Messages of others that arrived in the open chat, until they have been announced.
    pub arrived: RwSignal<Vec<MessageView>>,
    /// The pinned messages of the chat that is open, or was last.
    pub pinned: RwSignal<Option<Pinned>>,
    pinned_under_way: StoredValue<bool>,
    /// Reactions that were asked for and are not answered yet.
    pub wishes: RwSignal<Wishes>,
    /// How far was read, what counts as unread, and who is writing.
    pub reading: Reading,
    /// What is being written, for one's other devices.
    pub saving: Saving,
    /// The list of all emoji, as far as it is here.
    pub emoji: RwSignal<emoji::Emoji>,
    /// Whether the browser is signed in as somebody else by now: nothing is sent from this page any more.
    is_anothers: StoredValue<bool>,
    /// Tells this tab from others, also after a reload.
    tab: StoredValue<String>,
    /// Texts that go back to where they were written, since their messages have gone.
    returned: RwSignal<Vec<(ChatId, Returned)>>,
    /// Messages that were taken back while they were perhaps being stored.
    given_up: StoredValue<Vec<ClientId>>,
    initial_taken: StoredValue<bool>,
    list_under_way: StoredValue<bool>,
    /// Chats that are being fetched because they are not known.
    being_fetched: StoredValue<BTreeSet<ChatId>>,
    /// Whether it will be asked again for what did not come.
    asking_later: StoredValue<bool>,
    model: RwSignal<Model>,
    sorted: Memo<Vec<Arc<ChatView>>>,
    outgoing: StoredValue<Option<mpsc::Sender<ClientFrame>>>,
}

/// The store of the page.
pub fn use_store() -> Store {
    expect_context()
}

impl Store {
    /// The state that the page starts from: the same on both sides.
    pub fn new(data: PageData) -> Self {
        let me = data.account.as_ref().map(|account| account.id);
        let people = People::new(data.blocked.clone(), &data.seen);
        let mut start = Model::new(me, data.chats.clone(), data.online.clone()).with_people(people);
        let mut timeline = None;
        let pinned = match &data.page {
            Page::Chat { chat, .. } | Page::Details { chat, .. } => {
                let unknown = || Pinned::unknown(chat.id);
                Some(data.pinned.clone().map_or_else(unknown, |pinned| Pinned::new(chat.id, pinned)))
            }
            _ => None,
        };
        match &data.page {
            Page::Chat { chat, history } => {
                start.adopt((**chat).clone());
                let open = Timeline::ready(chat.id, history.clone());
                // The history may have been read a moment before the chat.
                if !open.has_newer() && open.last_ordinal() < chat.head_ordinal {
                    start.rewind(chat.id, open.last_seq());
                }
                timeline = Some(open);
            }
            Page::Details { chat, .. } => start.adopt((**chat).clone()),
            _ => {}
        }
        let model = RwSignal::new(start);
        let reading = Reading::new(&data);
        Self {
            account: RwSignal::new(data.account.clone()),
            connection: RwSignal::new(Connection::Connecting),
            toasts: Toasts::new(),
            utc_offset: RwSignal::new(data.utc_offset_minutes),
            today: RwSignal::new(None),
            initial: StoredValue::new(data),
            timeline: RwSignal::new(timeline),
            outbox: RwSignal::new(Outbox::default()),
            outbox_is_there: RwSignal::new(false),
            pinned: RwSignal::new(pinned),
            pinned_under_way: StoredValue::new(false),
            wishes: RwSignal::new(Wishes::default()),
            reading,
            saving: Saving::new(),
            emoji: RwSignal::new(emoji::Emoji::default()),
            is_anothers: StoredValue::new(false),
            tab: StoredValue::new(String::new()),
            tray: RwSignal::new(Tray::default()),
            uploads: RwSignal::new(Vec::new()),
            returned: RwSignal::new(Vec::new()),
            given_up: StoredValue::new(Vec::new()),
            arrived: RwSignal::new(Vec::new()),
            initial_taken: StoredValue::new(false),
            list_under_way: StoredValue::new(false),
            being_fetched: StoredValue::new(BTreeSet::new()),
            asking_later: StoredValue::new(false),
            model,
            sorted: Memo::new_with_compare(move |_| model.with(Model::sorted), |old, new| !same(old, new)),
            outgoing: StoredValue::new(None),
        }
    }

    /// What the first page was made for, if nobody has taken it yet: later pages fetch for themselves.
    /// `take` says whether the data is for the page that asks by returning what it needs of it.
    pub fn take_initial<T>(&self, take: impl FnOnce(&Page) -> Option<T>) -> Option<T> {
        if self.initial_taken.get_value() {
            return None;
        }
        let taken = self.initial.with_value(|data| take(&data.page));
        if taken.is_some() {
            self.initial_taken.set_value(true);
        }
        taken
    }

    /// The first page is there: what has not been taken of its data is of no use to any other page.
    pub fn first_page_is_there(&self) {
        self.initial_taken.set_value(true);
    }

    /// Whether scripts have taken over the page. False for its first rendering on both sides.
    pub fn is_alive(&self) -> bool {
        self.today.with(Option::is_some)
    }

    /// Who is signed in, without following changes.
    pub fn me(&self) -> Option<UserId> {
        self.account.with_untracked(|account| account.as_ref().map(|account| account.id))
    }

    /// All chats, last active first, without copying them.
    pub fn shared_chats(&self) -> Memo<Vec<Arc<ChatView>>> {
        self.sorted
    }

    /// The chat of that id, as long as one is in it, without copying it.
    pub fn shared_chat(&self, id: ChatId) -> Memo<Option<Arc<ChatView>>> {
        let model = self.model;
        Memo::new_with_compare(
            move |_| model.with(|model| model.chat(id).cloned()),
            |old, new| match (old, new) {
                (Some(Some(old)), Some(Some(new))) => !Arc::ptr_eq(old, new),
                (Some(None), Some(None)) => false,
                _ => true,
            },
        )
    }

    /// Takes over a chat that a server function answered.
    pub fn upsert_chat(&self, chat: ChatView) {
        self.change_model(|model, effects| model.welcome(chat, effects));
    }

    /// Forgets a chat that one is out of.
    pub fn remove_chat(&self, id: ChatId) {
        self.model.update(|model| model.remove(id));
    }

    /// Whether the person is there.
    pub fn is_online(&self, user: UserId) -> Signal<bool> {
        let model = self.model;
        Memo::new(move |_| model.with(|model| model.is_online(user))).into()
    }

    /// Whether the reader has blocked the person.
    pub fn is_blocked(&self, user: UserId) -> Signal<bool> {
        let model = self.model;
        Memo::new(move |_| model.with(|model| model.people().is_blocked(user))).into()
    }

    /// When the person was last there, if that was told.
    pub fn last_seen(&self, user: UserId) -> Signal<Option<Timestamp>> {
        let model = self.model;
        Memo::new(move |_| model.with(|model| model.people().last_seen(user))).into()
    }

    /// Whether the person is away, and it is not known for sure since when.
    pub fn lacks_last_seen(&self, user: UserId) -> Signal<bool> {
        let model = self.model;
        Memo::new(move |_| model.with(|model| !model.is_online(user) && model.people().is_stale(user))).into()
    }

    /// Takes over somebody's profile as a server function answered it.
    pub fn take_profile(&self, profile: &ProfileView) {
        let user = profile.user.id;
        self.change_model(|model, effects| {
            model.note_presence(user, profile.presence, profile.last_seen);
            model.set_blocked(user, profile.blocked, effects);
        });
    }

    /// What was told of when others were last there holds no longer: one shows it anew, or not any longer.
    pub fn forget_seen(&self) {
        self.model.update(Model::forget_seen);
    }

    /// Deals with an error that no form shows: a lost session leads to the sign-in page, everything
    /// else is said in a notice.
    pub fn fail(&self, error: &AppError) {
        if error.code == ErrorCode::Unauthenticated {
            browser::go_to(&sign_in_path(&browser::path()));
        } else {
            self.toasts.error(error);
        }
    }

    /// Corrects what the server could not know: the reader's clock. To be called once the page is alive.
    pub fn read_clock(&self) {
        let offset = browser::utc_offset();
        if offset != self.utc_offset.get_untracked() {
            self.utc_offset.set(offset);
        }
        browser::set_cookie(OFFSET_COOKIE, &offset.to_string());
        self.read_server_clock();
        self.tell_day();
    }

    /// Sees which day it is for the reader.
    pub fn tell_day(&self) {
        let today = super::time_format::day_number(browser::now(), self.utc_offset.get_untracked());
        if self.today.get_untracked() != Some(today) {
            self.today.set(Some(today));
        }
    }

    /// Applies what the socket brought and says what the socket itself has to do about it; all else is
    /// done.
    pub fn apply(&self, frames: Vec<ServerFrame>) -> Effects {
        self.change_model(|model, effects| {
            for frame in frames {
                model.apply(frame, effects);
            }
        })
    }

    /// Gives the socket's queue to the store, or takes it away.
    pub fn set_outgoing(&self, outgoing: Option<mpsc::Sender<ClientFrame>>) {
        self.outgoing.set_value(outgoing);
    }

    /// Changes what is known, and does what follows from it.
    fn change_model(&self, change: impl FnOnce(&mut Model, &mut Effects)) -> Effects {
        let mut effects = Effects::default();
        self.model.update(|model| change(model, &mut effects));
        self.carry_out(&mut effects);
        effects
    }
}

/// The address of the sign-in page that leads back to where one was.
pub fn sign_in_path(from: &str) -> String {
    let mut path = String::from("/login");
    if from != "/" {
        path.push_str("?next=");
        for byte in from.bytes() {
            if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
                path.push(char::from(byte));
            } else {
                path.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    path
}

fn same(old: Option<&Vec<Arc<ChatView>>>, new: Option<&Vec<Arc<ChatView>>>) -> bool {
    match (old, new) {
        (Some(old), Some(new)) => {
            old.len() == new.len() && old.iter().zip(new).all(|(old, new)| Arc::ptr_eq(old, new))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_first_page_leaves_of_its_data_is_for_no_other_page() {
        let owner = Owner::new();
        owner.with(|| {
            let store = Store::new(PageData::failed(AppError::not_found()));
            assert!(store.take_initial(|page| matches!(page, Page::Plain).then_some(())).is_none());
            store.first_page_is_there();
            assert!(store.take_initial(|page| matches!(page, Page::Failed { .. }).then_some(())).is_none());
        });
    }

    #[test]
    fn the_sign_in_page_leads_back() {
        assert_eq!(sign_in_path("/"), "/login");
        assert_eq!(sign_in_path("/new?q=a&b=ü"), "/login?next=/new%3Fq%3Da%26b%3D%C3%BC");
    }
}
