//! The rows of the crash matrix, from its own table: their points, their tests, and why some do not apply.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use aerodb_ledger::crash::Point;
use serde::Deserialize;

use super::AuditFault;

/// The table, which a test of its own holds against the code.
const FILE: &str = "tests/crash_matrix.toml";

#[derive(Debug, Deserialize)]
struct Matrix {
    row: Vec<MatrixRow>,
}

/// What the table says of one row, as far as it is of use here.
#[derive(Debug, Deserialize)]
pub(super) struct MatrixRow {
    id: String,
    pub(super) not_applicable: Option<String>,
    /// What befalls the node, where the row has no boundary in the code.
    pub(super) without_point: Option<String>,
    #[serde(default)]
    pub(super) tests: Vec<String>,
    #[serde(default)]
    boundaries: BTreeMap<String, Boundary>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Boundary {
    Points(Vec<String>),
    /// Why there is none.
    None(serde::de::IgnoredAny),
}

impl MatrixRow {
    /// The names of its points.
    pub(super) fn points(&self) -> impl Iterator<Item = &'static str> {
        let named = self.boundaries.values().flat_map(|boundary| match boundary {
            Boundary::Points(points) => points.as_slice(),
            Boundary::None(_) => &[],
        });
        named.filter_map(|name| {
            Point::ALL.iter().map(|point| point.name()).find(|point| point == name)
        })
    }
}

/// The rows, by id.
pub(super) type Matrices = BTreeMap<String, MatrixRow>;

/// Reads the table.
pub(super) fn read(root: &Path) -> Result<Matrices, AuditFault> {
    let text = fs::read_to_string(root.join(FILE))
        .map_err(|error| AuditFault::File { path: FILE.to_owned(), error })?;
    let matrix: Matrix =
        toml::from_str(&text).map_err(|error| AuditFault::Catalogue(format!("{FILE}: {error}")))?;
    Ok(matrix.row.into_iter().map(|row| (row.id.clone(), row)).collect())
}
