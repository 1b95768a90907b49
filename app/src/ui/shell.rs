//! The HTML document around the application.

use leptos::{nonce::use_nonce, prelude::*};
use leptos_meta::{HashedStylesheet, MetaTags};

use super::{
    App,
    page_data::{ELEMENT_ID, PageData},
};

/// The document that the server answers with. The page's data must be in the context.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    let data = use_context::<PageData>();
    // The answer to a plain form is a page without scripts: whoever sent it has none, and the address
    // in the bar is not the page's.
    let scripts = data.filter(|data| data.form.is_none() && data.new_invite.is_none()).map(|data| {
        view! {
            <script type="application/json" id=ELEMENT_ID nonce=use_nonce()>{embedded(&data)}</script>
            <AutoReload options=options.clone()/>
            <HydrationScripts options=options.clone()/>
        }
    });
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1, interactive-widget=resizes-content"/>
                <meta name="color-scheme" content="light dark"/>
                <meta name="theme-color" content="#f6f5f2" media="(prefers-color-scheme: light)"/>
                <meta name="theme-color" content="#161513" media="(prefers-color-scheme: dark)"/>
                <meta name="description" content="Samvad: a calm place to talk, one to one and in groups."/>
                <meta name="robots" content="noindex"/>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
                <HashedStylesheet options=options.clone()/>
                {scripts}
                <MetaTags/>
            </head>
            <body>
                <App/>
            </body>
        </html>
    }
}

/// The data as it stands in the document: JSON in which nothing can end the element around it.
fn embedded(data: &PageData) -> String {
    // Views are plain data: turning one into JSON cannot fail. If it did, the page would start empty.
    serde_json::to_string(data).unwrap_or_default().replace('<', "\\u003c")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        error::AppError,
        ui::page_data::{FormNotice, Page},
    };

    #[test]
    fn embedded_data_cannot_end_its_element_and_reads_back_the_same() {
        let mut data = PageData::failed(AppError::not_found());
        data.page = Page::People { query: "</script><!--<script>".into(), found: Vec::new() };
        data.form = Some(FormNotice {
            function: "login".into(),
            error: AppError::unauthenticated(),
            values: [("email".to_owned(), "</SCRIPT >\u{2028}".to_owned())].into(),
        });
        let text = embedded(&data);
        assert!(!text.contains('<'), "{text}");
        assert_eq!(serde_json::from_str::<PageData>(&text).ok(), Some(data));
    }
}
