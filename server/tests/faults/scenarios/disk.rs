//! The disk that holds files is full, or the node dies in the middle of an upload: no half message, and no file that
//! nothing points at, once collection has run.

use std::{path::Path, sync::Arc, time::Duration};

use app::{
    domain::{ClientId, Ordinal, Seq, Timestamp},
    error::ErrorCode,
    ports::{Blobs, Clock, Staging, Store},
};
use futures::FutureExt;
use server::{
    blob::{DirectoryBlobs, LocalStaging},
    config::{Secret, Switch},
    database_file,
    http::bounds::Bounds,
    state::{AppState, Parts},
    store::embedded::{EmbeddedOptions, EmbeddedStore},
    system::SystemClock,
};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::{
    evidence::{Expected, Place},
    nodes::Nodes,
    support::{Answer, Form, Random, file_path, files_below, raw_head, until},
    trial::{Outcome, Scenario, StoreKind, Trial},
    world::World,
};

/// How long everybody may take to be as before.
const BACK_WITHIN: Duration = Duration::from_secs(30);
/// How large the small disk is.
const DISK_MIB: u32 = 8;
/// How large a file is at the least and at the most, in bytes.
const FILE: std::ops::Range<u64> = 400_000..3_000_000;
/// A file that is more than half of the small disk, in bytes.
const TOO_LONG: usize = 5_000_000;

/// A small disk that fills up.
pub const FULL: Scenario =
    Scenario { name: "disk_full", stores: &[StoreKind::Sqlite], run: |trial| full(trial).boxed() };

/// kill -9 in the middle of uploads.
pub const KILLED: Scenario =
    Scenario { name: "killed_in_upload", stores: &[StoreKind::Sqlite], run: |trial| killed(trial).boxed() };

/// A message with files that somebody sends beside their device.
struct Upload {
    id: ClientId,
    body: String,
    files: Vec<Vec<u8>>,
}

impl Upload {
    fn new(random: &mut Random, body: String, files: usize) -> Self {
        let file = |_| {
            let byte = random.next() as u8;
            vec![byte; random.within(FILE) as usize]
        };
        let files = (0..files).map(file).collect();
        Self { id: ClientId::random(), body, files }
    }

    fn form(&self, chat: &str) -> Form {
        let form = Form::under(chat, &self.id.to_string(), &self.body);
        self.files.iter().fold(form, |form, file| form.file("file.bin", file))
    }

    /// Tries it, and records what came of it.
    async fn tries(&self, world: &World) -> Answer {
        let chat = world.chats[0];
        let _under_way = world.recorder.tries(self.id, world.people[0], chat, &self.body);
        let answer = world.persons[0].post(self.form(&chat.to_string())).await;
        if answer.status == 200 {
            let message = answer.json();
            let number = |name: &str| message[name].as_u64().expect("a number");
            let place = Place { seq: Seq(number("seq")), ordinal: Ordinal(number("ordinal")) };
            world.recorder.stored(self.id, place);
        } else {
            world.recorder.failed(self.id, ErrorCode::StorageFull);
        }
        answer
    }

    /// The files of a message that was taken are whole.
    async fn is_whole(&self, world: &World, answer: &Answer) {
        let message = answer.ok();
        let kept = message["attachments"].as_array().expect("files");
        assert_eq!(kept.len(), self.files.len());
        for (kept, file) in kept.iter().zip(&self.files) {
            let fetched = world.persons[0].fetch(&file_path(kept), &[]).await;
            assert!(fetched.status == 200 && fetched.body == file.as_slice(), "{kept}");
        }
    }
}

async fn full(trial: &Trial) -> Outcome {
    let nodes = Nodes::on_small_disk(trial, DISK_MIB).await;
    let disk = nodes.process(0).path(&trial.folder("data").join("disk"));
    let mut world = World::populate(trial, &nodes.entrances).await;
    let mut random = world.random();
    world.write();
    world.acknowledged(20, BACK_WITHIN).await;

    let (mut kept, mut refused, mut filled) = (Vec::new(), Vec::new(), 0);
    let fault = loop {
        let mut upload = Upload::new(&mut random, format!("file {} of a full disk", kept.len()), 1);
        // Where nothing can be mounted it is never full, but takes no file of this size.
        if filled > u64::from(DISK_MIB) << 20 {
            upload.files = vec![vec![1; TOO_LONG]];
        }
        let answer = upload.tries(&world).await;
        if answer.status != 200 {
            assert_eq!(answer.refusal(), (507, "storage_full".into()));
            refused.push(upload);
            world.amid().await;
            break world.recorder.fault("the disk is full");
        }
        filled += upload.files[0].len() as u64;
        kept.push((upload, answer));
        assert!(kept.len() < 30, "it fills up");
    };
    for number in 0..if trial.is_long { 20 } else { 4 } {
        // The first of these may fit, the last does not.
        let mut upload = Upload::new(&mut random, format!("half a message {number}"), 3);
        upload.files.push(vec![1; TOO_LONG]);
        assert_eq!(upload.tries(&world).await.refusal(), (507, "storage_full".into()));
        refused.push(upload);
        // Text needs no room there.
        world.acknowledged(5, BACK_WITHIN).await;
    }
    until("what was refused is gone", async || (files_below(&disk).len() == kept.len()).then_some(())).await;
    for (upload, answer) in &kept {
        upload.is_whole(&world, answer).await;
    }
    world.recorder.healed(fault);
    world.recovered(fault, &[], BACK_WITHIN).await;
    world.quiet().await;
    let expected = Expected { acknowledged: 40 + kept.len(), faults: 1, reconnections: 0, refused: 1 };
    let evidence = world.finish(nodes, expected).await;
    let entries = evidence.finals.values().flat_map(|log| &log.entries);
    let stored: Vec<_> = entries.filter_map(|entry| Some(entry.message.as_ref()?.client_id)).collect();
    assert!(refused.iter().all(|upload| !stored.contains(&upload.id)), "no half message");
    let figure = format!("{} files whole, {} uploads refused, none left behind", kept.len(), refused.len());
    Outcome { evidence, figure }
}

