//! `docs/format.md` says what code and golden files say: its tables, its hex, its strings and its limits.

#![allow(clippy::unwrap_used)] // helpers stand outside of the test functions

mod history;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use aerodb_core::authority::ENTRY_BYTES_MAX;
use aerodb_core::explain::Recorded;
use aerodb_core::hash::Hash;
use aerodb_core::rules::RuleId;
use aerodb_core::wal::{KEY_BYTES_MAX, VALUE_BYTES_MAX};
use aerodb_ledger::checkpoint::Checkpoint;
use aerodb_ledger::log::Block;
use aerodb_ledger::snapshot::{BLOCK_BYTES_MAX, BLOCK_HEADER_BYTES, HEADER_BYTES, MANIFEST_BYTES};
use aerodb_ledger::{SEALED_BYTES_MAX, Sealed};
use history::History;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn document() -> String {
    fs::read_to_string(root().join("docs/format.md")).unwrap()
}

fn golden(name: &str) -> Vec<u8> {
    fs::read(root().join("ledger/tests/golden/node").join(name)).unwrap()
}

/// The cells of the first table after this text, without the head.
fn table(after: &str) -> Vec<Vec<String>> {
    let document = document();
    let (_, rest) = document.split_once(after).unwrap();
    let rows = rest.lines().skip_while(|line| !line.starts_with('|'));
    let rows = rows.take_while(|line| line.starts_with('|')).skip(2);
    let cells =
        |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    rows.map(cells).collect()
}

