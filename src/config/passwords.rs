//! `[passwords]`: what hashing one costs, how many are hashed at a time, and where the list of breached ones lies.

use std::path::PathBuf;
use std::time::Duration;

use super::milliseconds;
use super::reader::Reader;

/// The table.
#[derive(Debug, Clone)]
pub struct Passwords {
    /// Memory that one hash takes, in KiB.
    pub memory_kib: u32,
    /// Passes over that memory.
    pub passes: u32,
    /// Lanes of one hash.
    pub lanes: u32,
    /// Passwords that are hashed at a time.
    pub at_once: usize,
    /// Requests that wait for their turn.
    pub waiting: usize,
    /// How long one of them waits.
    pub wait: Duration,
    /// The file of breached passwords.
    pub breached_list: Option<PathBuf>,
    /// Wrong passwords for one address from one network before each further one has to wait.
    pub free_guesses: u32,
    /// Passwords for one address from browsers that it was never used in, within an hour.
    pub guesses_per_hour: u32,
    /// Codes for one account from browsers that it was never used in, within an hour.
    pub codes_per_hour: u32,
}

/// Reads the table. The default cost is OWASP's first choice for argon2id.
pub(super) fn read(reader: &mut Reader) -> Passwords {
    let cores = std::thread::available_parallelism().map_or(2, usize::from).min(4);
    let breached_list = reader.text("passwords.breached_list").map(PathBuf::from);
    let wait = milliseconds(reader.number("passwords.wait_ms", 100..=60_000, 5_000));
    let mut count = |key, bounds, default| u32::try_from(reader.number(key, bounds, default)).unwrap_or(1);
    Passwords {
        memory_kib: count("passwords.memory_kib", 7_168..=1_048_576, 19_456),
        passes: count("passwords.passes", 1..=64, 2),
        lanes: count("passwords.lanes", 1..=16, 1),
        at_once: count("passwords.at_once", 1..=256, i64::try_from(cores).unwrap_or(2)) as usize,
        waiting: count("passwords.waiting", 1..=10_000, 64) as usize,
        wait,
        breached_list,
        free_guesses: count("passwords.free_guesses", 1..=100, 5),
        guesses_per_hour: count("passwords.guesses_per_hour", 10..=100_000, 100),
        codes_per_hour: count("passwords.codes_per_hour", 5..=1_000, 20),
    }
}
