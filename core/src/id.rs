//! The numbers and names that identify things. Every number is a newtype with a checked `next()`;
//! absence is an `Option`, never 0.

use std::fmt;
use std::num::NonZeroU64;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A text or number that is not a legal identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {found:?} is not valid: {rule}")]
pub struct InvalidId {
    /// What was being read, for example `node id`.
    pub what: &'static str,
    /// The offending text, cut to 64 characters.
    pub found: String,
    /// What a legal one looks like.
    pub rule: &'static str,
}

impl InvalidId {
    pub(crate) fn new(what: &'static str, found: &str, rule: &'static str) -> Self {
        Self { what, found: found.chars().take(64).collect(), rule }
    }
}

macro_rules! counter {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        pub struct $name(NonZeroU64);

        impl $name {
            /// The first one: 1.
            pub const FIRST: Self = Self(NonZeroU64::MIN);
            /// The last one that can be.
            pub const LAST: Self = Self(NonZeroU64::MAX);

            /// The one with this number; `None` for 0, which names nothing.
            #[must_use]
            pub const fn new(number: u64) -> Option<Self> {
                match NonZeroU64::new(number) {
                    Some(number) => Some(Self(number)),
                    None => None,
                }
            }

            /// The number, at least 1.
            #[must_use]
            pub const fn get(self) -> u64 {
                self.0.get()
            }

            /// The following one; `None` when the numbers are exhausted.
            #[must_use]
            pub const fn next(self) -> Option<Self> {
                match self.0.checked_add(1) {
                    Some(number) => Some(Self(number)),
                    None => None,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

counter! {
    /// One grant of write authority (DESIGN section 2).
    Epoch
}
counter! {
    /// The identity of one commit: no gaps, assigned by the holder only.
    CommitId
}
counter! {
    /// The place of an entry in the authority or the decision ledger.
    Seq
}

/// A place in the history: everything through this commit, and nothing after it. 0 lies before the
/// first commit; it is a known place and never stands for "unknown", which is `None`.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Serialize,
    Deserialize,
    JsonSchema,
)]
pub struct Boundary(u64);

impl Boundary {
    /// Before the first commit.
    pub const ORIGIN: Self = Self(0);

    /// The boundary after so many commits.
    #[must_use]
    pub const fn new(commits: u64) -> Self {
        Self(commits)
    }

    /// How many commits lie at or below it.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The first commit past it; `None` when the numbers are exhausted.
    #[must_use]
    pub const fn next_commit(self) -> Option<CommitId> {
        match self.0.checked_add(1) {
            Some(number) => CommitId::new(number),
            None => None,
        }
    }

    /// Whether the commit lies at or below it.
    #[must_use]
    pub const fn covers(self, commit: CommitId) -> bool {
        commit.get() <= self.0
    }
}

impl From<CommitId> for Boundary {
    fn from(commit: CommitId) -> Self {
        Self(commit.get())
    }
}

impl fmt::Display for Boundary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $legal:expr) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The checked text.
            ///
            /// # Errors
            /// [`InvalidId`] naming the rule when the text is not legal.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                let legal: fn(&str) -> bool = $legal;
                if legal(&text) { Ok(Self(text)) } else { Err(InvalidId::new($what, &text, $rule)) }
            }

            /// The text itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        && !text.starts_with(['.', '-'])
}

fn is_printable(text: &str, bytes_max: usize) -> bool {
    (1..=bytes_max).contains(&text.len()) && !text.chars().any(char::is_control)
}

