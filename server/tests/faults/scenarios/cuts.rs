//! The network between devices and nodes cuts, at every byte: in the middle of a send, of its answer, of a frame.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use app::{
    domain::{ChatId, ClientId, Ordinal, Seq, UserId},
    error::ErrorCode,
};
use axum::http::{Method, header};
use futures::{FutureExt, stream, stream::StreamExt};
use tokio::sync::watch;

use super::wire::{Wires, scenario, wire_to};
use crate::{
    device::{Device, Entrances, Habits, Parts, Status, http_of},
    evidence::{DeviceLog, Evidence, Expected, Place, Recorder},
    nodes::Nodes,
    support::{CutAt, Direction, Person, Proxy, Random, Site, Socket, message_form, until},
    trial::{Outcome, Scenario, Trial},
    world::{PEOPLE, World},
};

/// How long everybody may take to be as before.
const BACK_WITHIN: Duration = Duration::from_secs(45);
/// Bytes by which an answer can be shorter than the one before: the fraction of the second in its time.
const FRACTION: u64 = 4;
/// How far apart the places of a send are that are cut at, in the short form and in the long one.
const SENDS_APART: [u64; 2] = [37, 5];
/// The same of a socket, which takes longer to come back.
const FRAMES_APART: [u64; 2] = [257, 20];
/// Devices that are cut at once.
const AT_ONCE: usize = 8;

/// Each byte of a send and of its answer, by five seeds in the long form.
pub const SENDS: Scenario = scenario("wire_cut_sends", |trial| sends(trial).boxed());
/// Each byte of a socket, by twenty seeds: its upgrade, its greeting and the events after it.
pub const FRAMES: Scenario = scenario("wire_cut_frames", |trial| frames(trial).boxed());

/// The places to cut at: so far apart, and with so many seeds after each other every one.
fn places(trial: &Trial, length: u64, apart: u64) -> Vec<u64> {
    (trial.seed % apart..length).step_by(apart as usize).collect()
}

/// A person's browser at the other end of a wire, where each request has a connection of its own.
struct Sender<'a> {
    person: &'a Person,
    site: &'a Site,
    me: UserId,
    chat: ChatId,
    recorder: &'a Arc<Recorder>,
}

impl Sender<'_> {
    /// Tries to send a message. Whether an answer came.
    async fn tries(&self, id: ClientId, body: &str) -> bool {
        let browser = self.person.copy_at(self.site.clone());
        let (chat, client_id) = (self.chat.to_string(), id.to_string());
        let form = message_form(&[("chat_id", &chat), ("client_id", &client_id), ("body", body)]);
        let request = browser
            .request(Method::POST, "/api/send_message")
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=limit");
        let _under_way = self.recorder.tries(id, self.me, self.chat, body);
        let Ok(answer) = browser.try_exchange(request.body(form.into()).expect("a request")).await else {
            self.recorder.failed(id, ErrorCode::Offline);
            return false;
        };
        let stored = answer.ok();
        let number = |name: &str| stored[name].as_u64().expect("a number");
        self.recorder.stored(id, Place { seq: Seq(number("seq")), ordinal: Ordinal(number("ordinal")) });
        true
    }
}

