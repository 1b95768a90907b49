//! Hydrates the page that the server rendered, and nothing else.

/// Called by the page's loader once the WebAssembly module is ready.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_body(app::App);
}
