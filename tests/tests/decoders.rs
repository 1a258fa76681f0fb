//! A bounded fuzz run over every decoder: golden bytes, changed in ways that a seed decides, the same inputs
//! in every run. No panic, and no allocation that is out of proportion to the input.
//!
//! What one call allocates is counted by the `cap` crate as this binary's global allocator, all allocations
//! of the call added up, which is more than it ever held at once. It is alone in its binary, since other tests
//! would be counted too.

#![allow(missing_docs)]

use std::alloc::System;
use std::path::Path;
use std::time::Instant;

use aerodb_core::hash::{ClusterId, Hash, PublicKey};
use aerodb_core::id::{Boundary, Epoch, NodeId};
use aerodb_http_api::stream::{PullAnswer, PullRequest, SnapshotChunk, SnapshotRequest, encode};
use aerodb_http_api::types::PageToken;
use aerodb_ledger::disk::RealDisk;
use aerodb_ledger::retention::Retention;
use aerodb_tests::decoders;
use cap::Cap;
use fastrand::Rng;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// Inputs for each decoder; logs cost the most, and their parts are decoders of their own.
fn rounds(name: &str) -> usize {
    match name {
        "wal" | "authority_log" | "decision_log" => 600,
        "segment_header" | "frame" => 12_000,
        _ => 25_000,
    }
}

/// The most that a call may allocate for an input of so many bytes. One byte of a sequence may stand for an
/// element of up to 64 bytes in memory; besides, the bytes are copied a few times, as they are and sealed.
/// A count or a length alone, however large, must allocate next to nothing: the constant is for the frame's
/// largest block, to which a short input is filled up.
const fn allocated_max(input_bytes: usize) -> usize {
    (512 << 10) + 64 * input_bytes
}

/// A number below `end`, 0 for 0.
fn below(random: &mut Rng, end: usize) -> usize {
    random.usize(0..end.max(1))
}

/// A stretch of so many bytes.
fn within(random: &mut Rng, length: usize) -> std::ops::Range<usize> {
    let from = below(random, length);
    from..from + random.usize(0..=(length - from).min(600))
}

/// Numbers that length fields, counts and identifiers go wrong with.
const EXTREMES: [u64; 12] = [
    0,
    1,
    2,
    0x7f,
    0xff,
    0xffff,
    0x7fff_ffff,
    0xffff_fffe,
    0xffff_ffff,
    1 << 62,
    u64::MAX - 1,
    u64::MAX,
];

/// Changes the bytes once; `other` is another input of the same decoder.
fn change(bytes: &mut Vec<u8>, other: &[u8], random: &mut Rng) {
    let length = bytes.len();
    let at = below(random, length);
    // What is mostly zeros is changed mostly where it is not.
    let at = (at..length).take(4096).find(|at| bytes[*at] != 0).unwrap_or(at);
    match below(random, 10) {
        0 if length > 0 => bytes[at] ^= 1 << below(random, 8),
        1 if length > 0 => bytes[at] = below(random, 256) as u8,
        2 | 3 => {
            let width = [1, 2, 4, 8][below(random, 4)];
            let number = EXTREMES[below(random, EXTREMES.len())].to_le_bytes();
            let end = (at + width).min(length);
            bytes[at..end].copy_from_slice(&number[..end - at]);
        }
        4 => {
            // A number of postcard's of any size, in place of the byte that is there.
            let mut varint = vec![0xff; below(random, 10)];
            varint.push(below(random, 128) as u8);
            bytes.splice(at..(at + 1).min(length), varint);
        }
        5 => bytes.truncate(at),
        6 => drop(bytes.drain(within(random, length))),
        7 => {
            let copied = bytes[within(random, length)].to_vec();
            bytes.splice(at..at, copied);
        }
        8 => {
            let taken = &other[within(random, other.len())];
            let end = (at + taken.len()).min(length);
            bytes[at..end].copy_from_slice(&taken[..end - at]);
        }
        _ => {
            let sector = at / 512 * 512;
            let end = (sector + 512).min(length);
            bytes[sector..end].fill(0);
        }
    }
}

fn golden(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ledger/tests/golden").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn segments(dir: &str, numbers: &[u8]) -> Vec<u8> {
    let mut bytes = vec![numbers[0], numbers.len() as u8 - 1];
    for number in numbers {
        bytes.extend(golden(&format!("{dir}/{number:016}.seg")));
    }
    bytes
}

/// The records of every frame in a segment; none in the golden files is longer than its first sector but one.
fn records(dir: &str, numbers: &[u8]) -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    for block in segments(dir, numbers)[2..].chunks(4096).filter(|block| block[6] == 1) {
        let sectors = block.chunks(512).enumerate();
        let payload: Vec<u8> = sectors
            .flat_map(|(at, sector)| &sector[if at == 0 { 136 } else { 4 }..])
            .copied()
            .collect();
        let mut rest = &payload[..];
        while let Some((length, behind)) = rest.split_first_chunk::<4>() {
            let length = u32::from_le_bytes(*length) as usize;
            if length == 0 || length > behind.len() {
                break;
            }
            records.push(behind[..length].to_vec());
            rest = &behind[length..];
        }
    }
    records
}

fn pulls() -> (Vec<u8>, Vec<u8>) {
    let node_id = NodeId::new("n2").expect("a name");
    let request = PullRequest {
        cluster: ClusterId([1; 32]),
        node_id: node_id.clone(),
        public_key: PublicKey([2; 32]),
        session: [3; 16],
        starts: None,
        epoch: Epoch::FIRST,
        position: None,
        ledger: None,
        signature: None,
        echo: Some(7),
        known_acknowledged: Some(Boundary::new(300)),
        wait: true,
    };
    let batches = records("node/wal", &[2]).concat();
    let answer = PullAnswer {
        cluster: ClusterId([1; 32]),
        node_id,
        entries: records("node/authority.ledger", &[1]).into_iter().map(Into::into).collect(),
        batches: batches.into(),
        acknowledged: Some(Boundary::new(8)),
        tip: Some(Boundary::new(8)),
        barrier: None,
    };
    (encode(&request), encode(&answer))
}