async fn sends(trial: &Trial) -> Outcome {
    let nodes = Nodes::start(trial).await;
    let (wires, entrances) = Wires::before(&nodes).await;
    let mut world = World::populate(trial, &entrances).await;
    let mut random = world.random();
    let (wire, site) = wire_to(&nodes.site(nodes.count() - 1)).await;
    let sender = |number: usize| Sender {
        person: &world.persons[number % PEOPLE],
        site: &site,
        me: world.people[number % PEOPLE],
        chat: world.chats[0],
        recorder: &world.recorder,
    };
    // How much goes over the wire for one of each person: cookies differ, and so may names.
    let mut lengths = [[0; 2]; PEOPLE];
    for (number, lengths) in lengths.iter_mut().enumerate() {
        *lengths = measured(&wire, sender(number).tries(ClientId::random(), "message 0000 to be cut")).await;
    }
    world.write();
    world.acknowledged(20, BACK_WITHIN).await;
    world.amid().await;
    let fault = world.recorder.fault("the wire is cut at every byte of sends and answers");
    // Devices send by connections that they have: they are to make others.
    wires.each(|wire| cut_anywhere(wire, &mut random));
    wires.each(Proxy::reset_connections);
    let mut cuts = 0;
    for direction in [Direction::ToServer, Direction::ToClient] {
        let longest =
            lengths.map(|lengths| lengths[direction as usize]).into_iter().max().unwrap_or_default();
        // The last byte that is there in any case.
        let last = std::iter::once(u64::MAX);
        for place in places(trial, longest, SENDS_APART[usize::from(trial.is_long)]).into_iter().chain(last) {
            // Of the same person's last one: a place in the log only ever gets longer.
            let length = lengths[cuts % PEOPLE][direction as usize];
            let shorter = if direction == Direction::ToClient { FRACTION } else { 0 };
            let place = place.min(length - 1 - shorter);
            wires.each(|wire| cut_anywhere(wire, &mut random));
            wire.cut_after(direction, place);
            let (sender, id) = (sender(cuts), ClientId::random());
            let body = format!("message {cuts:04} to be cut");
            assert!(!sender.tries(id, &body).await, "cut after {place} of {length}: no answer comes whole");
            // At once, while the node may still be at it.
            lengths[cuts % PEOPLE] = measured(&wire, sender.tries(id, &body)).await;
            cuts += 1;
            assert_eq!(wire.cuts_done(), cuts as u64, "cut after {place} of {length}");
        }
    }
    let cut_anywhere = wires.sum(Proxy::cuts_done);
    wires.each(Proxy::restore);
    world.recorder.healed(fault);
    world.recovered(fault, &[], BACK_WITHIN).await;
    world.quiet().await;
    let expected = Expected { acknowledged: cuts + 20, faults: 1, reconnections: 0, refused: 1 };
    let [sent, answered] = lengths[0];
    let evidence = world.finish(nodes, expected).await;
    let by_devices = evidence.sends.iter().filter(|sent| !sent.body.ends_with("to be cut") && sent.tries > 1);
    assert!(by_devices.count() > 0, "a device has sent again what was cut");
    let figure =
        format!("cut at {cuts} places of {sent} + {answered} bytes, and {cut_anywhere} times anywhere");
    Outcome { evidence, figure }
}

/// How many bytes of a send and of its answer go over the wire, which nothing else uses.
async fn measured(wire: &Proxy, send: impl Future<Output = bool>) -> [u64; 2] {
    // Those before it have gone.
    let gone = || until("connections to be gone", async || (wire.open() == 0).then_some(()));
    gone().await;
    let bytes = || [Direction::ToServer, Direction::ToClient].map(|direction| wire.bytes(direction));
    let before = bytes();
    assert!(send.await, "nothing cuts this one");
    gone().await;
    let after = bytes();
    [after[0] - before[0], after[1] - before[1]]
}

/// Sees to it that the next connections by which devices send and ask are cut, somewhere in their first messages.
fn cut_anywhere(wire: &Proxy, random: &mut Random) {
    while wire.cuts_left() < 3 {
        let direction = if random.once_in(2) { Direction::ToServer } else { Direction::ToClient };
        let cut = CutAt { direction, bytes: random.within(0..5_000) };
        wire.cut_one_that_says(b"POST /api/", Some(cut));
    }
}

