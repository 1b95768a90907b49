//! People, their chats and their devices, and the waits that scenarios are made of.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use app::{
    domain::{ChatId, Seq, UserId},
    ports::{PageQuery, Store},
    protocol::{EventBody, Heads},
};
use tokio::{sync::watch, time::sleep};

use crate::{
    device::{Device, Entrances, Habits, Http, Parts, Status, http_of, message_of},
    evidence::{Entry, Evidence, Expected, FinalLog, Recorder},
    nodes::Nodes,
    support::{Browser, Person, Random},
    trial::Trial,
};

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(25);
/// How long it may take until everything is as it should be once nothing is broken any more.
const QUIET_WITHIN: Duration = Duration::from_secs(60);
/// The most events that are read at once.
const PAGE: usize = 500;
/// How many people there are. The first has two devices, the last an impatient one.
pub const PEOPLE: usize = 5;

/// The world of a trial.
pub struct World {
    pub recorder: Arc<Recorder>,
    pub people: Vec<UserId>,
    /// A group of all, a group of the first three, and the direct chat of the first two.
    pub chats: Vec<ChatId>,
    pub devices: Vec<Device>,
    /// Whose requests are no device's.
    pub persons: Vec<Person>,
    observer: Http,
    writing: watch::Sender<bool>,
    /// How long [`Self::quiet`] waits.
    pub quiet_within: Duration,
    random: Random,
}

impl World {
    /// Five people with six devices, who do not write yet.
    pub async fn populate(trial: &Trial, entrances: &Entrances) -> Self {
        Self::populate_with(trial, entrances, |_, _| {}).await
    }

    /// The same, with other habits: `change` is given each device's number and what it does unless told otherwise.
    pub async fn populate_with(
        trial: &Trial,
        entrances: &Entrances,
        change: impl Fn(usize, &mut Habits),
    ) -> Self {
        let mut random = trial.random();
        let site = entrances.all().first().expect("an entrance").clone();
        let mut persons = Vec::new();
        for number in 0..PEOPLE {
            persons.push(Person::register(Browser::new(site.clone()), &format!("Person {number}")).await);
        }
        let others: Vec<&Person> = persons[1..].iter().collect();
        let all = persons[0].group("All", &others).await;
        let small = persons[0].group("Small", &others[..2]).await;
        let direct = persons[0].direct(&persons[1]).await;
        let chats: Vec<ChatId> = [all, small, direct].iter().map(|id| id.parse().expect("an id")).collect();
        let people: Vec<UserId> = persons.iter().map(|person| person.id.parse().expect("an id")).collect();

        let recorder = Arc::new(Recorder::new());
        let (writing, is_writing) = watch::channel(false);
        let mut devices = Vec::new();
        for number in 0..=PEOPLE {
            // The last device is the first person's second.
            let person = number % PEOPLE;
            let mut habits = Habits { is_patient: person != PEOPLE - 1, ..Habits::default() };
            change(number, &mut habits);
            let elsewhere;
            let browser: &Browser = if number == PEOPLE {
                elsewhere = persons[person].elsewhere().await;
                &elsewhere
            } else {
                &persons[person]
            };
            let is_in = [true, person < 3, person < 2];
            let of = |inside: bool| {
                chats
                    .iter()
                    .zip(is_in)
                    .filter(move |(_, is_in)| *is_in == inside)
                    .map(|(id, _)| *id)
                    .collect()
            };
            let parts = Parts {
                name: format!("device {number} of person {person}"),
                me: people[person],
                http: http_of(browser, entrances, &habits, &mut random),
                habits,
                chats: of(true),
                others: of(false),
                people: people.clone(),
                recorder: Arc::clone(&recorder),
                random: random.fork(),
                writing: is_writing.clone(),
            };
            devices.push(Device::start(parts).await);
        }
        let observer = http_of(&persons[0], entrances, &Habits::default(), &mut random);
        let this = Self {
            recorder,
            people,
            chats,
            devices,
            persons,
            observer,
            writing,
            quiet_within: QUIET_WITHIN,
            random,
        };
        this.until("all devices to be online", QUIET_WITHIN, |all| all.iter().all(|one| one.is_online)).await;
        this
    }

