//! Rules that are kept by what the code does not do.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The product's own code, by path: tests left out.
fn sources(folder: &str) -> Vec<(String, String)> {
    let (mut found, mut dirs) = (Vec::new(), vec![root().join(folder).join("src")]);
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).expect("a directory") {
            let path = entry.expect("an entry").path();
            // Below the folder: where the repository lies is of no account.
            let within = path.strip_prefix(root()).expect("a file of the repository");
            let name = within.display().to_string();
            if path.is_dir() {
                dirs.push(path);
            } else if name.ends_with(".rs")
                && !name.ends_with("/tests.rs")
                && !name.contains("/tests/")
            {
                let text = fs::read_to_string(&path).expect("a source file");
                let own = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
                found.push((name, own.to_owned()));
            }
        }
    }
    assert!(!found.is_empty(), "there is nothing in {folder}");
    found.sort_unstable();
    found
}

const PRODUCT: [&str; 5] = ["core", "ledger", "http-api", "statecharts", "node"];

fn naming(folders: &[&str], what: &str) -> Vec<String> {
    let all = folders.iter().flat_map(|folder| sources(folder));
    let of = |(name, text): (String, String)| text.contains(what).then_some(name);
    all.filter_map(of).collect()
}

/// Proves: P3-G9.
#[test]
fn the_wall_clock_is_read_for_annotations_and_the_date_of_an_answer_only() {
    // The header that HTTP asks for; nothing else of the crate has it.
    const DATE: &str = "http-api/src/front/date.rs";
    let [date, place] = &naming(&PRODUCT, "SystemTime")[..] else { panic!("there are others") };
    assert_eq!((date.as_str(), place.as_str()), (DATE, "node/src/clock.rs"));
    assert_eq!(naming(&PRODUCT, "write_date"), ["http-api/src/front/answer.rs", DATE]);
    for name in naming(&["node"], "now_ms()").into_iter().filter(|name| name != place) {
        let text = fs::read_to_string(root().join(&name)).expect("a source file");
        let uses = text.lines().filter(|line| line.contains("now_ms()"));
        for line in uses.filter(|line| !line.contains("fn now_ms")) {
            assert!(line.contains("received_at_ms"), "{name}: {line}");
        }
    }
}

/// Proves: P6-N5, P6-DF6, RM-7, M-C22.
#[test]
fn what_decides_reads_no_clock_no_environment_no_network_and_no_configuration() {
    for banned in [
        "std::time",
        "tokio",
        "std::env",
        "std::net",
        "std::fs",
        "std::thread",
        "HashMap",
        "HashSet",
        "Config",
        "random",
    ] {
        let found = naming(&["core"], banned);
        assert!(found.is_empty(), "{banned} in {found:?}");
    }
    let banned = fs::read_to_string(root().join("core/clippy.toml")).expect("a file");
    for what in ["SystemTime", "Instant", "env::var", "TcpStream", "fs::File"] {
        assert!(banned.contains(what), "clippy would let {what} pass");
    }
}

/// Proves: P3-RS5.
#[test]
fn replay_reads_no_configuration() {
    let text = fs::read_to_string(root().join("node/src/replay.rs")).expect("a source file");
    assert!(!text.contains("Config") && !text.contains("crate::config"));
}

/// Proves: P3-T6.
#[test]
fn no_destructor_makes_anything_durable() {
    let mut destructors = 0;
    for (name, text) in PRODUCT.iter().flat_map(|folder| sources(folder)) {
        for body in text.split(" Drop for ").skip(1) {
            destructors += 1;
            let body = body.split("\n}").next().unwrap_or_default();
            for durable in ["fsync", "sync_", ".append(", "rename(", "write_at", "remove_file"] {
                assert!(!body.contains(durable), "{name}: a destructor calls {durable}");
            }
        }
    }
    assert!(destructors > 5, "the reader finds {destructors} destructors");
}

/// Proves: P3-M4.
#[test]
fn a_violated_invariant_ends_the_process() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("a manifest");
    let profiles: Vec<_> = manifest.split("\n[profile.").skip(1).collect();
    for name in ["release]", "dev]"] {
        let profile = profiles.iter().find(|text| text.starts_with(name)).expect("a profile");
        assert!(profile.contains("panic = \"abort\""), "{name}");
    }
    assert_eq!(naming(&PRODUCT, "catch_unwind"), Vec::<String>::new());
}

