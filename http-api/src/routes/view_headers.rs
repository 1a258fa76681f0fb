//! The headers that say which read view an answer was taken from.

use aerodb_core::hash::ClusterId;
use aerodb_core::id::{Boundary, Epoch};
use axum::http::{HeaderName, HeaderValue};

use crate::types::Consistency;

const COMMIT_ID: HeaderName = HeaderName::from_static("aerodb-commit-id");
const EPOCH: HeaderName = HeaderName::from_static("aerodb-epoch");
const CLUSTER_ID: HeaderName = HeaderName::from_static("aerodb-cluster-id");
const CONSISTENCY: HeaderName = HeaderName::from_static("aerodb-consistency");

/// The text is made of digits and hex, which every header may hold.
fn value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

pub(super) fn view_headers(
    boundary: Boundary,
    epoch: Epoch,
    cluster: &ClusterId,
    consistency: Consistency,
) -> [(HeaderName, HeaderValue); 4] {
    [
        (COMMIT_ID, HeaderValue::from(boundary.get())),
        (EPOCH, HeaderValue::from(epoch.get())),
        (CLUSTER_ID, value(cluster.to_string())),
        (CONSISTENCY, HeaderValue::from_static(consistency.as_str())),
    ]
}
