//! Ids at the start of a test's name: `p6_s1_denies_…`, `au17_…`, `f_s1_f_s2_…`, `core_r3_…`.

use std::collections::{BTreeMap, BTreeSet};

/// The ids by the letters and digits that they are made of.
#[derive(Debug)]
pub(super) struct Spellings(BTreeMap<String, String>);

/// An id has at most so many words in a name, as `M-W06` has two and `P6-B4.1` three.
const WORDS_MAX: usize = 4;

fn plain(id: &str) -> String {
    id.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

impl Spellings {
    /// What each id may be spelt as. The rules of the core are emitted with a prefix and may be named without.
    pub(super) fn of(ids: &BTreeSet<String>) -> Self {
        let mut spellings = BTreeMap::new();
        for id in ids {
            spellings.insert(plain(id), id.clone());
            if let Some(short) = id.strip_prefix("CORE-") {
                spellings.entry(plain(short)).or_insert_with(|| id.clone());
            }
        }
        Self(spellings)
    }

    /// The ids that the name begins with, one behind the other.
    pub(super) fn ids(&self, name: &str) -> Vec<&str> {
        let words: Vec<_> = name.split('_').collect();
        let (mut found, mut at) = (Vec::new(), 0);
        loop {
            let longest = (1..=WORDS_MAX.min(words.len() - at)).rev().find_map(|count| {
                let id = self.0.get(&words[at..at + count].concat())?;
                Some((count, id))
            });
            let Some((count, id)) = longest else { return found };
            found.push(id.as_str());
            at += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_long_as_it_spells_ids() {
        let ids = ["P6-S1", "AU-17", "F-S1", "F-S2", "CORE-R3", "M-W06", "P6-B4.1", "P6-B4"];
        let spellings = Spellings::of(&ids.map(str::to_owned).into());
        assert_eq!(spellings.ids("p6_s1_denies"), ["P6-S1"]);
        assert_eq!(spellings.ids("au17_who_declined"), ["AU-17"]);
        assert_eq!(spellings.ids("f_s1_f_s2_an_attempt"), ["F-S1", "F-S2"]);
        assert_eq!(spellings.ids("r3_what_was_set_aside"), ["CORE-R3"]);
        assert_eq!(spellings.ids("m_w06_p6_b4_1_told"), ["M-W06", "P6-B4.1"]);
        assert!(spellings.ids("p6_s11_other").is_empty() && spellings.ids("a_test").is_empty());
    }
}