/// Proves: F-T4, P6-TS9.
#[test]
fn every_test_that_needs_a_feature_is_run_by_the_continuous_integration() {
    let ci = fs::read_to_string(root().join(".ci/run")).expect("a script");
    for folder in PRODUCT.iter().chain(&["tests"]) {
        let manifest =
            fs::read_to_string(root().join(folder).join("Cargo.toml")).expect("a manifest");
        for test in
            manifest.split("[[test]]").skip(1).filter(|test| test.contains("required-features"))
        {
            let value = |name: &str| {
                let line = test.lines().find(|line| line.starts_with(name)).expect("a line");
                line.split('"').nth(1).expect("a value").to_owned()
            };
            let (name, feature) = (value("name"), value("required-features"));
            let run = |line: &str| {
                line.contains(&format!("--features {feature}"))
                    && line.contains(&format!("--test {name}"))
            };
            assert!(ci.lines().any(run), "{folder}: {name} is not run");
        }
    }
}

/// Proves: P6-TS9, P5-T5.
#[test]
fn no_test_sleeps() {
    let sleep = "thread::".to_owned() + "sleep(";
    let mut dirs = vec![
        root().join("tests/tests"),
        root().join("ledger/tests"),
        root().join("http-api/tests"),
    ];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                let text = fs::read_to_string(&path).expect("a source file");
                assert!(!text.contains(&sleep), "{} sleeps", path.display());
            }
        }
    }
}

/// The file's text without its tests.
fn own(path: &str) -> String {
    let folder = path.split('/').next().unwrap_or_default();
    let found = sources(folder).into_iter().find(|(name, _)| name.ends_with(path));
    found.unwrap_or_else(|| panic!("there is no {path}")).1
}

/// The one who may append to the log and the one who may write to the store are values, and few places name their
/// types: the start, which makes them, and the stages, which own them.
///
/// Proves: A-1, RA-2.
#[test]
fn the_log_and_the_store_have_one_owner_each() {
    let owners = [
        "node/src/open.rs",
        "node/src/recovery.rs",
        "node/src/replay.rs",
        "node/src/discard/",
        "node/src/directory.rs",
        "node/src/wal/pipeline/receiver.rs",
        "node/src/wal/pipeline/applier.rs",
        "node/src/store/",
        // For tests: it makes the histories of both nodes.
        "node/src/scene.rs",
    ];
    for name in naming(&["node"], "StoreWriter").into_iter().chain(naming(&["node"], "wal::{Wal,"))
    {
        assert!(owners.iter().any(|owner| name.contains(owner)), "{name}");
    }
    for (name, text) in sources("node").iter().filter(|(name, _)| name.contains("/supervisor/")) {
        for foreign in ["StoreWriter", "ledger::wal", "Validator", "Applier"] {
            assert!(!text.contains(foreign), "{name} names {foreign}");
        }
    }
}

/// Proves: P6-AR2, P6-SC8, P6-F3, P6-N6.
#[test]
fn a_promotion_is_one_pass_that_moves_the_role_once_and_writes_no_history() {
    let text = own("node/src/supervisor/promotion/mod.rs");
    for foreign in
        ["ledger::wal", "StoreWriter", "loop {", "while ", "retry", "sleep", "spawn", "Client"]
    {
        assert!(!text.contains(foreign), "{foreign}");
    }
    assert_eq!(text.matches("machines.role.must_step").count(), 1);
}

/// Proves: P6-D2, P6-AR8.
#[test]
fn a_start_decides_no_promotion_and_no_decision_reads_what_observers_are_told() {
    for path in [
        "node/src/open.rs",
        "node/src/recovery.rs",
        "node/src/replay.rs",
        "node/src/serve/assemble.rs",
    ] {
        let text = own(path);
        for foreign in ["PromotionFacts", "Recorded::decide", "grant_body"] {
            assert!(!text.contains(foreign), "{path} names {foreign}");
        }
    }
    for (name, text) in sources("node").iter().filter(|(name, _)| {
        name.contains("/supervisor/") || name.contains("/wal/") || name.contains("/replication/")
    }) {
        for told in ["journal.after(", ".promotions()", "promotion_durations", "metrics_text"] {
            assert!(!text.contains(told), "{name} reads {told}");
        }
    }
}
