//! Web Push: what a page needs to subscribe its browser.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether this server tells browsers of messages while no page is open, and whether it tells this one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PushView {
    /// The key that a browser subscribes for, in base64url. Absent if this server tells nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
    /// Whether the browser of this session is subscribed.
    pub subscribed: bool,
}
