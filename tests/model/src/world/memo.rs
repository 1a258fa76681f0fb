//! What a rule answered for the same values before. The rules are functions of their arguments, so asking once is
//! enough; an explanation with its digest costs more than everything else in a step.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{PoisonError, RwLock};

/// Answers by question.
#[derive(Debug)]
pub struct Memo<K, V>(RwLock<HashMap<K, V>>);

impl<K, V> Default for Memo<K, V> {
    fn default() -> Self {
        Self(RwLock::new(HashMap::new()))
    }
}

impl<K: Hash + Eq, V: Copy> Memo<K, V> {
    /// The answer, made at most once for each thread that asks at the same moment.
    pub fn ask(&self, question: K, answer: impl FnOnce() -> V) -> V {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&question).copied();
        known.unwrap_or_else(|| {
            let made = answer();
            self.0.write().unwrap_or_else(PoisonError::into_inner).insert(question, made);
            made
        })
    }
}
