//! What happened to a chat between its messages, in people's words: pure.

use std::sync::Arc;

use crate::{
    domain::{Role, UserId},
    protocol::{EventBody, LogEvent},
};

/// People who are named in one line; of more there is the number.
const NAMED: usize = 3;

/// Something that happened, and whether a day of the reader's begins with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Happening {
    /// What.
    pub event: Arc<LogEvent>,
    /// The reader's day that begins with it.
    pub new_day: Option<i64>,
}

/// A line between messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The reader's day that begins with it.
    pub new_day: Option<i64>,
    /// What it says.
    pub words: String,
}

/// What is said together: the same done by the same person to several, or by several to themselves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Added(UserId),
    Joined,
    Removed(UserId),
    Left,
    Made(UserId, Role),
}

/// What the reader is told: one line for each, and for what stands side by side and is of one kind one together.
pub fn lines(happenings: &[Happening], me: Option<UserId>) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut together: Option<(Kind, Option<i64>, Vec<String>)> = None;
    for Happening { event, new_day } in happenings {
        let Some((kind, who)) = kind(event) else {
            lines.extend(together.take().map(|all| line(all, me, happenings)));
            lines.extend(alone(event, me).map(|words| Line { new_day: *new_day, words }));
            continue;
        };
        let name = match kind {
            Kind::Made(actor, _) if actor == who && Some(who) == me => "yourself".to_owned(),
            _ => object(event, who, me),
        };
        match &mut together {
            Some((before, _, names)) if *before == kind && new_day.is_none() => names.push(name),
            _ => {
                lines.extend(together.take().map(|all| line(all, me, happenings)));
                together = Some((kind, *new_day, vec![name]));
            }
        }
    }
    lines.extend(together.map(|all| line(all, me, happenings)));
    lines
}

/// Of what kind an event is that is told together with others, and whom it is about.
fn kind(event: &LogEvent) -> Option<(Kind, UserId)> {
    let actor = event.actor_id;
    Some(match &event.body {
        EventBody::MemberAdded { member } if member.user.id == actor => (Kind::Joined, actor),
        EventBody::MemberAdded { member } => (Kind::Added(actor), member.user.id),
        EventBody::MemberRemoved { user_id } if *user_id == actor => (Kind::Left, actor),
        EventBody::MemberRemoved { user_id } => (Kind::Removed(actor), *user_id),
        EventBody::RoleChanged { user_id, role } => (Kind::Made(actor, *role), *user_id),
        _ => return None,
    })
}

/// What stands for itself.
fn alone(event: &LogEvent, me: Option<UserId>) -> Option<String> {
    let actor = subject(event, event.actor_id, me);
    match &event.body {
        EventBody::ChatRenamed { name } => Some(format!("{actor} renamed the group to “{}”", isolated(name))),
        EventBody::ChatDescribed { description } if description.is_empty() => {
            Some(format!("{actor} took the description away"))
        }
        EventBody::ChatDescribed { .. } => Some(format!("{actor} changed the description")),
        EventBody::ChatAvatarChanged { avatar: Some(_) } => {
            Some(format!("{actor} changed the group's picture"))
        }
        EventBody::ChatAvatarChanged { avatar: None } => {
            Some(format!("{actor} took the group's picture away"))
        }
        _ => None,
    }
}

fn line(
    (kind, new_day, names): (Kind, Option<i64>, Vec<String>),
    me: Option<UserId>,
    happenings: &[Happening],
) -> Line {
    let actor = |who: UserId| {
        let event = happenings.iter().map(|happening| &*happening.event).find(|event| event.actor_id == who);
        event.map_or_else(|| SOMEBODY.to_owned(), |event| subject(event, who, me))
    };
    let names_text = all_of(&names);
    let starts = |text: &str| match text.strip_prefix("you") {
        Some(rest) => format!("You{rest}"),
        None => text.to_owned(),
    };
    let words = match kind {
        Kind::Joined => format!("{} joined", starts(&names_text)),
        Kind::Left => format!("{} left", starts(&names_text)),
        Kind::Added(who) => format!("{} added {names_text}", actor(who)),
        Kind::Removed(who) => format!("{} removed {names_text}", actor(who)),
        Kind::Made(who, role) => {
            let what = match (role, names.len()) {
                (Role::Admin, 1) => "an admin",
                (Role::Admin, _) => "admins",
                (Role::Member, 1) => "a plain member",
                (Role::Member, _) => "plain members",
            };
            format!("{} made {names_text} {what}", actor(who))
        }
    };
    Line { new_day, words }
}

/// Who is named by an event and not known any more.
const SOMEBODY: &str = "Somebody";

fn subject(event: &LogEvent, who: UserId, me: Option<UserId>) -> String {
    if Some(who) == me { "You".to_owned() } else { name(event, who) }
}

fn object(event: &LogEvent, who: UserId, me: Option<UserId>) -> String {
    if Some(who) == me { "you".to_owned() } else { name(event, who) }
}

