//! What peers and clients send that is not JSON.

use aerodb_http_api::stream::{
    PullAnswer, PullRequest, SnapshotChunk, SnapshotRequest, decode, encode, sealed,
};
use aerodb_http_api::types::PageToken;

use super::batch;

/// A replica's pull. Its checksum is put right where it is wrong, so that what lies behind is reached.
#[must_use]
pub fn pull_request(bytes: &[u8]) -> bool {
    let whole = decode::<PullRequest>(bytes).or_else(|_| decode(&sealed(bytes.to_vec())));
    whole.is_ok_and(|request| {
        assert_eq!(decode(&encode(&request)), Ok(request));
        true
    })
}

/// The answer to a pull, with what is in it; its checksum as above.
#[must_use]
pub fn pull_answer(bytes: &[u8]) -> bool {
    let whole = decode::<PullAnswer>(bytes).or_else(|_| decode(&sealed(bytes.to_vec())));
    whole.is_ok_and(|answer| {
        let _ = batch(&answer.batches);
        for entry in &answer.entries {
            let _ = super::authority_entry(entry);
        }
        assert_eq!(decode(&encode(&answer)), Ok(answer));
        true
    })
}

/// A replica's question for a chunk of a snapshot; its checksum as above.
#[must_use]
pub fn snapshot_request(bytes: &[u8]) -> bool {
    let whole = decode::<SnapshotRequest>(bytes).or_else(|_| decode(&sealed(bytes.to_vec())));
    whole.is_ok_and(|request| {
        assert_eq!(decode(&encode(&request)), Ok(request));
        true
    })
}

/// A chunk of a snapshot; its checksum as above.
#[must_use]
pub fn snapshot_chunk(bytes: &[u8]) -> bool {
    let whole = decode::<SnapshotChunk>(bytes).or_else(|_| decode(&sealed(bytes.to_vec())));
    whole.is_ok_and(|chunk| {
        assert_eq!(decode(&encode(&chunk)), Ok(chunk));
        true
    })
}

/// Where a page of a scan ended, as a client gives it back.
#[must_use]
pub fn page_token(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    PageToken::decode(&text).is_some_and(|token| {
        assert_eq!(PageToken::decode(&token.encode()), Some(token));
        true
    })
}
