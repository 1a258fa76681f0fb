//! `wal show`: the batches of a write-ahead log as they are stored, with what their commits change.
//!
//! It shows what is there, also past the end of a validated history: checksums and content are checked,
//! whether one batch continues the other is the business of `wal verify`.

use std::path::PathBuf;

use aerodb_core::id::{Boundary, CommitId};
use aerodb_core::rules::RuleId;
use aerodb_core::wal::{Batch, Commit, Op};
use aerodb_http_api::types::Encoding;
use aerodb_ledger::OpenError;
use aerodb_ledger::log::Witness;
use aerodb_ledger::verify::{Completeness, FaultReport, Integrity, verify_checkpoint};
use aerodb_ledger::wal::{BatchPlace, PlacedBatch, scan_placed};
use clap::Args;
use serde_json::{Value, json};

use crate::cli::arguments::boundary;
use crate::cli::failure::Exit;
use crate::cli::ledger::{Offline, Part, exit_of, part_rows};
use crate::cli::listing::{Form, Listing, Stop, printed};
use crate::cli::progress::{Printing, WatchedDisk};
use crate::cli::status::notes;
use crate::cli::{Failure, Output, Shown, short};

/// The arguments.
#[derive(Debug, Args)]
pub(super) struct Show {
    /// The directory of a stopped node, or a copy of one.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// Only batches with a commit after this one.
    #[arg(long, value_name = "COMMIT", default_value = "0", value_parser = boundary)]
    after: Boundary,
    /// At most so many batches.
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,
    /// Show the values too, not only how long they are.
    #[arg(long)]
    values: bool,
}

/// Why the reading ended early.
enum End {
    Stop(Stop),
    Fault(FaultReport),
}

impl Show {
    pub(super) fn run(self, output: Output) -> Result<Shown, Failure> {
        let offline = Offline::open(self.data_dir.clone())?;
        let dir = offline.dir.wal();
        let disk = WatchedDisk::over(output, Printing::Meanwhile, std::slice::from_ref(&dir));
        let head = json!({ "node_id": offline.node_id(), "identity": offline.identity });
        let mut listing = match Listing::begin(output, Form::Lines, &head, "batches") {
            Ok(listing) => listing,
            Err(stop) => return printed(Err(stop), Exit::Done),
        };
        let (owner, witness) = (offline.known().owner, Witness::default());
        let (marker, checkpoint) = verify_checkpoint(&disk, offline.dir.path());
        let mut take = |placed: PlacedBatch| self.take(&mut listing, &placed);
        let scanned = scan_placed(&disk, &dir, owner, checkpoint.as_ref(), witness, &mut take);
        drop(disk);
        let (integrity, more) = match scanned {
            // Without it nothing says where the log begins.
            _ if marker != Integrity::Ok => (marker, false),
            Ok(_) => (Integrity::Ok, false),
            Err(OpenError::Fault(fault)) => (Integrity::Fault((&fault).into()), false),
            Err(OpenError::Refused(End::Fault(fault))) => (Integrity::Fault(fault), false),
            Err(OpenError::Refused(End::Stop(Stop::Enough))) => (Integrity::Ok, true),
            Err(OpenError::Refused(End::Stop(stop))) => return printed(Err(stop), Exit::Done),
        };
        conclude(&offline, listing, &integrity, more)
    }

    fn take(&self, listing: &mut Listing, placed: &PlacedBatch) -> Result<(), End> {
        let batch = placed.raw.decode().map_err(|error| {
            End::Fault(FaultReport::of_batch(&placed.place, RuleId::FV1, error.to_string()))
        })?;
        if self.after.covers(batch.last()) {
            return Ok(());
        }
        if self.limit.is_some_and(|limit| listing.len() >= limit) {
            return Err(End::Stop(Stop::Enough));
        }
        let (place, bytes) = (&placed.place, placed.raw.bytes().len());
        listing
            .item(
                || batch_json(place, bytes, &batch, self.values),
                || lines(place, &batch, self.values),
            )
            .map_err(End::Stop)
    }
}

fn conclude(
    offline: &Offline,
    listing: Listing,
    integrity: &Integrity,
    more: bool,
) -> Result<Shown, Failure> {
    let completeness = Some(&Completeness::Unknown);
    let wal = Part { name: "wal", integrity, completeness, found: "see above".to_owned() };
    let parts = [offline.part(), wal];
    let exit = exit_of(&parts);
    let batches = listing.len();
    let more_line = if more { ", there are more (--after, --limit)" } else { "" };
    let wrong = match exit {
        Exit::Done => String::new(),
        Exit::Refused | Exit::Usage | Exit::Unreachable => part_rows(&parts),
    };
    let text = format!("{batches} batches{more_line}\n{wrong}{}", notes(&offline.notes));
    let tail = json!({ "integrity": integrity, "more": more, "notes": offline.notes });
    listing.end(&tail, &text, exit)
}

