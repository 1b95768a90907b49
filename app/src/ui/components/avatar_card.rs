//! Choosing the picture that stands for somebody: what it is now, another one, or none.

use leptos::{
    ev::SubmitEvent,
    html::{Form, Input},
    prelude::*,
    web_sys::FormData,
};

use super::{
    avatar::Avatar,
    button::SubmitButton,
    focus::{focus, is_lost},
    form::{Entered, FormAlert, FormState},
};
use crate::{
    domain::{AttachmentId, ChatId},
    error::{AppError, ErrorCode, FieldError},
    ui::{
        files::words,
        state::{local, use_store},
    },
};

/// The kinds of pictures that the server understands.
const ACCEPTED: &str = "image/png,image/jpeg,image/gif,image/webp,image/bmp";
/// The field of the picture.
const FILE: &str = "file";

/// A picture that is to be sent.
pub struct Sent {
    /// The form.
    pub data: FormData,
    /// To be called once it is there.
    pub done: Callback<()>,
}

/// The forms that choose a picture and take it away. Without scripts they go to their functions as they are.
#[component]
pub fn AvatarCard(
    /// The form that chooses one.
    set: FormState,
    /// The form that takes it away.
    remove: FormState,
    /// Who sees it, in a sentence.
    lead: &'static str,
    /// What who it stands for is called.
    #[prop(into)]
    name: Signal<String>,
    /// Their colour.
    hue: u8,
    /// The picture that they have.
    #[prop(into)]
    picture: Signal<Option<AttachmentId>>,
    /// The group that it is for.
    #[prop(optional)]
    chat: Option<ChatId>,
    /// Sends the one.
    send: Callback<Sent>,
    /// Sends the other.
    take_away: Callback<()>,
) -> impl IntoView {
    let limits = use_store().initial.with_value(|data| data.upload_limits);
    // A server that takes no files takes no pictures.
    if limits.files == 0 {
        return ().into_any();
    }
    let id = format!("{}-{FILE}", set.function());
    let (hint_id, error_id) = (format!("{id}-hint"), format!("{id}-error"));
    let (form, input) = (NodeRef::<Form>::new(), NodeRef::<Input>::new());
    let preview = RwSignal::new(None::<String>);
    let show = move |url: Option<String>| {
        if let Some(before) = preview.try_update(|preview| std::mem::replace(preview, url)).flatten() {
            local::forget_url(&before);
        }
    };
    on_cleanup(move || show(None));
    let look = move || {
        let Some(chosen) = input.get_untracked().and_then(|input| local::look_at(&input)) else {
            return show(None);
        };
        let is_picture = ACCEPTED.split(',').any(|kind| kind == chosen.media_type);
        if is_picture {
            show(Some(chosen.url));
        } else {
            local::forget_url(&chosen.url);
            show(None);
        }
        if chosen.size > limits.file_bytes {
            set.refuse(ErrorCode::FileTooLarge.into());
        } else if !is_picture && !chosen.media_type.is_empty() {
            set.refuse(AppError::field(FILE, FieldError::NotAPicture));
        } else {
            // Where the device does not know, the server does.
            set.forget_refusal();
        }
    };
    // Also what was chosen before the page came alive.
    Effect::new(move |_| {
        if input.get().is_some_and(|input| !input.value().is_empty()) {
            look();
        }
    });
    let unreadable = move |_| {
        show(None);
        set.refuse(AppError::field(FILE, FieldError::NotAPicture));
    };
    let done = Callback::new(move |()| {
        if let Some(form) = form.try_get_untracked().flatten() {
            form.reset();
        }
        show(None);
    });
    let submit = move |event: SubmitEvent| {
        let entered = Entered::take(&event);
        let chosen = input.get_untracked().and_then(|input| local::size_of(&input));
        match (chosen, entered.into_data()) {
            (None, _) => set.refuse(AppError::field(FILE, FieldError::Required)),
            (Some(size), _) if size > limits.file_bytes => set.refuse(ErrorCode::FileTooLarge.into()),
            (Some(_), Some(data)) => send.run(Sent { data, done }),
            (Some(_), None) => set.refuse(ErrorCode::InvalidRequest.into()),
        }
    };
    let removing = StoredValue::new(false);
    let removal = move |event: SubmitEvent| {
        event.prevent_default();
        removing.set_value(true);
        take_away.run(());
    };
    // The button goes with the picture, and takes the focus along.
    Effect::new(move |before: Option<bool>| {
        let has_picture = picture.with(Option::is_some);
        if before == Some(true) && !has_picture && removing.get_value() {
            removing.set_value(false);
            request_animation_frame(move || {
                if let Some(input) = input.try_get_untracked().flatten().filter(|_| is_lost()) {
                    focus(&input);
                }
            });
        }
        has_picture
    });
    let problem = Memo::new(move |_| problem(set.error().as_ref()?));
    let invalid = move || problem.get().map(|_| "true");
    let described_by = {
        let (hint_id, error_id) = (hint_id.clone(), error_id.clone());
        move || if problem.get().is_some() { format!("{error_id} {hint_id}") } else { hint_id.clone() }
    };
    let title_id = format!("{}-title", set.function());
    let chat_field =
        move || chat.map(|id| view! { <input type="hidden" name="chat_id" value=id.to_string()/> });
    let hint = format!(
        "PNG, JPEG, GIF, WebP or BMP, {} at most. What is in the middle is shown, as a square.",
        words::size(limits.file_bytes)
    );
    let label = Signal::derive(move || {
        if picture.with(Option::is_some) { "Replace picture".to_owned() } else { "Save picture".to_owned() }
    });
    view! {
        <section class="card" aria-labelledby=title_id.clone()>
            <h2 class="card__title" id=title_id.clone()>"Picture"</h2>
            <p class="card__lead">{lead}</p>
            <div class="avatar-card">
                {move || match preview.get() {
                    Some(url) => view! {
                        <span class="avatar" data-size="l" aria-hidden="true" data-kind=chat.map(|_| "group")>
                            <img class="avatar__picture" src=url alt="" on:error=unreadable/>
                        </span>
                    }
                    .into_any(),
                    None => view! { <Avatar name hue picture group=chat.is_some() size="l"/> }.into_any(),
                }}
                <div class="avatar-card__forms">
                    <form
                        node_ref=form
                        class="form"
                        method="post"
                        action=set.action()
                        enctype="multipart/form-data"
                        novalidate
                        on:submit=submit
                    >
                        <FormAlert form=set/>
                        {chat_field()}
                        <div class="field" data-invalid=invalid>
                            <label class="field__label" for=id.clone()>"Choose a picture"</label>
                            <input
                                node_ref=input
                                class="input"
                                type="file"
                                id=id.clone()
                                name=FILE
                                accept=ACCEPTED
                                required
                                aria-invalid=invalid
                                aria-describedby=described_by
                                on:change=move |_| look()
                            />
                            {move || {
                                let error_id = error_id.clone();
                                problem.get().map(|words| view! { <p class="field__error" id=error_id>{words}</p> })
                            }}
                            <p class="field__hint" id=hint_id.clone()>{hint}</p>
                        </div>
                        <SubmitButton form=set label/>
                    </form>
                    <Show when=move || picture.with(Option::is_some)>
                        <form method="post" action=remove.action() on:submit=removal>
                            {chat_field()}
                            <SubmitButton form=remove label="Remove picture" look="quiet"/>
                        </form>
                    </Show>
                    <FormAlert form=remove/>
                </div>
            </div>
        </section>
    }
    .into_any()
}

/// What is wrong with the picture that was chosen, if that is what an error is about.
fn problem(error: &AppError) -> Option<&'static str> {
    match error.code {
        ErrorCode::ValidationFailed => error.field_error(FILE).map(FieldError::sentence),
        ErrorCode::FileTooLarge => Some("This picture has more bytes than are taken."),
        ErrorCode::ImageTooLarge => Some("This picture has more pixels than can be shown."),
        ErrorCode::FileEmpty => Some("There is nothing in this file."),
        ErrorCode::FileNameTooLong => Some("This file's name is too long."),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_the_picture_is_said_beside_it() {
        let no_picture = AppError::field(FILE, FieldError::NotAPicture);
        assert_eq!(problem(&no_picture), Some(FieldError::NotAPicture.sentence()));
        assert!(problem(&ErrorCode::ImageTooLarge.into()).is_some());
        assert_eq!(problem(&ErrorCode::Busy.into()), None);
        assert_eq!(problem(&AppError::field("chat_id", FieldError::Required)), None);
    }
}
