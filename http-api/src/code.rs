//! The error codes of the wire and the HTTP status that each answers with.

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($variant:ident, $text:literal, $status:ident, $meaning:literal;)*) => {
        /// A stable error code (DESIGN section 8). Programs decide by it; the text beside it is for people.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        pub enum Code {
            $(#[doc = $meaning] #[serde(rename = $text)] $variant,)*
        }

        impl Code {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code as problem details spell it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The status that it is answered with. Health probes answer 503 whatever the code.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status,)* }
            }

            /// What it means, the same text for every occurrence.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }
        }
    };
}

codes! {
    InvalidRequest, "INVALID_REQUEST", BAD_REQUEST, "The request body is not what this operation takes.";
    InvalidParameter, "INVALID_PARAMETER", BAD_REQUEST, "A path, query or header parameter is not valid.";
    ForeignCluster, "FOREIGN_CLUSTER", FORBIDDEN, "The peer belongs to another cluster.";
    ForeignMember, "FOREIGN_MEMBER", FORBIDDEN, "The peer is not an admitted member.";
    KeyNotFound, "KEY_NOT_FOUND", NOT_FOUND, "The key is absent in this read view.";
    NoSuchRoute, "NO_SUCH_ROUTE", NOT_FOUND, "There is no such route.";
    NoSuchEntry, "NO_SUCH_ENTRY", NOT_FOUND, "There is nothing under this id.";
    MethodNotAllowed, "METHOD_NOT_ALLOWED", METHOD_NOT_ALLOWED, "The route does not know this method.";
    PromotionDenied, "PROMOTION_DENIED", CONFLICT, "The promotion is denied.";
    PromotionInProgress, "PROMOTION_IN_PROGRESS", CONFLICT, "Another attempt is in progress.";
    CommandRefused, "COMMAND_REFUSED", CONFLICT, "The command is refused.";
    CommitInFuture, "COMMIT_IN_FUTURE", CONFLICT, "The commit has not been made yet.";
    CommitNotRetained, "COMMIT_NOT_RETAINED", GONE, "The versions of that commit are no longer kept.";
    BootstrapRequired, "BOOTSTRAP_REQUIRED", GONE, "The history asked for is no longer kept; a snapshot is needed.";
    PreconditionFailed, "PRECONDITION_FAILED", PRECONDITION_FAILED, "A condition of the write does not hold.";
    DecisionMoved, "DECISION_MOVED", PRECONDITION_FAILED, "Something that the decision reads has changed since the dry run.";
    TooLarge, "TOO_LARGE", PAYLOAD_TOO_LARGE, "The body is too large.";
    UnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", UNSUPPORTED_MEDIA_TYPE, "The body is not of the media type that this operation takes.";
    NotHolder, "NOT_HOLDER", MISDIRECTED_REQUEST, "Another node holds the authority that this request needs.";
    RequestIdReused, "REQUEST_ID_REUSED", UNPROCESSABLE_ENTITY, "The request id was used for another request.";
    Sealed, "SEALED", SERVICE_UNAVAILABLE, "The node has given its authority away.";
    Halted, "HALTED", SERVICE_UNAVAILABLE, "The node has stopped itself on a failure.";
    Recovering, "RECOVERING", SERVICE_UNAVAILABLE, "The node is still recovering.";
    SuccessorDetached, "SUCCESSOR_DETACHED", SERVICE_UNAVAILABLE, "The successor, whose receipt a write needs, is not attached.";
    SuccessorRequired, "SUCCESSOR_REQUIRED", SERVICE_UNAVAILABLE, "The cluster takes writes only with a successor.";
    NotAcknowledged, "NOT_ACKNOWLEDGED", SERVICE_UNAVAILABLE, "The write is not acknowledged; it may still become so.";
    ReadUnsafe, "READ_UNSAFE", SERVICE_UNAVAILABLE, "A read would not be safe here now.";
    CommitNotReached, "COMMIT_NOT_REACHED", SERVICE_UNAVAILABLE, "The commit has not arrived here yet.";
    WalPoisoned, "WAL_POISONED", SERVICE_UNAVAILABLE, "A write or fsync of the log failed; the node is going down.";
    NoSpace, "NO_SPACE", SERVICE_UNAVAILABLE, "The disk is full.";
    MemoryLimit, "MEMORY_LIMIT", SERVICE_UNAVAILABLE, "The configured memory bound is reached.";
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of DESIGN section 8, literally.
    const TABLE: &[(u16, &[&str])] = &[
        (400, &["INVALID_REQUEST", "INVALID_PARAMETER"]),
        (403, &["FOREIGN_CLUSTER", "FOREIGN_MEMBER"]),
        (421, &["NOT_HOLDER"]),
        (404, &["KEY_NOT_FOUND", "NO_SUCH_ROUTE", "NO_SUCH_ENTRY"]),
        (405, &["METHOD_NOT_ALLOWED"]),
        (413, &["TOO_LARGE"]),
        (415, &["UNSUPPORTED_MEDIA_TYPE"]),
        (
            409,
            &["PROMOTION_DENIED", "PROMOTION_IN_PROGRESS", "COMMAND_REFUSED", "COMMIT_IN_FUTURE"],
        ),
        (410, &["COMMIT_NOT_RETAINED", "BOOTSTRAP_REQUIRED"]),
        (412, &["PRECONDITION_FAILED", "DECISION_MOVED"]),
        (422, &["REQUEST_ID_REUSED"]),
        (
            503,
            &[
                "SEALED",
                "HALTED",
                "RECOVERING",
                "SUCCESSOR_DETACHED",
                "SUCCESSOR_REQUIRED",
                "NOT_ACKNOWLEDGED",
                "READ_UNSAFE",
                "COMMIT_NOT_REACHED",
                "WAL_POISONED",
                "NO_SPACE",
                "MEMORY_LIMIT",
            ],
        ),
    ];

    #[test]
    fn the_codes_are_exactly_those_of_the_design() {
        let table =
            TABLE.iter().flat_map(|(status, codes)| codes.iter().map(|code| (*code, *status)));
        let mut designed: Vec<(&str, u16)> = table.collect();
        let mut built: Vec<(&str, u16)> =
            Code::ALL.iter().map(|code| (code.as_str(), code.status().as_u16())).collect();
        designed.sort_unstable();
        built.sort_unstable();
        assert_eq!(built, designed);
        for code in Code::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }
}
