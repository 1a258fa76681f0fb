//! What peers and clients send that is not JSON.

use aerodb_http_api::stream::{PullAnswer, PullRequest, decode, encode};
use aerodb_http_api::types::PageToken;

use super::batch;

/// A replica's pull.
#[must_use]
pub fn pull_request(bytes: &[u8]) -> bool {
    decode::<PullRequest>(bytes).is_some_and(|request| {
        assert_eq!(decode(&encode(&request)), Some(request));
        true
    })
}

/// The answer to a pull, with what is in it.
#[must_use]
pub fn pull_answer(bytes: &[u8]) -> bool {
    decode::<PullAnswer>(bytes).is_some_and(|answer| {
        let _ = batch(&answer.batches);
        for entry in &answer.entries {
            let _ = super::authority_entry(entry);
        }
        assert_eq!(decode(&encode(&answer)), Some(answer));
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
