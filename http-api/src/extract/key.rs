//! The key in a path. It is decoded from the raw path, since a decoded one cannot tell `a/b` from a path
//! with two segments and a router would swallow an empty one.

use axum::http::Uri;
use bytes::Bytes;

use crate::code::Code;
use crate::extract::percent;
use crate::problem::Problem;

const KEY_BYTES_MAX: usize = 1024;

/// A key from `/v1/kv/{key}`: everything after the third slash, slashes included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key(pub(crate) String);

impl Key {
    /// The key that this URI names.
    pub(crate) fn of(uri: &Uri) -> Result<Self, Problem> {
        let raw = uri.path().strip_prefix("/v1/kv/").unwrap_or_default();
        let key = percent::decode(raw)
            .map_err(|error| Problem::new(Code::InvalidParameter, format!("key: {error}")))?;
        check_key(&key)?;
        Ok(Self(key.into_owned()))
    }

    pub(crate) fn bytes(&self) -> Bytes {
        Bytes::copy_from_slice(self.0.as_bytes())
    }
}

/// A key has 1 to 1,024 bytes.
pub(crate) fn check_key(key: &str) -> Result<(), Problem> {
    if (1..=KEY_BYTES_MAX).contains(&key.len()) {
        Ok(())
    } else {
        let detail = format!("a key has 1 to {KEY_BYTES_MAX} bytes, not {}", key.len());
        Err(Problem::new(Code::InvalidParameter, detail))
    }
}
