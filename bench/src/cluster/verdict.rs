//! Whether a conversation holds what is promised, and how fast it was: what was answered is set against what
//! each client applied.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};

use super::{clients::ClientLog, conversation::Sent};
use crate::report::{self, Figures};

/// The end of a conversation: everything that was accepted, and what came to each client that was to have it.
pub struct Outcome {
    sent: HashMap<u32, Sent>,
    logs: Vec<ClientLog>,
}

impl Outcome {
    /// The logs are of clients whose sockets should have stayed open.
    pub fn new(sent: Vec<Sent>, logs: Vec<ClientLog>) -> Self {
        Self { sent: sent.into_iter().map(|sent| (sent.number, sent)).collect(), logs }
    }

    /// What any client was owed and did not get, or got wrongly. All of it is zero if promises hold.
    pub fn insert_faults(&self, figures: &mut Figures) {
        let mut by_seq = HashMap::with_capacity(self.sent.len());
        let (mut disordered, mut duplicates, mut lost, mut wanted, mut delivered) =
            (0_u64, 0_u64, 0_u64, 0_u64, 0_u64);
        for sent in self.sent.values() {
            // Two messages in one place.
            disordered += u64::from(by_seq.insert(sent.seq, sent.number).is_some());
        }
        let (first, last) = (by_seq.keys().min().copied(), by_seq.keys().max().copied());
        let places = first.zip(last).map_or(0, |(first, last)| last - first + 1);
        for log in &self.logs {
            let mut seen = vec![false; self.sent.keys().max().map_or(0, |most| *most as usize + 1)];
            for delivery in &log.chat.deliveries {
                disordered += u64::from(by_seq.get(&delivery.seq) != Some(&delivery.number));
                if let Some(seen) = seen.get_mut(delivery.number as usize) {
                    duplicates += u64::from(std::mem::replace(seen, true));
                }
            }
            for sent in self.sent.values().filter(|sent| sent.seq > log.first) {
                wanted += 1;
                let came = seen[sent.number as usize];
                delivered += u64::from(came);
                lost += u64::from(!came);
            }
        }
        let broken = self.logs.iter().filter_map(|log| log.lost.as_deref().map(|why| (log.node, why)));
        for (node, why) in broken.clone().take(3) {
            report::progress(format_args!("a socket on node {} was lost: {why}", node + 1));
        }
        let total = |count: fn(&ClientLog) -> u64| self.logs.iter().map(count).sum::<u64>() as f64;
        figures.extend([
            ("wanted", wanted as f64),
            ("delivered", delivered as f64),
            ("lost", lost as f64),
            ("duplicates", duplicates as f64),
            ("disordered", disordered as f64),
            ("holes", (places - by_seq.len() as u64) as f64),
            ("sockets_lost", broken.count() as f64),
            // How the events came. None of this is a fault: clients are made for it.
            ("frames_again", total(|log| log.chat.again)),
            ("frames_early", total(|log| log.chat.early)),
            ("resumes", total(|log| log.chat.resumes)),
            ("limited", total(|log| log.chat.limited)),
        ]);
    }

    /// How long answers and deliveries took, of the messages from this number on.
    pub fn insert_times(&self, figures: &mut Figures, first: u32) -> Result<()> {
        let sent = || self.sent.values().filter(|sent| sent.number >= first);
        let (mut own, mut other, mut last_ns, mut count) = (Vec::new(), Vec::new(), 0, 0_u64);
        for log in &self.logs {
            for delivery in log.chat.deliveries.iter().filter(|delivery| delivery.number >= first) {
                let Some(sent) = self.sent.get(&delivery.number) else { continue };
                let times = if sent.node == log.node { &mut own } else { &mut other };
                times.push(delivery.micros);
                last_ns = last_ns.max(sent.began_ns + u64::from(delivery.micros) * 1_000);
                count += 1;
            }
        }
        let began_ns = sent().map(|sent| sent.began_ns).min().context("nothing was sent")?;
        ensure!(count > 0, "nothing was delivered");
        let seconds = (last_ns.saturating_sub(began_ns) as f64 / 1e9).max(f64::MIN_POSITIVE);
        let mut answers: Vec<u32> = sent().map(|sent| sent.micros).collect();
        figures.extend([
            ("messages", answers.len() as f64),
            ("seconds", seconds),
            // Until the last delivery, as in the other rows.
            ("accepted_per_s", answers.len() as f64 / seconds),
            ("deliveries_per_s", count as f64 / seconds),
            ("refused", sent().map(|sent| f64::from(sent.refused)).sum()),
        ]);
        let names = [("answer_ms_p50", 0.5), ("answer_ms_p99", 0.99), ("answer_ms_max", 1.0)];
        report::insert_percentiles(figures, &mut answers, &names);
        let names = [("delivery_ms_p50", 0.5), ("delivery_ms_p99", 0.99), ("delivery_ms_max", 1.0)];
        report::insert_percentiles(figures, &mut own, &names);
        if !other.is_empty() {
            let names = [
                ("other_node_delivery_ms_p50", 0.5),
                ("other_node_delivery_ms_p99", 0.99),
                ("other_node_delivery_ms_max", 1.0),
            ];
            report::insert_percentiles(figures, &mut other, &names);
        }
        Ok(())
    }

