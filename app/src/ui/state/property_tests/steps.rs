//! What can happen, and how often it does.

use proptest::prelude::*;

use super::world::{CHATS, Change, Deed};

/// What happens next. A number chooses among what is there, round and round.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// Somebody else does something.
    Say(usize, Option<usize>),
    Change(usize, usize, Change),
    Alter(usize, bool),
    Delete(usize, usize),
    /// The reader does something on another device: says something, or does something for themselves.
    SayElsewhere(usize),
    MineElsewhere(usize, Deed),
    /// The reader does something.
    Write(usize, Option<usize>),
    Alike(usize, usize, Change),
    MarkRead(usize, u64),
    Mine(usize, Deed),
    Open(usize),
    Around(usize, usize),
    Older,
    Newer,
    TryAgain(usize),
    Discard(usize),
    DiscardElsewhere(usize),
    /// The browser keeps what was written, in time or too late.
    Commit(bool),
    /// The tab is looked at again: what the browser keeps is read, and comes.
    Read,
    TakeUp,
    /// The page's timers.
    Resend,
    AskAgain,
    /// A request reaches the server; its answer comes; it breaks off before the server has it or after; or it
    /// is given up and reaches the server all the same, some time.
    Serve(usize),
    Answer(usize),
    Break(usize),
    GiveUp(usize),
    Ghost(usize),
    /// The next new message is refused.
    Refuse,
    /// The first frame on the line comes, is lost, comes twice, or comes after the next.
    Frame,
    Lose,
    Double,
    Swap,
    Beat,
    Connect,
    Disconnect,
    /// The server reads the chats for a page; then it reads the history, and the page comes, with all chats in it
    /// or the one that is open.
    Render {
        open: usize,
    },
    Reload {
        all: bool,
        from_middle: bool,
    },
}

pub fn step() -> impl Strategy<Value = Step> {
    let chat = 0..CHATS.len();
    let one = 0..8_usize;
    prop_oneof![
        6 => (chat.clone(), answers()).prop_map(|(chat, answers)| Step::Say(chat, answers)),
        5 => (chat.clone(), one.clone(), change()).prop_map(|(chat, which, of)| Step::Change(chat, which, of)),
        2 => (chat.clone(), any::<bool>()).prop_map(|(chat, rename)| Step::Alter(chat, rename)),
        1 => (chat.clone(), one.clone()).prop_map(|(chat, which)| Step::Delete(chat, which)),
        6 => (chat.clone(), answers()).prop_map(|(chat, answers)| Step::Write(chat, answers)),
        3 => (chat.clone(), one.clone(), change()).prop_map(|(chat, which, of)| Step::Alike(chat, which, of)),
        1 => chat.clone().prop_map(Step::SayElsewhere),
        2 => (chat.clone(), deed()).prop_map(|(chat, deed)| Step::MineElsewhere(chat, deed)),
        3 => (chat.clone(), 0..12_u64).prop_map(|(chat, ordinal)| Step::MarkRead(chat, ordinal)),
        2 => (chat.clone(), deed()).prop_map(|(chat, deed)| Step::Mine(chat, deed)),
        1 => chat.clone().prop_map(Step::Open),
        1 => (chat.clone(), one.clone()).prop_map(|(chat, which)| Step::Around(chat, which)),
        1 => Just(Step::Older),
        1 => Just(Step::Newer),
        1 => one.clone().prop_map(Step::TryAgain),
        1 => one.clone().prop_map(Step::Discard),
        1 => one.clone().prop_map(Step::DiscardElsewhere),
        5 => any::<bool>().prop_map(Step::Commit),
        1 => Just(Step::Read),
        1 => Just(Step::TakeUp),
        2 => Just(Step::Resend),
        1 => Just(Step::AskAgain),
        8 => one.clone().prop_map(Step::Serve),
        8 => one.clone().prop_map(Step::Answer),
        2 => one.clone().prop_map(Step::Break),
        1 => one.clone().prop_map(Step::GiveUp),
        2 => one.prop_map(Step::Ghost),
        1 => Just(Step::Refuse),
        12 => Just(Step::Frame),
        2 => Just(Step::Lose),
        2 => Just(Step::Double),
        2 => Just(Step::Swap),
        2 => Just(Step::Beat),
        3 => Just(Step::Connect),
        1 => Just(Step::Disconnect),
        2 => chat.prop_map(|open| Step::Render { open }),
        2 => (any::<bool>(), any::<bool>()).prop_map(|(all, from_middle)| Step::Reload { all, from_middle }),
    ]
}

/// What is answered, if anything is.
fn answers() -> impl Strategy<Value = Option<usize>> {
    proptest::option::weighted(0.3, 0..4_usize)
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        (0..12_u64).prop_map(Deed::MarkRead),
        (0..12_u64).prop_map(Deed::MarkUnread),
        any::<bool>().prop_map(Deed::Archive),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        Just(Change::Edit),
        (0..2_usize, any::<bool>()).prop_map(|(which, on)| Change::React(which, on)),
        any::<bool>().prop_map(Change::Pin),
    ]
}
