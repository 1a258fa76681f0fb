//! The table: every rule with what is known of it, and the holes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::catalogue::{FILE, family};
use super::golden::{self, Goldens};
use super::marks::{Marks, Places};
use super::points::{self, Matrices, MatrixRow};
use super::{AuditFault, Catalogue, Place, Rule};

/// How a rule stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Enforced and proven.
    Held,
    /// By the rules that it restates, all of which are held.
    HeldBy,
    /// There is nothing to enforce, for the reason that its entry gives.
    NotApplicable,
    /// Something is missing.
    Open {
        /// What.
        missing: Vec<String>,
    },
}

/// One line of the table.
#[derive(Debug, Clone)]
pub struct Row {
    /// The rule.
    pub rule: Rule,
    /// How it stands.
    pub standing: Standing,
    /// Where it is enforced.
    pub code: BTreeSet<Place>,
    /// What proves it.
    pub tests: BTreeSet<Place>,
    /// The crash points that bear on it.
    pub points: BTreeSet<&'static str>,
    /// The golden explanations that speak of it.
    pub goldens: BTreeSet<String>,
}

/// Everything that the audit found.
#[derive(Debug)]
pub struct Audit {
    /// One row for each rule, in the order of the catalogue.
    pub rows: Vec<Row>,
    /// The number of holes that is known.
    pub holes_max: usize,
}

/// What was read of the repository.
struct Known {
    marks: Marks,
    matrix: Matrices,
    goldens: Goldens,
}

impl Audit {
    /// Reads the repository.
    ///
    /// # Errors
    /// [`AuditFault`] for what cannot be passed over: an unknown rule, an ignored test,
    pub fn of(root: &Path) -> Result<Self, AuditFault> {
        let Catalogue { holes_max, rules } = Catalogue::read(root)?;
        let ids = Catalogue { holes_max, rules: rules.clone() }.ids();
        let known = Known {
            marks: Marks::read(root, &ids)?,
            matrix: points::read(root)?,
            goldens: golden::read(root, &ids)?,
        };
        let cited = |row: &&Rule, id: &str| row.rules.iter().any(|it| it == id || it == family(id));
        let points_of = |rule: &Rule| -> BTreeSet<&'static str> {
            let rows = rules.iter().filter(|row| row.id == rule.id || cited(row, &rule.id));
            rows.filter_map(|row| known.matrix.get(&row.id)).flat_map(MatrixRow::points).collect()
        };
        let rows = rules.iter().map(|rule| known.row(rule, points_of(rule))).collect();
        let mut audit = Self { rows, holes_max };
        audit.resolve();
        Ok(audit)
    }

    /// A rule that restates others is as open as they are.
    fn resolve(&mut self) {
        loop {
            let open: BTreeSet<String> = self.holes().map(|row| row.rule.id.clone()).collect();
            let by_family = |named: &str| {
                open.iter()
                    .filter(|id| *id == named || family(id) == named)
                    .cloned()
                    .collect::<Vec<_>>()
            };
            let mut changed = false;
            for row in self.rows.iter_mut().filter(|row| row.standing == Standing::HeldBy) {
                let missing: Vec<_> =
                    row.rule.held_by.iter().flat_map(|id| by_family(id)).collect();
                if !missing.is_empty() {
                    row.standing = Standing::Open { missing };
                    changed = true;
                }
            }
            if !changed {
                return;
            }
        }
    }

    /// Takes note that there are fewer holes than were known.
    ///
    /// # Errors
    /// When the file of rules cannot be read or written.
    pub fn lower(&self, root: &Path) -> Result<(), AuditFault> {
        let path = root.join(FILE);
        let fault = |error| AuditFault::File { path: FILE.to_owned(), error };
        let text = fs::read_to_string(&path).map_err(fault)?;
        let (was, is) = (self.holes_max, self.holes().count());
        let lowered =
            text.replacen(&format!("holes_max = {was}\n"), &format!("holes_max = {is}\n"), 1);
        fs::write(&path, lowered).map_err(fault)
    }

    /// The rules of which something is missing.
    pub fn holes(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| matches!(row.standing, Standing::Open { .. }))
    }
}

/// The places of this rule, and those that are marked with the id of all its parts.
fn places(places: &Places, id: &str) -> BTreeSet<Place> {
    let ids = BTreeSet::from([id, family(id)]);
    ids.into_iter().filter_map(|id| places.get(id)).flatten().cloned().collect()
}

impl Known {
    fn row(&self, rule: &Rule, points: BTreeSet<&'static str>) -> Row {
        let mut rule = rule.clone();
        let code = places(&self.marks.keeps, &rule.id);
        let mut tests = places(&self.marks.proves, &rule.id);
        let mut placed = !code.is_empty() || (rule.is_row() && !points.is_empty());
        if let Some(row) = self.matrix.get(&rule.id) {
            rule.not_applicable = row.not_applicable.clone();
            tests.extend(row.tests.iter().filter_map(|name| self.marks.tests.get(name)).cloned());
            // What befalls the node from outside has no place in the code.
            placed |= row.without_point.is_some();
        }
        let goldens = golden::of(&self.goldens, &rule.id);
        let standing = standing(&rule, placed, &tests, &goldens);
        Row { rule, standing, code, tests, points, goldens }
    }
}

fn standing(
    rule: &Rule,
    placed: bool,
    tests: &BTreeSet<Place>,
    goldens: &BTreeSet<String>,
) -> Standing {
    if rule.not_applicable.is_some() {
        return Standing::NotApplicable;
    }
    if !rule.held_by.is_empty() {
        return Standing::HeldBy;
    }
    let explained = !rule.id.ends_with(".E") || !goldens.is_empty();
    let wanted =
        [(placed, "enforcement"), (!tests.is_empty(), "proof"), (explained, "golden explanation")];
    let missing: Vec<_> =
        wanted.iter().filter(|(there, _)| !there).map(|(_, what)| (*what).to_owned()).collect();
    if missing.is_empty() { Standing::Held } else { Standing::Open { missing } }
}

/// How many rules stand in each way.
pub(super) fn counts(rows: &[Row]) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for row in rows {
        let name = match row.standing {
            Standing::Held => "held",
            Standing::HeldBy => "held by others",
            Standing::NotApplicable => "not applicable",
            Standing::Open { .. } => "open",
        };
        *counts.entry(name).or_default() += 1;
    }
    counts
}
