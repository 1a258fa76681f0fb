//! One file: what the device holds, what the cache shows, and what lies between them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use aerodb_core::hash::Hash;

/// What a device writes whole or not at all.
pub const SECTOR_BYTES: usize = 512;

type Sector = [u8; SECTOR_BYTES];

const ZEROS: Sector = [0; SECTOR_BYTES];

/// The bytes of a file. A sector is dirty when it was written since the last fsync; its versions are
/// what it held since then, the device's own left out, so that each is another outcome of a power loss.
#[derive(Debug, Clone, Default)]
pub(super) struct FileBytes {
    device: Arc<Vec<u8>>,
    cache: Arc<Vec<u8>>,
    /// Lengths since the last fsync, the device's own left out.
    lengths: Vec<usize>,
    dirty: BTreeMap<usize, Vec<Arc<Sector>>>,
    /// The digest of all this, once it was asked for.
    digest: OnceLock<Hash>,
}

/// The sector, filled up with zeros where the file ends.
fn sector_of(bytes: &[u8], number: usize) -> Sector {
    let mut sector = ZEROS;
    let start = (number * SECTOR_BYTES).min(bytes.len());
    let end = (start + SECTOR_BYTES).min(bytes.len());
    sector[..end - start].copy_from_slice(&bytes[start..end]);
    sector
}

fn put_sector(bytes: &mut [u8], number: usize, sector: &Sector) {
    let start = (number * SECTOR_BYTES).min(bytes.len());
    let end = (start + SECTOR_BYTES).min(bytes.len());
    bytes[start..end].copy_from_slice(&sector[..end - start]);
}

fn sectors_of(bytes: Range<usize>) -> Range<usize> {
    bytes.start / SECTOR_BYTES..bytes.end.div_ceil(SECTOR_BYTES)
}

impl FileBytes {
    /// A file that is on the device as it is shown.
    pub(super) fn durable(bytes: Vec<u8>) -> Self {
        let device = Arc::new(bytes);
        Self { cache: Arc::clone(&device), device, ..Self::default() }
    }

    pub(super) fn shown(&self) -> &[u8] {
        &self.cache
    }

    pub(super) fn on_device(&self) -> &[u8] {
        &self.device
    }

    /// Lets the device hold something else than the cache, which stays clean.
    pub(super) fn set_device(&mut self, bytes: Vec<u8>) {
        self.device = Arc::new(bytes);
    }

    /// Drops what is clean from the cache, so that the device is read. Dirty sectors stay: no system
    /// drops them.
    pub(super) fn drop_clean(&mut self, bytes: Range<usize>) {
        if Arc::ptr_eq(&self.cache, &self.device) {
            return;
        }
        for number in sectors_of(bytes) {
            let device = sector_of(&self.device, number);
            if !self.dirty.contains_key(&number) && sector_of(&self.cache, number) != device {
                put_sector(Arc::<Vec<u8>>::make_mut(&mut self.cache), number, &device);
            }
        }
    }

    pub(super) fn write(&mut self, offset: usize, bytes: &[u8]) {
        let end = offset + bytes.len();
        let cache = Arc::make_mut(&mut self.cache);
        if end > cache.len() {
            cache.resize(end, 0);
        }
        cache[offset..end].copy_from_slice(bytes);
        if end > self.device.len() {
            self.note_length();
        }
        for number in sectors_of(offset..end) {
            self.note_sector(number);
        }
    }

    fn note_length(&mut self) {
        let length = self.cache.len();
        if length != self.device.len() && !self.lengths.contains(&length) {
            self.lengths.push(length);
        }
    }

    fn note_sector(&mut self, number: usize) {
        let now = sector_of(&self.cache, number);
        let known = self.dirty.get(&number);
        if now == sector_of(&self.device, number)
            || known.is_some_and(|versions| versions.iter().any(|version| **version == now))
        {
            return;
        }
        self.dirty.entry(number).or_default().push(Arc::new(now));
    }

