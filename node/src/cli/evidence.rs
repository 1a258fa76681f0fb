//! `--evidence FILE`: what a request brings along that the node has not pulled.

use std::io::Read;
use std::path::Path;

use aerodb_http_api::types::Evidence;
use serde::Deserialize;

use crate::cli::Failure;

/// More than any certificate, as JSON.
const FILE_BYTES_MAX: u64 = 64 << 10;

/// A file as `decline --output json` or the route answers it, or the certificate alone.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Written {
    Answer { data: Named },
    Bare(Evidence),
}

#[derive(Debug, Deserialize)]
struct Named {
    decline: aerodb_core::authority::SignedDecline,
}

/// Reads the file.
///
/// # Errors
/// [`Failure::Unreadable`]; [`Failure::Usage`] for a file that holds no certificate.
pub(super) fn read_evidence(path: Option<&Path>) -> Result<Option<Vec<Evidence>>, Failure> {
    let Some(path) = path else { return Ok(None) };
    let unreadable = |error| Failure::Unreadable(format!("{}: {error}", path.display()));
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(unreadable)?;
    let evidence = match serde_json::from_str(&text) {
        Ok(Written::Answer { data: Named { decline } }) => Evidence::Decline(decline),
        Ok(Written::Bare(evidence)) => evidence,
        Err(_) => {
            let what = "holds no decline; it is what `aerodb decline --output json` prints";
            return Err(Failure::Usage(format!("{} {what}", path.display())));
        }
    };
    Ok(Some(vec![evidence]))
}
