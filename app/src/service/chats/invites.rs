//! Invitations to groups, and joining by them.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use sha2::{Digest, Sha256};

use super::{Chats, READS};
use crate::{
    domain::{
        ChatId, InviteId, Role, limits,
        policy::{self, MemberChange},
    },
    error::{AppError, AppResult, ErrorCode, FieldError},
    ports::{InvitedTo, Limit, NewInvite},
    protocol::{ChatView, EventBody, InvitationView, InviteView, MemberView, NewInviteView, UserView},
    service::Actor,
};

const CHANGES: Limit = Limit { name: "change_invites", burst: 60, period_ms: 2_000 };
/// Whoever tries tokens by chance gets nowhere anyway: they have 256 random bits.
const LOOKS: Limit = Limit { name: "invite", burst: 30, period_ms: 5_000 };

impl Chats {
    /// Makes a link by which people join the group: for so many seconds and so many people, or without such a bound, which 0 means, too.
    /// Fails with `not_found` for who is outside, with `forbidden` for who is no admin, and with `too_many_invites`.
    pub async fn create_invite(
        &self,
        actor: Actor,
        chat: ChatId,
        expires_in_seconds: Option<u64>,
        max_uses: Option<u32>,
    ) -> AppResult<NewInviteView> {
        self.limiter.take(CHANGES, &actor.user_id.to_string()).await?;
        self.administers(actor, chat).await?;
        // A plain form cannot leave a choice out.
        let seconds = expires_in_seconds.filter(|seconds| *seconds != 0).map(|seconds| {
            within("expires_in_seconds", seconds, limits::INVITE_SECONDS_LEAST, limits::INVITE_SECONDS_MOST)
        });
        let seconds = seconds.transpose()?.and_then(|seconds| i64::try_from(seconds).ok());
        let uses = max_uses.filter(|uses| *uses != 0);
        let uses = uses.map(|uses| within("max_uses", uses, 1, limits::INVITE_USES)).transpose()?;
        let maker = self.store.user(actor.user_id).await?.ok_or_else(AppError::unauthenticated)?;
        let now = self.clock.now();
        let token = BASE64.encode(self.ids.secret());
        let invite = InviteView {
            id: InviteId::from_bytes(self.ids.id(now)),
            created_by: actor.user_id,
            created_by_name: maker.display_name.into_string(),
            created_at: now,
            expires_at: seconds.map(|seconds| now.plus_seconds(seconds)),
            max_uses: uses,
            uses: 0,
        };
        let stored = NewInvite {
            id: invite.id,
            chat_id: chat,
            token_hash: hash(&token),
            created_by: invite.created_by,
            created_at: now,
            expires_at: invite.expires_at,
            max_uses: invite.max_uses,
        };
        self.store.create_invite(stored).await?;
        Ok(NewInviteView { invite, token })
    }

    /// The invitations to the group that are good, last made first. For its admins.
    pub async fn invites(&self, actor: Actor, chat: ChatId) -> AppResult<Vec<InviteView>> {
        self.limiter.take(READS, &actor.user_id.to_string()).await?;
        self.administers(actor, chat).await?;
        self.store.invites(chat, self.clock.now()).await
    }

    /// Takes an invitation back: its link leads nowhere from then on. One that is not there stays so. For admins.
    pub async fn revoke_invite(&self, actor: Actor, chat: ChatId, invite: InviteId) -> AppResult<()> {
        self.limiter.take(CHANGES, &actor.user_id.to_string()).await?;
        self.administers(actor, chat).await?;
        self.store.revoke_invite(chat, invite).await?;
        Ok(())
    }

    /// What one would join by this link. Fails with `invite_invalid`, whatever is wrong with it.
    pub async fn invitation(&self, actor: Actor, token: &str) -> AppResult<InvitationView> {
        let InvitedTo { chat_id, name, description, avatar, member_count, is_member } =
            self.invited_to(actor, token).await?;
        let chat_id = is_member.then_some(chat_id);
        Ok(InvitationView { name, description, avatar, member_count, chat_id })
    }

    /// Joins a group by a link; who is in it already stays as they are. Fails with `invite_invalid`, whatever is wrong
    /// with the link, and with `group_full`.
    pub async fn join(&self, actor: Actor, token: &str) -> AppResult<ChatView> {
        let to = self.invited_to(actor, token).await?;
        if !to.is_member {
            let joiner = self.store.user(actor.user_id).await?.ok_or_else(AppError::unauthenticated)?;
            let joined_at = self.clock.now();
            let decide = move |state: &_| {
                let changes = policy::join(state, actor.user_id)?;
                let joins = changes.into_iter().filter(|change| matches!(change, MemberChange::Add(_)));
                Ok(joins
                    .map(|_joiner| {
                        let user = UserView::from(&joiner);
                        let member = MemberView { user, role: Role::Member, joined_at, read: None };
                        EventBody::MemberAdded { member }
                    })
                    .collect())
            };
            let (chat, user) = (to.chat_id, actor.user_id);
            self.sequencer.join(chat, hash(token), user, joined_at, Box::new(decide)).await?;
        }
        self.shown(actor, to.chat_id).await
    }

    async fn invited_to(&self, actor: Actor, token: &str) -> AppResult<InvitedTo> {
        self.limiter.take(LOOKS, &actor.user_id.to_string()).await?;
        let found = self.store.invite(&hash(token), actor.user_id, self.clock.now()).await?;
        found.ok_or_else(|| ErrorCode::InviteInvalid.into())
    }

    /// Admins alone handle invitations. A moment after somebody is an admin no longer they may still be taken for one,
    /// and what they make then stays until it is revoked, as what they made before does.
    async fn administers(&self, actor: Actor, chat: ChatId) -> AppResult<()> {
        let record = self.store.chat(chat, actor.user_id, 0).await?.ok_or_else(AppError::not_found)?;
        policy::invite(record.kind, record.my_role)
    }
}

/// The number, if it is within these bounds.
fn within<N: PartialOrd>(field: &'static str, number: N, least: N, most: N) -> AppResult<N> {
    if number < least {
        Err(AppError::field(field, FieldError::TooShort))
    } else if number > most {
        Err(AppError::field(field, FieldError::TooLong))
    } else {
        Ok(number)
    }
}

/// What is stored of a token. It has 256 random bits, so one pass is enough.
fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}
