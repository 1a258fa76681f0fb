//! `If-Match` and `If-None-Match` on a write: compare-and-set.

use aerodb_core::id::CommitId;
use axum::http::HeaderMap;
use axum::http::header::{IF_MATCH, IF_NONE_MATCH};
use bytes::Bytes;

use crate::code::Code;
use crate::extract::header;
use crate::problem::Problem;
use crate::types::{Condition, Expect};

/// The conditions that the headers state for the key. Only what has one clear meaning is taken:
/// `If-Match: "<commit>"`, `If-Match: *` and `If-None-Match: *`.
pub(crate) fn conditions(headers: &HeaderMap, key: &Bytes) -> Result<Vec<Condition>, Problem> {
    let mut conditions = Vec::new();
    let mut expect = |expect| conditions.push(Condition { key: key.clone(), expect });
    match header::single(headers, &IF_MATCH)? {
        None => {}
        Some("*") => expect(Expect::Present),
        Some(tag) => expect(Expect::Version(opaque_tag(tag).ok_or_else(|| {
            let detail = format!("If-Match takes one \"<commit>\" or *, not {tag:?}");
            Problem::new(Code::InvalidParameter, detail)
        })?)),
    }
    match header::single(headers, &IF_NONE_MATCH)? {
        None => {}
        Some("*") => expect(Expect::Absent),
        Some(tag) => {
            let detail = format!("If-None-Match on a write takes only *, not {tag:?}");
            return Err(Problem::new(Code::InvalidParameter, detail));
        }
    }
    Ok(conditions)
}

/// The commit in an entity tag `"<commit>"`.
pub(crate) fn opaque_tag(tag: &str) -> Option<CommitId> {
    let digits = tag.strip_prefix('"')?.strip_suffix('"')?;
    let canonical = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    canonical.then(|| digits.parse().ok().and_then(CommitId::new)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_one_quoted_commit_and_nothing_else() {
        assert_eq!(opaque_tag("\"12\""), CommitId::new(12));
        for bad in
            ["12", "W/\"12\"", "\"\"", "\"0\"", "\"012\"", "\"+1\"", "\"1\",\"2\"", "\"", "\"x\""]
        {
            assert_eq!(opaque_tag(bad), None, "{bad}");
        }
    }
}
