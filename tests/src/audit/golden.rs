//! Golden explanations, and the rules that they speak of.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use super::AuditFault;
use super::catalogue::family;
use super::tree::files;

/// Golden files by rule.
pub(super) type Goldens = BTreeMap<String, BTreeSet<String>>;

/// Reads every golden explanation. One that cites what is no rule is a fault.
pub(super) fn read(root: &Path, ids: &BTreeSet<String>) -> Result<Goldens, AuditFault> {
    let mut goldens = Goldens::new();
    for source in files(root, "json")?.into_iter().filter(|it| it.path.contains("/golden/")) {
        let text: Value = serde_json::from_str(&source.text)
            .map_err(|error| AuditFault::Catalogue(format!("{}: {error}", source.path)))?;
        let mut cited = BTreeSet::new();
        collect(&text, &mut cited);
        for id in cited {
            if !ids.contains(&id) {
                return Err(AuditFault::UnknownRule { path: source.path, cited: id });
            }
            goldens.entry(id).or_default().insert(source.path.clone());
        }
    }
    Ok(goldens)
}

/// The rules that an explanation cites, wherever they stand in it.
pub(super) fn collect(value: &Value, cited: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(id)) = fields.get("rule_id") {
                cited.insert(id.clone());
            }
            fields.values().for_each(|value| collect(value, cited));
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, cited)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The golden files of one rule: those that cite it, and for an obligation to explain (`F-V1.E`) those that are
/// named after it.
pub(super) fn of(goldens: &Goldens, id: &str) -> BTreeSet<String> {
    let mut found = goldens.get(id).cloned().unwrap_or_default();
    if id.ends_with(".E") {
        let name = format!("/{}_", family(id).to_lowercase().replace('-', "_"));
        let file = name.trim_end_matches('_').to_owned() + ".json";
        let all = goldens.values().flatten();
        found.extend(all.filter(|path| path.contains(&name) || path.ends_with(&file)).cloned());
    }
    found
}