fn batch_json(place: &BatchPlace, bytes: usize, batch: &Batch, values: bool) -> Value {
    let mut json = aerodb_core::explain_value(place);
    let commits: Vec<Value> =
        batch.commits().map(|(id, commit)| commit_json(id, commit, values)).collect();
    let said = json!({
        "bytes": bytes,
        "first_commit": batch.first(),
        "last_commit": batch.last(),
        "epoch": batch.epoch(),
        "ledger_stamp": batch.stamp(),
        "chain_before": batch.before(),
        "chain": batch.end().chain,
        "commits": commits,
    });
    if let (Some(json), Value::Object(said)) = (json.as_object_mut(), said) {
        json.extend(said);
    }
    json
}

fn commit_json(id: CommitId, commit: &Commit, values: bool) -> Value {
    let ops: Vec<Value> = commit.ops.iter().map(|op| op_json(op, values)).collect();
    json!({ "commit_id": id, "ops": ops })
}

fn op_json(op: &Op, values: bool) -> Value {
    let (kind, key, value) = parts_of(op);
    let (key, key_encoding) = Encoding::encode(key);
    let mut json = json!({ "op": kind, "key": key, "key_encoding": key_encoding });
    if let (Some(value), Some(json)) = (value, json.as_object_mut()) {
        json.insert("value_bytes".to_owned(), value.len().into());
        if values {
            let (value, encoding) = Encoding::encode(value);
            json.insert("value".to_owned(), value.into());
            json.insert("value_encoding".to_owned(), aerodb_core::explain_value(&encoding));
        }
    }
    json
}

fn parts_of(op: &Op) -> (&'static str, &[u8], Option<&[u8]>) {
    match op {
        Op::Put { key, value } => ("put", key, Some(value)),
        Op::Delete { key } => ("delete", key, None),
    }
}

fn lines(place: &BatchPlace, batch: &Batch, values: bool) -> Vec<String> {
    let file = place.file.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let stamp = batch.stamp();
    let head = format!(
        "batch {}-{}  epoch {}  ledger {} ({})  chain {}  append {} in {file} at {}, {} bytes",
        batch.first(),
        batch.last(),
        batch.epoch(),
        stamp.seq,
        short(&stamp.hash),
        short(&batch.end().chain),
        place.append_seq,
        place.offset,
        place.append_bytes,
    );
    let mut lines = vec![head];
    for (id, commit) in batch.commits() {
        if commit.ops.is_empty() {
            lines.push(format!("  {id}  nothing"));
        }
        lines.extend(commit.ops.iter().map(|op| format!("  {id}  {}", op_line(op, values))));
    }
    lines
}

fn op_line(op: &Op, values: bool) -> String {
    let (kind, key, value) = parts_of(op);
    match value {
        Some(value) if values => {
            format!("{kind} {}  {} bytes  {}", quoted(key), value.len(), quoted(value))
        }
        Some(value) => format!("{kind} {}  {} bytes", quoted(key), value.len()),
        None => format!("{kind} {}", quoted(key)),
    }
}

/// Text in quotes with its control characters and quotes escaped; bytes that are no text in hexadecimal,
/// without quotes. So no two keys look alike, and none can disturb a terminal.
fn quoted(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => format!("{text:?}"),
        Err(_) => bytes.iter().fold("0x".to_owned(), |text, byte| text + &format!("{byte:02x}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(key: &'static [u8], value: &'static [u8]) -> Op {
        Op::Put { key: key.into(), value: value.into() }
    }

    #[test]
    fn keys_and_values_are_shown_so_that_no_two_look_alike() {
        for (op, expected) in [
            (put(b"k", b"v"), "put \"k\"  1 bytes  \"v\""),
            (put(b"0x00", b""), "put \"0x00\"  0 bytes  \"\""),
            (put(b"a\"\x1b[2J\n", b"\xff\x00"), "put \"a\\\"\\u{1b}[2J\\n\"  2 bytes  0xff00"),
            (Op::Delete { key: vec![0xc3, 0x28].into() }, "delete 0xc328"),
        ] {
            assert_eq!(op_line(&op, true), expected);
        }
        assert_eq!(op_line(&put(b"k", b"secret"), false), "put \"k\"  6 bytes");
    }

    #[test]
    fn json_says_how_a_key_or_value_is_written() {
        let json = op_json(&put(b"k", b"\xff"), true);
        let expected = json!({
            "op": "put", "key": "k", "key_encoding": "utf8",
            "value_bytes": 1, "value": "/w==", "value_encoding": "base64",
        });
        assert_eq!(json, expected);
        let json = op_json(&Op::Delete { key: vec![0xff].into() }, true);
        assert_eq!(json, json!({ "op": "delete", "key": "/w==", "key_encoding": "base64" }));
        assert_eq!(op_json(&put(b"k", b"v"), false).get("value"), None);
    }
}
