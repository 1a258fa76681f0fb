//! Who asks. [`Principal::of`] is called in the one place that every request passes (DESIGN section 8).

use std::convert::Infallible;
use std::sync::{Arc, LazyLock};

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;

/// The principal of a request; it becomes the operator in the ledger's annotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal(Arc<str>);

static LOCAL: LazyLock<Principal> = LazyLock::new(|| Principal::new("local"));

impl Principal {
    /// A principal by its name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// Whoever reaches the listener: `local`, until requests carry credentials.
    #[must_use]
    pub fn local() -> Self {
        LOCAL.clone()
    }

    /// The principal of a request, named before any handler sees it.
    pub(crate) fn of<B>(_request: &Request<B>) -> Self {
        Self::local()
    }

    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<S: Sync> FromRequestParts<S> for Principal {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_else(Self::local))
    }
}