/// The fields of a layout: without gap from 0 to its end.
fn layout(name: &str, end: usize) -> Vec<(String, std::ops::Range<usize>)> {
    let mut next = 0;
    let mut fields = Vec::new();
    for row in table(&format!("<!-- table: {name} -->")) {
        let [offset, size, field] = &row[..] else { panic!("{row:?}") };
        assert_eq!(offset.parse(), Ok(next), "{name}: {field}");
        let size: usize = size.parse().unwrap_or(0);
        fields.push((field.clone(), next..next + size));
        next += size;
    }
    assert_eq!(next, end, "{name}");
    fields
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The fields whose description starts so, read from these bytes as a number.
fn read(fields: &[(String, std::ops::Range<usize>)], bytes: &[u8], start: &str) -> u64 {
    let mut named = fields.iter().filter(|(field, _)| field.starts_with(start));
    let (_, range) = named.next().unwrap_or_else(|| panic!("no field {start}"));
    assert_eq!(named.next(), None, "{start}");
    number(&bytes[range.clone()])
}

#[test]
fn the_segment_header_lies_as_the_table_says() {
    let bytes = golden("wal/0000000000000002.seg");
    let fields = layout("segment header", 4096);
    let found = ["format version", "log kind", "segment number", "bytes of", "block", "zero"]
        .map(|field| read(&fields, &bytes, field));
    assert_eq!(found, [1, 1, 2, 20480, 4096, 0]);
    let mut unsealed = bytes[..4096].to_vec();
    unsealed[12..16].fill(0);
    assert_eq!(read(&fields, &bytes, "CRC-32"), checksum(&unsealed));
}

/// Proves: WAL-4, P3-D6.
#[test]
fn the_frame_header_lies_as_the_table_says() {
    let bytes = &golden("wal/0000000000000002.seg")[8192..];
    let fields = layout("frame header", 136);
    let found = [
        "tag",
        "format version",
        "frame kind",
        "frame sequence number",
        "first record number",
        "last record number",
        "epoch",
        "number of records",
        "payload bytes",
        "ledger stamp, `seq`",
        "`synced_upto`",
    ]
    .map(|field| read(&fields, bytes, field));
    assert_eq!(found, [11, 1, 1, 5, 8, 8, 3, 1, 152, 12, 4]);
    assert_eq!(read(&fields, bytes, "CRC-32 of bytes 0 to 132"), checksum(&bytes[..132]));
    let sectors = bytes[..4096].chunks(512).enumerate();
    let payload: Vec<u8> = sectors
        .flat_map(|(at, sector)| &sector[if at == 0 { 136 } else { 4 }..])
        .copied()
        .collect();
    assert_eq!(read(&fields, bytes, "CRC-32 of payload"), checksum(&payload));
}

/// Proves: WAL-4, WAL-5.
#[test]
fn the_batch_lies_as_the_table_says() {
    let bytes = &golden("wal/0000000000000002.seg")[8192 + 140..8192 + 140 + 148];
    let fields = layout("batch", 137);
    let found =
        ["length", "format version", "epoch", "first commit", "last commit", "ledger stamp, `seq`"]
            .map(|field| read(&fields, bytes, field));
    assert_eq!(found, [140, 1, 3, 8, 8, 12]);
    assert_eq!(read(&fields, bytes, "CRC-32"), checksum(&bytes[8..]));
}

fn golden_snapshot() -> Vec<u8> {
    fs::read(root().join("ledger/tests/golden/truncated/snapshots/00000000000000000006.snapshot"))
        .unwrap()
}

/// The CRC-32 of a snapshot's header or manifest.
fn sealed_checksum(bytes: &[u8]) -> u64 {
    checksum(&[&bytes[..12], &[0; 4], &bytes[16..]].concat())
}

#[test]
fn the_snapshot_header_and_manifest_lie_as_the_tables_say() {
    let bytes = golden_snapshot();
    let fields = layout("snapshot header", HEADER_BYTES);
    let found =
        ["format version", "commit id of the cut"].map(|field| read(&fields, &bytes, field));
    assert_eq!(found, [1, 6]);
    assert_eq!(read(&fields, &bytes, "CRC-32"), sealed_checksum(&bytes[..HEADER_BYTES]));
    let manifest = &bytes[bytes.len() - MANIFEST_BYTES..];
    let fields = layout("snapshot manifest", MANIFEST_BYTES);
    let found = [
        "format version",
        "commit id of the cut",
        "epoch",
        "authority ledger's head when",
        "oldest retained",
        "number of keys",
        "number of versions",
        "number of blocks",
        "offset of the manifest",
        "1 if",
        "designation, commit id",
    ]
    .map(|field| read(&fields, manifest, field));
    let offset = (bytes.len() - MANIFEST_BYTES) as u64;
    assert_eq!(found, [1, 6, 2, 11, 2, 6, 7, 1, offset, 1, 6]);
    assert_eq!(read(&fields, manifest, "CRC-32"), sealed_checksum(manifest));
    for (at, magic) in [(0, "AERODBSN"), (bytes.len() - MANIFEST_BYTES, "AERODBSM")] {
        assert_eq!(&bytes[at..at + 8], magic.as_bytes());
        assert!(document().contains(&format!("| 0 | 8 | magic, the ASCII bytes `{magic}` |")));
    }
}

/// The one block of the golden snapshot, read by the tables alone, and its hash by the words around them.
#[test]
fn the_snapshot_block_lies_as_the_tables_say() {
    let bytes = golden_snapshot();
    let end = bytes.len() - MANIFEST_BYTES;
    let block = &bytes[HEADER_BYTES..end];
    let fields = layout("snapshot block", BLOCK_HEADER_BYTES);
    let found = ["payload bytes", "number of versions", "number of the block"]
        .map(|field| read(&fields, block, field));
    assert_eq!(found, [(block.len() - BLOCK_HEADER_BYTES) as u64, 7, 1]);
    let before = Hash::of("aerodb 2026 snapshot header", &[&bytes[..HEADER_BYTES]]);
    let parts = [before.as_bytes(), &block[..16], &block[BLOCK_HEADER_BYTES..]];
    let hash = Hash::of("aerodb 2026 snapshot block", &parts);
    assert_eq!((&block[16..48], &bytes[end + 176..end + 208]), (&hash.0[..], &hash.0[..]));

    let fields = layout("snapshot version", 14);
    let (mut at, mut versions) = (BLOCK_HEADER_BYTES, Vec::new());
    while at < block.len() {
        let [key, commit, value] = ["bytes of the key", "commit id", "bytes of the value"]
            .map(|field| read(&fields, &block[at..], field));
        let name = String::from_utf8_lossy(&block[at + 14..at + 14 + key as usize]).into_owned();
        versions.push((name, commit, value));
        let stored = if value == u64::from(u32::MAX) { 0 } else { value };
        at += 14 + key as usize + stored as usize;
    }
    assert_eq!(versions[0], ("a".to_owned(), 3, u64::from(u32::MAX)));
    assert_eq!(versions[6], ("large".to_owned(), 5, 5000));
}

fn checksum(bytes: &[u8]) -> u64 {
    crc32fast::hash(bytes).into()
}

/// The discriminant of an entry's body: behind format, seq, previous and the author `n1` or `n2`.
const BODY_AT: usize = 1 + 1 + 33 + 3;

fn discriminants(name: &str) -> Vec<(u8, String)> {
    let rows = table(&format!("<!-- enum: {name} -->"));
    rows.into_iter().map(|row| (row[0].parse().unwrap(), row[1].clone())).collect()
}

#[test]
fn every_kind_of_authority_entry_has_the_discriminant_of_the_table() {
    let documented = discriminants("authority entry");
    let mut seen = BTreeSet::new();
    for signed in History::whole().entries {
        seen.insert((signed.encode()[BODY_AT], signed.entry.body.kind().to_owned()));
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), documented);
}

