//! The load driver behind `make bench`. It knows Samvad by its wire alone: it registers accounts, opens a
//! socket for each member of a chat, sends, and times every delivery from the start of its POST.

mod api;
mod ceiling;
mod cluster;
mod herd;
mod history;
mod http1;
mod load;
mod process;
mod report;
mod slow;
mod socket;
mod table;
mod visitor;

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    cluster::Cluster,
    herd::Herd,
    history::History,
    load::Load,
    process::Launch,
    report::{Figures, RawFile},
    slow::SlowReaders,
    table::{Row, Work},
};

/// Measures the whole path of a message, over loopback, against a server of its own.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// The server to start.
    #[arg(long, global = true, default_value = "target/release/samvad")]
    server: PathBuf,
    /// The site that it serves.
    #[arg(long, global = true, default_value = "target/site")]
    site_root: PathBuf,
    /// Where the servers' data goes, on the disk that is to be measured with them.
    #[arg(long, global = true, default_value = "target/bench-data")]
    work_dir: PathBuf,
    /// Where the raw figures go.
    #[arg(long, global = true, default_value = "bench-results")]
    results: PathBuf,
    /// A server that runs already, as http://<address>:<port>, with its rate limits off.
    #[arg(long, global = true)]
    url: Option<String>,
    /// That server's process, for its processor time and memory.
    #[arg(long, global = true, requires = "url")]
    pid: Option<u32>,
    /// How often each row is run, each time against a fresh server; medians are shown. Usually 3, and 1 for
    /// `cluster`.
    #[arg(long, global = true)]
    runs: Option<usize>,
}

#[derive(Subcommand)]
enum Command {
    /// Sends and deliveries under one load.
    Run {
        #[command(flatten)]
        load: Load,
        /// Measure the ceiling in the server's place: the fan-out alone.
        #[arg(long)]
        ceiling: bool,
    },
    /// Pages of history in a long and in a short chat.
    History(History),
    /// Readers, by turns alone and beside sockets that never read.
    SlowReaders(SlowReaders),
    /// Ten thousand sockets that lose their node and come back to it.
    Herd(Herd),
    /// All rows, and the measures against their bars.
    Table {
        /// Only these rows.
        #[arg(long, value_delimiter = ',')]
        rows: Vec<String>,
        /// Messages in the long chat of the row `history`.
        #[arg(long, default_value_t = 100_000)]
        history: u32,
    },
    /// What many nodes promise, beside MongoDB and Redis. Fails if one of them does not hold.
    Cluster(Cluster),
    /// Serve the fan-out alone, which the rows of the ceiling measure.
    Ceiling {
        /// Where to listen.
        #[arg(long)]
        addr: SocketAddr,
    },
}

/// How the rows of a command are judged.
enum Judged {
    /// By their faults alone.
    Alone,
    /// The table: a missed bar is told.
    Table,
    /// Many nodes: a missed bar is a fault.
    Promises,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let cli = Cli::parse();
    let mut terminate = signal(SignalKind::terminate())?;
    // Dropped, the work takes the servers with it that it has started.
    tokio::select! {
        done = work(cli) => done,
        _ = terminate.recv() => Ok(ExitCode::FAILURE),
        _ = tokio::signal::ctrl_c() => Ok(ExitCode::FAILURE),
    }
}

async fn work(cli: Cli) -> Result<ExitCode> {
    let Cli { command, server, site_root, work_dir, results, url, pid, runs } = cli;
    let runs = runs.unwrap_or(if matches!(command, Command::Cluster(_)) { 1 } else { 3 });
    let (rows, judged) = match command {
        Command::Ceiling { addr } => {
            let listener = tokio::net::TcpListener::bind(addr).await.context("cannot listen")?;
            ceiling::serve(listener).await?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Run { load, ceiling } => {
            (vec![Row { name: "run", work: Work::Load(load), ceiling }], Judged::Alone)
        }
        Command::History(history) => {
            (vec![Row { name: "history", work: Work::History(history), ceiling: false }], Judged::Alone)
        }
        Command::SlowReaders(plan) => {
            (vec![Row { name: "slow-readers", work: Work::SlowReaders(plan), ceiling: false }], Judged::Alone)
        }
        Command::Herd(herd) => {
            (vec![Row { name: "herd", work: Work::Herd(herd), ceiling: false }], Judged::Alone)
        }
        Command::Table { rows: names, history } => {
            let mut rows = table::rows(history);
            if let Some(unknown) = names.iter().find(|name| rows.iter().all(|row| row.name != **name)) {
                let known: Vec<_> = rows.iter().map(|row| row.name).collect();
                anyhow::bail!("no row is called {unknown}; there are {}", known.join(", "));
            }
            rows.retain(|row| names.is_empty() || names.iter().any(|name| name == row.name));
            (rows, Judged::Table)
        }
        Command::Cluster(cluster) => (cluster.rows()?, Judged::Promises),
    };
    ensure!(runs > 0, "at least one run");
    let launch = match url {
        Some(url) => Launch::Running { addr: parse_url(&url)?, pid },
        None => Launch::Samvad { program: server, site_root, work_dir, environment: Vec::new() },
    };
    let mut raw = RawFile::create(&results)?;
    // Run by run rather than row by row: a noisy neighbour then falls on all rows, not on one of two that
    // are compared.
    let mut figures = vec![Vec::new(); rows.len()];
    for _ in 0..runs {
        for (row, all) in rows.iter().zip(&mut figures) {
            table::run_row(row, &launch, all, &mut raw).await.with_context(|| row.name)?;
        }
    }
    let mut medians = BTreeMap::new();
    for (row, all) in rows.iter().zip(&figures) {
        report::show_runs(row.name, all)?;
        medians.insert(row.name, report::medians(all));
    }
    match judged {
        Judged::Alone => {}
        Judged::Table => report::show_measures(&table::measures(&medians))?,
        Judged::Promises => report::show_measures(&cluster::measures(&medians))?,
    }
    report::show(&format!("\nraw figures: {}\n", raw.path().display()))?;
    if !figures.iter().all(|all| report::is_faultless(all)) {
        report::show("FAULT: deliveries or sockets were lost, or news came twice, out of turn or wrong\n")?;
        return Ok(ExitCode::FAILURE);
    }
    // A promise holds in every run, and not only in the median.
    let holds = |run: usize| {
        let row = |(row, all): (&Row, &Vec<Figures>)| (row.name, all[run].clone());
        report::are_met(&cluster::measures(&rows.iter().zip(&figures).map(row).collect()))
    };
    if matches!(judged, Judged::Promises) && !(0..runs).all(holds) {
        report::show("FAULT: something that is promised took too long or was refused\n")?;
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn parse_url(url: &str) -> Result<SocketAddr> {
    let addr = url.strip_prefix("http://").context("the URL has to begin with http://")?;
    addr.trim_end_matches('/').parse().context("the URL has to name an address and a port")
}
