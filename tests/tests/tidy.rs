//! Rules of the repository itself.
//!
//! Keeps: P6-FZ3, P6-TS9.

use std::fs;
use std::path::{Path, PathBuf};

use aerodb_core::rules::RuleId;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn sources(dir: &Path) -> Vec<PathBuf> {
    let (mut found, mut dirs) = (Vec::new(), vec![dir.to_owned()]);
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found
}

const CRATES: [&str; 6] = ["core", "ledger", "http-api", "node", "statecharts", "tests"];

/// Proves: P6-AR8.
#[test]
fn imports_point_one_way() {
    let allowed: [(&str, &[&str]); 6] = [
        ("core", &[]),
        ("ledger", &["core"]),
        ("statecharts", &["core"]),
        ("http-api", &["core", "statecharts"]),
        ("node", &["core", "ledger", "http-api", "statecharts"]),
        ("tests", &["core", "ledger", "http-api", "node", "statecharts"]),
    ];
    for (folder, may_use) in allowed {
        let manifest =
            fs::read_to_string(root().join(folder).join("Cargo.toml")).expect("a manifest");
        for other in CRATES {
            let used = manifest.lines().any(|line| line.starts_with(&format!("aerodb-{other}.")));
            assert!(!used || may_use.contains(&other), "{folder} may not import {other}");
        }
    }
}

#[test]
fn every_rule_is_kept_where_the_catalogue_says_and_is_named_by_a_test_or_a_golden_file() {
    let mut tests = String::new();
    for folder in CRATES {
        for path in sources(&root().join(folder)) {
            let text = fs::read_to_string(&path).expect("a source file");
            let within = path.components().any(|part| part.as_os_str() == "tests");
            let beside = path.file_name().is_some_and(|name| name == "tests.rs");
            match text.find("#[cfg(test)]") {
                _ if within || beside => tests.push_str(&text),
                Some(at) => tests.push_str(&text[at..]),
                None => {}
            }
        }
    }
    let mut unnamed = Vec::new();
    for rule in RuleId::ALL {
        let (folder, module) = rule.enforced_in().split_once("::").expect("crate::module");
        let module = root().join(folder).join("src").join(module.replace("::", "/"));
        let there = module.with_extension("rs").exists() || module.join("mod.rs").exists();
        assert!(there, "{rule}: there is no module {}", rule.enforced_in());
        let variant = format!("RuleId::{rule:?}");
        let function = rule.id().to_lowercase().replace('-', "_");
        if ![variant.as_str(), rule.id(), function.as_str()]
            .iter()
            .any(|name| tests.contains(*name))
        {
            unnamed.push(rule.id());
        }
    }
    assert!(unnamed.is_empty(), "no test names {unnamed:?}");
}

/// Proves: P6-FZ3, P5-T5, P6-TS9.
#[test]
fn nothing_is_left_unfinished_and_no_test_is_ignored() {
    let marks = ["TO", "FIX", "XX"].iter().zip(["DO", "ME", "X"]).map(|(a, b)| format!("{a}{b}"));
    let marks: Vec<_> = marks
        .chain([
            "#[ig".to_owned() + "nore",
            "todo".to_owned() + "!(",
            "unimple".to_owned() + "mented!(",
        ])
        .collect();
    for folder in CRATES {
        for path in sources(&root().join(folder)) {
            let text = fs::read_to_string(&path).expect("a source file");
            for mark in &marks {
                assert!(!text.contains(mark.as_str()), "{} has {mark}", path.display());
            }
        }
    }
}

#[test]
fn the_readme_and_the_continuous_integration_run_the_same_tests() {
    let readme = fs::read_to_string(root().join("README.md")).expect("a README");
    assert!(readme.contains("\ncargo run --release -- demo\n"));
    assert!(readme.contains("\ncargo test --workspace\n"));
    let ci = fs::read_to_string(root().join(".ci/run")).expect("a script");
    assert!(ci.lines().any(|line| line == "cargo test --workspace"));
}
