//! The rules: those of the documents, from `docs/rules.toml`, and those that are the program's own.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use aerodb_core::rules::RuleId;
use serde::Deserialize;

use super::AuditFault;

/// One rule, or one row of the crash matrix.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its id.
    pub id: String,
    /// SI, RO, FB, DT, OB, TS or PN (rules/0-reading); rows and own rules have none.
    pub kind: Option<String>,
    /// The document and section that it comes from.
    pub source: String,
    /// What it requires.
    pub statement: String,
    /// Of a row: the rules that it is about.
    #[serde(default)]
    pub rules: Vec<String>,
    /// The rules that it restates.
    #[serde(default)]
    pub held_by: Vec<String>,
    /// Why there is nothing to enforce.
    pub not_applicable: Option<String>,
    /// What is missing, in words.
    pub open: Option<String>,
}

impl Rule {
    /// Whether it is a row of the crash matrix.
    #[must_use]
    pub fn is_row(&self) -> bool {
        self.id.starts_with("M-")
    }
}

/// All rules, in the order of the documents.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    /// So many holes are known; there may be fewer and never more.
    pub holes_max: usize,
    /// The rules.
    #[serde(rename = "rule")]
    pub rules: Vec<Rule>,
}

/// Where the file lies in the repository.
pub(super) const FILE: &str = "docs/rules.toml";

/// The id without the number of its part: `F-V1.2` is a part of `F-V1`.
pub(super) fn family(id: &str) -> &str {
    id.split('.').next().unwrap_or(id)
}

impl Catalogue {
    /// Reads the file and adds the rules that only the program has.
    ///
    /// # Errors
    /// When it cannot be read, has an id twice, or names a rule that is not there.
    pub fn read(root: &Path) -> Result<Self, AuditFault> {
        let path = root.join(FILE);
        let text = fs::read_to_string(&path)
            .map_err(|error| AuditFault::File { path: FILE.to_owned(), error })?;
        let mut read: Self =
            toml::from_str(&text).map_err(|error| AuditFault::Catalogue(error.to_string()))?;
        let there: BTreeSet<_> = read
            .rules
            .iter()
            .flat_map(|rule| [rule.id.clone(), family(&rule.id).to_owned()])
            .collect();
        let own = RuleId::ALL.iter().filter(|rule| !there.contains(rule.id()));
        read.rules.extend(own.map(|rule| own_rule(*rule)));
        read.check()?;
        Ok(read)
    }

    fn check(&self) -> Result<(), AuditFault> {
        let mut seen = BTreeSet::new();
        for rule in &self.rules {
            if !seen.insert(rule.id.as_str()) {
                return Err(AuditFault::Catalogue(format!("{} stands there twice", rule.id)));
            }
        }
        let ids = self.ids();
        for rule in &self.rules {
            for named in rule.rules.iter().chain(&rule.held_by) {
                if !ids.contains(named) {
                    let (path, cited) = (format!("{FILE}, {}", rule.id), named.clone());
                    return Err(AuditFault::UnknownRule { path, cited });
                }
            }
        }
        self.check_held_by()
    }

    /// What a rule restates must end somewhere: at a rule of its own that applies.
    fn check_held_by(&self) -> Result<(), AuditFault> {
        let mut settled: BTreeSet<&str> = BTreeSet::new();
        loop {
            let before = settled.len();
            for rule in self.rules.iter().filter(|rule| rule.not_applicable.is_none()) {
                let stands = |named: &String| settled.contains(named.as_str());
                if rule.held_by.iter().all(stands) {
                    settled.extend([rule.id.as_str(), family(&rule.id)]);
                }
            }
            if settled.len() == before {
                break;
            }
        }
        let floating = self.rules.iter().filter(|rule| rule.not_applicable.is_none());
        match floating.map(|rule| rule.id.as_str()).find(|id| !settled.contains(id)) {
            Some(id) => Err(AuditFault::Catalogue(format!("{id} is held by nothing that applies"))),
            None => Ok(()),
        }
    }

    /// Every id that may be cited: those of the rules, and of rules with parts the one that stands for all.
    #[must_use]
    pub fn ids(&self) -> BTreeSet<String> {
        let both = |rule: &Rule| [rule.id.clone(), family(&rule.id).to_owned()];
        self.rules.iter().flat_map(both).collect()
    }
}

fn own_rule(rule: RuleId) -> Rule {
    Rule {
        id: rule.id().to_owned(),
        kind: None,
        source: rule.source().to_owned(),
        statement: rule.statement().to_owned(),
        rules: Vec::new(),
        held_by: Vec::new(),
        not_applicable: None,
        open: None,
    }
}