#[test]
fn every_kind_of_decision_entry_has_the_discriminant_of_the_table() {
    let documented = discriminants("decision entry");
    let told = History::whole();
    let mut seen = BTreeSet::new();
    for segment in 1..=3 {
        let segment = format!("decision.ledger/{segment:016}.seg");
        // Each entry has a frame of its own, each frame is one block, and so is its trailer.
        for frame in golden(&segment)[4096..].chunks(8192).filter(|frame| frame[6] == 1) {
            seen.insert(frame[140 + BODY_AT]);
        }
    }
    let kinds: BTreeSet<_> =
        history::decisions(&told).iter().map(|body| body.kind().to_owned()).collect();
    let (codes, names): (BTreeSet<_>, BTreeSet<_>) = documented.into_iter().unzip();
    assert_eq!((codes, names), (seen, kinds));
}

#[test]
fn the_hex_is_that_of_the_golden_files() {
    let document = document();
    let mut file = None;
    let mut compared = 0;
    for line in document.lines() {
        if let Some(fence) = line.strip_prefix("```") {
            file = fence.strip_prefix("hex ").map(|name| fs::read(root().join(name)).unwrap());
        } else if let Some(bytes) = &file {
            let (offset, rest) = line.split_once("  ").unwrap();
            let offset = usize::from_str_radix(offset, 16).unwrap();
            let hex = rest.split("  ").next().unwrap();
            for (at, byte) in hex.split(' ').enumerate() {
                assert_eq!(u8::from_str_radix(byte, 16), Ok(bytes[offset + at]), "{line}");
                compared += 1;
            }
        }
    }
    assert!(compared > 800, "only {compared} bytes of hex were compared");
}

#[test]
fn the_worked_hashes_are_those_of_the_golden_history() {
    let (document, told) = (document(), History::whole());
    let origin = aerodb_core::position::Position::origin(told.authority().cluster());
    for hash in [told.authority().cluster().to_string(), origin.chain.to_string()] {
        assert!(document.contains(&format!("  = {hash}\n")), "{hash}");
    }
}

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn the_purposes_are_those_in_the_code() {
    let mut files = Vec::new();
    for folder in ["core/src", "ledger/src", "http-api/src", "node/src"] {
        sources(&root().join(folder), &mut files);
    }
    let mut used = BTreeSet::new();
    // What the simulated disk hashes is on no disk.
    for file in
        files.iter().filter(|file| !file.components().any(|part| part.as_os_str() == "simulated"))
    {
        let text = fs::read_to_string(file).unwrap();
        let literals = text.split('"').filter(|literal| literal.starts_with("aerodb 2026 "));
        used.extend(literals.map(|literal| format!("`{literal}`")));
    }
    let documented: BTreeSet<_> =
        table("<!-- purposes -->").into_iter().map(|row| row[0].clone()).collect();
    assert_eq!(documented, used);
}

#[test]
fn the_rules_of_a_promotion_stand_in_the_order_of_its_explanation() {
    let (decision, _) = Recorded::decide(History::whole().facts("n1"));
    let applied: Vec<_> = decision.evaluations.iter().map(|(rule, _)| rule.to_string()).collect();
    let documented: Vec<_> = table("Ruleset 1 (").into_iter().map(|row| row[0].clone()).collect();
    assert_eq!(documented, applied);
}

#[test]
fn the_rule_ids_are_those_of_the_catalogue() {
    let document = document();
    let (_, rest) = document.split_once("<!-- rules -->\nRule ids: ").unwrap();
    let (ids, _) = rest.split_once(".\n").unwrap();
    let documented: Vec<_> = ids.split(',').map(|id| id.trim().trim_matches('`')).collect();
    assert_eq!(documented, RuleId::ALL.iter().map(|rule| rule.id()).collect::<Vec<_>>());
}

#[test]
fn the_limits_are_those_in_the_code() {
    let document = document();
    let blocks: Vec<_> = (0..=u16::MAX)
        .map(|at| u32::from(at) * 512 + 512)
        .filter(|bytes| Block::new(*bytes).is_some())
        .map(|bytes| bytes.to_string())
        .collect();
    for row in [
        format!("| block | {} |", blocks.join(", ")),
        format!(
            "| key, value | 1 to {KEY_BYTES_MAX} bytes of UTF-8; 0 to {VALUE_BYTES_MAX} bytes |"
        ),
        format!("| payload of a snapshot's block | 1 to {BLOCK_BYTES_MAX} bytes |"),
        format!("| ledger entry with signature | {ENTRY_BYTES_MAX} bytes |"),
        format!("| sealed file | {SEALED_BYTES_MAX} bytes |"),
        format!("| `checkpoint`: format `{}` | |", Checkpoint::FORMAT),
    ] {
        assert!(document.contains(&format!("\n{row}\n")), "{row}");
    }
}
