//! `--evidence FILE`: what a request brings along that the node has not pulled.

use std::io::Read;
use std::path::Path;

use aerodb_http_api::types::{Evidence, LedgerEntryView};
use serde::Deserialize;

use crate::cli::Failure;

/// More than a request can carry, as JSON.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// A file as `--output json` or the route answers it, or what a request holds.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Written {
    Declined { data: Named },
    Entries { data: Vec<LedgerEntryView> },
    Entry { data: Box<LedgerEntryView> },
    Bare(Evidence),
    Several(Vec<Evidence>),
}

#[derive(Debug, Deserialize)]
struct Named {
    decline: aerodb_core::authority::SignedDecline,
}

impl Written {
    fn evidence(self) -> Vec<Evidence> {
        match self {
            Self::Declined { data: Named { decline } } => vec![Evidence::Decline(decline)],
            Self::Entries { data } => data.into_iter().map(Box::new).map(Evidence::Entry).collect(),
            Self::Entry { data } => vec![Evidence::Entry(data)],
            Self::Bare(evidence) => vec![evidence],
            Self::Several(evidence) => evidence,
        }
    }
}

/// Reads the files.
///
/// # Errors
/// [`Failure::Unreadable`]; [`Failure::Usage`] for a file that holds no evidence.
pub(super) fn read_evidence(paths: &[impl AsRef<Path>]) -> Result<Option<Vec<Evidence>>, Failure> {
    let mut all = Vec::new();
    for path in paths {
        all.extend(read(path.as_ref())?);
    }
    Ok((!all.is_empty()).then_some(all))
}

fn read(path: &Path) -> Result<Vec<Evidence>, Failure> {
    let unreadable = |error| Failure::Unreadable(format!("{}: {error}", path.display()));
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(unreadable)?;
    let written: Result<Written, _> = serde_json::from_str(&text);
    written.map(Written::evidence).map_err(|_| {
        let what = "holds no evidence; it is what `aerodb decline`, `ledger show` or `relinquish` \
                    print with --output json";
        Failure::Usage(format!("{} {what}", path.display()))
    })
}
