//! The load driver behind `make bench`. It knows Samvad by its wire alone: it registers accounts, opens a
//! socket for each member of a chat, sends, and times every delivery from the start of its POST.

mod api;
mod ceiling;
mod history;
mod http1;
mod load;
mod process;
mod report;
mod socket;
mod table;

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};

use crate::{
    history::History,
    load::Load,
    process::Launch,
    report::RawFile,
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
    /// How often each row is run, each time against a fresh server; medians are shown.
    #[arg(long, global = true, default_value_t = 3)]
    runs: usize,
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
    /// All rows, and the measures against their bars.
    Table {
        /// Only these rows.
        #[arg(long, value_delimiter = ',')]
        rows: Vec<String>,
        /// Messages in the long chat of the row `history`.
        #[arg(long, default_value_t = 100_000)]
        history: u32,
    },
    /// Serve the fan-out alone, which the rows of the ceiling measure.
    Ceiling {
        /// Where to listen.
        #[arg(long)]
        addr: SocketAddr,
    },
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let Cli { command, server, site_root, work_dir, results, url, pid, runs } = Cli::parse();
    let (rows, is_table) = match command {
        Command::Ceiling { addr } => {
            let listener = tokio::net::TcpListener::bind(addr).await.context("cannot listen")?;
            ceiling::serve(listener).await?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Run { load, ceiling } => (vec![Row { name: "run", work: Work::Load(load), ceiling }], false),
        Command::History(history) => {
            (vec![Row { name: "history", work: Work::History(history), ceiling: false }], false)
        }
        Command::Table { rows: names, history } => {
            let mut rows = table::rows(history);
            if let Some(unknown) = names.iter().find(|name| rows.iter().all(|row| row.name != **name)) {
                let known: Vec<_> = rows.iter().map(|row| row.name).collect();
                anyhow::bail!("no row is called {unknown}; there are {}", known.join(", "));
            }
            rows.retain(|row| names.is_empty() || names.iter().any(|name| name == row.name));
            (rows, true)
        }
    };
    ensure!(runs > 0, "at least one run");
    let launch = match url {
        Some(url) => Launch::Running { addr: parse_url(&url)?, pid },
        None => Launch::Samvad { program: server, site_root, work_dir },
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
    if is_table {
        report::show_measures(&table::measures(&medians))?;
    }
    report::show(&format!("\nraw figures: {}\n", raw.path().display()))?;
    if figures.iter().all(|all| report::is_faultless(all)) {
        return Ok(ExitCode::SUCCESS);
    }
    report::show("FAULT: deliveries or sockets were lost, or events came twice or out of turn\n")?;
    Ok(ExitCode::FAILURE)
}

fn parse_url(url: &str) -> Result<SocketAddr> {
    let addr = url.strip_prefix("http://").context("the URL has to begin with http://")?;
    addr.trim_end_matches('/').parse().context("the URL has to name an address and a port")
}