    /// An fsync: what is dirty counts as clean from now on. Of the dirty sectors in order, those whose bit is
    /// set reach the device, and the length if all bits are set; all bits are an fsync that does its work.
    /// What only the cache shows since an earlier fsync failed is clean, and stays there.
    pub(super) fn sync(&mut self, reached: u64) {
        let device = Arc::make_mut(&mut self.device);
        if reached == u64::MAX && !self.lengths.is_empty() {
            device.resize(self.cache.len(), 0);
        }
        for (at, number) in self.dirty.keys().enumerate() {
            if reached == u64::MAX || (at < 64 && reached >> at & 1 == 1) {
                put_sector(device, *number, &sector_of(&self.cache, *number));
            }
        }
        self.lengths.clear();
        self.dirty.clear();
        if self.cache == self.device {
            self.cache = Arc::clone(&self.device);
        }
    }

    /// To be called before each change.
    pub(super) fn forget_digest(&mut self) {
        self.digest = OnceLock::new();
    }

    /// Whether a power loss changes nothing about it.
    pub(super) fn is_durable(&self) -> bool {
        Arc::ptr_eq(&self.cache, &self.device) && self.lengths.is_empty() && self.dirty.is_empty()
    }

    /// How many other lengths than the device's a power loss can leave.
    pub(super) fn other_lengths(&self) -> usize {
        self.lengths.len()
    }

    /// The dirty sectors, and how many other versions than the device's a power loss can leave of each.
    pub(super) fn other_sectors(&self) -> impl Iterator<Item = (usize, usize)> {
        self.dirty.iter().map(|(number, versions)| (*number, versions.len()))
    }

    /// What sector `number` can be after a power loss.
    pub(super) fn versions(&self, number: usize) -> impl Iterator<Item = Sector> {
        let others = self.dirty.get(&number).into_iter().flatten();
        std::iter::once(sector_of(&self.device, number)).chain(others.map(|version| **version))
    }

    /// The file after a power loss that left this length and these sectors: 0 is the device's, the
    /// versions since then count from 1.
    pub(super) fn after_power_loss(&self, length: usize, sectors: &[(usize, usize)]) -> Self {
        if length == 0 && sectors.iter().all(|(_, version)| *version == 0) {
            return Self {
                device: Arc::clone(&self.device),
                cache: Arc::clone(&self.device),
                ..Self::default()
            };
        }
        let mut bytes = self.device.to_vec();
        let length = length.checked_sub(1).map_or(bytes.len(), |at| self.lengths[at]);
        bytes.resize(length, 0);
        for (number, version) in sectors {
            if let Some(at) = version.checked_sub(1) {
                put_sector(&mut bytes, *number, &self.dirty[number][at]);
            }
        }
        Self::durable(bytes)
    }

    /// Whether both have the same bytes, clean and dirty; decided without looking at them.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.device, &other.device)
            && Arc::ptr_eq(&self.cache, &other.cache)
            && self.lengths == other.lengths
            && self.dirty.len() == other.dirty.len()
            && self.dirty.iter().zip(&other.dirty).all(|((a, left), (b, right))| {
                a == b
                    && left.len() == right.len()
                    && left.iter().zip(right).all(|(a, b)| Arc::ptr_eq(a, b))
            })
    }

    /// A digest of everything that can be seen of it now or after a power loss.
    pub(super) fn digest(&self) -> Hash {
        *self.digest.get_or_init(|| {
            let mut bytes = Vec::new();
            self.describe(&mut bytes);
            Hash::of("aerodb 2026 simulated file", &[&bytes])
        })
    }

    fn describe(&self, into: &mut Vec<u8>) {
        let mut part = |bytes: &[u8]| {
            into.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
            into.extend_from_slice(bytes);
        };
        part(&self.device);
        let shown: &[u8] = if self.cache == self.device { &[] } else { &self.cache };
        part(shown);
        for length in self.lengths.iter().collect::<BTreeSet<_>>() {
            part(&(*length as u64).to_le_bytes());
        }
        for (number, versions) in &self.dirty {
            part(&(*number as u64).to_le_bytes());
            for version in versions.iter().collect::<BTreeSet<_>>() {
                part(&version[..]);
            }
        }
    }
}
