//! The writers: puts, and transactions that delete one key and write another. Every attempt writes a value
//! that no other one writes, so that a commit can be told from its content.

use std::sync::atomic::Ordering;

use aerodb_tests::{Answer, send};
use fastrand::Rng;
use serde_json::json;

use crate::Run;

/// How many keys there are; few, so that they are overwritten often.
pub(crate) const KEYS: u64 = 16;

/// One attempt to write, and what its client was told.
#[derive(Debug)]
pub(crate) struct Attempt {
    /// The key that gets the value.
    pub(crate) key: String,
    /// The value, which no other attempt has.
    pub(crate) value: String,
    /// The key that becomes absent with it.
    pub(crate) deleted: Option<String>,
    /// The commit that was acknowledged to the client.
    pub(crate) acknowledged: Option<u64>,
}

pub(crate) fn write(run: &Run, writer: u64) {
    let mut random = Rng::with_seed(writer + 1);
    for number in 0.. {
        if run.stopped() {
            return;
        }
        let mut attempt = Attempt {
            key: format!("k{:02}", random.u64(0..KEYS)),
            value: format!("{writer}/{number}"),
            deleted: (random.u64(0..4) == 0).then(|| format!("k{:02}", random.u64(0..KEYS))),
            acknowledged: None,
        };
        let answer = send_to(&run.nodes[run.holder.load(Ordering::Relaxed)], &attempt);
        if let Some(answer) = answer {
            if answer.status == 200 {
                let commit = answer.body["data"]["commit_id"].as_u64().expect("a commit id");
                run.acknowledged.fetch_max(commit, Ordering::Relaxed);
                attempt.acknowledged = Some(commit);
            } else if answer.code() == "NOT_ACKNOWLEDGED" {
                run.caught.fetch_add(1, Ordering::Relaxed);
            }
        }
        run.attempts.lock().expect("no panic").push(attempt);
    }
}

pub(crate) fn send_to(node: &str, attempt: &Attempt) -> Option<Answer> {
    let Attempt { key, value, deleted, .. } = attempt;
    let soon = ("aerodb-deadline-ms", "500");
    match deleted {
        None => send("PUT", &format!("{node}/v1/kv/{key}"), &[soon], Some(value.as_bytes())),
        Some(deleted) => {
            let put = json!({ "put": { "key": key, "value": value, "encoding": "utf8" } });
            let body = json!({ "conditions": [], "ops": [{ "delete": { "key": deleted } }, put] });
            let headers = [soon, ("content-type", "application/json")];
            send("POST", &format!("{node}/v1/txn"), &headers, Some(body.to_string().as_bytes()))
        }
    }
}
