//! Figures: percentiles, medians over runs, the table, the raw lines, and what is said meanwhile.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde_json::json;
use time::{OffsetDateTime, macros::format_description};

/// What one run measured, by name; units are in the names.
pub type Figures = BTreeMap<&'static str, f64>;

/// The figures of which any but zero is a fault of the server, not a matter of speed.
pub const FAULTS: [&str; 11] = [
    "lost",
    "duplicates",
    "disordered",
    "sockets_lost",
    "holes",
    "untold",
    "wrongly_offline",
    "never_closed",
    "not_resumed",
    "never_back",
    "missed",
];

/// The value that this share of the values does not exceed; zero if there are none.
pub fn percentile(sorted: &[u32], share: f64) -> f64 {
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).map_or(0.0, |value| f64::from(*value))
}

/// A series of times in microseconds, told as percentiles in milliseconds.
pub fn insert_percentiles(figures: &mut Figures, times: &mut [u32], names: &[(&'static str, f64)]) {
    times.sort_unstable();
    figures.extend(names.iter().map(|(name, share)| (*name, percentile(times, *share) / 1_000.0)));
}

/// The middle value; of an even number of values, the mean of the two in the middle.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    match (values.len() % 2, values.get(middle)) {
        (_, None) => 0.0,
        (1, Some(value)) => *value,
        (_, Some(value)) => f64::midpoint(values[middle - 1], *value),
    }
}

/// The medians of all figures that every run has.
pub fn medians(runs: &[Figures]) -> Figures {
    let Some(first) = runs.first() else { return Figures::new() };
    first
        .keys()
        .filter_map(|name| {
            let mut values: Option<Vec<f64>> = runs.iter().map(|run| run.get(name).copied()).collect();
            values.as_deref_mut().map(|values| (*name, median(values)))
        })
        .collect()
}

/// Whether no run lost, doubled or disordered anything.
pub fn is_faultless(runs: &[Figures]) -> bool {
    runs.iter().all(|run| FAULTS.iter().all(|name| run.get(name).is_none_or(|count| *count == 0.0)))
}

/// The runs of one row: each figure's median, least and greatest value.
pub fn show_runs(title: &str, runs: &[Figures]) -> Result<()> {
    let mut text = format!("\n{title}, median of {}\n", runs.len());
    for (name, middle) in medians(runs) {
        let values = || runs.iter().filter_map(|run| run.get(name).copied());
        let (least, most) = (values().fold(f64::MAX, f64::min), values().fold(f64::MIN, f64::max));
        writeln!(text, "  {name:<32} {:>12}   [{} .. {}]", number(middle), number(least), number(most))?;
    }
    show(&text)
}

/// What the table compares a measure with.
#[derive(Clone, Copy)]
pub enum Bar {
    /// This or more is good.
    AtLeast(f64),
    /// This or less is good.
    AtMost(f64),
    /// It is shown for itself.
    Nothing,
}

impl Bar {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
            Self::Nothing => true,
        }
    }
}

/// One line of the table of measures.
pub struct Measure {
    /// What is measured.
    pub title: &'static str,
    /// The median; none if it was not measured.
    pub value: Option<f64>,
    /// What it is compared with.
    pub bar: Bar,
}

/// Whether none of these misses its bar.
pub fn are_met(measures: &[Measure]) -> bool {
    measures.iter().all(|measure| measure.value.is_none_or(|value| measure.bar.is_met(value)))
}

/// The table of measures against their bars.
pub fn show_measures(measures: &[Measure]) -> Result<()> {
    let mut text = format!("\n{:<58} {:>12} {:>12}\n", "measure", "median", "bar");
    for Measure { title, value, bar } in measures {
        let Some(value) = value else { continue };
        let verdict = if bar.is_met(*value) { "met" } else { "missed" };
        let (bound, verdict) = match bar {
            Bar::AtLeast(bound) => (format!("≥ {}", number(*bound)), verdict),
            Bar::AtMost(bound) => (format!("≤ {}", number(*bound)), verdict),
            Bar::Nothing => (String::new(), ""),
        };
        let line = format!("{title:<58} {:>12} {bound:>12}  {verdict}", number(*value));
        writeln!(text, "{}", line.trim_end())?;
    }
    show(&text)
}

fn number(value: f64) -> String {
    if value.abs() >= 1_000.0 || value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

/// The file of raw figures: a line of JSON for each run.
pub struct RawFile {
    path: PathBuf,
    file: fs::File,
}

impl RawFile {
    /// A new file, named after the time.
    pub fn create(directory: &Path) -> Result<Self> {
        let name = OffsetDateTime::now_utc()
            .format(format_description!("[year]-[month]-[day]T[hour]-[minute]-[second]Z.jsonl"))?;
        fs::create_dir_all(directory).with_context(|| format!("making {}", directory.display()))?;
        let path = directory.join(name);
        let file = fs::File::create(&path).with_context(|| format!("making {}", path.display()))?;
        Ok(Self { path, file })
    }

    /// Adds the figures of a run.
    pub fn add(&mut self, row: &str, run: usize, figures: &Figures) -> Result<()> {
        let line = json!({ "row": row, "run": run, "figures": figures });
        writeln!(self.file, "{line}").with_context(|| format!("writing {}", self.path.display()))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Prints to standard output.
pub fn show(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    Ok(out.write_all(text.as_bytes()).and_then(|()| out.flush())?)
}

/// Says on standard error how far things are.
pub fn progress(text: fmt::Arguments<'_>) {
    // That nobody can read this is no reason to stop measuring.
    let _unheard = writeln!(std::io::stderr(), "    {text}");
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let hundred: Vec<u32> = (1..=100).collect();
        assert_eq!(
            [0.5, 0.95, 0.99, 1.0].map(|share| percentile(&hundred, share)),
            [50.0, 95.0, 99.0, 100.0]
        );
        assert_eq!(percentile(&[7], 0.5), 7.0);
        assert_eq!(percentile(&[], 0.5), 0.0);
        let mut figures = Figures::new();
        insert_percentiles(&mut figures, &mut [3_000, 1_000, 2_000], &[("p50", 0.5), ("max", 1.0)]);
        assert_eq!(figures, Figures::from([("p50", 2.0), ("max", 3.0)]));
    }

    #[test]
    fn medians_are_of_figures_that_every_run_has() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [4.0, 1.0]), 2.5);
        let runs = [Figures::from([("a", 1.0), ("b", 1.0)]), Figures::from([("a", 3.0)])];
        assert_eq!(medians(&runs), Figures::from([("a", 2.0)]));
    }

    #[test]
    fn a_missed_bar_is_seen_and_what_was_not_measured_is_none() {
        let measure = |value, bar| Measure { title: "", value, bar };
        let met = |value, bar| are_met(&[measure(Some(value), bar), measure(None, Bar::AtMost(0.0))]);
        assert!(met(5.0, Bar::AtMost(5.0)) && !met(5.1, Bar::AtMost(5.0)));
        assert!(met(5.0, Bar::AtLeast(5.0)) && !met(4.9, Bar::AtLeast(5.0)));
        assert!(met(5.0, Bar::Nothing));
    }

    #[test]
    fn one_fault_in_one_run_is_a_fault() {
        let good = Figures::from([("lost", 0.0), ("seconds", 3.0)]);
        assert!(is_faultless(std::slice::from_ref(&good)));
        assert!(!is_faultless(&[good, Figures::from([("duplicates", 1.0)])]));
    }
}
