//! The disk of the operating system does what the port says, as the simulated one does.

#![allow(clippy::unwrap_used)] // helpers stand outside of the test functions

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use aerodb_ledger::disk::{
    Access, Disk, DiskError, Operation, RealDisk, create_dir, create_dirs, create_filled, is_dir,
    read_file, replace_file, sync_tree,
};

fn root() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn said<T>(outcome: Result<T, DiskError>) -> (Operation, ErrorKind) {
    let error = outcome.map(drop).unwrap_err();
    (error.operation, error.source.kind())
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Proves: P3-D9.
#[test]
fn p3_d9_an_error_names_operation_file_and_rule_except_where_it_may_be_an_answer() {
    let root = root();
    let absent = root.path().join("absent");
    let error = RealDisk.open(&absent, Access::Read).unwrap_err();
    assert!(error.is_not_found() && !error.is_no_space());
    assert_eq!(
        error.to_string(),
        format!("cannot open {}: No such file or directory (os error 2)", absent.display())
    );
    let error = RealDisk.open(root.path(), Access::Read).unwrap_err();
    assert!(!error.is_not_found() && !error.is_no_space());
    assert_eq!(
        error.to_string(),
        format!("cannot open {}: it is not a regular file (P3-D9)", root.path().display())
    );
    for full in [ErrorKind::StorageFull, ErrorKind::QuotaExceeded] {
        assert!(DiskError::new(Operation::Write, &absent, full.into()).is_no_space());
    }
}

#[test]
fn every_operation_has_a_verb_of_its_own_for_messages() {
    use Operation as O;
    let verbs = [
        (O::Open, "open"),
        (O::Create, "create"),
        (O::Read, "read"),
        (O::Write, "write"),
        (O::Sync, "fsync"),
        (O::SyncDir, "fsync directory"),
        (O::Length, "take the length of"),
        (O::List, "list"),
        (O::Rename, "rename"),
        (O::Remove, "remove"),
        (O::Lock, "lock"),
    ];
    for (operation, verb) in verbs {
        assert_eq!((operation.as_str(), operation.to_string().as_str()), (verb, verb));
    }
}

#[test]
fn a_file_is_written_and_read_where_it_was_asked_to_be() {
    let root = root();
    let path = root.path().join("file");
    let file = RealDisk.create(&path).unwrap();
    assert_eq!(mode(&path), 0o600);
    file.write_at(3, b"abc").unwrap();
    file.sync_data().unwrap();
    assert_eq!(file.length().unwrap(), 6);
    assert_eq!(fs::read(&path).unwrap(), b"\0\0\0abc");
    let mut read = [0; 2];
    file.read_at(4, &mut read).unwrap();
    assert_eq!(&read, b"bc");
    let mut uncached = [0; 3];
    file.read_uncached_at(3, &mut uncached).unwrap();
    assert_eq!(&uncached, b"abc");
    let past = (Operation::Read, ErrorKind::UnexpectedEof);
    assert_eq!(said(file.read_at(5, &mut read)), past);
    assert_eq!(said(file.read_uncached_at(5, &mut read)), past);
    assert_eq!(RealDisk.create(&path).unwrap().length().unwrap(), 0, "it is emptied");
}

/// What could not be made is not looked for to be taken away: that would tell of another failure.
#[test]
fn a_file_that_cannot_be_made_tells_why() {
    let root = root();
    for name in ["absent/", "file/"] {
        fs::write(root.path().join("file"), b"abc").unwrap();
        let refused = said(RealDisk.create(&root.path().join(name)));
        assert_eq!(refused, (Operation::Create, ErrorKind::IsADirectory), "{name}");
    }
    assert_eq!(fs::read(root.path().join("file")).unwrap(), b"abc");
}

#[test]
fn a_file_opened_for_reading_takes_no_writes_and_no_pipe_is_waited_for() {
    let root = root();
    let path = root.path().join("file");
    fs::write(&path, b"abc").unwrap();
    let file = RealDisk.open(&path, Access::Read).unwrap();
    assert_eq!(said(file.write_at(0, b"x")).0, Operation::Write);
    RealDisk.open(&path, Access::ReadWrite).unwrap().write_at(0, b"x").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"xbc");
    let pipe = root.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let refused = (Operation::Open, ErrorKind::InvalidInput);
    assert_eq!(said(RealDisk.open(&pipe, Access::Read)), refused);
}

#[test]
fn a_directory_is_made_once_and_nothing_else_passes_for_one() {
    let root = root();
    let dir = root.path().join("dir");
    RealDisk.create_dir(&dir).unwrap();
    assert_eq!(mode(&dir), 0o700);
    RealDisk.create_dir(&dir).unwrap();
    let file = root.path().join("file");
    fs::write(&file, b"").unwrap();
    assert_eq!(said(RealDisk.create_dir(&file)), (Operation::Create, ErrorKind::AlreadyExists));
    let deep = root.path().join("absent/dir");
    assert_eq!(said(RealDisk.create_dir(&deep)), (Operation::Create, ErrorKind::NotFound));
    RealDisk.remove_dir(&dir).unwrap();
    assert_eq!(said(RealDisk.remove_dir(&dir)), (Operation::Remove, ErrorKind::NotFound));
}

/// What the system keeps in memory alone cannot be made durable, and says so.
#[test]
fn an_fsync_that_fails_is_told() {
    let file = RealDisk.open(Path::new("/proc/self/comm"), Access::Read).unwrap();
    assert_eq!(said(file.sync_data()), (Operation::Sync, ErrorKind::InvalidInput));
    let dir = RealDisk.sync_dir(Path::new("/proc/self"));
    assert_eq!(said(dir), (Operation::SyncDir, ErrorKind::InvalidInput));
}

