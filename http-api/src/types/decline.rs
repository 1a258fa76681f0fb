//! Declining an epoch, and handing that on as evidence.

use aerodb_core::authority::{SignedDecline, SignedEntry};
use aerodb_core::id::{Epoch, Reason, RequestId, Seq};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::types::LedgerEntryView;

/// The body of `POST /v1/authority/decline`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclineRequest {
    /// The epoch that the operator believes to be in force; the next one is declined.
    pub expected_epoch: Epoch,
    /// The operator's own name for the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<RequestId>,
    /// Why.
    pub reason: Reason,
}

/// An epoch that was declined, for good. Asked again, the node gives the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Declined {
    /// Where it stands in the node's decision ledger.
    pub seq: Seq,
    /// The node's signed word: what a release or a promotion takes as evidence.
    pub decline: SignedDecline,
}

/// What a request brings along that the node has not pulled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// The heir's signed word that it will never be granted the next epoch.
    Decline(SignedDecline),
    /// An entry of the authority ledger, as `/v1/ledger` and `ledger show` give it.
    Entry(Box<LedgerEntryView>),
}

/// What a promotion rests on beside the node's own ledger.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Brought {
    /// The heir's decline.
    pub decline: Option<SignedDecline>,
    /// Entries of the authority ledger, in the order in which they were brought.
    pub entries: Vec<SignedEntry>,
}

/// The most entries that a promotion takes along: with the grant they fit into one append.
pub const EVIDENCE_ENTRIES_MAX: usize = 31;

impl Brought {
    /// What a request brings, sorted.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn of(evidence: Option<Vec<Evidence>>) -> Result<Self, &'static str> {
        let mut brought = Self::default();
        for evidence in evidence.unwrap_or_default() {
            match evidence {
                Evidence::Decline(decline) if brought.decline.is_none() => {
                    brought.decline = Some(decline);
                }
                Evidence::Decline(_) => return Err("`evidence` holds one certificate at most"),
                Evidence::Entry(view) => {
                    let entry = view.authority_entry();
                    let what = "an entry in `evidence` is none of an authority ledger";
                    brought.entries.push(entry.ok_or(what)?);
                }
            }
        }
        if brought.entries.len() > EVIDENCE_ENTRIES_MAX {
            return Err("`evidence` holds 31 entries at most: bring those that the node lacks");
        }
        Ok(brought)
    }
}

impl Evidence {
    /// The one certificate that a request brings, if it brings one.
    ///
    /// # Errors
    /// What is wrong with it, when there are several: no decision rests on more than one.
    pub fn single(evidence: Option<Vec<Self>>) -> Result<Option<SignedDecline>, &'static str> {
        let mut brought = evidence.unwrap_or_default().into_iter();
        match (brought.next(), brought.next()) {
            (None, _) => Ok(None),
            (Some(Self::Decline(decline)), None) => Ok(Some(decline)),
            (Some(_), _) => Err("`evidence` is one certificate"),
        }
    }
}