    /// Of each message, in the order of their POSTs, when that began, in nanoseconds of the clock, and the
    /// microseconds until the last client on another node had it.
    pub fn reached_others(&self) -> Vec<(u64, u32)> {
        let mut reached: HashMap<u32, u32> = HashMap::with_capacity(self.sent.len());
        for log in &self.logs {
            for delivery in &log.chat.deliveries {
                if self.sent.get(&delivery.number).is_some_and(|sent| sent.node != log.node) {
                    let micros = reached.entry(delivery.number).or_default();
                    *micros = (*micros).max(delivery.micros);
                }
            }
        }
        let mut times: Vec<(u64, u32)> = reached
            .into_iter()
            .filter_map(|(number, micros)| Some((self.sent.get(&number)?.began_ns, micros)))
            .collect();
        times.sort_unstable();
        times
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::cluster::log::ChatLog;

    fn sent(number: u32, seq: u64) -> Sent {
        let node = number as usize % 2;
        Sent { number, node, began_ns: u64::from(number) * 1_000_000_000, micros: 5_000, seq, refused: 0 }
    }

    /// A client that had applied event 10 when it came, and then these messages by place and number.
    fn log(node: usize, messages: &[(u64, u32)]) -> ClientLog {
        let mut chat = ChatLog::new(10);
        for (seq, number) in messages {
            chat.event(*seq, Some((0, *number)), 7_000_000);
        }
        ClientLog { node, first: 10, chat, lost: None }
    }

    fn faults(sent: Vec<Sent>, logs: Vec<ClientLog>) -> Figures {
        let mut figures = Figures::new();
        Outcome::new(sent, logs).insert_faults(&mut figures);
        figures.retain(|name, count| report::FAULTS.contains(name) && *count != 0.0);
        figures
    }

    #[test]
    fn what_everybody_has_in_the_same_order_is_no_fault() {
        let all = || vec![sent(0, 12), sent(1, 11), sent(2, 13)];
        let good = || log(0, &[(11, 1), (12, 0), (13, 2)]);
        assert_eq!(faults(all(), vec![good(), good()]), Figures::new());

        // Who came later is owed what was sent since.
        let late = ClientLog { first: 12, chat: ChatLog::new(12), ..log(1, &[]) };
        assert_eq!(faults(all(), vec![good(), late]), Figures::from([("lost", 1.0)]));
    }

    #[test]
    fn each_broken_promise_is_seen() {
        let two = || vec![sent(0, 11), sent(1, 12)];
        let good = || log(0, &[(11, 0), (12, 1)]);
        let fault = |name| Figures::from([(name, 1.0)]);
        assert_eq!(faults(two(), vec![good(), log(1, &[(11, 0)])]), fault("lost"));
        assert_eq!(faults(vec![sent(0, 11), sent(1, 13)], vec![]), fault("holes"));
        let other_order = faults(two(), vec![good(), log(1, &[(11, 1), (12, 0)])]);
        assert_eq!(other_order, Figures::from([("disordered", 2.0)]));
        // The third place holds the second message once more.
        let twice = faults(two(), vec![log(0, &[(11, 0), (12, 1), (13, 1)])]);
        assert_eq!(twice, Figures::from([("disordered", 1.0), ("duplicates", 1.0)]));
        let broken = ClientLog { lost: Some("closed".into()), ..good() };
        assert_eq!(faults(two(), vec![broken]), fault("sockets_lost"));
    }

    #[test]
    fn times_are_told_apart_by_node() {
        let outcome = Outcome::new(vec![sent(0, 11), sent(1, 12)], vec![log(0, &[(11, 0), (12, 1)])]);
        let mut figures = Figures::new();
        outcome.insert_times(&mut figures, 0).unwrap();
        assert_eq!((figures["delivery_ms_p50"], figures["other_node_delivery_ms_p50"]), (7.0, 7.0));
        assert_eq!(figures["answer_ms_p99"], 5.0);
        assert_eq!(outcome.reached_others(), [(1_000_000_000, 7_000)]);
    }
}
