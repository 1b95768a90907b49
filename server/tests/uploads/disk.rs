//! A disk that fills up, and a process that is killed: no half message, and no stray file after collection.

use std::{path::Path, sync::Arc};

use app::{
    domain::Timestamp,
    ports::{Blobs, Clock, Staging, Store},
};
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

use crate::support::{Form, GROUP_ID, Process, files_below, raw_head, until};

/// A clock that is three hours ahead: by then whatever was arriving is forgotten.
struct Later;

impl Clock for Later {
    fn now(&self) -> Timestamp {
        SystemClock.now().plus_seconds(3 * 60 * 60)
    }
}

/// What a node does with what another one left, three hours later.
async fn collect(data: &Path, attachments: &Path) {
    let store = EmbeddedStore::open(&database_file(data), EmbeddedOptions::default()).unwrap();
    let blobs: Arc<dyn Blobs> = Arc::new(DirectoryBlobs::open(attachments).unwrap());
    let staging = Arc::new(LocalStaging::open(attachments).unwrap());
    let secret: Secret = "a secret for the tests, long enough".parse().unwrap();
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
        clock: Arc::new(Later),
    })
    .unwrap();
    while state.services.attachments.collect().await.unwrap() > 0 {}
    // What this process has in its hands is not three hours old by the disk's clock.
    staging.sweep(Later.now()).await.unwrap();
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_said_and_leaves_no_half_message() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start_on_small_disk(folder.path(), 8).await;
    let disk = process.path(&folder.path().join("disk"));
    let ada = process.person(0).await;
    let before = ada.messages(GROUP_ID, &[]).await.len();
    let fits = ada.share(GROUP_ID, "fits.bin", &vec![1; 3_000_000]).await;
    let kept = files_below(&disk);
    assert_eq!(kept.len(), 1);
    // The first of the two would fit, the second does not.
    let form =
        Form::message(GROUP_ID, "half").file("a.bin", &vec![2; 3_000_000]).file("b.bin", &vec![3; 5_000_000]);
    let answer = ada.post(form).await;
    assert_eq!(answer.refusal(), (507, "storage_full".into()));
    assert_eq!(ada.messages(GROUP_ID, &[]).await.len(), before + 1, "no half message");
    until("what came of it is gone", || async { (files_below(&disk) == kept).then_some(()) }).await;
    // It goes on: with what there is room for, and with text.
    let bytes = ada.fetch(&crate::support::file_path(&fits), &[]).await.body;
    assert_eq!(bytes.len(), 3_000_000);
    ada.send(GROUP_ID, "text needs no room there").await;
    ada.share(GROUP_ID, "fits.bin", &vec![4; 3_000_000]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_of_an_upload_it_leaves_no_half_message_and_no_stray_file() {
    let folder = tempfile::tempdir().unwrap();
    let attachments = folder.path().join("attachments");
    let process = Process::start(folder.path()).await;
    let ada = process.person(0).await;
    let before = ada.messages(GROUP_ID, &[]).await.len();
    ada.share(GROUP_ID, "whole.bin", &[1; 10_000]).await;
    let kept = files_below(&attachments);
    // One file has arrived and is kept, of the second there is the beginning.
    let form =
        Form::message(GROUP_ID, "half").file("a.bin", &[2; 100_000]).file("b.bin", &vec![3; 2_000_000]);
    let bytes = form.end();
    let length = bytes.len().to_string();
    let kind = ("Content-Type", "multipart/form-data; boundary=limit");
    let head = raw_head(&ada, "send_message", &[kind, ("Content-Length", &length)]);
    let mut stream = TcpStream::connect(process.site.addr).await.unwrap();
    stream.write_all(format!("{head}\r\n").as_bytes()).await.unwrap();
    stream.write_all(&bytes[..1_500_000]).await.unwrap();
    until("a file is kept and another one has begun", || async {
        (files_below(&attachments).len() >= kept.len() + 2).then_some(())
    })
    .await;
    process.kill();
    drop(stream);

    collect(folder.path(), &attachments).await;
    assert_eq!(files_below(&attachments), kept);
    let process = Process::start(folder.path()).await;
    let ada = process.person(0).await;
    let messages = ada.messages(GROUP_ID, &[]).await;
    assert_eq!(messages.len(), before + 1);
    assert_eq!(messages.last().unwrap()["attachments"][0]["name"], "whole.bin");
}
