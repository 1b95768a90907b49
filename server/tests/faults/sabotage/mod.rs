//! Nodes with a guarantee switched off, which the checker has to find. Nothing of it is in the product.
//!
//! A node is this very program, started anew: it is a process of its own, and can be killed.

mod delegate;
mod node;
mod store;

pub use self::{node::serve, store::Sabotaged};

use crate::support::Launch;

/// Which guarantee is off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// A `client_id` that was stored before is stored again.
    DeduplicationOff,
    /// A send is answered, and told to others, before it is written.
    AcknowledgedEarly,
}

/// Tells the program which sabotaged node it is.
pub const VARIABLE: &str = "SAMVAD_FAULTS_SABOTAGE";

impl Sabotage {
    const ALL: [Self; 2] = [Self::DeduplicationOff, Self::AcknowledgedEarly];

    fn name(self) -> &'static str {
        match self {
            Self::DeduplicationOff => "deduplication_off",
            Self::AcknowledgedEarly => "acknowledged_early",
        }
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sabotage| sabotage.name() == name)
    }

    /// Starts this node instead of the server's own.
    pub fn launch(self, launch: Launch) -> Launch {
        let program = std::env::current_exe().expect("the program knows where it is");
        launch.program(&program).variable(VARIABLE, self.name())
    }
}
