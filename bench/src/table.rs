//! The table: its rows, each against fresh servers, and the measures that are read from them.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::{
    cluster,
    herd::{self, Herd},
    history::{self, History},
    load::{self, Load},
    process::{Launch, Server},
    report::{self, Bar, Figures, Measure, RawFile},
    slow::{self, SlowReaders},
};

/// One row of the table.
pub struct Row {
    /// What it is called on the command line and in the raw figures.
    pub name: &'static str,
    /// What is done.
    pub work: Work,
    /// Whether the ceiling is measured in Samvad's place.
    pub ceiling: bool,
}

/// What a row does.
pub enum Work {
    /// Sends and deliveries.
    Load(Load),
    /// Pages of history.
    History(History),
    /// Readers beside sockets that never read.
    SlowReaders(SlowReaders),
    /// Everybody loses the node and comes back.
    Herd(Herd),
    /// What many nodes promise.
    Cluster(cluster::Run),
}

/// All rows, in the order in which they are run.
pub fn rows(history_messages: u32) -> Vec<Row> {
    let base = Load {
        members: 100,
        senders: 8,
        messages: 5_000,
        rate: 0.0,
        burst: 0,
        bytes: 350,
        idle_sockets: 0,
        sockets_per_account: 0,
        settle: 3,
    };
    let row = |name, load| Row { name, work: Work::Load(load), ceiling: false };
    let many_senders = Load { senders: 64, messages: 10_000, ..base.clone() };
    let idle = Load { members: 10, senders: 1, messages: 500, idle_sockets: 10_000, ..base.clone() };
    let history = History { messages: history_messages, pages: 2_000, bytes: base.bytes };
    let slow = SlowReaders { readers: 1_000, slow: 100, rate: 20.0, messages: 400, bytes: 2_000, rounds: 6 };
    vec![
        row("senders-8", base.clone()),
        row("senders-64", many_senders.clone()),
        Row { name: "ceiling-64", work: Work::Load(many_senders), ceiling: true },
        row("rate-92", Load { rate: 92.0, messages: 2_000, ..base.clone() }),
        row("sender-1", Load { senders: 1, messages: 2_000, ..base.clone() }),
        row("idle-10000", idle),
        row("members-10000", Load { members: 10_000, burst: 50, messages: 250, ..base }),
        Row { name: "history", work: Work::History(history), ceiling: false },
        Row { name: "slow-readers", work: Work::SlowReaders(slow), ceiling: false },
        Row { name: "herd", work: Work::Herd(Herd { sockets: 10_000, rate: 20.0 }), ceiling: false },
    ]
}

/// Runs a row once against a server of its own, or several, and adds the figures to those of its earlier runs.
pub async fn run_row(row: &Row, launch: &Launch, all: &mut Vec<Figures>, raw: &mut RawFile) -> Result<()> {
    let (launch, run) = (if row.ceiling { &Launch::Ceiling } else { launch }, all.len() + 1);
    report::progress(format_args!("{}, run {run}", row.name));
    let figures = match &row.work {
        Work::Load(load) => {
            let mut server = Server::start(launch).await?;
            let figures = load::run(load, &mut server).await?;
            server.stop().await?;
            figures
        }
        Work::History(history) => {
            let mut server = Server::start(launch).await?;
            let figures = history::run(history, &mut server).await?;
            server.stop().await?;
            figures
        }
        Work::SlowReaders(plan) => {
            let mut server = Server::start(launch).await?;
            let figures = slow::run(plan, &mut server).await?;
            server.stop().await?;
            figures
        }
        Work::Herd(herd) => {
            let mut server = Server::start(launch).await?;
            let figures = herd::run(herd, &mut server).await?;
            server.stop().await?;
            figures
        }
        Work::Cluster(run) => run.run(launch).await?,
    };
    raw.add(row.name, run, &figures)?;
    all.push(figures);
    Ok(())
}