    /// Chance of the scenario's own.
    pub fn random(&mut self) -> Random {
        self.random.fork()
    }

    /// Has everybody write, each at their pace.
    pub fn write(&self) {
        self.recorder.resumed();
        self.writing.send_replace(true);
    }

    /// Has nobody write any more. What is written goes out.
    pub fn pause(&self) {
        if self.writing.send_replace(false) {
            self.recorder.paused();
        }
    }

    /// How every device stands.
    pub fn statuses(&self) -> Vec<Status> {
        self.devices.iter().map(Device::status).collect()
    }

    /// At which node a device's socket is; it must have one.
    pub fn node_of(&self, nodes: &Nodes, device: usize) -> usize {
        let at = self.devices[device].status().at;
        (0..nodes.count()).find(|node| Some(nodes.site(*node).addr) == at).expect("a device that is online")
    }

    /// The devices whose sockets are at the node.
    pub fn sockets_at(&self, nodes: &Nodes, node: usize) -> Vec<usize> {
        let addr = nodes.site(node).addr;
        (0..self.devices.len()).filter(|device| self.devices[*device].status().at == Some(addr)).collect()
    }

    /// Waits until the devices are as they should be. Panics with how they are if that takes too long.
    pub async fn until(&self, what: &str, within: Duration, is_so: impl Fn(&[Status]) -> bool) -> Duration {
        let began = Instant::now();
        loop {
            let statuses = self.statuses();
            if is_so(&statuses) {
                return began.elapsed();
            }
            if began.elapsed() > within {
                let lines: Vec<_> = statuses.iter().map(|status| format!("{status:?}")).collect();
                panic!("{what}: not within {within:?}:\n{}", lines.join("\n"));
            }
            sleep(LOOK).await;
        }
    }

