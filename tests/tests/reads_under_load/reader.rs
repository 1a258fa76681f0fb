//! The readers: gets, gets at a commit, linearizable gets and scans page by page, on every node.

use std::sync::atomic::Ordering;

use aerodb_tests::{Answer, send};
use fastrand::Rng;

use crate::Run;
use crate::load::KEYS;
use crate::model::{Model, State};

/// What one read showed.
#[derive(Debug)]
pub(crate) enum Shown {
    /// One key's commit and value.
    Key { key: String, found: Option<(u64, String)> },
    /// The pages of a scan; not all of them when the node went away in between.
    Scan { state: State, whole: bool },
}

/// A read that was answered.
#[derive(Debug)]
pub(crate) struct Observation {
    pub(crate) node: usize,
    pub(crate) epoch: u64,
    /// The commit that the answer names.
    pub(crate) view: u64,
    /// The commit that was asked for.
    at: Option<u64>,
    /// The least view that the answer may have: of a linearizable read, what had been acknowledged before.
    least: u64,
    shown: Shown,
}

impl Observation {
    #[track_caller]
    pub(crate) fn check(&self, model: &Model) {
        assert!((self.least..=model.tip()).contains(&self.view), "{self:?}");
        assert!(self.at.is_none_or(|at| at == self.view), "{self:?}");
        match &self.shown {
            Shown::Key { key, found } => {
                assert_eq!(*found, model.get(key, self.view), "{self:?}");
            }
            Shown::Scan { state, whole } => {
                let mut expected = model.state(self.view);
                if !whole && let Some((last, _)) = state.last_key_value() {
                    expected.retain(|key, _| key <= last);
                }
                assert_eq!(*state, expected, "{self:?}");
            }
        }
    }
}

/// What a node may refuse with while authority moves; whatever else it says is wrong.
const EXPECTED: [&str; 7] = [
    "READ_UNSAFE",
    "HALTED",
    "RECOVERING",
    "NOT_HOLDER",
    "SEALED",
    "COMMIT_IN_FUTURE",
    "COMMIT_NOT_REACHED",
];

pub(crate) fn read(run: &Run, reader: u64) {
    let mut random = Rng::with_seed(100 + reader);
    while !run.stopped() {
        let node = random.usize(0..run.nodes.len());
        let observation = match random.u64(0..4) {
            0 => scan(run, node, &mut random),
            1 => {
                let known = run.acknowledged.load(Ordering::Relaxed);
                get(run, node, &mut random, Some(random_commit(known)), false)
            }
            2 => get(run, node, &mut random, None, true),
            _ => get(run, node, &mut random, None, false),
        };
        if let Some(observation) = observation {
            run.seen.lock().expect("no panic").push(observation);
        }
    }
}

/// A commit of the younger half of what is known, other for each state of the history.
const fn random_commit(known: u64) -> u64 {
    known - (known.wrapping_mul(31) % (known / 2 + 1))
}

fn ask(run: &Run, node: usize, path: &str) -> Option<Answer> {
    let url = format!("{}{path}", run.nodes[node]);
    let answer = send("GET", &url, &[("aerodb-deadline-ms", "1000")], None)?;
    if answer.status == 200 || answer.code() == "KEY_NOT_FOUND" {
        return Some(answer);
    }
    assert!(EXPECTED.contains(&answer.code()), "{path}: {}", answer.text);
    assert!(
        answer.body["explanation"].is_object() || answer.code() == "NOT_HOLDER",
        "{}",
        answer.text
    );
    let mut refusals = run.refusals.lock().expect("no panic");
    *refusals.entry((node, answer.code().to_owned())).or_default() += 1;
    None
}

fn get(
    run: &Run,
    node: usize,
    random: &mut Rng,
    at: Option<u64>,
    linearizable: bool,
) -> Option<Observation> {
    let key = format!("k{:02}", random.u64(0..KEYS));
    let least = if linearizable { run.acknowledged.load(Ordering::Relaxed) } else { 0 };
    let query = match at {
        Some(at) => format!("at={at}"),
        None if linearizable => "consistency=linearizable".to_owned(),
        None => "consistency=snapshot".to_owned(),
    };
    let answer = ask(run, node, &format!("/v1/kv/{key}?{query}"))?;
    let found = match &answer.etag {
        Some(etag) => Some((etag.trim_matches('"').parse().ok()?, answer.text.clone())),
        None => None,
    };
    let (view, epoch) = (answer.view.expect("a view"), answer.epoch.expect("an epoch"));
    Some(Observation { node, epoch, view, at, least, shown: Shown::Key { key, found } })
}

fn scan(run: &Run, node: usize, random: &mut Rng) -> Option<Observation> {
    let limit = 1 + random.u64(0..7);
    let first = ask(run, node, &format!("/v1/kv?limit={limit}&consistency=snapshot"))?;
    let (view, epoch) = (first.view.expect("a view"), first.epoch.expect("an epoch"));
    let (mut state, mut page) = (State::new(), first);
    let whole = loop {
        assert_eq!(page.body["data"]["commit_id"], view, "every page is of one view");
        assert_eq!(page.body["observed_at"]["commit_id"], view, "{}", page.text);
        for item in page.body["data"]["items"].as_array().expect("items") {
            let text = |name: &str| item[name].as_str().expect("text").to_owned();
            let commit = item["commit_id"].as_u64().expect("a commit");
            assert!(state.insert(text("key"), (commit, text("value"))).is_none(), "{}", page.text);
        }
        let Some(token) = page.body["data"]["next_page_token"].as_str() else { break true };
        match ask(run, node, &format!("/v1/kv?limit={limit}&page_token={token}")) {
            Some(next) => page = next,
            None => break false,
        }
    };
    Some(Observation { node, epoch, view, at: None, least: 0, shown: Shown::Scan { state, whole } })
}