async fn killed(trial: &Trial) -> Outcome {
    let mut nodes = Nodes::start(trial).await;
    let attachments = trial.folder("data").join("attachments");
    let mut world = World::populate(trial, &nodes.entrances).await;
    let mut random = world.random();
    let rounds = if trial.is_long { 10 } else { 3 };
    world.write();
    world.acknowledged(20, BACK_WITHIN).await;
    let mut kept = 0;
    for round in 0..rounds {
        let upload = Upload::new(&mut random, format!("in the middle of upload {round}"), 2);
        let before = files_below(&attachments).len();
        let stream = begin(&world, &nodes, &mut random, &upload).await;
        until("a file is there and another has begun", async || {
            (files_below(&attachments).len() >= before + 2).then_some(())
        })
        .await;
        world.amid().await;
        let fault = world.recorder.fault("the node is killed in the middle of an upload");
        nodes.kill(0);
        drop(stream);
        nodes.restart(0).await;
        world.recorder.healed(fault);
        world.recovered(fault, &[], BACK_WITHIN).await;
        // Every other one is given up; the others are sent again.
        if round % 2 == 0 {
            let answer = upload.tries(&world).await;
            upload.is_whole(&world, &answer).await;
            kept += upload.files.len();
        }
    }
    world.quiet().await;
    let expected = Expected {
        acknowledged: 20 + 2 * rounds,
        faults: rounds,
        reconnections: (world.devices.len() * rounds) as u64,
        refused: 1,
    };
    let evidence = world.finish(nodes, expected).await;
    let stray = files_below(&attachments).len() - kept;
    assert!(stray > 0, "there is something to collect");
    collect(&trial.folder("data"), &attachments, kept).await;
    Outcome { evidence, figure: format!("{stray} stray files, 0 after collection") }
}

/// Sends so much of an upload that its first file has arrived and its second has begun.
async fn begin(world: &World, nodes: &Nodes, random: &mut Random, upload: &Upload) -> TcpStream {
    let chat = world.chats[0];
    // Those amid whose sends the node is killed are to be others: this one ends with it for sure.
    drop(world.recorder.tries(upload.id, world.people[0], chat, &upload.body));
    world.recorder.failed(upload.id, ErrorCode::Offline);
    let bytes = upload.form(&chat.to_string()).end();
    let length = bytes.len().to_string();
    let kind = ("Content-Type", "multipart/form-data; boundary=limit");
    let head = raw_head(&world.persons[0], "send_message", &[kind, ("Content-Length", &length)]);
    let mut stream = TcpStream::connect(nodes.site(0).addr).await.expect("a connection");
    stream.write_all(format!("{head}\r\n").as_bytes()).await.expect("the head is sent");
    let last = upload.files[1].len() as u64;
    let some = bytes.len() - random.within(1_000..last - 200_000) as usize;
    stream.write_all(&bytes[..some]).await.expect("some of it is sent");
    stream
}

/// A clock that is three hours ahead: by then whatever was arriving is forgotten.
struct Later;

impl Clock for Later {
    fn now(&self) -> Timestamp {
        SystemClock.now().plus_seconds(3 * 60 * 60)
    }
}

/// What a node does with what another one left, three hours later: nothing but this many files stays.
async fn collect(data: &Path, attachments: &Path, kept: usize) {
    let store = EmbeddedStore::open(&database_file(data), EmbeddedOptions::default()).expect("the store");
    let blobs: Arc<dyn Blobs> = Arc::new(DirectoryBlobs::open(attachments).expect("the files"));
    let staging = Arc::new(LocalStaging::open(attachments).expect("the files"));
    let secret: Secret = "a secret for the tests, long enough".parse().expect("a secret");
    let state = AppState::compose(Parts {
        store: store.clone() as Arc<dyn Store>,
        redis: None,
        secret,
        origins: Vec::new(),
        trusted_proxies: Vec::new(),
        secure: false,
        rate_limits: Switch::On,
        site_root: data.join("site"),
        bounds: Bounds::default(),
        blobs,
        staging: staging.clone(),
        upload_limits: Default::default(),
        push_services: Vec::new(),
        clock: Arc::new(Later),
    })
    .expect("a node");
    while state.services.attachments.collect().await.expect("a collection") > 0 {}
    // What this process has in its hands is not three hours old by the disk's clock.
    staging.sweep(Later.now()).await.expect("a sweep");
    // The node collects by itself as well, and may have some of it in its hands.
    until("a file for each that was taken, and no other", async || {
        (files_below(attachments).len() == kept).then_some(())
    })
    .await;
    store.close().await.expect("the store closes");
}