    /// Waits until a request to send something is on its way.
    pub async fn amid(&self) {
        let wait = async {
            while !self.recorder.is_amid() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(QUIET_WITHIN, wait).await.expect("somebody sends");
    }

    /// Waits until so many more sends are acknowledged. Panics if none of that happens in time.
    pub async fn acknowledged(&self, more: usize, within: Duration) {
        let enough = self.recorder.acknowledged() + more;
        self.until(&format!("{more} more sends"), within, |_| self.recorder.acknowledged() >= enough).await;
    }

    /// Waits until every device, but for those that are to stay away, is online and knows all that any of them
    /// knew at the time of the call, and something that was begun since has been acknowledged. The fault's time
    /// to recover ends with that.
    pub async fn recovered(&self, fault: usize, but: &[usize], within: Duration) -> Duration {
        let since = self.recorder.now();
        let known = latest(&self.statuses());
        let is_well = |all: &[Status]| {
            let present = all.iter().enumerate().filter(|(number, _)| !but.contains(number));
            let mut present = present.map(|(_, status)| status);
            self.recorder.is_acknowledged_since(since)
                && present.all(|status| {
                    let is_current =
                        |(chat, seq): (&ChatId, &Seq)| known.get(chat).is_none_or(|due| seq >= due);
                    status.is_online && status.applied.iter().all(is_current)
                })
        };
        let took = self.until("everybody to be back", within, is_well).await;
        self.recorder.recovered(fault);
        took
    }

    /// Has nobody write any more, and waits until nothing is on its way: all outboxes are empty, and all devices
    /// are online at the heads that the server tells, and these stay. What is not so in time is noticed.
    pub async fn quiet(&self) {
        self.pause();
        let began = Instant::now();
        let (mut before, mut steady) = (Heads::new(), 0);
        let mut why = String::new();
        while began.elapsed() < self.quiet_within {
            match self.unquiet(&mut before).await {
                None => steady += 1,
                Some(reason) => (steady, why) = (0, reason),
            }
            // What one gave up may still be on its way to the store.
            if steady == 5 {
                return;
            }
            sleep(LOOK * 4).await;
        }
        self.recorder.notice(format!("not quiet within {:?}: {why}", self.quiet_within));
    }

    /// Why it is not quiet.
    async fn unquiet(&self, before: &mut Heads) -> Option<String> {
        let list = match self.observer.chats().await {
            Ok(list) => list,
            Err(error) => return Some(format!("the list of chats: {error:?}")),
        };
        let heads: Heads = list.iter().map(|chat| (chat.id, chat.head)).collect();
        let messages: BTreeMap<ChatId, u64> =
            list.iter().map(|chat| (chat.id, chat.head_ordinal.0)).collect();
        if std::mem::replace(before, heads.clone()) != heads {
            return Some("something was stored".into());
        }
        for device in &self.devices {
            let status = device.status();
            let is_well = status.is_online
                && status.waiting == 0
                && status.applied.iter().all(|(chat, seq)| heads.get(chat) == Some(seq))
                && status.shown.iter().all(|(chat, shown)| messages.get(chat) == Some(&(*shown as u64)));
            if !is_well {
                return Some(format!("{} at {heads:?} and {messages:?}: {status:?}", device.name));
            }
        }
        None
    }

    /// Ends the devices, then the nodes, and reads what the store holds. Everything that was recorded.
    pub async fn finish(self, mut nodes: Nodes, expected: Expected) -> Evidence {
        let mut logs = Vec::new();
        for device in self.devices {
            logs.extend(device.finish().await);
        }
        let mut evidence = self.recorder.evidence();
        let store = nodes.open_store().await;
        evidence.finals = final_logs(&*store, &self.chats).await;
        store.close().await.expect("the store closes");
        evidence.devices = logs;
        evidence.expected = expected;
        evidence
    }
}

fn latest(statuses: &[Status]) -> BTreeMap<ChatId, Seq> {
    let mut latest = BTreeMap::new();
    for (chat, seq) in statuses.iter().flat_map(|status| &status.applied) {
        let known: &mut Seq = latest.entry(*chat).or_default();
        *known = (*known).max(*seq);
    }
    latest
}

/// Who every device but these sees as online.
pub fn seen_online(statuses: &[Status], but: &[usize]) -> BTreeSet<UserId> {
    let seeing = statuses.iter().enumerate().filter(|(number, _)| !but.contains(number));
    seeing.flat_map(|(_, status)| status.online.iter().copied()).collect()
}

async fn final_logs(store: &dyn Store, chats: &[ChatId]) -> BTreeMap<ChatId, FinalLog> {
    let heads = store.heads(chats).await.expect("the heads");
    let mut logs = BTreeMap::new();
    for &chat in chats {
        let mut log = FinalLog { head: heads.get(&chat).copied().unwrap_or_default(), ..FinalLog::default() };
        let mut last = Seq(0);
        loop {
            let events = store.events_after(chat, last, PAGE).await.expect("events");
            let Some(event) = events.last() else { break };
            // A store that does not go on would never come to an end.
            assert!(event.seq > last, "events after {last:?} end with {:?}", event.seq);
            last = event.seq;
            log.entries.extend(events.into_iter().map(|event| Entry {
                seq: event.seq,
                message: match &event.body {
                    EventBody::NewMessage { message } => Some(message_of(message)),
                    _ => None,
                },
            }));
        }
        let mut last = Seq(0);
        loop {
            let page =
                store.history(chat, UserId::default(), PageQuery::After(last), 100).await.expect("a page");
            let Some(message) = page.messages.last() else { break };
            assert!(message.seq > last, "messages after {last:?} end with {:?}", message.seq);
            last = message.seq;
            log.history.extend(page.messages.iter().map(message_of));
        }
        logs.insert(chat, log);
    }
    logs
}
