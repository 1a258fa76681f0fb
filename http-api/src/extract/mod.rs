//! Reading requests: each extractor gives a checked value or a [`Problem`](crate::problem::Problem).

mod body;
mod condition;
mod deadline;
mod header;
mod key;
mod params;
mod path;
mod percent;
mod principal;

pub use body::Limits;
pub(crate) use body::{Payload, check_media_type, drain, read_bytes, read_json};
pub(crate) use condition::{conditions, opaque_tag};
pub(crate) use deadline::Deadline;
pub(crate) use key::{Key, check_key};
pub(crate) use params::{NoParams, Params, no_params};
pub(crate) use path::PathId;
pub use principal::Principal;
