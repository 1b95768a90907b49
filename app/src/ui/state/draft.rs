//! What is being written to a chat: pure.
//!
//! A text has the id that its message will have, so that one that is found again beside the message of that id
//! is known to have been sent. With each change of the text it gets a new one: an id stands for one text only.

use serde::{Deserialize, Serialize};

use crate::{domain::ClientId, protocol::QuoteView};

/// Texts with their ids: what has just been sent and is not known to be kept elsewhere, and last, if there is
/// anything, what is being written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Draft {
    parts: Vec<Part>,
}

/// One text: its id, itself, whether it is being written, and what it answers. Kept as a list, of which an earlier
/// version wrote the first three.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Part(
    ClientId,
    String,
    bool,
    #[serde(default, skip_serializing_if = "Option::is_none")] Option<Box<QuoteView>>,
);

impl Draft {
    /// The draft as it was kept. Any other text is taken for what was being written, as an earlier version
    /// kept it.
    pub fn read(kept: &str, new_id: impl FnOnce() -> ClientId) -> Self {
        serde_json::from_str(kept).unwrap_or_else(|_plain| {
            let mut this = Self::default();
            this.write(kept, None, new_id);
            this
        })
    }

    /// The draft to keep; `None` if there is nothing in it.
    pub fn to_json(&self) -> Option<String> {
        if self.parts.is_empty() { None } else { serde_json::to_string(self).ok() }
    }

    /// What is being written.
    pub fn text(&self) -> &str {
        self.current().map_or("", |part| &part.1)
    }

    /// What it answers.
    pub fn reply_to(&self) -> Option<&QuoteView> {
        self.current()?.3.as_deref()
    }

    /// The id of what is being written.
    pub fn id(&self) -> Option<ClientId> {
        self.current().map(|part| part.0)
    }

    fn current(&self) -> Option<&Part> {
        self.parts.last().filter(|part| part.2)
    }

    /// Takes note of what is being written, and of what it answers: there may be that alone.
    pub fn write(&mut self, text: &str, reply_to: Option<&QuoteView>, new_id: impl FnOnce() -> ClientId) {
        let answers = |quote: Option<&QuoteView>| quote.map(|quote| quote.id);
        if text != self.text() || answers(reply_to) != answers(self.reply_to()) {
            self.parts.retain(|part| !part.2);
            if !text.is_empty() || reply_to.is_some() {
                self.parts.push(Part(new_id(), text.into(), true, reply_to.cloned().map(Box::new)));
            }
        }
    }

    /// A text comes in the place of what is being written, with the id that it has.
    pub fn replace(&mut self, text: &str, reply_to: Option<&QuoteView>, id: ClientId) {
        self.parts.retain(|part| !part.2);
        self.write(text, reply_to, || id);
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
    /// further goes back before what is being written. Of what they answer the last counts.
    pub fn sift(&mut self, of: impl Fn(ClientId) -> Sent, new_id: impl FnOnce() -> ClientId) {
        let mut left: Option<Part> = None;
        let mut new_id = Some(new_id);
        for part in std::mem::take(&mut self.parts) {
            match of(part.0) {
                Sent::NotKnown => match &mut left {
                    None => left = Some(Part(part.0, part.1, true, part.3)),
                    Some(joined) => {
                        if !joined.1.is_empty() && !part.1.is_empty() {
                            joined.1.push('\n');
                        }
                        joined.1.push_str(&part.1);
                        joined.3 = part.3.or(joined.3.take());
                        if let Some(new_id) = new_id.take() {
                            joined.0 = new_id();
                        }
                    }
                },
                Sent::OnItsWay if !part.2 => self.parts.push(part),
                Sent::OnItsWay | Sent::Safe => {}
            }
        }
        self.parts.extend(left);
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
        draft.write(text, None, || id(n));
        draft
    }

    fn reloaded(draft: &Draft) -> Draft {
        Draft::read(&draft.to_json().unwrap(), || id(99))
    }

    #[test]
    fn an_id_stands_for_one_text() {
        let mut draft = written("hello", 1);
        draft.write("hello", None, || id(2));
        assert_eq!(draft.clone().send(false, || id(9)), id(1));
        draft.write("hello!", None, || id(2));
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
        draft.write("two", None, || id(2));
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
        draft.write("", None, || id(2));
        assert_eq!(draft.to_json(), None);
        assert_eq!(Draft::read("half a thou", || id(3)), written("half a thou", 3));
        assert_eq!(Draft::read("42", || id(3)).text(), "42");
        let kept = format!(r#"[["{}","as before",true]]"#, id(4));
        assert_eq!(Draft::read(&kept, || id(3)), written("as before", 4));
    }

    #[test]
    fn what_comes_from_elsewhere_keeps_its_id_and_leaves_what_was_sent() {
        let mut draft = written("one", 1);
        draft.send(false, || id(9));
        draft.write("two", None, || id(2));
        draft.replace("three", None, id(3));
        assert_eq!((draft.text(), draft.id()), ("three", Some(id(3))));
        draft.replace("three", None, id(4));
        assert_eq!(draft.id(), Some(id(4)), "the same words of another device");
        draft.replace("", None, id(5));
        assert_eq!((draft.text(), draft.id()), ("", None));
        draft.sift(|_| Sent::NotKnown, || id(8));
        assert_eq!(draft.text(), "one", "it did not get any further");
    }

    #[test]
    fn what_is_answered_is_kept_with_the_text_and_without_one() {
        let quote = QuoteView { body: "why?".into(), ..QuoteView::default() };
        let mut draft = Draft::default();
        draft.write("", Some(&quote), || id(1));
        assert_eq!(reloaded(&draft).reply_to(), Some(&quote));
        draft.write("because", Some(&quote), || id(2));
        assert_eq!(draft.send(false, || id(9)), id(2));
        draft.write("and", None, || id(3));
        let mut back = reloaded(&draft);
        back.sift(|_| Sent::NotKnown, || id(8));
        assert_eq!((back.text(), back.reply_to()), ("because\nand", Some(&quote)));
        back.write("because\nand", None, || id(7));
        assert_eq!((back.id(), back.reply_to()), (Some(id(7)), None), "it is another message");
    }
}
