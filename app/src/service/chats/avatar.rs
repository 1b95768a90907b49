//! The picture that stands for a group.

use super::{Actor, Chats};
use crate::{
    domain::{ChatId, policy},
    error::{AppError, AppResult},
    protocol::{ChatView, EventBody},
    service::NewAvatar,
};

impl Chats {
    /// Whether the caller may choose what stands for the chat, as far as it can be told before: it is decided when it is
    /// written. Fails with `not_found` for who is not in it, with `not_a_group`, and with `forbidden`.
    pub async fn may_set_avatar(&self, actor: Actor, chat: ChatId) -> AppResult<()> {
        let record = self.store.chat(chat, actor.user_id, 0).await?.ok_or_else(AppError::not_found)?;
        policy::set_avatar(record.kind, record.my_role)
    }

    /// Has a picture stand for a group, or none; what is so already changes nothing. Fails as
    /// [`Self::may_set_avatar`].
    pub async fn set_avatar(
        &self,
        actor: Actor,
        chat: ChatId,
        avatar: Option<NewAvatar>,
    ) -> AppResult<ChatView> {
        let id = avatar.as_ref().map(NewAvatar::id);
        self.change(actor, chat, move |state| {
            let is_news = policy::change_avatar(state, actor.user_id, id)?;
            Ok(is_news.then_some(EventBody::ChatAvatarChanged { avatar: id }).into_iter().collect())
        })
        .await?;
        if let Some(avatar) = avatar {
            avatar.attached();
        }
        self.shown(actor, chat).await
    }
}
