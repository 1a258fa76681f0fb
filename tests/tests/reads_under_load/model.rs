//! The reference model: what each commit changed, and so what every key is at every commit.

use std::collections::BTreeMap;

use aerodb_tests::Node;

use crate::load::Attempt;

/// Every commit's changes: key -> value, or absent.
#[derive(Debug, Default)]
pub(crate) struct Model {
    commits: BTreeMap<u64, BTreeMap<String, Option<String>>>,
}

/// What a view shows: key -> (commit, value).
pub(crate) type State = BTreeMap<String, (u64, String)>;

impl Model {
    /// From what the clients were told. A commit that no client was told of is one of those attempts that
    /// had no answer or a doubtful one: the last node says which value it wrote, and nothing else.
    #[track_caller]
    pub(crate) fn new(node: &Node, tip: u64, attempts: &[Attempt]) -> Self {
        let mut model = Self::default();
        for attempt in attempts {
            if let Some(commit) = attempt.acknowledged {
                assert!(commit <= tip, "acknowledged commit {commit} is lost: {attempt:?}");
                model.add(commit, attempt);
            }
        }
        for commit in 1..=tip {
            if !model.commits.contains_key(&commit) {
                let wrote = |attempt: &&Attempt| {
                    let seen = node.get(&format!("/v1/kv/{}?at={commit}", attempt.key));
                    seen.etag == Some(format!("\"{commit}\"")) && seen.text == attempt.value
                };
                let doubtful = attempts.iter().filter(|attempt| attempt.acknowledged.is_none());
                let found: Vec<_> = doubtful.filter(wrote).collect();
                assert_eq!(found.len(), 1, "commit {commit} is of one attempt: {found:?}");
                model.add(commit, found[0]);
            }
        }
        model
    }

    #[track_caller]
    fn add(&mut self, commit: u64, attempt: &Attempt) {
        let mut changes = BTreeMap::new();
        if let Some(deleted) = &attempt.deleted {
            changes.insert(deleted.clone(), None);
        }
        // The put comes last: it wins over a delete of the same key.
        changes.insert(attempt.key.clone(), Some(attempt.value.clone()));
        let other = self.commits.insert(commit, changes);
        assert!(other.is_none(), "commit {commit} was given twice: {other:?}, {attempt:?}");
    }

    /// The commit and value of a key at a view.
    pub(crate) fn get(&self, key: &str, view: u64) -> Option<(u64, String)> {
        let newest = self.commits.range(..=view).rev();
        let (commit, value) =
            newest.filter_map(|(commit, changes)| Some((*commit, changes.get(key)?))).next()?;
        Some((commit, value.clone()?))
    }

    /// Everything that a view shows.
    pub(crate) fn state(&self, view: u64) -> State {
        let mut state = State::new();
        for (commit, changes) in self.commits.range(..=view) {
            for (key, value) in changes {
                match value {
                    Some(value) => {
                        state.insert(key.clone(), (*commit, value.clone()));
                    }
                    None => {
                        state.remove(key);
                    }
                }
            }
        }
        state
    }

    /// The end of the history.
    pub(crate) fn tip(&self) -> u64 {
        self.commits.last_key_value().map_or(0, |(commit, _)| *commit)
    }
}
