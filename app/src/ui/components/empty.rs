//! What stands where there is nothing to show yet, and what stands where something is on its way.

use leptos::prelude::*;

use super::icon::{Glyph, Icon};

/// Nothing here yet, and what to do about it.
#[component]
pub fn Empty(
    /// A drawing of what is missing.
    glyph: Glyph,
    /// What is missing.
    #[prop(into)]
    title: String,
    /// What to do about it.
    #[prop(into)]
    text: String,
    /// Links or buttons that do it.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="empty">
            <span class="empty__icon"><Icon glyph/></span>
            <p class="empty__title">{title}</p>
            <p class="empty__text">{text}</p>
            {children.map(|children| view! { <div class="empty__actions">{children()}</div> })}
        </div>
    }
    .into_any()
}

/// Rows of the size of what is being loaded, so that nothing jumps when it comes.
#[component]
pub fn Skeleton(
    /// How many rows.
    #[prop(default = 4)]
    rows: usize,
    /// What is being loaded, read aloud.
    #[prop(default = "Loading…")]
    label: &'static str,
) -> impl IntoView {
    view! {
        <div class="skeleton" role="status">
            <span class="visually-hidden">{label}</span>
            {(0..rows)
                .map(|_| {
                    view! {
                        <div class="skeleton__row" aria-hidden="true">
                            <span class="skeleton__disc"></span>
                            <span class="skeleton__lines">
                                <span class="skeleton__line"></span>
                                <span class="skeleton__line"></span>
                            </span>
                        </div>
                    }
                })
                .collect_view()}
        </div>
    }
    .into_any()
}
