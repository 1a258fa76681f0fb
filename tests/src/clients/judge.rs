//! Judging a history, key by key: a history is linearizable if and only if that of each key is.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use todc_utils::linearizability::history::{Action, History as Actions};

use super::history::{Call, Event, Operation, Seen, Value};
use super::register::{Checker, Step};

/// What was judged, and what is wrong with it.
#[derive(Debug)]
pub struct Verdict {
    /// Keys.
    pub keys: usize,
    /// Operations with an answer that says something.
    pub answered: usize,
    /// Operations that may or may not have had their effect.
    pub unknown: usize,
    /// Operations that certainly had none.
    pub refused: usize,
    /// Everything that no order explains.
    pub violations: Vec<Violation>,
}

/// Answers about one key that no order of the operations explains.
#[derive(Debug)]
pub struct Violation {
    /// The key.
    pub key: String,
    /// Why, and the history up to the first answer that nothing explains.
    pub story: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.story)
    }
}

/// The events of one key, in order.
type Events = Vec<(Call, Moment)>;

#[derive(Debug, Clone, Copy)]
enum Moment {
    Called(Operation),
    Answered(Seen),
}

/// Judges the history.
///
/// # Panics
/// When something is answered that was not called.
#[must_use]
pub fn judge(history: &[Event]) -> Verdict {
    let keys = by_key(history);
    let counted = |wanted: fn(&Moment) -> bool| {
        keys.values().flatten().filter(|(_, moment)| wanted(moment)).count()
    };
    let called = counted(|moment| matches!(moment, Moment::Called(_)));
    let refused = counted(|moment| matches!(moment, Moment::Answered(Seen::Refused)));
    let answered = counted(|moment| matches!(moment, Moment::Answered(_))) - refused;
    let unknown = called - refused - answered;
    let violations = keys.iter().filter_map(|(key, events)| violation(key, events)).collect();
    Verdict { keys: keys.len(), answered, unknown, refused, violations }
}

fn by_key(history: &[Event]) -> BTreeMap<String, Events> {
    let mut keys = BTreeMap::<String, Events>::new();
    let mut of_call = HashMap::new();
    for event in history {
        match event {
            Event::Called(call, key, operation) => {
                of_call.insert(*call, key);
                keys.entry(key.clone()).or_default().push((*call, Moment::Called(*operation)));
            }
            Event::Answered(call, seen) => {
                let key = of_call.get(call).expect("it was called");
                let events = keys.get_mut(*key).expect("it was called");
                events.push((*call, Moment::Answered(*seen)));
            }
        }
    }
    keys
}

fn violation(key: &str, events: &Events) -> Option<Violation> {
    let why = "no order of the operations explains the last answer";
    let found = two_commits(events).or_else(|| {
        if is_linearizable(events) {
            return None;
        }
        // If a history is linearizable, so is every beginning of it.
        let lengths = (0..=events.len()).collect::<Vec<_>>();
        let end = lengths.partition_point(|length| is_linearizable(&events[..*length].to_vec()));
        Some((why.to_owned(), end))
    });
    let (why, end) = found?;
    let story = events[..end].iter().map(|event| format!("\n  {event:?}")).collect::<String>();
    Some(Violation { key: key.to_owned(), story: format!("{why}{story}") })
}

/// A value that was given by two commits; no value is written twice.
fn two_commits(events: &Events) -> Option<(String, usize)> {
    let mut given = HashMap::<Value, u64>::new();
    let mut writes = HashMap::new();
    for (index, (call, moment)) in events.iter().enumerate() {
        let (value, commit) = match moment {
            Moment::Called(Operation::Put(value) | Operation::Swap { new: value, .. }) => {
                writes.insert(*call, *value);
                continue;
            }
            Moment::Answered(Seen::Value(value, commit)) => (*value, *commit),
            Moment::Answered(Seen::Done(commit)) => match writes.get(call) {
                Some(value) => (*value, *commit),
                None => continue,
            },
            Moment::Called(Operation::Get | Operation::Delete)
            | Moment::Answered(Seen::Absent | Seen::Unmet | Seen::Refused) => continue,
        };
        let before = *given.entry(value).or_insert(commit);
        if before != commit {
            return Some((
                format!("commits {before} and {commit} gave it value {value}"),
                index + 1,
            ));
        }
    }
    None
}

/// Asks the checker. What was refused is left out, and so is a read without an answer: they say nothing. Every
/// other call without an answer gets one at the end that says nothing.
fn is_linearizable(events: &Events) -> bool {
    let answers = events.iter().filter_map(|(call, moment)| match moment {
        Moment::Answered(seen) => Some((*call, *seen)),
        Moment::Called(_) => None,
    });
    let answers = answers.collect::<HashMap<_, _>>();
    let mut numbers = HashMap::new();
    let mut open = Vec::new();
    let mut actions: Vec<(usize, Action<Step>)> = Vec::new();
    for (call, moment) in events {
        match moment {
            Moment::Called(operation) => {
                let seen = answers.get(call).copied();
                let counts = match seen {
                    Some(Seen::Refused) => false,
                    Some(Seen::Value(..) | Seen::Absent | Seen::Done(_) | Seen::Unmet) => true,
                    None => *operation != Operation::Get,
                };
                if !counts {
                    continue;
                }
                // To the checker each operation is a process of its own: clients are sequential anyway.
                let number = numbers.len();
                numbers.insert(*call, (number, *operation));
                actions.push((number, Action::Call((*operation, None))));
                if seen.is_none() {
                    open.push((number, Action::Response((*operation, None))));
                }
            }
            Moment::Answered(seen) => {
                if let Some((number, operation)) = numbers.get(call) {
                    actions.push((*number, Action::Response((*operation, Some(*seen)))));
                }
            }
        }
    }
    actions.extend(open);
    actions.is_empty() || Checker::is_linearizable(Actions::from_actions(actions))
}

#[cfg(test)]
mod tests;
