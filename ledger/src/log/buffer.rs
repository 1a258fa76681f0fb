//! The bytes of one frame under construction, in a buffer that is used again for the next.

use crate::disk::DIRECT_BYTES;
use crate::log::{Block, FRAME_HEADER_BYTES, FrameHeader, SECTOR_BYTES, TAG_BYTES, tag_of};

/// Forms frames. Each record is copied once, straight to its place between the sector tags, in memory that can go to
/// the device as it is.
#[derive(Debug, Default)]
pub(crate) struct FrameBuffer {
    memory: Vec<u8>,
}

/// A frame under construction.
struct Forming<'b> {
    bytes: &'b mut [u8],
    at: usize,
}

impl FrameBuffer {
    /// The bytes of the frame with this header and these records, ready for one write.
    /// `header.records` and `header.payload_bytes` are those of `records`.
    pub(crate) fn form<'r>(
        &mut self,
        header: &FrameHeader,
        block: Block,
        records: impl Iterator<Item = &'r [u8]>,
    ) -> &[u8] {
        let bytes = self.zeros(header.frame_bytes(block));
        let mut frame = Forming { bytes, at: FRAME_HEADER_BYTES };
        for record in records {
            #[allow(clippy::cast_possible_truncation)] // the whole payload is counted by a u32
            frame.put(&(record.len() as u32).to_le_bytes());
            frame.put(record);
        }
        let head = header.encode(checksum(frame.bytes));
        frame.bytes[..FRAME_HEADER_BYTES].copy_from_slice(&head);
        let tag = tag_of(header.seq).to_le_bytes();
        for sector in frame.bytes.chunks_exact_mut(SECTOR_BYTES).skip(1) {
            sector[..TAG_BYTES].copy_from_slice(&tag);
        }
        frame.bytes
    }

    /// So many zeros, at a multiple of [`DIRECT_BYTES`] in memory.
    fn zeros(&mut self, length: usize) -> &mut [u8] {
        self.memory.clear();
        self.memory.resize(length + DIRECT_BYTES, 0);
        let start = self.memory.as_ptr().align_offset(DIRECT_BYTES).min(DIRECT_BYTES);
        &mut self.memory[start..start + length]
    }
}

impl Forming<'_> {
    fn put(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.at.is_multiple_of(SECTOR_BYTES) {
                self.at += TAG_BYTES;
            }
            let room = SECTOR_BYTES - self.at % SECTOR_BYTES;
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.bytes[self.at..self.at + now.len()].copy_from_slice(now);
            self.at += now.len();
            bytes = later;
        }
    }
}

