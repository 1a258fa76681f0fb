//! The rows of one basis, or of one command.

use aerodb_tests::{Answer, golden};
use serde_json::{Value, json};

/// How a row was come by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// A node of the cluster answered so.
    OnTheBinary,
    /// No cluster can be brought there, for this reason: the decision's function was asked.
    Unreachable(&'static str),
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Row {
    /// The rules that it denies by; none when it approves.
    pub(crate) rules: Vec<&'static str>,
    /// What was done to the cluster.
    pub(crate) done: &'static str,
    /// Why.
    pub(crate) explanation: Value,
    /// What could change it.
    pub(crate) remedies: Value,
    pub(crate) seen: Seen,
}

/// A table.
#[derive(Debug)]
pub(crate) struct Table {
    /// Its heading.
    pub(crate) title: &'static str,
    /// What its golden files begin with.
    pub(crate) name: &'static str,
    pub(crate) rows: Vec<Row>,
    /// Whether every rule of the decision is denied in it.
    whole: bool,
}

/// The rules that an explanation says do not hold.
pub(crate) fn failed(explanation: &Value) -> Vec<String> {
    let rules = explanation["rules_applied"].as_array().expect("rules");
    let false_ones = rules.iter().filter(|rule| rule["evaluation"] != "true");
    false_ones.map(|rule| rule["rule_id"].as_str().expect("an id").to_owned()).collect()
}

impl Table {
    pub(crate) fn new(title: &'static str, name: &'static str) -> Self {
        Self { title, name, rows: Vec::new(), whole: true }
    }

    /// A table that shows some of its decision's rules.
    pub(crate) fn part(title: &'static str, name: &'static str) -> Self {
        Self { whole: false, ..Self::new(title, name) }
    }

    /// An approval.
    #[track_caller]
    pub(crate) fn approved(&mut self, done: &'static str, answer: Answer) {
        let explanation = answer.expect(200).body["data"]["explanation"].clone();
        assert_eq!(explanation["conclusion"]["status"], "approved");
        let remedies = json!([]);
        self.add(Row { rules: Vec::new(), done, explanation, remedies, seen: Seen::OnTheBinary });
    }

    /// A denial, or the refusal of a command, in which each of these rules does not hold.
    #[track_caller]
    pub(crate) fn denied(&mut self, rules: &[&'static str], done: &'static str, answer: &Answer) {
        assert_eq!(answer.status, 409, "{done}: {}", answer.text);
        self.refused(rules, done, &answer.body);
    }

    /// The same, as the command line prints it.
    #[track_caller]
    pub(crate) fn refused(&mut self, rules: &[&'static str], done: &'static str, body: &Value) {
        let (explanation, remedies) = (body["explanation"].clone(), body["remedies"].clone());
        let found = failed(&explanation);
        for rule in rules {
            assert!(found.iter().any(|id| id == rule), "{done}: {rule} holds: {explanation}");
        }
        let rules = rules.to_vec();
        self.add(Row { rules, done, explanation, remedies, seen: Seen::OnTheBinary });
    }

    pub(crate) fn add(&mut self, row: Row) {
        if row.seen == Seen::OnTheBinary {
            let which =
                if row.rules.is_empty() { "approved".to_owned() } else { row.rules.join("_") };
            let name = format!("{}_{which}", self.name).to_lowercase().replace('-', "_");
            let content = json!({ "explanation": row.explanation, "remedies": row.remedies });
            golden::check("tests/promotions/golden", &name, &content);
        }
        self.rows.push(row);
    }

    /// Every rule of the decision has its denial, and every denial a way forward for each rule that failed.
    #[track_caller]
    pub(crate) fn check(&self) {
        let first = self.rows.first().filter(|_| self.whole);
        let rules = first.and_then(|row| row.explanation["rules_applied"].as_array());
        for rule in rules.into_iter().flatten() {
            let id = rule["rule_id"].as_str().expect("an id");
            let denied = self.rows.iter().any(|row| row.rules.contains(&id));
            assert!(denied, "{}: {id} was never denied", self.title);
        }
        for row in &self.rows {
            let remedies = row.remedies.as_array().expect("remedies");
            for rule in failed(&row.explanation) {
                let offered = remedies.iter().any(|remedy| remedy["rule"] == rule.as_str());
                assert!(offered, "{}: no remedy for {rule} where {}", self.title, row.done);
            }
        }
    }
}
