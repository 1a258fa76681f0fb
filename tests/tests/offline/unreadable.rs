//! What is no directory, is of another node, or cannot be read or printed.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use serde_json::json;

use crate::stage::{COMMANDS, copy, diff, fault_in, in_json, segment, stopped, table, text};

#[test]
fn what_is_no_directory_of_a_node_is_said_to_be_none() {
    let (n1, root) = stopped();
    let place = |name: &str| root.path().join(name);
    fs::create_dir(place("empty")).expect("a directory");
    fs::write(place("file"), "x").expect("a file");
    symlink(place("loop"), place("loop")).expect("a link");
    fs::create_dir(place("odd")).expect("a directory");
    fs::create_dir(place("odd").join("identity")).expect("a directory in place of a file");
    fs::create_dir(place("pipe")).expect("a directory");
    let pipe = Command::new("mkfifo").arg(place("pipe").join("identity")).status();
    assert!(pipe.expect("mkfifo runs").success());
    for (name, why) in [
        ("missing", "is not there"),
        ("empty", "is not there"),
        ("file", "Not a directory"),
        ("loop", "Too many levels of symbolic links"),
        ("odd", "not a regular file"),
        ("pipe", "not a regular file"),
    ] {
        for command in COMMANDS {
            let (shown, found) = (table(command, &place(name)), in_json(command, &place(name)));
            assert_eq!(
                (shown.code, found.code),
                (Some(3), Some(3)),
                "{name} {command:?}: {shown:?}"
            );
            assert!(shown.stderr.contains(why), "{name}: {shown:?}");
            assert_eq!(found.json()["error"]["exit"], 3);
        }
        let found = diff(text(&n1.dir), text(&place(name)));
        assert_eq!(found.code, Some(3), "{name}: {found:?}");
    }
    assert!(!place("missing").exists());
    assert_eq!(fs::read_dir(place("empty")).expect("a directory").count(), 0);
}

#[test]
fn st_2_a_foreign_file_and_another_nodes_segment_are_named() {
    let (n1, root) = stopped();
    let (other, _other_root) = stopped();
    let foreign = root.path().join("foreign");
    copy(&n1.dir, &foreign);
    fs::write(foreign.join("wal").join("notes.txt"), "x").expect("a file");
    let exchanged = root.path().join("exchanged");
    copy(&n1.dir, &exchanged);
    fs::copy(segment(&other.dir, "wal"), segment(&exchanged, "wal")).expect("a copy");
    for (dir, file) in [(&foreign, "notes.txt"), (&exchanged, "0000000000000001.seg")] {
        for command in [&["wal", "verify"], &["wal", "show"]] {
            let found = in_json(command, dir);
            assert_eq!(found.code, Some(1), "{found:?}");
            let fault = fault_in(&found.json());
            assert_eq!((&fault["kind"], &fault["rule"]), (&json!("damage"), &json!("ST-2")));
            assert!(fault["file"].as_str().is_some_and(|path| path.ends_with(file)), "{fault}");
        }
    }
}

#[test]
fn p3_d9_what_the_disk_does_not_give_ends_with_3_and_is_not_called_damage() {
    let (n1, _root) = stopped();
    for (log, command) in [
        ("wal", &["wal", "verify"][..]),
        ("wal", &["wal", "show"]),
        ("wal", &["ledger", "verify"]),
        ("decision.ledger", &["ledger", "verify"]),
        ("decision.ledger", &["ledger", "show", "--log", "decision"]),
        ("decision.ledger", &["ledger", "replay"]),
    ] {
        let path = segment(&n1.dir, log);
        let whole = fs::read(&path).expect("a segment");
        fs::remove_file(&path).expect("removed");
        symlink(&path, &path).expect("a link to itself");
        let (shown, found) = (table(command, &n1.dir), in_json(command, &n1.dir));
        assert_eq!((shown.code, found.code), (Some(3), Some(3)), "{command:?}: {shown:?}");
        let fault = fault_in(&found.json());
        assert_eq!((&fault["kind"], &fault["rule"]), (&json!("unreadable"), &json!("P3-D9")));
        assert!(shown.stdout.contains("unreadable P3-D9"), "{shown:?}");
        fs::remove_file(&path).expect("removed");
        fs::write(&path, whole).expect("restored");
    }
}

#[test]
fn an_answer_that_cannot_be_printed_is_a_failure_and_a_closed_pipe_is_none() {
    let (n1, _root) = stopped();
    let binary = aerodb_tests::binary_path();
    for command in COMMANDS {
        let run = |stdout: &str| {
            let line = format!(
                "{} {} --data-dir {} {stdout}",
                binary.display(),
                command.join(" "),
                n1.dir_arg()
            );
            let shell = Command::new("bash").args(["-o", "pipefail", "-c", &line]).output();
            let output = shell.expect("bash runs");
            (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
        };
        let (code, said) = run("> /dev/full");
        assert_eq!(code, Some(3), "{command:?}: {said}");
        assert!(said.contains("cannot print the answer: No space left on device"), "{said}");
        assert_eq!(run("| true").0, Some(0), "{command:?}");
    }
}
