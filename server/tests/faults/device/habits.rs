//! What a device is told of the world before it begins: where to go in, and how to behave.

use std::{
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::support::{Random, Site};

/// Where devices can go in: the nodes, or what stands before them.
#[derive(Clone, Default)]
pub struct Entrances(Arc<Mutex<Vec<Site>>>);

impl Entrances {
    /// These, from now on.
    pub fn set(&self, sites: Vec<Site>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = sites;
    }

    /// All of them.
    pub fn all(&self) -> Vec<Site> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// One that chance chooses; another one than `last`, if there is.
    pub(super) fn choose(&self, random: &mut Random, last: Option<&Site>) -> Option<Site> {
        let mut sites = self.all();
        if let Some(last) = last.filter(|_| sites.len() > 1) {
            sites.retain(|site| site.addr != last.addr);
        }
        (!sites.is_empty()).then(|| sites.swap_remove(random.below(sites.len())))
    }
}

/// How a device behaves.
#[derive(Clone, Debug)]
pub struct Habits {
    /// Whether it tries again until a message is stored; otherwise it gives up after one failure.
    pub is_patient: bool,
    /// Whether it asks for what it missed. Off, a guarantee is broken on purpose.
    pub fetches_gaps: bool,
    /// How long an answer may take; in a browser 40 s.
    pub patience: Duration,
    /// Milliseconds between two messages; `None` if it only reads.
    pub pace: Option<Range<u64>>,
    /// Messages that may wait in its outbox before it writes no more.
    pub most_waiting: usize,
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            is_patient: true,
            fetches_gaps: true,
            patience: Duration::from_secs(40),
            pace: Some(10..60),
            most_waiting: 4,
        }
    }
}
