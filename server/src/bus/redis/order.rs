//! Events of one chat that two nodes wrote, put back into order before they go to sockets.
//!
//! A node has its own events at once and the others' a moment later, so that of two nodes in one conversation
//! each would tell its sockets of a later event first. Clients bear that, but each of them asks for what is
//! missing. So an event that comes too early waits, briefly, for those before it. One that comes late goes
//! out at once: clients put it in its place.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use app::{
    domain::{ChatId, Seq},
    ports::{BusMessage, Frame},
};
use tokio::{sync::Notify, time::sleep};

use crate::ws::{Hub, Pressure};

/// For how long an event waits for those before it.
const HOLD: Duration = Duration::from_millis(100);
/// Events of one chat that may wait; with one more all go out.
const HELD: usize = 64;
/// Chats are spread over as many locks.
const SHARDS: u64 = 64;

/// Events that wait for those before them.
pub struct Order {
    hub: Arc<Hub>,
    /// Whether what is missing may still come.
    expects: Box<dyn Fn() -> bool + Send + Sync>,
    shards: Vec<Mutex<HashMap<ChatId, Held>>>,
    notify: Notify,
}

struct Held {
    until: Instant,
    events: BTreeMap<Seq, Frame>,
}

impl Order {
    /// Nothing waits yet. Nothing ever does while `expects` says that nothing more will come.
    pub fn new(hub: Arc<Hub>, expects: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { hub, expects: Box::new(expects), shards, notify: Notify::new() }
    }

    /// Hands news to the sockets, or holds an event back that comes too early. Returns what a publisher had
    /// better wait for before the next event.
    pub fn dispatch(&self, message: &BusMessage) -> Option<Pressure> {
        let BusMessage::Event { chat_id, seq, frame } = message else { return self.hub.dispatch(message) };
        let mut shard = self.shard(*chat_id);
        let Some(head) = self.hub.head_of(*chat_id) else {
            shard.remove(chat_id);
            return None;
        };
        if *seq > head.next() && (self.expects)() {
            let held = shard.entry(*chat_id).or_insert_with(|| {
                self.notify.notify_one();
                Held { until: Instant::now() + HOLD, events: BTreeMap::new() }
            });
            held.events.insert(*seq, frame.clone());
            if held.events.len() <= HELD {
                return None;
            }
            return shard.remove(chat_id).and_then(|held| self.deliver(*chat_id, held.events));
        }
        let mut ready = BTreeMap::from([(*seq, frame.clone())]);
        if let Some(held) = shard.get_mut(chat_id) {
            // What was held before the log was found to reach further waits for nothing any longer either.
            let mut end = head.max(*seq).next();
            while held.events.contains_key(&end) {
                end = end.next();
            }
            let later = held.events.split_off(&end);
            ready.append(&mut std::mem::replace(&mut held.events, later));
            if held.events.is_empty() {
                shard.remove(chat_id);
            }
        }
        self.deliver(*chat_id, ready)
    }

    fn deliver(&self, chat_id: ChatId, events: BTreeMap<Seq, Frame>) -> Option<Pressure> {
        let mut pressure = None;
        for (seq, frame) in events {
            pressure = self.hub.dispatch(&BusMessage::Event { chat_id, seq, frame }).or(pressure);
        }
        pressure
    }

    /// Lets go of what has waited long enough, for good.
    pub async fn run(&self) {
        loop {
            let now = Instant::now();
            let mut next: Option<Instant> = None;
            for shard in &self.shards {
                let mut shard = lock(shard);
                let late: Vec<ChatId> =
                    shard.iter().filter(|(_, held)| held.until <= now).map(|(chat, _)| *chat).collect();
                for chat in late {
                    if let Some(held) = shard.remove(&chat) {
                        self.deliver(chat, held.events);
                    }
                }
                let soonest = shard.values().map(|held| held.until).min();
                next = next.into_iter().chain(soonest).min();
            }
            match next {
                Some(next) => sleep(next.saturating_duration_since(now)).await,
                None => self.notify.notified().await,
            }
        }
    }

