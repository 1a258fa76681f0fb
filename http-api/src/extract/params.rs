//! Query parameters: unknown, repeated and malformed ones are refused.

use axum::extract::{FromRequestParts, Query};
use axum::http::Uri;
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::code::Code;
use crate::extract::percent;
use crate::problem::Problem;

/// The query as `T`, which must deny unknown fields; that it does is tested for every route.
#[derive(Debug)]
pub(crate) struct Params<T>(pub(crate) T);

/// For a route without parameters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoParams {}

/// Refuses a query where there is no parameter to be had.
pub(crate) fn no_params(uri: &Uri) -> Result<(), Problem> {
    match uri.query() {
        None | Some("") => Ok(()),
        Some(_) => Params::of(uri).map(|Params(NoParams {})| ()),
    }
}

impl<T: DeserializeOwned> Params<T> {
    /// The query of this URI.
    pub(crate) fn of(uri: &Uri) -> Result<Self, Problem> {
        let refused = |detail: String| Problem::new(Code::InvalidParameter, detail);
        // The form decoder would replace what is not UTF-8.
        for part in uri.query().unwrap_or_default().split(['&', '=']) {
            percent::decode(part).map_err(|error| refused(format!("query: {error}")))?;
        }
        match Query::try_from_uri(uri) {
            Ok(Query(params)) => Ok(Self(params)),
            Err(rejection) => Err(refused(rejection.body_text())),
        }
    }
}

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::of(&parts.uri)
    }
}