fn chunks() -> (Vec<u8>, Vec<u8>) {
    let node_id = NodeId::new("n2").expect("a name");
    let request = SnapshotRequest {
        cluster: ClusterId([1; 32]),
        node_id: node_id.clone(),
        public_key: PublicKey([2; 32]),
        manifest: Some(Hash([3; 32])),
        offset: 1 << 20,
    };
    let bytes = golden("truncated/snapshots/00000000000000000006.snapshot");
    let chunk = SnapshotChunk {
        cluster: ClusterId([1; 32]),
        node_id,
        manifest: Hash([3; 32]),
        cut: Boundary::new(6),
        bytes_total: bytes.len() as u64,
        offset: 0,
        bytes: bytes.into(),
    };
    (encode(&request), encode(&chunk))
}

/// The file as it is written.
fn retention() -> Vec<u8> {
    let dir = tempfile::tempdir().expect("a directory");
    let (cluster, owner) = (ClusterId([1; 32]), PublicKey([2; 32]));
    let written = Retention { cluster, owner, oldest_retained: Boundary::new(7) };
    let _durable = written.write(&RealDisk, dir.path()).expect("a file");
    std::fs::read(dir.path().join("retention")).expect("the file")
}

/// Inputs that decode, to begin with.
fn seeds(name: &str) -> Vec<Vec<u8>> {
    let ledger = ["node/authority.ledger", "node/decision.ledger"];
    let (request, answer) = pulls();
    match name {
        "segment_header" => [ledger[0], ledger[1], "node/wal"]
            .map(|dir| golden(&format!("{dir}/0000000000000001.seg"))[..4096].to_vec())
            .to_vec(),
        "frame" => vec![
            golden("node/wal/0000000000000001.seg")[4096..8192].to_vec(),
            golden("node/wal/0000000000000001.seg")[12288..].to_vec(),
            golden("node/authority.ledger/0000000000000001.seg")[8192..12288].to_vec(),
        ],
        "wal" => vec![segments("node/wal", &[1, 2]), segments("truncated/wal", &[2, 3])],
        "authority_log" => {
            vec![segments(ledger[0], &[1, 2]), segments("truncated/authority.ledger", &[1])]
        }
        "decision_log" => vec![segments(ledger[1], &[1, 2])],
        "batch" => records("node/wal", &[1, 2]),
        "authority_entry" => records(ledger[0], &[1, 2]),
        "decision_entry" => records(ledger[1], &[1, 2]),
        "checkpoint" => vec![golden("truncated/checkpoint")],
        "retention" => vec![retention()],
        "snapshot" => vec![golden("truncated/snapshots/00000000000000000006.snapshot")],
        "snapshot_request" => vec![chunks().0],
        "snapshot_chunk" => vec![chunks().1],
        "pull_request" => vec![request],
        "pull_answer" => vec![answer],
        "page_token" => {
            let token = PageToken { boundary: Boundary::new(7), last_key: "greeting".into() };
            vec![token.encode().into_bytes()]
        }
        other => panic!("no seeds for {other}"),
    }
}

/// Puts the seeds where `cargo fuzz` looks for inputs to begin with, if it is asked for.
fn write_corpus(name: &str, seeds: &[Vec<u8>]) {
    if std::env::var_os("AERODB_WRITE_CORPUS").is_none() {
        return;
    }
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(name);
    std::fs::create_dir_all(&dir).expect("a directory");
    for (at, seed) in seeds.iter().enumerate() {
        std::fs::write(dir.join(format!("golden-{at}")), seed).expect("a file");
    }
}

/// Proves: PERF-DET-3.
#[test]
fn no_input_makes_a_decoder_panic_or_allocate_without_bound() {
    let started = Instant::now();
    let mut inputs = 0;
    for (name, decoder) in decoders::ALL {
        let (seeds, mut random) = (seeds(name), Rng::with_seed(0x000a_e20d_b000));
        write_corpus(name, &seeds);
        for seed in &seeds {
            assert!(
                decoder(seed),
                "{name}: a golden input of {} bytes does not decode",
                seed.len()
            );
        }
        let (mut decoded, mut worst) = (0, (0, 0));
        for _ in 0..rounds(name) {
            let mut input = seeds[below(&mut random, seeds.len())].clone();
            for _ in 0..=below(&mut random, 4) {
                change(&mut input, &seeds[below(&mut random, seeds.len())], &mut random);
            }
            let before = ALLOCATOR.total_allocated();
            decoded += usize::from(decoder(&input));
            let allocated = ALLOCATOR.total_allocated() - before;
            assert!(
                allocated <= allocated_max(input.len()),
                "{name}: {} bytes of input allocate {allocated}",
                input.len()
            );
            worst = worst.max((allocated, input.len()));
        }
        inputs += rounds(name);
        // As many as decode show how deep the run goes.
        println!("{name}: {decoded} of {} decode, most allocated {worst:?}", rounds(name));
        // Changed ledgers hardly ever do: an entry's signature is not to be made right again.
        assert!(
            decoded > 0 || name.ends_with("_log"),
            "{name}: every change was found at the door"
        );
    }
    println!("{inputs} inputs in {:?}", started.elapsed());
    assert!(inputs >= 200_000);
}
