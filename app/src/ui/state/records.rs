//! What the browser keeps of unsent messages for all its tabs, and after it was closed: one record for each, with
//! its files, in a database (IndexedDB). A browser may have none, or no room in it; then nothing is kept here.
//!
//! Writes happen in the order in which they were asked for.

#[cfg(feature = "hydrate")]
pub use there::*;

#[cfg(not(feature = "hydrate"))]
pub use absent::*;

#[cfg(feature = "hydrate")]
mod there {
    use std::{cell::RefCell, sync::Arc};

    use futures::{
        FutureExt,
        future::{LocalBoxFuture, Shared},
    };
    use js_sys::{Array, Promise, futures::JsFuture};
    use leptos::prelude::window;
    use wasm_bindgen::{JsCast, JsValue, prelude::Closure};
    use web_sys::{File, IdbDatabase, IdbKeyRange, IdbObjectStore, IdbRequest, IdbTransactionMode};

    use crate::{
        domain::{ClientId, Timestamp, UserId},
        ui::state::{
            claim::{Claim, Turn},
            local,
            unsent::Unsent,
        },
    };

    const DATABASE: &str = "samvad";
    const VERSION: u32 = 1;
    /// The records under their account and the message's id. Each is a list: the message as JSON, its files, the
    /// tab that sends it, and until when, in milliseconds since 1970.
    const UNSENT: &str = "unsent";
    const MESSAGE: u32 = 0;
    const FILES: u32 = 1;
    const TAB: u32 = 2;
    const UNTIL: u32 = 3;

    /// The database, once it is open: all who ask meanwhile wait for the same.
    type Opening = Shared<LocalBoxFuture<'static, Result<IdbDatabase, JsValue>>>;

    thread_local! {
        static OPEN: RefCell<Option<Opening>> = const { RefCell::new(None) };
    }

    /// Keeps a new message, which is the tab's to send. False if the browser did not.
    pub async fn add(account: UserId, message: &Unsent, claim: &Claim) -> bool {
        let record = Array::new();
        let written = transact(account, message.client_id, &mut |records, key, _| {
            describe(&record, message)?;
            stake(&record, claim);
            records.put_with_key(&record, key)
        })
        .await;
        written.is_ok()
    }

    /// Keeps what has become of a message, as far as the browser does. One that is not kept any more stays
    /// forgotten.
    pub async fn change(account: UserId, message: &Unsent) {
        let _changed = transact(account, message.client_id, &mut |records, key, record| {
            let record = record.ok_or(JsValue::UNDEFINED)?;
            describe(&record, message)?;
            records.put_with_key(&record, key)
        })
        .await;
    }

    /// Forgets a message. False if that is not certain.
    pub async fn remove(account: UserId, client_id: ClientId) -> bool {
        let removed = async {
            let records = records(IdbTransactionMode::Readwrite).await?;
            records.delete(&format!("{account}.{client_id}").into())?;
            commit(&records).await
        };
        removed.await.is_ok()
    }

    /// Forgets all messages, of all accounts. False if that is not certain.
    pub async fn clear() -> bool {
        let cleared = async {
            let records = records(IdbTransactionMode::Readwrite).await?;
            records.clear()?;
            commit(&records).await
        };
        cleared.await.is_ok()
    }

    /// All messages of the account. The files of those that are wanted are held by the page from now on.
    /// `None` if the browser has no records.
    pub async fn all(account: UserId, wanted: impl Fn(&Unsent) -> bool) -> Option<Vec<Unsent>> {
        let found = async {
            let records = records(IdbTransactionMode::Readonly).await?;
            let range = IdbKeyRange::bound(&format!("{account}.").into(), &format!("{account}/").into())?;
            read(&records.get_all_with_key(&range)?).await
        };
        let found = found.await.ok()?;
        let message = |record: JsValue| {
            let record = record.dyn_into::<Array>().ok()?;
            // What another version has written is left to that.
            let mut message: Unsent = serde_json::from_str(&record.get(MESSAGE).as_string()?).ok()?;
            if wanted(&message) {
                let files = record.get(FILES).dyn_into::<Array>().ok()?;
                for (place, chosen) in (0..).zip(&mut message.files) {
                    // Without it the message is found to lack it.
                    if let Ok(file) = files.get(place).dyn_into::<File>() {
                        local::take_up(Arc::make_mut(chosen), file);
                    }
                }
            }
            Some(message)
        };
        let found = found.dyn_into::<Array>().ok()?;
        Some((0..found.length()).filter_map(|place| message(found.get(place))).collect())
    }

    /// Claims a message for a tab, in one step with seeing whether it can. Where the browser does not say, the
    /// message is the tab's.
    pub async fn claim(account: UserId, client_id: ClientId, claim: &Claim, now: Timestamp) -> Turn {
        let mut turn = Turn::Mine;
        let _claimed = transact(account, client_id, &mut |records, key, record| {
            turn = record.as_ref().map_or(Turn::Gone, |record| {
                let tab = record.get(TAB).as_string().unwrap_or_default();
                let until = Timestamp::from_millis(record.get(UNTIL).as_f64().unwrap_or_default() as i64);
                Claim { tab, until }.turn(&claim.tab, now)
            });
            let record = record.filter(|_| turn == Turn::Mine).ok_or(JsValue::UNDEFINED)?;
            stake(&record, claim);
            records.put_with_key(&record, key)
        })
        .await;
        turn
    }

