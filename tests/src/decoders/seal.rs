//! Makes checksums right, as one would who writes bytes on purpose.

use aerodb_core::hash::Hash;

const SECTOR: usize = 512;
const BLOCK: usize = 4096;
const FRAME_HEADER: usize = 136;
const BATCH_HEADER: usize = 137;
const SNAPSHOT_HEADER: usize = 64;
const BLOCK_HEADER: usize = 48;
const MANIFEST: usize = 256;

fn put_u32(bytes: &mut [u8], at: usize, number: u32) {
    bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
}

fn get_u32(bytes: &[u8], at: usize) -> usize {
    let field: [u8; 4] = bytes[at..at + 4].try_into().unwrap_or_default();
    u32::from_le_bytes(field) as usize
}

/// The header of a segment.
pub fn segment_header(bytes: &mut [u8]) {
    put_u32(bytes, 12, 0);
    let checksum = crc32fast::hash(&bytes[..BLOCK]);
    put_u32(bytes, 12, checksum);
}

/// The frame at the start of the bytes, with blocks of 4096; gives the bytes that it owns, at least a block.
pub fn frame(bytes: &mut [u8]) -> usize {
    let payload = get_u32(bytes, 44);
    let length = ((payload + FRAME_HEADER - 4).div_ceil(BLOCK - BLOCK / SECTOR * 4) * BLOCK)
        .min(bytes.len());
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&bytes[FRAME_HEADER..SECTOR]);
    for sector in bytes[SECTOR..length].chunks_exact(SECTOR) {
        hasher.update(&sector[4..]);
    }
    put_u32(bytes, 128, hasher.finalize());
    let checksum = crc32fast::hash(&bytes[..132]);
    put_u32(bytes, 132, checksum);
    length.max(BLOCK)
}

/// A segment: its header and every frame in it. What lies in the first sector of a frame as its first record
/// is sealed as a batch if `wal`.
pub fn segment(bytes: &mut [u8], wal: bool) {
    if bytes.len() < BLOCK {
        return;
    }
    segment_header(bytes);
    let mut at = BLOCK;
    while at + BLOCK <= bytes.len() {
        let rest = &mut bytes[at..];
        if rest[..SECTOR].iter().all(|byte| *byte == 0) {
            at += BLOCK;
            continue;
        }
        let record = get_u32(rest, FRAME_HEADER);
        if wal && (BATCH_HEADER..=SECTOR - FRAME_HEADER - 4).contains(&record) {
            batch(&mut rest[FRAME_HEADER + 4..FRAME_HEADER + 4 + record]);
        }
        at += frame(rest);
    }
}

/// A batch that is all of the bytes: length, chain and checksum.
pub fn batch(bytes: &mut [u8]) {
    if bytes.len() < BATCH_HEADER {
        return;
    }
    let (header, payload) = bytes.split_at_mut(BATCH_HEADER);
    let parts: [&[u8]; 3] = [&header[73..105], &header[8..73], payload];
    let chain = Hash::of("aerodb 2026 history chain", &parts);
    header[105..].copy_from_slice(chain.as_bytes());
    let checksum = crc32fast::hash(&bytes[8..]);
    put_u32(bytes, 4, checksum);
    let length = u32::try_from(bytes.len() - 8).unwrap_or(u32::MAX);
    put_u32(bytes, 0, length);
}

/// The file of a snapshot: header, the hash of every block that lies where the one before it ends, manifest.
pub fn snapshot(bytes: &mut [u8]) {
    let Some(manifest) = bytes.len().checked_sub(MANIFEST).filter(|at| *at >= SNAPSHOT_HEADER)
    else {
        return;
    };
    put_u32(bytes, 12, 0);
    let checksum = crc32fast::hash(&bytes[..SNAPSHOT_HEADER]);
    put_u32(bytes, 12, checksum);
    let mut hash = Hash::of("aerodb 2026 snapshot header", &[&bytes[..SNAPSHOT_HEADER]]);
    let mut at = SNAPSHOT_HEADER;
    while at + BLOCK_HEADER < manifest {
        let end = at + BLOCK_HEADER + get_u32(bytes, at);
        if end > manifest {
            break;
        }
        let parts: [&[u8]; 3] =
            [hash.as_bytes(), &bytes[at..at + 16], &bytes[at + BLOCK_HEADER..end]];
        hash = Hash::of("aerodb 2026 snapshot block", &parts);
        bytes[at + 16..at + BLOCK_HEADER].copy_from_slice(hash.as_bytes());
        at = end;
    }
    bytes[manifest + 176..manifest + 208].copy_from_slice(hash.as_bytes());
    put_u32(bytes, manifest + 12, 0);
    let checksum = crc32fast::hash(&bytes[manifest..]);
    put_u32(bytes, manifest + 12, checksum);
}

/// The file that a sealed file's content, as it is found in these bytes, would have; `None` where they are no
/// such file.
#[must_use]
pub fn sealed_file(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut file: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    let format = file.get("format")?.as_str()?.to_owned();
    let content = serde_json::to_vec(file.get("content")?).ok()?;
    let digest = Hash::of("aerodb 2026 sealed file", &[format.as_bytes(), &content]);
    file["digest"] = digest.to_string().into();
    let mut bytes = serde_json::to_vec_pretty(&file).ok()?;
    bytes.push(b'\n');
    Some(bytes)
}
