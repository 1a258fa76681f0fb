//! The order in which versions lie: by key ascending, within a key by commit descending, none past the cut.

use aerodb_core::id::{Boundary, CommitId};

/// What came before, and how much of it there was.
#[derive(Debug)]
pub(super) struct Order {
    cut: Boundary,
    last: Option<(Vec<u8>, CommitId)>,
    pub(super) keys: u64,
    pub(super) versions: u64,
}

impl Order {
    pub(super) const fn new(cut: Boundary) -> Self {
        Self { cut, last: None, keys: 0, versions: 0 }
    }

    /// Takes the next version; says what is wrong, and changes nothing, where it may not follow.
    pub(super) fn admit(&mut self, key: &[u8], commit: CommitId) -> Result<(), &'static str> {
        if !self.cut.covers(commit) {
            return Err("a version past the cut");
        }
        match &mut self.last {
            Some((last, newer)) if last == key => {
                if commit >= *newer {
                    return Err("versions of a key out of order");
                }
                *newer = commit;
            }
            Some((last, _)) if key < &last[..] => return Err("keys out of order"),
            Some((last, newer)) => {
                last.clear();
                last.extend_from_slice(key);
                *newer = commit;
                self.keys += 1;
            }
            None => {
                self.last = Some((key.to_vec(), commit));
                self.keys += 1;
            }
        }
        self.versions += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_ascend_and_commits_of_a_key_descend() {
        let mut order = Order::new(Boundary::new(5));
        let mut admit = |key: &str, commit| {
            order.admit(key.as_bytes(), CommitId::new(commit).unwrap()).map(|()| order.keys)
        };
        assert_eq!(admit("b", 5), Ok(1));
        assert_eq!(admit("b", 3), Ok(1));
        assert_eq!(admit("b", 3), Err("versions of a key out of order"));
        assert_eq!(admit("b", 4), Err("versions of a key out of order"));
        assert_eq!(admit("a", 1), Err("keys out of order"));
        assert_eq!(admit("c", 6), Err("a version past the cut"));
        assert_eq!(admit("c", 5), Ok(2));
        assert_eq!(order.versions, 3);
    }
}
