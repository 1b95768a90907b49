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
    use js_sys::futures::JsFuture;
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

    /// Whether the browser lets the site notify.
    pub fn permission() -> Permission {
        let is_there = js_sys::Reflect::has(&window(), &"Notification".into()).unwrap_or(false);
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
