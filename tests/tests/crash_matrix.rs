//! `tests/crash_matrix.toml` against the code: every row of the matrix is there, every boundary has its points or
//! says why it has none, every point is in a row, and every test that is named is there and runs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use aerodb_ledger::crash::Point;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Matrix {
    row: Vec<Row>,
    beyond: Vec<Beyond>,
}

/// A row; its outcome and its note are for readers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    id: String,
    component: String,
    #[serde(default)]
    faults: Vec<String>,
    outcome: String,
    /// Why the row says nothing of this program.
    not_applicable: Option<String>,
    /// What befalls the node, in a row that has no boundary in the code.
    without_point: Option<String>,
    #[serde(default)]
    tests: Vec<String>,
    note: Option<String>,
    #[serde(default)]
    boundaries: BTreeMap<String, Boundary>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Boundary {
    Points(Vec<String>),
    /// Why there is none.
    None(String),
}

/// Points that are in no row.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Beyond {
    what: String,
    points: Vec<String>,
    tests: Vec<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

fn matrix() -> Matrix {
    let path = root().join("tests/crash_matrix.toml");
    toml::from_str(&fs::read_to_string(path).expect("the table")).expect("a table")
}

impl Row {
    fn points(&self) -> impl Iterator<Item = &String> {
        self.boundaries.values().flat_map(|boundary| match boundary {
            Boundary::Points(points) => points.as_slice(),
            Boundary::None(_) => &[],
        })
    }
}

/// The sources, as texts.
fn sources() -> Vec<String> {
    let mut texts = Vec::new();
    let mut dirs: Vec<PathBuf> = ["core", "ledger", "http-api", "node", "statecharts", "tests"]
        .map(|it| root().join(it))
        .into();
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).expect("a directory").flatten() {
            let path = entry.path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                texts.push(fs::read_to_string(path).expect("a source"));
            }
        }
    }
    texts
}

/// The tests in a source, by name, and whether each is left out of a run.
fn tests_in(source: &str) -> Vec<(String, bool)> {
    let mut tests = Vec::new();
    let (mut is_test, mut is_ignored) = (false, false);
    for line in source.lines().map(str::trim) {
        if line.starts_with("#[") {
            is_test |= line == "#[test]" || line.starts_with("#[tokio::test");
            is_ignored |= line.contains("ignore") || line.starts_with("#[cfg");
        } else if let Some(rest) = line.strip_prefix("fn ").or(line.strip_prefix("async fn ")) {
            if is_test {
                let name = rest.split(['(', '<']).next().unwrap_or_default();
                tests.push((name.to_owned(), is_ignored));
            }
            (is_test, is_ignored) = (false, false);
        } else if !line.starts_with("//") {
            (is_test, is_ignored) = (false, false);
        }
    }
    tests
}

#[test]
fn the_matrix_has_each_of_its_111_rows_once_and_in_order() {
    let ids: Vec<_> = matrix().row.into_iter().map(|row| row.id).collect();
    let sections = [("W", 23), ("C", 23), ("R", 35), ("O", 6), ("P", 24)];
    let all: Vec<_> = sections
        .iter()
        .flat_map(|(letter, rows)| (1..=*rows).map(move |row| format!("M-{letter}{row:02}")))
        .collect();
    assert_eq!(all.len(), 111);
    assert_eq!(ids, all);
}

#[test]
fn every_row_has_tests_of_its_name_or_an_argument_why_it_does_not_apply() {
    let tests: BTreeMap<String, bool> = sources().iter().flat_map(|text| tests_in(text)).collect();
    for row in matrix().row {
        let Row { id, component, outcome, tests: named, not_applicable, .. } = &row;
        assert!(!component.is_empty() && !outcome.is_empty(), "{id}");
        if let Some(why) = not_applicable {
            assert!(why.len() > 20, "{id}: {why}");
            assert!(named.is_empty() && row.boundaries.is_empty(), "{id} does not apply");
            continue;
        }
        assert!(!row.faults.is_empty() || row.without_point.is_some(), "{id}: no fault");
        assert!(row.note.as_ref().is_none_or(|note| note.len() > 10), "{id}");
        for test in named {
            assert_eq!(tests.get(test), Some(&false), "{id}: there is no test {test} that runs");
        }
        let key = id.to_lowercase().replace('-', "_") + "_";
        let own = |test: &String| test.starts_with(&key) || test.contains(&format!("_{key}"));
        assert!(named.iter().any(own), "{id} has no test of its name");
    }
}

#[test]
fn every_point_beyond_the_matrix_has_tests_that_run() {
    let tests: BTreeMap<String, bool> = sources().iter().flat_map(|text| tests_in(text)).collect();
    for Beyond { what, points, tests: named } in matrix().beyond {
        assert!(!what.is_empty() && !points.is_empty() && !named.is_empty(), "{what}: {points:?}");
        for test in &named {
            assert_eq!(tests.get(test), Some(&false), "{what}: there is no test {test} that runs");
        }
    }
}

/// That a process has died at each of them is seen by the run itself: `crash_points_hit`.
#[test]
fn every_boundary_has_a_point_or_says_why_not_and_every_point_is_of_a_boundary() {
    let matrix = matrix();
    let points: BTreeSet<_> = Point::ALL.iter().map(|point| point.name().to_owned()).collect();
    let mut placed = BTreeSet::new();
    for row in &matrix.row {
        let stands = row.not_applicable.is_some() || row.without_point.is_some();
        assert!(
            stands == row.boundaries.is_empty(),
            "{}: boundaries, or why there is none",
            row.id
        );
        for (name, boundary) in &row.boundaries {
            match boundary {
                Boundary::Points(points) => assert!(!points.is_empty(), "{}: {name}", row.id),
                Boundary::None(why) => assert!(why.len() > 20, "{}: {name}: {why}", row.id),
            }
        }
        placed.extend(row.points().cloned());
    }
    placed.extend(matrix.beyond.iter().flat_map(|beyond| &beyond.points).cloned());
    assert_eq!(
        placed.difference(&points).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "no such point"
    );
    assert_eq!(points.difference(&placed).collect::<Vec<_>>(), Vec::<&String>::new(), "in no row");
}
