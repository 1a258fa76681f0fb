//! The decoders that no public function reaches alone, for the fuzz targets and for the bounded run in the
//! test suite. Only with the feature `fuzzing`.

use crate::log::{Block, Found, FrameBuffer, LogKind, SegmentHeader, field, read_frame};

/// Bytes of a segment's header.
pub const SEGMENT_HEADER_BYTES: usize = 4096;

/// Decodes a segment's header as that of the log and place that it claims; whether it is one. One that
/// decodes is checked to be what encoding gives.
///
/// # Panics
/// When it is not.
#[must_use]
pub fn segment_header(block: &[u8; SEGMENT_HEADER_BYTES]) -> bool {
    let number = u64::from_le_bytes(field(block, 16));
    [LogKind::Wal, LogKind::Authority, LogKind::Decision].into_iter().any(|kind| {
        let decoded = SegmentHeader::decode(block, kind, number, None);
        decoded.is_ok_and(|header| {
            assert_eq!(header.encode(), *block, "a header has one encoding");
            true
        })
    })
}

/// Reads the frame at the start of `bytes`, whole blocks of at least one, as the frame that it claims to
/// be; whether one is there. One that reads is checked to be what forming gives.
///
/// # Panics
/// When it is not.
#[must_use]
pub fn frame(bytes: &[u8], block: Block) -> bool {
    // No log has a frame 0; a reader never looks for it.
    let seq = u64::from_le_bytes(field(bytes, 8)).max(1);
    match read_frame(bytes, seq, block) {
        Found::Whole(frame, length) => {
            let mut buffer = FrameBuffer::default();
            let records = frame.records.iter().map(|record| &record[..]);
            let again = buffer.form(&frame.header, block, records);
            assert_eq!(again, &bytes[..length], "a frame has one encoding");
            true
        }
        Found::Torn(length) => {
            assert!(length <= bytes.len(), "the extent lies within the segment");
            false
        }
        Found::Bad(at, _) => {
            assert!(at <= bytes.len(), "the damage lies within the segment");
            false
        }
        Found::NoHeader | Found::Longer => false,
    }
}
