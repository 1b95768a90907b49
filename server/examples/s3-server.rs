//! An S3 server for the end-to-end journeys: `s3-server <folder>` keeps a bucket `attachments` in the folder, says on
//! which address it listens, and serves until it is ended. The key is `samvad-tests`, its secret `samvad-tests-secret`.

#![allow(clippy::print_stdout)]

use std::path::PathBuf;

use hyper::server::conn::http1;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use tokio::{net::TcpListener, task::JoinSet};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder: PathBuf = std::env::args_os().nth(1).ok_or("usage: s3-server <folder>")?.into();
    std::fs::create_dir_all(folder.join("attachments"))?;
    let files = s3s_fs::FileSystem::new(&folder).map_err(|error| format!("{error:?}"))?;
    let mut builder = S3ServiceBuilder::new(files);
    builder.set_auth(SimpleAuth::from_single("samvad-tests", "samvad-tests-secret"));
    let s3 = builder.build();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("ready: http://{}", listener.local_addr()?);
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        let service = TowerToHyperService::new(s3.clone());
        connections.spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        // Those that have ended.
        while connections.try_join_next().is_some() {}
    }
}