#[test]
fn names_are_listed_in_order_renamed_and_removed() {
    let root = root();
    let at = |name: &str| root.path().join(name);
    for name in ["b", "c", "a"] {
        fs::write(at(name), name).unwrap();
    }
    assert_eq!(RealDisk.list(root.path()).unwrap(), ["a", "b", "c"]);
    RealDisk.rename(&at("a"), &at("b")).unwrap();
    RealDisk.remove(&at("c")).unwrap();
    RealDisk.sync_dir(root.path()).unwrap();
    assert_eq!(RealDisk.list(root.path()).unwrap(), ["b"]);
    assert_eq!(fs::read(at("b")).unwrap(), b"a");
    assert_eq!(said(RealDisk.rename(&at("a"), &at("b"))), (Operation::Rename, ErrorKind::NotFound));
    assert_eq!(said(RealDisk.remove(&at("a"))), (Operation::Remove, ErrorKind::NotFound));
    assert_eq!(said(RealDisk.sync_dir(&at("a"))), (Operation::SyncDir, ErrorKind::NotFound));
    assert_eq!(said(RealDisk.list(&at("a"))), (Operation::List, ErrorKind::NotFound));
}

#[test]
fn a_directory_keeps_its_identity_under_another_name_and_a_copy_has_another_one() {
    let root = root();
    let (one, other) = (root.path().join("one"), root.path().join("other"));
    fs::create_dir(&one).unwrap();
    let id = RealDisk.directory_id(&one).unwrap();
    fs::rename(&one, &other).unwrap();
    assert_eq!(RealDisk.directory_id(&other).unwrap(), id);
    fs::create_dir(&one).unwrap();
    let copy = RealDisk.directory_id(&one).unwrap();
    assert_eq!(copy.device, id.device);
    assert_ne!(copy.inode, id.inode);
    assert!(RealDisk.directory_id(&root.path().join("absent")).unwrap_err().is_not_found());
}

/// What the system says of a directory's device stands in files of its own, where it says anything.
#[test]
fn the_physical_block_is_what_the_system_says_of_the_device() {
    let root = root();
    assert_eq!(RealDisk.physical_block_bytes(&root.path().join("absent")), None);
    for dir in ["/", "/dev/shm"].map(Path::new).into_iter().filter(|dir| dir.exists()) {
        let device = RealDisk.directory_id(dir).unwrap().device;
        let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
        let of = |at: &str| format!("/sys/dev/block/{major}:{minor}/{at}queue/physical_block_size");
        let said = fs::read_to_string(of("")).or_else(|_| fs::read_to_string(of("../")));
        let said: Option<u64> = said.ok().map(|bytes| bytes.trim().parse().unwrap());
        assert_eq!(RealDisk.physical_block_bytes(dir), said, "{}", dir.display());
    }
}

/// More than is written at once, and a head of an odd length before it.
#[test]
fn a_filled_file_is_its_head_and_zeros_to_the_last_byte() {
    let root = root();
    let path = root.path().join("file");
    for piece in [300_000, usize::MAX] {
        for bytes in [5, 6, 4096, (1 << 20) + 5, (5 << 19) + 1] {
            create_filled(&RealDisk, &path, b"head!", bytes, || piece).unwrap();
            let found = fs::read(&path).unwrap();
            assert_eq!(found.len() as u64, bytes);
            assert_eq!(&found[..5], b"head!");
            assert!(found[5..].iter().all(|byte| *byte == 0));
            assert_eq!(RealDisk.list(root.path()).unwrap(), ["file"], "no temporary file stays");
        }
    }
}

#[test]
fn a_file_that_is_replaced_has_the_new_content_also_when_that_is_empty() {
    let root = root();
    let path = root.path().join("file");
    for content in [&b"one"[..], b"two and more", b""] {
        replace_file(&RealDisk, &path, content).unwrap();
        assert_eq!(read_file(&RealDisk, &path).unwrap(), content);
    }
    assert_eq!(RealDisk.list(root.path()).unwrap(), ["file"]);
}

#[test]
fn a_small_file_has_at_most_one_mebibyte() {
    let root = root();
    let path = root.path().join("file");
    fs::write(&path, vec![7; 1 << 20]).unwrap();
    assert_eq!(read_file(&RealDisk, &path).unwrap(), vec![7; 1 << 20]);
    fs::write(&path, vec![7; (1 << 20) + 1]).unwrap();
    let refused = read_file(&RealDisk, &path);
    assert_eq!(said(refused), (Operation::Read, ErrorKind::InvalidData));
}

#[test]
fn what_cannot_be_looked_at_is_no_answer_whether_it_is_a_directory() {
    let root = root();
    let (a, b) = (root.path().join("a"), root.path().join("b"));
    symlink(&b, &a).unwrap();
    symlink(&a, &b).unwrap();
    assert_eq!(said(is_dir(&RealDisk, &a)).0, Operation::List, "a loop of links");
    assert_eq!(said(create_dirs(&RealDisk, &a)).0, Operation::List);
    assert_eq!(said(create_dir(&RealDisk, &a)).0, Operation::List);
}

#[test]
fn a_directory_that_holds_something_is_not_made_anew() {
    let root = root();
    let dir = root.path().join("dir");
    create_dir(&RealDisk, &dir).unwrap();
    fs::write(dir.join("file"), b"x").unwrap();
    create_dir(&RealDisk, &dir).unwrap();
    assert_eq!(fs::read(dir.join("file")).unwrap(), b"x");
    sync_tree(&RealDisk, root.path()).unwrap();
    let absent = root.path().join("absent");
    assert!(sync_tree(&RealDisk, &absent).unwrap_err().is_not_found());
}
