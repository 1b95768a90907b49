//! What is being written to a chat: pure.
//!
//! A text has the id that its message will have, so that one that is found again beside the message of that id
//! is known to have been sent. With each change of the text it gets a new one: an id stands for one text only.

use serde::{Deserialize, Serialize};

use crate::domain::ClientId;

/// Texts with their ids: what has just been sent and is not known to be kept elsewhere, and last, if there is
/// anything, what is being written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Draft {
    /// The third says whether it is being written.
    parts: Vec<(ClientId, String, bool)>,
}

impl Draft {
    /// The draft as it was kept. Any other text is taken for what was being written, as an earlier version
    /// kept it.
    pub fn read(kept: &str, new_id: impl FnOnce() -> ClientId) -> Self {
        serde_json::from_str(kept).unwrap_or_else(|_plain| {
            let mut this = Self::default();
            this.write(kept, new_id);
            this
        })
    }

    /// The draft to keep; `None` if there is nothing in it.
    pub fn to_json(&self) -> Option<String> {
        if self.parts.is_empty() { None } else { serde_json::to_string(self).ok() }
    }

    /// What is being written.
    pub fn text(&self) -> &str {
        self.parts.last().filter(|part| part.2).map_or("", |part| &part.1)
    }

    /// The id of what is being written.
    pub fn id(&self) -> Option<ClientId> {
        self.parts.last().filter(|part| part.2).map(|part| part.0)
    }

    /// Takes note of what is being written.
    pub fn write(&mut self, text: &str, new_id: impl FnOnce() -> ClientId) {
        if text != self.text() {
            self.parts.retain(|part| !part.2);
            if !text.is_empty() {
                self.parts.push((new_id(), text.into(), true));
            }
        }
    }

    /// What is written is sent from now on: it stays until [`Self::forget`]. Answers the message's id. That is a
    /// new one if a message has it, or this one has files, for they are not part of the text that it stands for.
    pub fn send(&mut self, is_used: bool, new_id: impl FnOnce() -> ClientId) -> ClientId {
        let Some(part) = self.parts.last_mut().filter(|part| part.2) else { return new_id() };
        if is_used {
            part.0 = new_id();
        }
        part.2 = false;
        part.0
    }

    /// The message of that id is kept elsewhere, is stored, or was given up.
    pub fn forget(&mut self, id: ClientId) {
        self.parts.retain(|part| part.2 || part.0 != id);
    }

    /// Where it is shown anew: what has been sent is not shown again, and what was sent and did not get any
    /// further goes back before what is being written.
    pub fn sift(&mut self, of: impl Fn(ClientId) -> Sent, new_id: impl FnOnce() -> ClientId) {
        let mut left: Option<(ClientId, String)> = None;
        let mut new_id = Some(new_id);
        for (id, text, is_current) in std::mem::take(&mut self.parts) {
            match of(id) {
                Sent::NotKnown => match &mut left {
                    None => left = Some((id, text)),
                    Some((joined_id, joined)) => {
                        joined.push('\n');
                        joined.push_str(&text);
                        if let Some(new_id) = new_id.take() {
                            *joined_id = new_id();
                        }
                    }
                },
                Sent::OnItsWay if !is_current => self.parts.push((id, text, false)),
                Sent::OnItsWay | Sent::Safe => {}
            }
        }
        self.parts.extend(left.map(|(id, text)| (id, text, true)));
    }
}

/// What has become of the message of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Nothing, as far as can be known: the text is all there is of it.
    NotKnown,
    /// It is on its way, but a closed browser would lose it.
    OnItsWay,
    /// It is kept elsewhere, or stored.
    Safe,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn id(n: u8) -> ClientId {
        ClientId::from_bytes([n; 16])
    }

    fn written(text: &str, n: u8) -> Draft {
        let mut draft = Draft::default();
        draft.write(text, || id(n));
        draft
    }

    fn reloaded(draft: &Draft) -> Draft {
        Draft::read(&draft.to_json().unwrap(), || id(99))
    }

    #[test]
    fn an_id_stands_for_one_text() {
        let mut draft = written("hello", 1);
        draft.write("hello", || id(2));
        assert_eq!(draft.clone().send(false, || id(9)), id(1));
        draft.write("hello!", || id(2));
        assert_eq!(draft.clone().send(false, || id(9)), id(2));
        // The same words with files are another message.
        assert_eq!(draft.id(), Some(id(2)));
        assert_eq!(draft.send(true, || id(3)), id(3));
        assert_eq!(draft.id(), None);
        assert_eq!(draft.send(true, || id(4)), id(4), "files alone");
    }

    #[test]
    fn what_was_sent_stays_until_it_is_kept_and_does_not_come_back_then() {
        let mut draft = written("one", 1);
        draft.send(false, || id(9));
        draft.write("two", || id(2));
        assert_eq!(draft.text(), "two");
        // The browser died in between: one message got as far as the outbox, and then one did not.
        let sifted = |standing: Sent| {
            let mut back = reloaded(&draft);
            back.sift(|other| if other == id(1) { standing } else { Sent::NotKnown }, || id(8));
            back
        };
        assert_eq!(sifted(Sent::Safe), written("two", 2));
        assert_eq!(sifted(Sent::NotKnown), written("one\ntwo", 8));
        assert_eq!(sifted(Sent::OnItsWay), draft);
        draft.forget(id(2));
        draft.forget(id(1));
        assert_eq!(draft, written("two", 2));
    }

    #[test]
    fn what_stands_in_another_tab_and_was_sent_there_is_dropped() {
        let mut draft = reloaded(&written("sent over there", 1));
        draft.sift(|_| Sent::OnItsWay, || id(8));
        assert_eq!((draft.text(), draft.to_json()), ("", None));
    }

    #[test]
    fn an_empty_draft_is_not_kept_and_an_older_one_is_read() {
        let mut draft = written("a", 1);
        draft.write("", || id(2));
        assert_eq!(draft.to_json(), None);
        assert_eq!(Draft::read("half a thou", || id(3)), written("half a thou", 3));
        assert_eq!(Draft::read("42", || id(3)).text(), "42");
    }
}
