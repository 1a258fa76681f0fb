//! Rules of the repository itself.
//!
//! Keeps: P6-FZ3, P6-TS9.

use std::fs;
use std::path::{Path, PathBuf};

use aerodb_core::rules::RuleId;
use serde::Deserialize;

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

/// A file that no `mod` leads to is not compiled, and its tests do not run.
///
/// Proves: P6-TS9.
#[test]
fn every_source_is_part_of_a_crate() {
    let all: Vec<_> = CRATES.iter().flat_map(|folder| sources(&root().join(folder))).collect();
    let from: Vec<_> = all.iter().map(|path| Modules::of(path)).collect();
    let reached = |path: &PathBuf| is_root(path) || from.iter().any(|it| it.lead_to(path));
    let unreached: Vec<_> = all.iter().filter(|path| !reached(path)).collect();
    assert!(unreached.is_empty(), "no mod leads to {unreached:?}");
}

/// Whether cargo begins a crate with it.
fn is_root(path: &Path) -> bool {
    let name = |path: &Path| path.file_name().and_then(|it| it.to_str().map(str::to_owned));
    let (file, folder) = (name(path), path.parent().and_then(name));
    let beside = path.parent().and_then(|it| it.parent()).and_then(name);
    let is_target = |name: &Option<String>| {
        matches!(name.as_deref(), Some("tests" | "benches" | "examples" | "bin"))
    };
    let package = |dir: Option<&Path>| dir.is_some_and(|it| it.join("Cargo.toml").exists());
    let in_package = |levels| package(path.ancestors().nth(levels));
    match (file.as_deref(), folder.as_deref()) {
        (Some("lib.rs" | "main.rs"), Some("src")) => true,
        (Some("main.rs"), _) if is_target(&beside) => in_package(3),
        (_, Some("bin")) => in_package(3),
        (_, _) if is_target(&folder) => in_package(2),
        _ => false,
    }
}

/// What a source says `mod` of.
struct Modules {
    /// Where their files are.
    home: PathBuf,
    names: Vec<String>,
    /// Those that are named by their path.
    by_path: Vec<PathBuf>,
}

impl Modules {
    fn of(path: &Path) -> Self {
        let dir = path.parent().expect("a folder");
        let text = fs::read_to_string(path).expect("a source file");
        let owns_folder = is_root(path) || path.file_name().is_some_and(|it| it == "mod.rs");
        let home = if owns_folder { dir.to_owned() } else { path.with_extension("") };
        let (mut names, mut by_path) = (Vec::new(), Vec::new());
        for line in text.lines().map(str::trim) {
            if let Some(rest) = line.strip_prefix("#[path = \"") {
                by_path
                    .extend(rest.split('"').next().and_then(|it| dir.join(it).canonicalize().ok()));
            }
            let said = line.split_once(") ").map_or(line, |(_, rest)| rest);
            let said = said.trim_start_matches("pub ").strip_prefix("mod ");
            names.extend(said.and_then(|it| it.strip_suffix(';')).map(str::to_owned));
        }
        Self { home, names, by_path }
    }

    fn lead_to(&self, path: &Path) -> bool {
        let is_mod = path.file_name().is_some_and(|it| it == "mod.rs");
        let module = if is_mod { path.parent().expect("a folder") } else { path };
        let name = module.file_stem().and_then(|it| it.to_str()).expect("a name");
        let here = module.parent() == Some(self.home.as_path());
        (here && self.names.iter().any(|it| it == name))
            || self.by_path.iter().any(|it| path.canonicalize().is_ok_and(|path| *it == path))
    }
}

/// Proves: P6-TS9.
#[test]
fn nothing_is_compiled_on_a_condition_but_for_tests_and_features() {
    for path in CRATES.iter().flat_map(|folder| sources(&root().join(folder))) {
        let text = fs::read_to_string(&path).expect("a source file");
        for line in text.lines().map(str::trim) {
            let Some(at) = line.strip_prefix("#[cf").or(line.strip_prefix("#![cf")) else {
                continue;
            };
            let known = at == "g(test)]"
                || at.starts_with("g(feature = \"")
                || at.starts_with("g(not(feature = \"");
            assert!(known, "{}: {line}", path.display());
        }
    }
}

#[derive(Debug, Deserialize)]
struct Manifest {
    #[serde(default)]
    test: Vec<Target>,
}

#[derive(Debug, Deserialize)]
struct Target {
    name: String,
    #[serde(default, rename = "required-features")]
    required_features: Vec<String>,
}

/// Proves: P6-TS9.
#[test]
fn every_test_runs_with_the_workspace_or_by_a_line_of_the_continuous_integration() {
    let ci = fs::read_to_string(root().join(".ci/run")).expect("a script");
    let workspace = fs::read_to_string(root().join("Cargo.toml")).expect("a manifest");
    let members = workspace.lines().find(|line| line.starts_with("members = ")).expect("members");
    for package in CRATES.into_iter().chain(["tests/model"]) {
        assert!(members.contains(&format!("\"{package}\"")), "{package} is no member");
        let manifest = root().join(package).join("Cargo.toml");
        let text = fs::read_to_string(manifest).expect("a manifest");
        for off in ["autotests", "test = false"] {
            assert!(!text.contains(off), "{package}: {off}");
        }
        let manifest: Manifest = toml::from_str(&text).expect("a manifest");
        for Target { name, required_features } in manifest.test {
            let ending = format!("--features {} --test {name}", required_features.join(","));
            let runs = ci.lines().any(|line| {
                !line.trim_start().starts_with('#')
                    && line.contains("cargo test --package aerodb-")
                    && line.ends_with(&ending)
            });
            assert!(runs || required_features.is_empty(), "no line of .ci/run ends with {ending}");
        }
    }
}
