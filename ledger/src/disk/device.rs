//! What the device under a directory writes at once, as Linux tells it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Bytes that the device under this directory writes at once. `None` where the system does not say, as for
/// file systems in memory or over a network.
pub(super) fn physical_block_bytes(dir: &Path) -> Option<u64> {
    physical_bytes(Path::new("/sys/dev/block"), fs::metadata(dir).ok()?.dev())
}

/// The physical block of a block device, in bytes. A partition has that of the disk that it is part of.
fn physical_bytes(sys: &Path, device: u64) -> Option<u64> {
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let link = sys.join(format!("{major}:{minor}"));
    // A link: `..` of what it points to, not of where it stands.
    let dir: PathBuf = fs::canonicalize(link).ok()?;
    let of = |dir: &Path| fs::read_to_string(dir.join("queue/physical_block_size")).ok();
    of(&dir).or_else(|| of(dir.parent()?))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_has_the_physical_block_of_its_disk() {
        let sys = tempfile::tempdir().unwrap();
        let disk = sys.path().join("devices/sda");
        fs::create_dir_all(disk.join("sda1")).unwrap();
        fs::create_dir_all(disk.join("queue")).unwrap();
        fs::write(disk.join("queue/physical_block_size"), "16384\n").unwrap();
        let dev = sys.path().join("dev");
        fs::create_dir(&dev).unwrap();
        std::os::unix::fs::symlink(&disk, dev.join("8:0")).unwrap();
        std::os::unix::fs::symlink(disk.join("sda1"), dev.join("8:1")).unwrap();
        let of = |minor| physical_bytes(&dev, rustix::fs::makedev(8, minor));
        assert_eq!((of(0), of(1)), (Some(16384), Some(16384)));
        assert_eq!(of(2), None, "no such device");
        fs::write(disk.join("queue/physical_block_size"), "much\n").unwrap();
        assert_eq!(of(0), None);
    }

    #[test]
    fn nothing_is_said_of_a_directory_that_is_not_there() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(physical_block_bytes(&dir.path().join("absent")), None);
    }
}