    /// What is done with the record of a message, if there is one, under its key.
    type Step<'a> =
        &'a mut dyn FnMut(&IdbObjectStore, &JsValue, Option<Array>) -> Result<IdbRequest, JsValue>;

    /// Reads the record of a message and changes it, in one transaction, and waits until that is committed.
    async fn transact(account: UserId, client_id: ClientId, step: Step<'_>) -> Result<(), JsValue> {
        let key = format!("{account}.{client_id}").into();
        let records = records(IdbTransactionMode::Readwrite).await?;
        let record = read(&records.get(&key)?).await?;
        step(&records, &key, record.dyn_into().ok())?;
        commit(&records).await
    }

    /// Waits until what was asked for is committed.
    async fn commit(records: &IdbObjectStore) -> Result<(), JsValue> {
        let transaction = records.transaction();
        let done = Promise::new(&mut |resolve, reject| {
            transaction.set_oncomplete(Some(&resolve));
            transaction.set_onabort(Some(&reject));
        });
        JsFuture::from(done).await.map(drop)
    }

    fn describe(record: &Array, message: &Unsent) -> Result<(), JsValue> {
        let text = serde_json::to_string(message).map_err(|_unserialisable| JsValue::UNDEFINED)?;
        let files = Array::new();
        for file in &message.files {
            // A place of its own also for one that is gone: files are told apart by their places.
            files.push(&local::file(file.key).into());
        }
        record.set(MESSAGE, text.into());
        record.set(FILES, files.into());
        Ok(())
    }

    fn stake(record: &Array, claim: &Claim) {
        record.set(TAB, claim.tab.as_str().into());
        record.set(UNTIL, (claim.until.as_millis() as f64).into());
    }

    /// The records, in a transaction of their own.
    async fn records(mode: IdbTransactionMode) -> Result<IdbObjectStore, JsValue> {
        let begin = |database: IdbDatabase| database.transaction_with_str_and_mode(UNSENT, mode);
        let anew = || open().boxed_local().shared();
        let opening = OPEN.with_borrow_mut(|open| open.get_or_insert_with(anew).clone());
        let mut begun = opening.await.and_then(begin);
        if begun.is_err() {
            // The browser may have closed it, as it does when it clears what it keeps.
            let opening = OPEN.with_borrow_mut(|open| open.insert(anew()).clone());
            begun = opening.await.and_then(begin);
        }
        begun?.object_store(UNSENT)
    }

    async fn open() -> Result<IdbDatabase, JsValue> {
        let factory = window().indexed_db()?.ok_or(JsValue::UNDEFINED)?;
        let request = factory.open_with_u32(DATABASE, VERSION)?;
        let new = request.clone();
        let make = Closure::<dyn FnMut()>::new(move || {
            if let Ok(database) = new.result() {
                // If it fails, so does opening.
                let _ = database.unchecked_into::<IdbDatabase>().create_object_store(UNSENT);
            }
        });
        // The browser may call it when nobody waits for the database any more.
        request.set_onupgradeneeded(Some(make.into_js_value().unchecked_ref()));
        let database = read(&request).await?.unchecked_into::<IdbDatabase>();
        // A newer version of the page, in another tab, makes it anew.
        let held = database.clone();
        let close = Closure::<dyn FnMut()>::new(move || held.close());
        database.set_onversionchange(Some(close.into_js_value().unchecked_ref()));
        Ok(database)
    }

    /// The answer of a request.
    async fn read(request: &IdbRequest) -> Result<JsValue, JsValue> {
        let done = Promise::new(&mut |resolve, reject| {
            request.set_onsuccess(Some(&resolve));
            request.set_onerror(Some(&reject));
        });
        JsFuture::from(done).await?;
        request.result()
    }
}

#[cfg(not(feature = "hydrate"))]
mod absent {
    use crate::{
        domain::{ClientId, Timestamp, UserId},
        ui::state::{
            claim::{Claim, Turn},
            unsent::Unsent,
        },
    };

    /// Nothing is kept; false.
    pub async fn add(_account: UserId, _message: &Unsent, _claim: &Claim) -> bool {
        false
    }

    /// Nothing is kept.
    pub async fn change(_account: UserId, _message: &Unsent) {}

    /// Nothing is kept, and nothing to be removed.
    pub async fn remove(_account: UserId, _client_id: ClientId) -> bool {
        true
    }

    /// Nothing is kept.
    pub async fn clear() -> bool {
        true
    }

    /// There are no records.
    pub async fn all(_account: UserId, _wanted: impl Fn(&Unsent) -> bool) -> Option<Vec<Unsent>> {
        None
    }

    /// Nobody else is there.
    pub async fn claim(_account: UserId, _client_id: ClientId, _claim: &Claim, _now: Timestamp) -> Turn {
        Turn::Mine
    }
}
