//! Whom a text mentions: what stands in it behind an `@`, held against the names of the chat's members.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::{
    domain::{ChatId, ChatKind, UserId, limits, name_key},
    error::AppResult,
    markdown::{ALL, runs},
    ports::{NamedMember, Store},
    protocol::{MentionView, MentionsView},
};

/// Whom the text mentions in this chat. Costs nothing where there is no `@`, and is bounded by the text else, however
/// many members there are. Whether the writer is one of them the write decides.
pub(super) async fn of(store: &dyn Store, chat: ChatId, text: &str) -> AppResult<MentionsView> {
    let places: Vec<Vec<Run>> = runs(text).into_iter().map(keyed).collect();
    let keys: BTreeSet<&String> = places.iter().flatten().map(|run| &run.key).collect();
    if keys.is_empty() {
        return Ok(MentionsView::default());
    }
    let keys: Vec<String> = keys.into_iter().cloned().collect();
    let found = store.members_named(chat, &keys, limits::MENTIONS_PER_MESSAGE).await?;
    Ok(found.map(|(kind, named)| chosen(&places, kind, named)).unwrap_or_default())
}

/// What may be a name, and what it is found by.
struct Run {
    typed: String,
    key: String,
}

fn keyed(runs: Vec<String>) -> Vec<Run> {
    let run = |typed: String| Run { key: name_key(&typed), typed };
    runs.into_iter().map(run).filter(|run| !run.key.is_empty()).collect()
}

/// Of each place the longest run that is somebody's name, or stands for everybody in a group.
fn chosen(places: &[Vec<Run>], kind: ChatKind, named: Vec<NamedMember>) -> MentionsView {
    let mut people: HashMap<String, Vec<UserId>> = HashMap::new();
    for NamedMember { user_id, key } in named {
        people.entry(key).or_default().push(user_id);
    }
    let is_all = |run: &Run| kind == ChatKind::Group && run.key == ALL;
    let mut mentions = MentionsView::default();
    // One who is named in two ways stands there with both, so that both are marked.
    let mut seen = BTreeMap::new();
    for runs in places {
        let Some(run) = runs.iter().find(|run| is_all(run) || people.contains_key(&run.key)) else {
            continue;
        };
        mentions.all |= is_all(run);
        for user_id in people.get(&run.key).into_iter().flatten() {
            let is_new = seen.insert((*user_id, run.typed.clone()), ()).is_none();
            if is_new && mentions.people.len() < limits::MENTIONS_PER_MESSAGE {
                mentions.people.push(MentionView { user_id: *user_id, name: run.typed.clone() });
            }
        }
    }
    mentions
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASHA: UserId = UserId::from_bytes([1; 12]);
    const RAO: UserId = UserId::from_bytes([2; 12]);
    const OTHER_ASHA: UserId = UserId::from_bytes([3; 12]);

    fn of(text: &str, kind: ChatKind) -> (bool, Vec<(UserId, String)>) {
        let members = [(ASHA, "asha"), (OTHER_ASHA, "asha"), (RAO, "asha rao")];
        let named = members.map(|(user_id, key)| NamedMember { user_id, key: key.into() }).to_vec();
        let places: Vec<_> = runs(text).into_iter().map(keyed).collect();
        let mentions = chosen(&places, kind, named);
        (mentions.all, mentions.people.into_iter().map(|one| (one.user_id, one.name)).collect())
    }

    #[test]
    fn the_longest_name_counts_as_it_was_typed_and_namesakes_are_all_meant() {
        assert_eq!(of("@ASHA Rao: hi", ChatKind::Group), (false, vec![(RAO, "ASHA Rao".into())]));
        let both = vec![(ASHA, "Asha".into()), (OTHER_ASHA, "Asha".into())];
        assert_eq!(of("@Asha, @Asha", ChatKind::Group), (false, both));
        assert_eq!(of("asha@rao.org", ChatKind::Group), (false, vec![]));
    }

    #[test]
    fn everybody_is_mentioned_in_groups_alone() {
        assert!(of("@All!", ChatKind::Group).0);
        assert!(!of("@all", ChatKind::Direct).0);
        assert!(!of("`@all`", ChatKind::Group).0);
    }
}