/// The measures that the rows' medians give, each with what it is compared with.
pub fn measures(rows: &BTreeMap<&'static str, Figures>) -> Vec<Measure> {
    let value = |row, figure| rows.get(row).and_then(|figures: &Figures| figures.get(figure)).copied();
    let measure = |title, (row, figure), bar| Measure { title, value: value(row, figure), bar };
    let faults = rows.values().flat_map(|row| report::FAULTS.iter().filter_map(|name| row.get(name))).sum();
    let (ours, ceiling) = (value("senders-64", "deliveries_per_s"), value("ceiling-64", "deliveries_per_s"));
    let share = ours.zip(ceiling).map(|(ours, ceiling)| ours / ceiling);
    use Bar::{AtLeast, AtMost};
    vec![
        measure("accepted a second, 8 senders", ("senders-8", "accepted_per_s"), AtLeast(2_000.0)),
        measure("accepted a second, 64 senders", ("senders-64", "accepted_per_s"), AtLeast(3_400.0)),
        measure("deliveries a second, 8 senders", ("senders-8", "deliveries_per_s"), AtLeast(200_000.0)),
        Measure { title: "deliveries, share of the ceiling's, 64 senders", value: share, bar: AtLeast(0.5) },
        Measure { title: "lost, doubled or disordered", value: Some(faults), bar: AtMost(0.0) },
        measure("send → delivery at 92 a second, p50, ms", ("rate-92", "delivery_ms_p50"), AtMost(2.0)),
        measure("send → delivery at 92 a second, p99, ms", ("rate-92", "delivery_ms_p99"), AtMost(6.0)),
        measure("one sender in a closed loop, p50, ms", ("sender-1", "delivery_ms_p50"), AtMost(2.0)),
        measure("one sender in a closed loop, p99, ms", ("sender-1", "delivery_ms_p99"), AtMost(6.0)),
        measure(
            "server's CPU for a delivery, saturated, µs",
            ("senders-64", "server_cpu_us_per_delivery"),
            AtMost(3.0),
        ),
        measure(
            "server's CPU for a delivery at 92 a second, µs",
            ("rate-92", "server_cpu_us_per_delivery"),
            AtMost(12.0),
        ),
        measure("memory of the server, empty, MiB", ("senders-8", "rss_mib_empty"), AtMost(28.6)),
        measure(
            "memory of an idle socket of 10,000, KiB",
            ("idle-10000", "kib_per_idle_socket"),
            AtMost(12.0),
        ),
        measure(
            "10,000 sockets in a chat: last delivery of 50, p99, ms",
            ("members-10000", "last_delivery_ms_p99"),
            AtMost(700.0),
        ),
        measure(
            "a page of a long chat to one of a short, p50",
            ("history", "long_to_short_p50"),
            AtMost(1.2),
        ),
        measure("1,000 readers: delivery, p99, ms", ("slow-readers", "alone_delivery_ms_p99"), Bar::Nothing),
        measure(
            "… beside 100 sockets that never read, p99, ms",
            ("slow-readers", "beside_delivery_ms_p99"),
            Bar::Nothing,
        ),
        measure("… the one to the other, by turns", ("slow-readers", "p99_moved"), AtMost(1.1)),
        measure("… memory that these 100 cost, MiB", ("slow-readers", "peak_rss_mib_grown"), AtMost(100.0)),
        measure(
            "10,000 sockets, node killed: all back, ms",
            ("herd", "killed_back_ms_all"),
            AtMost(30_000.0),
        ),
        measure("… sends of the others meanwhile, p99, ms", ("herd", "killed_send_ms_p99"), AtMost(2_000.0)),
        measure("… most memory, MiB", ("herd", "killed_peak_rss_mib"), Bar::Nothing),
        measure(
            "10,000 sockets, node stopped: all back, ms",
            ("herd", "stopped_back_ms_all"),
            AtMost(30_000.0),
        ),
        measure("… sends of the others meanwhile, p99, ms", ("herd", "stopped_send_ms_p99"), AtMost(2_000.0)),
        measure("… most memory, MiB", ("herd", "stopped_peak_rss_mib"), Bar::Nothing),
    ]
}
