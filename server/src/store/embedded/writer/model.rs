//! Group commit, checked with writes that chance chooses: whatever is answered as done is in the database, and
//! nothing else is. The thread's own loop is run to its end, over a queue that was filled before.

use std::collections::BTreeSet;

use super::*;
use crate::random::Random;

/// Seeds that are run unless `SAMVAD_MODEL_SEEDS` says otherwise.
const SEEDS: u64 = 300;
/// Writes of a run.
const WRITES: u64 = 24;
/// No power is lost here, so nothing waits for the disk.
const SCHEMA: &str = "
    PRAGMA synchronous = OFF;
    PRAGMA foreign_keys = ON;
    CREATE TABLE cause (id INTEGER PRIMARY KEY);
    CREATE TABLE entry (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        number INTEGER NOT NULL,
        cause INTEGER REFERENCES cause (id) DEFERRABLE INITIALLY DEFERRED
    );";

/// What is the matter with a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Good,
    /// It is refused once it has written.
    Refused,
    /// It panics once it has written.
    Panics,
    /// The commit that it is a part of fails.
    Poison,
    /// SQLite gives up the whole transaction in the middle of it.
    GivesUp,
    /// Its caller is gone before its turn.
    Abandoned,
    /// It is good, and its caller goes while the group is being written.
    Leaves,
}

fn kind(random: u64) -> Kind {
    match random % 24 {
        0..3 => Kind::Refused,
        3 => Kind::Panics,
        4 => Kind::Poison,
        5 => Kind::GivesUp,
        6..9 => Kind::Abandoned,
        9..11 => Kind::Leaves,
        _ => Kind::Good,
    }
}

fn carry_out(connection: &Connection, kind: Kind, number: u64) -> Result<u64, Fault> {
    let cause = (kind == Kind::Poison).then_some(7);
    connection.execute("INSERT INTO entry (number, cause) VALUES (?1, ?2)", (number as i64, cause))?;
    match kind {
        Kind::Refused => Err(ErrorCode::InvalidRequest.into()),
        Kind::Panics => panic!("a write that panics, by chance"),
        Kind::GivesUp => {
            connection.execute_batch("ROLLBACK")?;
            Err(AppError::new(ErrorCode::StorageFull).into())
        }
        _ => Ok(number),
    }
}

fn run(seed: u64, file: &std::path::Path) {
    let mut random = Random::of(seed);
    let connection = Connection::open(file).unwrap();
    connection.execute_batch(SCHEMA).unwrap();
    let (sender, queue) = mpsc::channel::<Box<dyn Job>>(WRITES as usize);
    let mut answers = Vec::new();
    for number in 0..WRITES {
        let kind = kind(random.next());
        let (reply, answer) = oneshot::channel();
        let mut leaving = None;
        match kind {
            Kind::Abandoned => drop(answer),
            Kind::Leaves => leaving = Some(answer),
            _ => answers.push((number, kind, answer)),
        }
        let work = move |connection: &Connection| {
            drop(leaving);
            carry_out(connection, kind, number)
        };
        let job = Write { work: Some(work), outcome: None, reply };
        assert!(sender.try_send(Box::new(job)).is_ok());
    }
    drop(sender);
    let group = 1 + random.below(8);
    let counters = Arc::new(Counters::default());
    Committer { connection, queue, group, counters: counters.clone(), indexes: false }.run().unwrap();

    // As another process finds it.
    let connection = Connection::open(file).unwrap();
    let mut found = connection.prepare("SELECT number FROM entry ORDER BY id").unwrap();
    let found: Vec<i64> = found.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert!(found.is_sorted_by(|one, next| one < next), "in the order in which they came: {found:?}");
    let stored: BTreeSet<u64> = found.into_iter().map(i64::unsigned_abs).collect();
    for (number, kind, mut answer) in answers {
        let outcome = answer.try_recv().expect("every caller is answered");
        assert_eq!(outcome.is_ok(), stored.contains(&number), "{number} is {kind:?}: {outcome:?}");
        assert!(outcome.is_err() || matches!(kind, Kind::Good), "{kind:?} was answered as done");
    }
    let commits = counters.commits.load(Ordering::Relaxed);
    assert!(commits <= WRITES.div_ceil(group as u64) + WRITES, "{commits} commits");
}

#[test]
fn what_is_answered_as_done_is_in_the_database_and_nothing_else_is() {
    let seeds = std::env::var("SAMVAD_MODEL_SEEDS").map_or(SEEDS, |seeds| seeds.parse().expect("a number"));
    let folder = tempfile::tempdir().unwrap();
    for seed in 1..=seeds {
        let file = folder.path().join(format!("{seed}.db"));
        let done = catch_unwind(AssertUnwindSafe(|| run(seed, &file)));
        std::fs::remove_file(file).unwrap();
        assert!(done.is_ok(), "with seed {seed}");
    }
}
