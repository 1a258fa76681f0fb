//! 32-byte hashes and the two Ed25519 byte strings: lower-case hex in JSON, raw bytes elsewhere.

use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

use blake3::hazmat::{ContextKey, HasherExt};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::id::InvalidId;

const HEX: &[u8; 16] = b"0123456789abcdef";

fn to_hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|b| [HEX[usize::from(b >> 4)], HEX[usize::from(b & 15)]])
        .map(char::from)
        .collect()
}

fn nibble(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        0..=47 | 58..=96 | 103..=255 => None,
    }
}

fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(bytes)
}

macro_rules! hex_bytes {
    ($(#[$doc:meta])* $name:ident, $len:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// The raw bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                from_hex(text).map(Self).ok_or_else(|| {
                    InvalidId::new($what, text, concat!(stringify!($len), " bytes in lower-case hex"))
                })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&to_hex(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({}…)"), to_hex(&self.0[..4]))
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "description": concat!($what, ": ", stringify!($len), " bytes in lower-case hex"),
                    "type": "string",
                    "pattern": format!("^[0-9a-f]{{{}}}$", 2 * $len),
                })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.serialize_str(&to_hex(&self.0))
                } else {
                    serializer.serialize_bytes(&self.0)
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
                } else {
                    let bytes = <&[u8]>::deserialize(deserializer)?;
                    bytes.try_into().map(Self).map_err(|_| D::Error::invalid_length(bytes.len(), &stringify!($len)))
                }
            }
        }
    };
}

hex_bytes! {
    /// A BLAKE3 hash: an entry's identity, a decision's digest.
    Hash, 32, "hash"
}
hex_bytes! {
    /// The hash of the genesis entry; every peer message carries it.
    ClusterId, 32, "cluster id"
}
hex_bytes! {
    /// The history digest at a batch end (DESIGN section 2, "chain").
    Chain, 32, "chain"
}
hex_bytes! {
    /// An Ed25519 public key.
    PublicKey, 32, "public key"
}
hex_bytes! {
    /// An Ed25519 signature.
    Signature, 64, "signature"
}

impl Hash {
    /// What stands in place of a previous hash at the very first entry.
    pub const NONE_BEFORE: Self = Self([0; 32]);

    /// The BLAKE3 hash of the parts in order, under a purpose of its own (BLAKE3 `derive_key`), so
    /// that a hash made for one purpose never passes for one made for another.
    #[must_use]
    pub fn of(purpose: &'static str, parts: &[&[u8]]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(purpose);
        for part in parts {
            hasher.update(part);
        }
        Self(*hasher.finalize().as_bytes())
    }
}

/// So much of what is hashed is put together first: BLAKE3 hashes whole KiB side by side where they come at once, and
/// one after the other behind a part of some bytes.
const HEAD_BYTES: usize = 16 << 10;

/// A purpose that is hashed for often: [`Hash::of`] derives its key anew each time.
pub(crate) struct Purpose(LazyLock<ContextKey>);

impl Purpose {
    /// The purpose whose key this gives: `|| hash_derive_key_context("…")`.
    pub(crate) const fn new(key: fn() -> ContextKey) -> Self {
        Self(LazyLock::new(key))
    }

    /// The same as [`Hash::of`] with this purpose.
    pub(crate) fn of(&self, parts: &[&[u8]]) -> Hash {
        let mut hasher = blake3::Hasher::new_from_context_key(&self.0);
        let mut head = Vec::with_capacity(HEAD_BYTES);
        for part in parts {
            head.extend_from_slice(&part[..part.len().min(HEAD_BYTES - head.len())]);
        }
        hasher.update(&head);
        let mut done = head.len();
        for part in parts {
            let begun = done.min(part.len());
            hasher.update(&part[begun..]);
            done -= begun;
        }
        Hash(*hasher.finalize().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use blake3::hazmat::hash_derive_key_context;

    use super::*;

    #[test]
    fn hex_goes_there_and_back_and_refuses_everything_else() {
        let hash = Hash::of("aerodb test", &[b"a", b"b"]);
        assert_eq!(hash, Hash::of("aerodb test", &[b"ab"]));
        assert_ne!(hash, Hash::of("aerodb other", &[b"ab"]));
        assert_eq!(hash.to_string().parse::<Hash>().unwrap(), hash);
        assert!("AB".repeat(32).parse::<Hash>().is_err(), "upper case");
        assert!("ab".repeat(31).parse::<Hash>().is_err(), "short");
        assert!("zz".repeat(32).parse::<Hash>().is_err(), "no hex");
    }

    #[test]
    fn a_purpose_kept_gives_the_same_hash_as_one_named() {
        static KEPT: Purpose = Purpose::new(|| hash_derive_key_context("aerodb test"));
        let long: Vec<u8> = (0..40_000_u32).map(|byte| (byte % 251) as u8).collect();
        let beyond: [&[u8]; 4] = [b"a", &long, b"b", &long];
        for parts in [&[&b"a"[..], b"b"][..], &[], &[&[7; 3000]], &beyond] {
            assert_eq!(KEPT.of(parts), Hash::of("aerodb test", parts));
        }
    }

    #[test]
    fn json_is_hex_and_postcard_is_bytes() {
        let key = PublicKey([7; 32]);
        assert_eq!(serde_json::to_string(&key).unwrap(), format!("\"{}\"", "07".repeat(32)));
        let bytes = postcard::to_stdvec(&key).unwrap();
        assert_eq!(bytes.len(), 33);
        assert_eq!(postcard::from_bytes::<PublicKey>(&bytes).unwrap(), key);
    }
}