fn name(event: &LogEvent, who: UserId) -> String {
    let of_member = || match &event.body {
        EventBody::MemberAdded { member } if member.user.id == who => Some(&member.user.display_name),
        _ => None,
    };
    let name = event.named.get(&who).or_else(of_member);
    name.map_or_else(|| SOMEBODY.to_owned(), |name| isolated(name))
}

/// A text whose direction is its own (UAX 9): it must not turn the words around it.
fn isolated(text: &str) -> String {
    format!("\u{2068}{text}\u{2069}")
}

/// Several names in a sentence; of many the first, and how many others.
fn all_of(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] if names.len() <= NAMED => format!("{} and {last}", most.join(", ")),
        _ => {
            let others = names.len() - (NAMED - 1);
            format!("{} and {others} others", names[..NAMED - 1].join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{Seq, Timestamp},
        ui::state::testing::{ADA, BEN, CHAT, CY, member, name},
    };

    fn happening(actor: UserId, body: EventBody) -> Happening {
        let named = [ADA, BEN, CY].map(|user| (user, name(user).to_owned())).into();
        let (seq, at) = (Seq(1), Timestamp::default());
        let event = LogEvent { chat_id: CHAT, seq, at, actor_id: actor, named, body };
        Happening { event: Arc::new(event), new_day: None }
    }

    fn added(actor: UserId, user: UserId) -> Happening {
        happening(actor, EventBody::MemberAdded { member: member(user, Role::Member) })
    }

    fn removed(actor: UserId, user: UserId) -> Happening {
        happening(actor, EventBody::MemberRemoved { user_id: user })
    }

    fn made(actor: UserId, user: UserId, role: Role) -> Happening {
        happening(actor, EventBody::RoleChanged { user_id: user, role })
    }

    fn said(happenings: &[Happening], me: Option<UserId>) -> Vec<String> {
        let words = lines(happenings, me).into_iter().map(|line| line.words);
        words.map(|words| words.replace(['\u{2068}', '\u{2069}'], "")).collect()
    }

    #[test]
    fn what_happened_is_told_in_peoples_words() {
        for (happening, expected) in [
            (added(ADA, BEN), "Ada added Ben"),
            (added(BEN, BEN), "Ben joined"),
            (removed(ADA, BEN), "Ada removed Ben"),
            (removed(BEN, BEN), "Ben left"),
            (made(ADA, BEN, Role::Admin), "Ada made Ben an admin"),
            (made(ADA, BEN, Role::Member), "Ada made Ben a plain member"),
            (
                happening(ADA, EventBody::ChatRenamed { name: "Crew".into() }),
                "Ada renamed the group to “Crew”",
            ),
            (
                happening(ADA, EventBody::ChatDescribed { description: "Diggers".into() }),
                "Ada changed the description",
            ),
            (
                happening(ADA, EventBody::ChatDescribed { description: String::new() }),
                "Ada took the description away",
            ),
            (
                happening(ADA, EventBody::ChatAvatarChanged { avatar: Some(Default::default()) }),
                "Ada changed the group's picture",
            ),
            (
                happening(ADA, EventBody::ChatAvatarChanged { avatar: None }),
                "Ada took the group's picture away",
            ),
        ] {
            assert_eq!(said(&[happening], Some(CY)), [expected]);
        }
    }

    #[test]
    fn the_reader_is_you() {
        assert_eq!(said(&[added(ADA, BEN)], Some(ADA)), ["You added Ben"]);
        assert_eq!(said(&[added(ADA, BEN)], Some(BEN)), ["Ada added you"]);
        assert_eq!(said(&[added(BEN, BEN)], Some(BEN)), ["You joined"]);
        assert_eq!(said(&[removed(BEN, BEN), removed(CY, CY)], Some(BEN)), ["You and Cy left"]);
        assert_eq!(said(&[made(ADA, ADA, Role::Member)], Some(ADA)), ["You made yourself a plain member"]);
    }

    #[test]
    fn what_stands_side_by_side_is_told_together() {
        let all = [added(ADA, BEN), added(ADA, CY), added(BEN, CY), removed(BEN, BEN), removed(CY, CY)];
        assert_eq!(said(&all, None), ["Ada added Ben and Cy", "Ben added Cy", "Ben and Cy left"]);
        let many: Vec<_> = (0..20).map(|_| added(ADA, BEN)).collect();
        assert_eq!(said(&many, None), ["Ada added Ben, Ben and 18 others"]);
        let mut next_day = added(ADA, CY);
        next_day.new_day = Some(7);
        let days = lines(&[added(ADA, BEN), next_day], None);
        assert_eq!(days.iter().map(|line| line.new_day).collect::<Vec<_>>(), [None, Some(7)]);
    }

    #[test]
    fn who_is_not_known_is_somebody() {
        let mut one = removed(ADA, BEN);
        Arc::make_mut(&mut one.event).named.clear();
        assert_eq!(said(&[one], None), ["Somebody removed Somebody"]);
    }
}
