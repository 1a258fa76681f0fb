//! `AeroDB-Deadline-Ms`: when a caller wants to be answered. It never shapes what happens.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};

use crate::code::Code;
use crate::extract::header;
use crate::problem::Problem;

/// The header's name.
pub(crate) const DEADLINE_HEADER: HeaderName = HeaderName::from_static("aerodb-deadline-ms");

const DEFAULT: Duration = Duration::from_millis(30_000);
const MILLISECONDS_MAX: u64 = 600_000;

/// How long the caller waits: 1 to 600,000 ms, 30,000 by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deadline(pub(crate) Duration);

impl Deadline {
    /// Of a caller that names none.
    pub(crate) const DEFAULT: Self = Self(DEFAULT);

    /// What the headers say.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let Some(text) = header::single(headers, &DEADLINE_HEADER)? else {
            return Ok(Self::DEFAULT);
        };
        // Digits only: the parser for numbers would take a sign too.
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        match text.parse::<u64>() {
            Ok(ms @ 1..=MILLISECONDS_MAX) if digits => Ok(Self(Duration::from_millis(ms))),
            Ok(_) | Err(_) => Err(Problem::new(
                Code::InvalidParameter,
                format!("AeroDB-Deadline-Ms must be 1 to {MILLISECONDS_MAX}"),
            )),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Deadline {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::of(&parts.headers)
    }
}