async fn frames(trial: &Trial) -> Outcome {
    let nodes = Nodes::start(trial).await;
    let mut world = World::populate(trial, &nodes.entrances).await;
    let mut random = world.random();
    let (wire, site) = wire_to(&nodes.site(nodes.count() - 1)).await;
    let entrances = Entrances::default();
    entrances.set(vec![site.clone()]);
    // As long as an upgrade is.
    let browser = world.persons[0].copy_at(site);
    drop(Socket::open(&browser).await);
    let upgrade = wire.bytes(Direction::ToServer);
    world.write();
    world.acknowledged(20, BACK_WITHIN).await;
    world.amid().await;
    let fault = world.recorder.fault("the wire is cut at every byte of sockets");
    let mut logs = Vec::new();
    // The upgrade, then its answer, the greeting and the first events.
    let places: Vec<CutAt> = [(Direction::ToServer, upgrade), (Direction::ToClient, 4_000)]
        .into_iter()
        .flat_map(|(direction, length)| {
            let places = places(trial, length, FRAMES_APART[usize::from(trial.is_long)]);
            places.into_iter().map(move |bytes| CutAt { direction, bytes })
        })
        .collect();
    let (mut reconnections, writing) = (0, watch::Sender::new(false));
    for some in places.chunks(AT_ONCE) {
        let done = wire.cuts_done();
        some.iter().for_each(|cut| wire.cut_one_that_says(b"GET /ws", Some(*cut)));
        let devices = stream::iter(0..some.len())
            .map(|number| reader(&world, &entrances, number, random.fork(), &writing))
            .buffered(AT_ONCE)
            .collect::<Vec<_>>()
            .await;
        // One may be cut twice, but each cut takes place.
        let began = Instant::now();
        while wire.cuts_done() < done + some.len() as u64 {
            assert!(began.elapsed() < BACK_WITHIN, "cuts that nobody takes: {some:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let known = world.statuses()[0].applied.clone();
        let is_well = |status: &Status| {
            status.is_online
                && known.iter().all(|(chat, seq)| status.applied.get(chat).is_none_or(|at| at >= seq))
        };
        while !devices.iter().all(|device| is_well(&device.status())) {
            assert!(began.elapsed() < BACK_WITHIN, "they come back and know everything: {some:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        reconnections += some.len();
        for device in devices {
            logs.extend(device.finish().await);
        }
    }
    world.recorder.healed(fault);
    world.recovered(fault, &[], BACK_WITHIN).await;
    world.quiet().await;
    let expected = Expected {
        acknowledged: 20,
        faults: 1,
        // Some are cut before the greeting, and were not connected yet.
        reconnections: (reconnections / 4) as u64,
        refused: 1,
    };
    let evidence = world.finish(nodes, expected).await;
    for log in &logs {
        is_part_of(log, &evidence);
    }
    assert!(logs.iter().any(|log| !log.messages.is_empty()), "there was something to miss");
    let figure = format!("{reconnections} sockets cut in the middle");
    Outcome { evidence, figure }
}

/// Another device of one of the people, which only reads.
async fn reader(
    world: &World,
    entrances: &Entrances,
    number: usize,
    mut random: Random,
    writing: &watch::Sender<bool>,
) -> Device {
    let (person, habits) = (number % 2, Habits { pace: None, ..Habits::default() });
    let parts = Parts {
        name: format!("reader {number} of person {person}"),
        me: world.people[person],
        http: http_of(&world.persons[person], entrances, &habits, &mut random),
        habits,
        chats: world.chats.clone(),
        others: Vec::new(),
        people: world.people.clone(),
        recorder: world.recorder.clone(),
        random,
        writing: writing.subscribe(),
    };
    Device::start(parts).await
}

/// What a device had when it ended is what the log has, from where it began to where it ended.
fn is_part_of(log: &DeviceLog, evidence: &Evidence) {
    let entries = &evidence.finals[&log.chat].entries;
    // An answer shows a message before the log is applied up to it.
    let last = log.messages.last().map_or(log.applied, |message| message.place.seq.max(log.applied));
    let seen = entries.iter().filter(|entry| (log.joined..=last).contains(&entry.seq));
    let stored: Vec<_> = seen.filter_map(|entry| entry.message.as_ref()).collect();
    assert_eq!(log.messages.iter().collect::<Vec<_>>(), stored, "{} in {}", log.device, log.chat);
}
