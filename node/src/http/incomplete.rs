//! Labels on what an answer does not know (F-O1): `null` where a value is unknown, and a note that says so and
//! why. Nothing is inferred. A `null` that means "there is none" has no label.
//!
//! Keeps: F-O1, M-O01.

use aerodb_core::machine::RoleName;
use aerodb_http_api::envelope::View as Envelope;
use aerodb_http_api::types::{MvccData, ReplicationData, StatusData, WalData};

use crate::http::Http;

/// Why the acknowledged bound is unknown.
const NO_BOUND: &str = "no receipt has covered the recovered history, or the node is halted";
/// Why the holder's end is unknown.
const NO_TIP: &str = "no holder has told of its end since this node started";

/// The label of one field.
fn unknown(field: &str, why: &str) -> String {
    format!("incomplete: {field} is unknown: {why}")
}

/// The labels of those fields that are unknown.
fn labels(fields: &[(&str, bool, &str)]) -> Vec<String> {
    let missing = fields.iter().filter(|(_, known, _)| !known);
    missing.map(|(field, _, why)| unknown(field, why)).collect()
}

/// What an answer can be without knowing.
pub(super) trait Incomplete {
    /// The labels of its unknown fields, in the order of the fields.
    fn labels(&self, http: &Http) -> Vec<String>;
}

impl Incomplete for ReplicationData {
    fn labels(&self, http: &Http) -> Vec<String> {
        let role = http.shared.view.load().role.role_name();
        let no_side = match role {
            RoleName::ReplicationHalted => "a halted node is on neither side",
            RoleName::Uninitialized
            | RoleName::PrimaryActive
            | RoleName::ReplicaActive
            | RoleName::PrimarySealed => "the node has no side yet",
        };
        let replica = role == RoleName::ReplicaActive;
        let no_lag = "the holder's end is unknown, or the node is not pulling";
        let mut labels = labels(&[
            ("role", self.role.is_some(), no_side),
            ("replica_commit_id", !replica || self.replica_commit_id.is_some(), NO_BOUND),
            ("primary_commit_id", self.primary_commit_id.is_some(), NO_TIP),
            ("wal_prefix", self.wal_prefix.is_some(), "the end of the history could not be read"),
            ("lag", !replica || self.lag.is_some(), no_lag),
        ]);
        if replica && self.lag.is_none() && self.primary_commit_id.is_some() {
            let stale =
                "incomplete: primary_commit_id is the last one heard of: the node is not pulling";
            labels.push(stale.to_owned());
        }
        for peer in self.peers.iter().filter(|peer| !peer.attached) {
            labels.push(format!(
                "incomplete: the receipt of {} is the last one heard of: it is not pulling",
                peer.node_id
            ));
        }
        labels
    }
}

impl Incomplete for StatusData {
    fn labels(&self, _: &Http) -> Vec<String> {
        let successor = self.authority.successor.as_ref();
        let effective = successor.is_none_or(|successor| successor.effective.is_some());
        labels(&[
            ("tips.acknowledged", self.tips.acknowledged.is_some(), NO_BOUND),
            ("authority.successor.effective", effective, "no receipt was asked for"),
            (
                "state_digest",
                self.state_digest.as_ref().is_none_or(|state| state.digest.is_some()),
                "the node's reads are refused",
            ),
        ])
    }
}

impl Incomplete for WalData {
    fn labels(&self, _: &Http) -> Vec<String> {
        labels(&[("tip", self.tip.is_some(), "the end of the history could not be read")])
    }
}

impl Incomplete for MvccData {
    fn labels(&self, http: &Http) -> Vec<String> {
        let replica = http.shared.view.load().role.role_name() == RoleName::ReplicaActive;
        labels(&[
            ("latest_commit_id", self.latest_commit_id.is_some(), NO_BOUND),
            ("replica_commit_id", !replica || self.replica_commit_id.is_some(), NO_BOUND),
        ])
    }
}

impl Http {
    /// An inspection answer with the labels of what is missing in it.
    pub(super) fn labelled<T: Incomplete>(&self, data: T) -> Envelope<T> {
        let mut envelope = self.envelope(data);
        envelope.notes.extend(envelope.data.labels(self));
        envelope
    }

    /// An inspection answer. It says so when it does not know how far the history is acknowledged.
    pub(super) fn envelope<T>(&self, data: T) -> Envelope<T> {
        let observed = self.observed();
        let known = observed.commit_id.is_some();
        let mut envelope = Envelope::new(observed, data);
        envelope.notes = labels(&[("observed_at.commit_id", known, NO_BOUND)]);
        envelope
    }
}
