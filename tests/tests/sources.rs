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
            let name = path.display().to_string();
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
fn the_wall_clock_is_read_in_one_place_and_for_annotations_only() {
    let [place] = &naming(&PRODUCT, "SystemTime")[..] else { panic!("there are several") };
    assert!(place.ends_with("node/src/clock.rs"), "{place}");
    for name in naming(&["node"], "now_ms()") {
        let text = fs::read_to_string(&name).expect("a source file");
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
