//! The browser's side of notifications. On the server, where there is none, nothing happens.

#[cfg(feature = "hydrate")]
pub use there::*;

#[cfg(not(feature = "hydrate"))]
pub use absent::*;

/// Whether the browser lets the site notify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// There are no notifications here, as where the site is not encrypted.
    Unavailable,
    /// It would ask.
    Unasked,
    /// It does.
    Granted,
    /// It does not, and does not ask again.
    Denied,
}

#[cfg(feature = "hydrate")]
mod there {
    use js_sys::{Function, Object, Promise, Reflect, futures::JsFuture};
    use leptos::prelude::{Callable, Callback, window};
    use wasm_bindgen::{JsCast, JsValue, closure::Closure};
    use web_sys::{
        AudioContext, Event, Notification, NotificationOptions, NotificationPermission, OscillatorType,
    };

    use super::Permission;
    use crate::ui::state::notifying::Call;

    /// Two short notes, the second one higher: when each begins in seconds, and its frequency in hertz.
    const NOTES: [(f64, f32); 2] = [(0.0, 587.33), (0.12, 783.99)];
    /// How long a note lasts, in seconds, and how loud it begins, where 1 is as loud as can be.
    const NOTE_SECONDS: f64 = 0.18;
    const LOUDNESS: f32 = 0.08;

    /// For how long a tab keeps what it does to itself, in milliseconds: others may come to it later, since browsers slow
    /// down the clocks of tabs that nobody sees.
    const KEPT_MS: i32 = 5_000;

    /// Does something in one of the browser's tabs that come to it under this name at about the same time: in the first.
    /// Where the browser knows no locks (Web Locks API), in each.
    pub fn in_one_tab(name: &str, deed: impl FnOnce() + 'static) {
        let locks = Reflect::get(&window().navigator(), &"locks".into()).unwrap_or_default();
        let request =
            Reflect::get(&locks, &"request".into()).ok().and_then(|it| it.dyn_into::<Function>().ok());
        let Some(request) = request else { return deed() };
        let options = Object::new();
        // A plain object takes whatever is set.
        let _set = Reflect::set(&options, &"ifAvailable".into(), &JsValue::TRUE);
        let granted = Closure::once_into_js(move |lock: JsValue| {
            if lock.is_null() {
                return JsValue::UNDEFINED;
            }
            deed();
            let kept = Promise::new(&mut |end, _fail| {
                let ended = window().set_timeout_with_callback_and_timeout_and_arguments_0(&end, KEPT_MS);
                debug_assert!(ended.is_ok());
            });
            kept.into()
        });
        // A page that is going away gets no lock, and has nothing to do any more.
        let _asked = request.call3(&locks, &name.into(), &options, &granted);
    }

    /// Whether the browser lets the site notify.
    pub fn permission() -> Permission {
        let is_there = Reflect::has(&window(), &"Notification".into()).unwrap_or(false);
        match is_there.then(Notification::permission) {
            None => Permission::Unavailable,
            Some(NotificationPermission::Granted) => Permission::Granted,
            Some(NotificationPermission::Denied) => Permission::Denied,
            Some(_) => Permission::Unasked,
        }
    }

    /// Has the browser ask its user, as far as it wants to.
    pub async fn ask() -> Permission {
        if permission() == Permission::Unasked
            && let Ok(answer) = Notification::request_permission()
        {
            // What was answered is asked for below.
            let _ = JsFuture::from(answer).await;
        }
        permission()
    }

    /// Shows a notification; whoever presses it is led to the chat.
    pub fn show(call: &Call, sound: bool, way: Option<Callback<String>>) {
        if permission() != Permission::Granted {
            return;
        }
        let options = NotificationOptions::new();
        options.set_body(&call.body);
        options.set_tag(&call.chat_id.to_string());
        options.set_icon("/favicon.svg");
        // The sound is our own, or none.
        options.set_silent(Some(true));
        // Some browsers notify by workers only.
        let Ok(shown) = Notification::new_with_options(&call.title, &options) else { return };
        let path = format!("/c/{}", call.chat_id);
        let shown_again = shown.clone();
        let click = Closure::once_into_js(move |event: Event| {
            event.prevent_default();
            // A browser that refuses leaves its user where they are.
            let _ = window().focus();
            shown_again.close();
            if let Some(way) = way {
                way.run(path);
            }
        });
        shown.set_onclick(Some(click.unchecked_ref()));
        if sound {
            // A browser that has not been touched yet plays nothing.
            let _ = play();
        }
    }

    /// Plays the sound.
    pub fn play() -> Result<(), JsValue> {
        let context = AudioContext::new()?;
        let now = context.current_time();
        for (place, (after, frequency)) in NOTES.into_iter().enumerate() {
            let (note, volume) = (context.create_oscillator()?, context.create_gain()?);
            note.set_type(OscillatorType::Sine);
            note.frequency().set_value(frequency);
            let (start, end) = (now + after, now + after + NOTE_SECONDS);
            volume.gain().set_value_at_time(LOUDNESS, start)?;
            volume.gain().exponential_ramp_to_value_at_time(0.001, end)?;
            note.connect_with_audio_node(&volume)?;
            volume.connect_with_audio_node(&context.destination())?;
            note.start_with_when(start)?;
            note.stop_with_when(end)?;
            if place + 1 == NOTES.len() {
                let context = context.clone();
                // The device's sound is given back with the last note.
                let ended = Closure::once_into_js(move || {
                    let _ = context.close();
                });
                note.set_onended(Some(ended.unchecked_ref()));
            }
        }
        Ok(())
    }
}

#[cfg(not(feature = "hydrate"))]
mod absent {
    use leptos::prelude::Callback;

    use super::Permission;
    use crate::ui::state::notifying::Call;

    /// There are no tabs.
    pub fn in_one_tab(_name: &str, _deed: impl FnOnce() + 'static) {}

    /// There is no browser.
    pub fn permission() -> Permission {
        Permission::Unavailable
    }

    /// Nobody is asked.
    pub async fn ask() -> Permission {
        Permission::Unavailable
    }

    /// Nobody sees it.
    pub fn show(_call: &Call, _sound: bool, _way: Option<Callback<String>>) {}

    /// Nobody hears it.
    pub fn play() -> Result<(), std::convert::Infallible> {
        Ok(())
    }
}
