//! The demo accounts, loaded on request only. They have a password that everybody knows, so they are
//! exempt from the rules for passwords, and a server that others can reach refuses to start with them.

use app::{
    domain::{ChatId, DisplayName, Email, GroupName, Role, UserId},
    error::{AppError, AppResult, ErrorCode},
    ports::{Clock, NewGroupChat, NewUser, Store},
    service::{hash_password, is_password},
};

/// The password of all of them.
pub const PASSWORD: &str = "abcdefg";

/// Their ids, addresses and names. The last is the admin of the group.
pub const ACCOUNTS: [(&str, &str, &str); 5] = [
    ("68949ca2e36d65cad2b71204", "samyak@chat.test.com", "Samyak"),
    ("68949cfde36d65cad2b7120a", "samyak@chat.test1.com", "Asha"),
    ("68949d2ae36d65cad2b71210", "samyak@chat.test2.com", "Ravi"),
    ("68949d54e36d65cad2b71216", "samyak@chat.test3.com", "Meera"),
    ("68949f3ce36d65cad2b71228", "samyak@chat.test4.com", "Kabir"),
];

/// The group that all of them are in.
pub const GROUP: &str = "Test Group";
const GROUP_ID: &str = "68949f5ee36d65cad2b71230";

/// Whether one of the accounts is there with the password that everybody knows.
pub async fn is_present(store: &dyn Store) -> AppResult<bool> {
    for (id, _, _) in ACCOUNTS {
        let user = store.user(id.parse().map_err(AppError::internal)?).await?;
        if let Some(user) = user
            && is_password(PASSWORD, &user.password_hash).await?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Loads what is not there yet. The group is made with the accounts and not again later, so that one who
/// has deleted it is not surprised.
pub async fn load(store: &dyn Store, clock: &dyn Clock) -> AppResult<()> {
    let mut is_new = false;
    let mut members = Vec::new();
    for (id, email, name) in ACCOUNTS {
        let id: UserId = id.parse().map_err(AppError::internal)?;
        members.push((id, Role::Member));
        if store.user(id).await?.is_some() {
            continue;
        }
        let user = NewUser {
            id,
            email: Email::parse(email)?,
            display_name: DisplayName::parse(name)?,
            password_hash: hash_password(PASSWORD).await?,
            created_at: clock.now(),
        };
        match store.create_user(user).await {
            Ok(()) => is_new = true,
            Err(error) if error.code == ErrorCode::EmailTaken => {
                tracing::warn!(email, "somebody else has this demo account's address; it was left out");
                members.pop();
            }
            Err(error) => return Err(error),
        }
    }
    if !is_new {
        return Ok(());
    }
    if let Some(last) = members.last_mut() {
        last.1 = Role::Admin;
    }
    let id: ChatId = GROUP_ID.parse().map_err(AppError::internal)?;
    let name = GroupName::parse(GROUP)?;
    store.create_group_chat(NewGroupChat { id, name, members, created_at: clock.now() }).await
}