/// Over the payload of a frame, without the sector tags.
fn checksum(frame: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&frame[FRAME_HEADER_BYTES..SECTOR_BYTES]);
    for sector in frame[SECTOR_BYTES..].chunks_exact(SECTOR_BYTES) {
        hasher.update(&sector[TAG_BYTES..]);
    }
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Damage;
    use crate::log::{Found, FrameKind, field, payload_place, payload_room, read_frame};

    fn header(seq: u64, records: &[Vec<u8>]) -> FrameHeader {
        let payload: usize = records.iter().map(|record| record.len() + 4).sum();
        FrameHeader {
            kind: FrameKind::Records,
            first: 1,
            last: records.len() as u64,
            epoch: 7,
            records: records.len() as u32,
            payload_bytes: payload as u32,
            previous: [9; 32],
            ..FrameHeader::trailer(seq)
        }
    }

    fn formed_in(block: Block, seq: u64, records: &[Vec<u8>]) -> Vec<u8> {
        let mut buffer = FrameBuffer::default();
        buffer.form(&header(seq, records), block, records.iter().map(Vec::as_slice)).to_vec()
    }

    fn formed(seq: u64, records: &[Vec<u8>]) -> Vec<u8> {
        formed_in(Block::MIN, seq, records)
    }

    /// The frame with one of its bytes changed and both checksums made anew: what no damage does, and
    /// what another program might write.
    fn resealed(good: &[u8], at: usize, byte: u8) -> Vec<u8> {
        let mut frame = good.to_vec();
        frame[at] = byte;
        let payload = checksum(&frame);
        frame[128..132].copy_from_slice(&payload.to_le_bytes());
        let header = crc32fast::hash(&frame[..132]);
        frame[132..136].copy_from_slice(&header.to_le_bytes());
        frame
    }

    #[test]
    fn a_frame_of_any_size_reads_back() {
        for length in [0, 1, 371, 372, 373, 4000, payload_room(4096) - 4, 4061, 9000, 70_000] {
            let records = vec![vec![0; length], vec![0xab; length]];
            for block in [Block::MIN, Block::MAX] {
                let bytes = formed_in(block, 5, &records);
                match read_frame(&bytes, 5, block) {
                    Found::Whole(frame, length) => {
                        assert_eq!(frame.records, records);
                        assert_eq!(frame.header, header(5, &records));
                        assert_eq!(length, bytes.len());
                    }
                    other => panic!("{length}: {other:?}"),
                }
            }
        }
    }

    #[test]
    fn what_no_writer_writes_is_refused_even_under_good_checksums() {
        let good = formed(3, &[vec![7; 100]]);
        let same = resealed(&good, 300, 0);
        assert!(matches!(read_frame(&same, 3, Block::MIN), Found::Whole(..)), "padding is zero");
        // A stamp without number, the padding behind the payload, the last byte of the block.
        for (at, what) in [(60, "stamp"), (300, "padding"), (4095, "padding")] {
            let bytes = resealed(&good, at, 1);
            let expected = Damage::FrameHeader { what };
            match read_frame(&bytes, 3, Block::MIN) {
                Found::Bad(_, damage) => assert_eq!(damage, expected, "byte {at}"),
                other => panic!("byte {at}: {other:?}"),
            }
        }
    }

    /// The frame with these changed and both checksums made anew.
    fn altered(good: &[u8], changes: &[(usize, u8)]) -> Found {
        let changed =
            changes.iter().fold(good.to_vec(), |frame, (at, byte)| resealed(&frame, *at, *byte));
        read_frame(&changed, 3, Block::MIN)
    }

    #[test]
    fn every_field_of_a_header_has_to_be_one_that_a_writer_writes() {
        let good = formed(3, &[vec![7; 100]]);
        let field = |what| Damage::FrameHeader { what };
        let tag = u32::from_le_bytes([6, 0, 0, 0]);
        let cases = [
            (vec![(0, 6)], Damage::Tag { seq: 3, found: tag }),
            (vec![(4, 2)], Damage::Version { found: 2 }),
            (vec![(6, 0)], field("kind")),
            (vec![(6, 3)], field("kind")),
            (vec![(6, 2)], field("trailer fields")),
            (vec![(88, 1)], field("synced_upto")),
            (vec![(40, 0)], field("number of records")),
            (vec![(40, 2)], Damage::Records { records: 2 }),
            // The length of the record: one more than there is, and less, so that another one begins.
            (vec![(136, 101)], Damage::Records { records: 1 }),
            (vec![(136, 99)], Damage::Records { records: 1 }),
            // Three bytes of payload behind the record hold no length.
            (vec![(44, 107)], Damage::Records { records: 1 }),
        ];
        for (changes, expected) in cases {
            match altered(&good, &changes) {
                Found::Bad(_, damage) => assert_eq!(damage, expected, "{changes:?}"),
                other => panic!("{changes:?}: {other:?}"),
            }
        }
        // A record of no bytes behind it, counted, is what a writer may have meant.
        assert!(matches!(altered(&good, &[(40, 2), (44, 108)]), Found::Whole(..)));
    }

    #[test]
    fn a_trailer_says_nothing_but_its_number() {
        let mut buffer = FrameBuffer::default();
        let good = buffer.form(&FrameHeader::trailer(3), Block::MIN, std::iter::empty()).to_vec();
        assert!(matches!(read_frame(&good, 3, Block::MIN), Found::Whole(..)));
        for at in [16, 24, 32, 40, 44, 48, 96] {
            match altered(&good, &[(at, 1)]) {
                Found::Bad(0, damage) => {
                    assert_eq!(damage, Damage::FrameHeader { what: "trailer fields" }, "byte {at}");
                }
                other => panic!("byte {at}: {other:?}"),
            }
        }
    }

    /// What is missing of a frame is asked for; what is wrong in what is there is told without it.
    #[test]
    fn a_frame_of_which_a_part_is_there_is_longer_than_that() {
        let good = formed(3, &[vec![7; 9000]]);
        assert_eq!(good.len(), 3 * 4096);
        for blocks in [1, 2] {
            assert!(matches!(read_frame(&good[..blocks * 4096], 3, Block::MIN), Found::Longer));
        }
        let longer = [&good[..], &[0; 4096]].concat();
        assert!(matches!(read_frame(&longer, 3, Block::MIN), Found::Whole(_, 12_288)));
        let mut torn = good.clone();
        torn[8192..8704].fill(0);
        assert!(matches!(read_frame(&torn, 3, Block::MIN), Found::Torn(12_288)));
        torn[8703] = 1;
        match read_frame(&torn, 3, Block::MIN) {
            Found::Bad(8192, damage) => assert_eq!(damage, Damage::Tag { seq: 3, found: 0 }),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_byte_of_a_payload_has_its_place_in_the_frame() {
        let record: Vec<u8> = (0..9000_u32).map(|byte| (byte % 251) as u8).collect();
        let frame = formed(5, std::slice::from_ref(&record));
        for (at, byte) in record.iter().enumerate() {
            assert_eq!(frame[payload_place(at + 4)], *byte, "byte {at}");
        }
    }

    #[test]
    fn a_payload_of_exactly_one_block_owns_one_block() {
        assert_eq!(formed(1, &[vec![1; payload_room(4096) - 4]]).len(), 4096);
        assert_eq!(formed(1, &[vec![1; payload_room(4096) - 3]]).len(), 8192);
    }

    #[test]
    fn a_sector_of_zeros_is_never_written() {
        for sector in formed(1 << 31, &[vec![0; 20_000]]).chunks(SECTOR_BYTES) {
            assert_ne!(field::<4>(sector, 0), [0; 4]);
        }
    }

    #[test]
    fn p3_d4_every_flipped_byte_of_a_frame_is_found() {
        let good = formed(3, &[vec![0; 300], vec![7; 600]]);
        for at in 0..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 0x20;
            let found = read_frame(&bytes, 3, Block::MIN);
            assert!(matches!(found, Found::Bad(..)), "byte {at}");
        }
    }

    #[test]
    fn a_frame_with_another_number_is_not_taken() {
        let bytes = formed(3, &[vec![1]]);
        let expected = Damage::FrameSeq { expected: 4, found: 3 };
        let found = read_frame(&bytes, 4, Block::MIN);
        assert!(matches!(found, Found::Bad(0, damage) if damage == expected));
    }
}