text! {
    /// A node's name in the cluster; once admitted it is never reused.
    NodeId, "node id",
    "1 to 64 of A-Z a-z 0-9 . _ -, not starting with . or -", is_name
}
text! {
    /// The cluster's name, a label for people; the cluster id is what counts.
    ClusterName, "cluster name",
    "1 to 64 of A-Z a-z 0-9 . _ -, not starting with . or -", is_name
}
text! {
    /// Where a node is reached: an `http://host:port` base URL without a path.
    Address, "address", "http://HOST:PORT, at most 256 bytes, no path",
    |text| is_printable(text, 256)
        && text.strip_prefix("http://").is_some_and(|rest| {
            rest.rsplit_once(':').is_some_and(|(host, port)| {
                // `parse` alone also takes a sign, and any number of zeros in front.
                let digits = (1..=5).contains(&port.len()) && port.bytes().all(|b| b.is_ascii_digit());
                !host.is_empty()
                    && !host.contains(['/', '@', '?', '#', ' '])
                    && digits
                    && port.parse::<u16>().is_ok()
            })
        })
}
text! {
    /// Why an operator asked for something; recorded, never read by a rule.
    Reason, "reason", "1 to 1,024 bytes of text without control characters",
    |text| is_printable(text, 1024)
}
text! {
    /// Names one request of an operator, so that asking again gives the recorded outcome.
    RequestId, "request id", "1 to 128 bytes of text without control characters",
    |text| is_printable(text, 128)
}
text! {
    /// Names one promotion attempt: `<node id>-<sequence in that node's decision ledger>`.
    PromotionId, "promotion id", "1 to 96 bytes of text without control characters",
    |text| is_printable(text, 96)
}

impl PromotionId {
    /// The attempt that this entry of the node's decision ledger records. `None` when the name would be too long.
    #[must_use]
    pub fn asked_in(node: &NodeId, request: Seq) -> Option<Self> {
        Self::new(format!("{node}-{request}")).ok()
    }

    /// The entry of the node's decision ledger that the attempt was asked in; `None` for another node's attempt.
    #[must_use]
    pub fn request_of(&self, node: &NodeId) -> Option<Seq> {
        let number = self.as_str().strip_prefix(node.as_str())?.strip_prefix('-')?;
        Seq::new(number.parse().ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_starts_at_one_and_ends_at_its_maximum() {
        assert_eq!(Epoch::FIRST.get(), 1);
        assert_eq!(Epoch::new(0), None);
        assert_eq!(Epoch::FIRST.next(), Epoch::new(2));
        assert_eq!(CommitId::new(u64::MAX).unwrap().next(), None);
        assert_eq!(Boundary::new(u64::MAX).next_commit(), None);
    }

    #[test]
    fn a_node_id_is_a_plain_name() {
        assert!(NodeId::new("n1").is_ok());
        for bad in ["", ".n1", "-n", "n 1", "n/1", "ä", &"x".repeat(65)] {
            assert!(NodeId::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_address_is_an_http_base_url() {
        assert!(Address::new("http://127.0.0.1:7401").is_ok());
        assert!(Address::new("http://[::1]:7401").is_ok());
        for bad in [
            "127.0.0.1:7401",
            "https://a:1",
            "http://a",
            "http://a:1/x",
            "http://:1",
            "http://a:99999",
            "http://a:+80",
            "http://a:000080",
        ] {
            assert!(Address::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_boundary_is_shown_as_its_number_and_covers_what_lies_at_or_below_it() {
        assert_eq!(Boundary::new(7).to_string(), "7");
        assert_eq!(format!("{:>3}", Boundary::ORIGIN), "  0");
        let covered = [6, 7, 8].map(|id| Boundary::new(7).covers(CommitId::new(id).unwrap()));
        assert_eq!(covered, [true, true, false]);
    }

    #[test]
    fn a_reason_has_one_to_1024_bytes() {
        assert!(Reason::new("").is_err());
        assert!(Reason::new("x".repeat(1024)).is_ok());
        assert!(Reason::new("x".repeat(1025)).is_err());
        assert!(Reason::new("a\nb").is_err());
    }

    #[test]
    fn an_attempt_is_named_after_its_node_and_the_entry_that_it_was_asked_in() {
        let node = |id| NodeId::new(id).unwrap();
        let (n1, seventh) = (node("n1"), Seq::new(7).unwrap());
        let id = PromotionId::asked_in(&n1, seventh).unwrap();
        assert_eq!(id.as_str(), "n1-7");
        assert_eq!(id.request_of(&n1), Some(seventh));
        assert_eq!(id.request_of(&node("n")), None, "another node's");
        let other = PromotionId::asked_in(&node("n1-2"), seventh).unwrap();
        assert_eq!(other.request_of(&n1), None, "{other}");
        for odd in ["n1", "n1-", "n1-0", "n1-x", "n1-18446744073709551616"] {
            assert_eq!(PromotionId::new(odd).unwrap().request_of(&n1), None, "{odd}");
        }
    }
}
