//! What clients called, and what they were answered.

use std::sync::{Mutex, PoisonError};

/// Every attempt to write has a value that no other one has.
pub type Value = u64;

/// What is asked of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// A linearizable read.
    Get,
    /// Give it this value.
    Put(Value),
    /// Make it absent.
    Delete,
    /// Give it this value if it has that one (`If-Match`), or if it is absent (`If-None-Match: *`).
    Swap {
        /// What it must have.
        expected: Option<Value>,
        /// What it gets.
        new: Value,
    },
}

/// What the answer says for certain. An operation that is never answered may or may not have its effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// The key has this value, given by this commit.
    Value(Value, u64),
    /// The key is absent.
    Absent,
    /// The write is acknowledged under this commit.
    Done(u64),
    /// The condition did not hold; nothing was written.
    Unmet,
    /// It was refused: it has no effect, now or later.
    Refused,
}

/// The place of a call among all calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Call(pub usize);

/// A call or an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A client is about to send this.
    Called(Call, String, Operation),
    /// A client has received the answer.
    Answered(Call, Seen),
}

#[derive(Debug, Default)]
struct Record {
    calls: usize,
    events: Vec<Event>,
}

/// The calls and answers of all clients in one order: what is recorded as answered before another is called was
/// answered before.
#[derive(Debug, Default)]
pub struct History(Mutex<Record>);

impl History {
    /// A client is about to send this.
    pub fn call(&self, key: &str, operation: Operation) -> Call {
        let mut record = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let call = Call(record.calls);
        record.calls += 1;
        record.events.push(Event::Called(call, key.to_owned(), operation));
        call
    }

    /// A client has received an answer that says this.
    pub fn answer(&self, call: Call, seen: Seen) {
        let mut record = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        record.events.push(Event::Answered(call, seen));
    }

    /// Everything recorded so far.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).events.clone()
    }
}