    fn shard(&self, chat: ChatId) -> MutexGuard<'_, HashMap<ChatId, Held>> {
        let mut hasher = DefaultHasher::new();
        chat.hash(&mut hasher);
        let place = usize::try_from(hasher.finish() % SHARDS).unwrap_or_default();
        lock(&self.shards[place])
    }
}

/// A panic elsewhere leaves no half-made change behind that could do harm, so poison is ignored.
fn lock<T>(shard: &Mutex<T>) -> MutexGuard<'_, T> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use app::{
        domain::{SessionId, UserId},
        ports::SocketId,
        protocol::Heads,
        service::Actor,
    };

    use super::*;
    use crate::ws::Registered;

    const CHAT: ChatId = ChatId::from_bytes([1; 12]);

    /// A socket in the chat's room, and what goes to it.
    fn room() -> (Arc<Hub>, Registered) {
        let hub = Arc::new(Hub::new());
        let actor =
            Actor { user_id: UserId::from_bytes([1; 12]), session_id: SessionId::from_bytes([1; 12]) };
        let registered = hub.register(hub.reserve(actor.user_id).unwrap(), SocketId(1), actor);
        let heads = Heads::from([(CHAT, Seq(0))]);
        hub.join(&registered.socket, &heads);
        hub.follow(&registered.socket, &heads, &heads);
        (hub, registered)
    }

    fn event(seq: u64) -> BusMessage {
        BusMessage::Event { chat_id: CHAT, seq: Seq(seq), frame: seq.to_string().into() }
    }

    fn told(registered: &Registered) -> String {
        let frames = registered.socket.outbox.take(Instant::now()).frames;
        frames.iter().map(|(frame, _)| frame.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn an_early_event_waits_for_those_before_it() {
        let (hub, socket) = room();
        let order = Order::new(hub, || true);
        for seq in [3, 2, 5] {
            order.dispatch(&event(seq));
        }
        assert_eq!(told(&socket), "");
        order.dispatch(&event(1));
        assert_eq!(told(&socket), "1 2 3");
        order.dispatch(&event(4));
        assert_eq!(told(&socket), "4 5");
        order.dispatch(&event(2));
        assert_eq!(told(&socket), "2", "what comes late is left to the client");
    }

    #[test]
    fn what_waited_while_the_log_was_found_to_reach_further_goes_first() {
        let (hub, socket) = room();
        let order = Order::new(hub.clone(), || true);
        order.dispatch(&event(2));
        hub.observe_head(CHAT, Seq(2));
        order.dispatch(&event(3));
        assert_eq!(told(&socket), "2 3");
    }

    #[test]
    fn nothing_waits_for_what_will_not_come() {
        let (hub, socket) = room();
        let order = Order::new(hub, || false);
        order.dispatch(&event(2));
        assert_eq!(told(&socket), "2");
    }

    #[test]
    fn very_many_do_not_wait() {
        let (hub, socket) = room();
        let order = Order::new(hub, || true);
        for seq in 0..HELD as u64 {
            order.dispatch(&event(10 + seq));
        }
        assert_eq!(told(&socket), "");
        order.dispatch(&event(9));
        assert!(told(&socket).starts_with("9 10 11"));
        assert!(order.shards.iter().all(|shard| lock(shard).is_empty()));
    }

    #[tokio::test]
    async fn an_event_goes_out_though_those_before_it_never_come() {
        let (hub, socket) = room();
        let order = Arc::new(Order::new(hub, || true));
        let task = tokio::spawn({
            let order = order.clone();
            async move { order.run().await }
        });
        for seq in [4, 2] {
            order.dispatch(&event(seq));
        }
        let waited = tokio::time::timeout(Duration::from_secs(5), async {
            while socket.socket.outbox.is_empty() {
                sleep(Duration::from_millis(5)).await;
            }
        });
        waited.await.unwrap();
        assert_eq!(told(&socket), "2 4");
        order.dispatch(&event(5));
        assert_eq!(told(&socket), "5", "the gap is not waited for again");
        task.abort();
    }

    #[test]
    fn a_chat_without_sockets_keeps_nothing() {
        let order = Order::new(Arc::new(Hub::new()), || true);
        order.dispatch(&event(7));
        assert!(order.shards.iter().all(|shard| lock(shard).is_empty()));
    }
}
