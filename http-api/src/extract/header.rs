//! One header, at most once, in ASCII.

use axum::http::{HeaderMap, HeaderName};

use crate::code::Code;
use crate::problem::Problem;

/// The header's text; `None` when it is absent. Twice, or not ASCII, is refused: neither has a meaning
/// that both ends agree on.
pub(crate) fn single<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'a str>, Problem> {
    let mut values = headers.get_all(name).iter();
    let refused = |what| Problem::new(Code::InvalidParameter, format!("header {name}: {what}"));
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err(refused("given more than once")),
        (Some(value), None) => {
            value.to_str().map(|text| Some(text.trim())).map_err(|_| refused("not ASCII text"))
        }
    }
}
