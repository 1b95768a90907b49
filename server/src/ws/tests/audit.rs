//! The audit by itself, beside a store that does not answer everything.

use std::{collections::BTreeSet, sync::Arc};

use super::{chat, hub::connected, session, store::MemoryStore, user};
use crate::{
    system::SystemClock,
    ws::{audit::Audit, hub::Hub},
};

#[tokio::test]
async fn an_audit_that_is_cut_short_is_gone_on_with() {
    let (hub, store) = (Arc::new(Hub::new()), Arc::new(MemoryStore::default()));
    let _sockets = [1, 2, 3, 4, 5].map(|person| {
        store.sign_in(user(person), session(person));
        // Nobody was told that they joined.
        store.add(chat(9), user(person));
        connected(&hub, person, u128::from(person), &[])
    });
    let mut audit = Audit::new(hub, store.clone(), Arc::new(SystemClock));
    let found = |audit: &Audit, people: &[u8]| {
        assert_eq!(audit.found, people.iter().map(|person| user(*person)).collect::<BTreeSet<_>>());
    };
    store.limit_reads(2);
    audit.compare().await.unwrap_err();
    found(&audit, &[1, 2]);
    // Whoever cannot be read although it is their turn is passed by: the others have waited as long.
    store.limit_reads(0);
    audit.compare().await.unwrap_err();
    store.limit_reads(1);
    audit.compare().await.unwrap_err();
    found(&audit, &[1, 2, 4]);
    store.limit_reads(1);
    audit.compare().await.unwrap();
    found(&audit, &[1, 2, 4, 5]);
    // Then it begins anew.
    store.limit_reads(5);
    audit.compare().await.unwrap();
    found(&audit, &[1, 2, 3, 4, 5]);
}
