//! One client: sequential, with a memory of its own, and no knowledge of who holds.

use std::collections::HashMap;
use std::time::Duration;

use fastrand::Rng;

use super::history::{Operation, Seen, Value};
use super::run::Run;
use crate::{Answer, send_within};

/// After so long a client takes its request for lost.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long a client that is not served waits before it asks again.
const POLL: Duration = Duration::from_millis(10);

/// After so many milliseconds a node answers what it knows.
const DEADLINE_MS: &str = "500";

/// A client.
pub(super) struct Client<'r> {
    run: &'r Run,
    random: Rng,
    /// The node that last answered with something.
    node: usize,
    /// Whether that was a refusal, or nothing: then it looks for one that serves, mostly with reads.
    is_searching: bool,
    /// What it last saw of each key of the present generation.
    known: HashMap<String, Option<(Value, u64)>>,
}

impl<'r> Client<'r> {
    pub(super) fn new(run: &'r Run, seed: u64) -> Self {
        Self {
            run,
            random: Rng::with_seed(seed),
            node: 0,
            is_searching: false,
            known: HashMap::new(),
        }
    }

    /// Operates on random keys until the run is over.
    pub(super) fn work(mut self) {
        while !self.run.is_stopped() {
            let key = self.run.key(&mut self.random);
            let operation = self.choose(&key);
            self.operate(&key, operation);
        }
    }

    fn choose(&mut self, key: &str) -> Operation {
        if !self.known.contains_key(key) {
            // Of keys that nobody writes any more nothing needs to be known.
            self.known.retain(|other, _| self.run.is_present(other));
        }
        let known = self.known.get(key).copied().flatten();
        if self.is_searching && self.random.u64(0..10) > 0 {
            return Operation::Get;
        }
        match self.random.u64(0..20) {
            0..8 => Operation::Get,
            8..13 => Operation::Put(self.run.value()),
            13..15 => Operation::Delete,
            _ => Operation::Swap { expected: known.map(|(value, _)| value), new: self.run.value() },
        }
    }

    /// Sends one operation, and records what it was answered.
    pub(super) fn operate(&mut self, key: &str, operation: Operation) {
        if self.is_searching {
            std::thread::sleep(POLL);
        }
        // Mostly where it was last served; now and then anywhere.
        if self.random.u64(0..10) == 0 {
            self.node = self.random.usize(0..self.run.nodes.len());
        }
        let etag = self.known.get(key).copied().flatten().map(|(_, commit)| commit);
        let call = self.run.history.call(key, operation);
        let answer = request(&self.run.nodes[self.node], key, operation, etag);
        let seen = answer.as_ref().and_then(|answer| understood(operation, answer));
        if let Some(seen) = seen {
            self.run.history.answer(call, seen);
            self.learn(key, operation, seen);
        }
        self.run.count(seen.as_ref(), operation);
        self.is_searching = match seen {
            Some(Seen::Value(..) | Seen::Absent | Seen::Done(_) | Seen::Unmet) => false,
            Some(Seen::Refused) | None => true,
        };
        if self.is_searching {
            self.node = self.random.usize(0..self.run.nodes.len());
        }
    }

    fn learn(&mut self, key: &str, operation: Operation, seen: Seen) {
        let known = match (operation, seen) {
            (_, Seen::Value(value, commit)) => Some((value, commit)),
            (Operation::Put(value) | Operation::Swap { new: value, .. }, Seen::Done(commit)) => {
                Some((value, commit))
            }
            (Operation::Get | Operation::Delete, Seen::Done(_)) | (_, Seen::Absent) => None,
            // Somebody else was there: the next swap should not be sure to fail as well.
            (_, Seen::Unmet) => return self.forget(key),
            (_, Seen::Refused) => return,
        };
        self.known.insert(key.to_owned(), known);
    }

    fn forget(&mut self, key: &str) {
        self.known.remove(key);
    }
}

fn request(node: &str, key: &str, operation: Operation, etag: Option<u64>) -> Option<Answer> {
    let url = format!("{node}/v1/kv/{key}");
    let soon = ("aerodb-deadline-ms", DEADLINE_MS);
    let put = |headers: &[(&str, &str)], value: Value| {
        send_within(Some(PATIENCE), "PUT", &url, headers, Some(value.to_string().as_bytes()))
    };
    match operation {
        Operation::Get => {
            let url = format!("{url}?consistency=linearizable");
            send_within(Some(PATIENCE), "GET", &url, &[soon], None)
        }
        Operation::Put(value) => put(&[soon], value),
        Operation::Delete => send_within(Some(PATIENCE), "DELETE", &url, &[soon], None),
        Operation::Swap { expected, new } => match expected.and(etag) {
            Some(commit) => put(&[soon, ("if-match", &format!("\"{commit}\""))], new),
            None => put(&[soon, ("if-none-match", "*")], new),
        },
    }
}

/// What the answer says for certain.
fn understood(operation: Operation, answer: &Answer) -> Option<Seen> {
    match (answer.status, answer.code()) {
        (200, _) if operation == Operation::Get => {
            let commit = answer.etag.as_ref()?.trim_matches('"').parse().ok()?;
            Some(Seen::Value(answer.text.parse().ok()?, commit))
        }
        (200, _) => Some(Seen::Done(answer.body["data"]["commit_id"].as_u64()?)),
        (404, "KEY_NOT_FOUND") => Some(Seen::Absent),
        (412, "PRECONDITION_FAILED") => Some(Seen::Unmet),
        // These promise that nothing was written; a read of such a write would be found.
        (
            421 | 503,
            "NOT_HOLDER" | "SEALED" | "HALTED" | "RECOVERING" | "SUCCESSOR_DETACHED"
            | "SUCCESSOR_REQUIRED" | "READ_UNSAFE",
        ) => Some(Seen::Refused),
        _ => None,
    }
}
