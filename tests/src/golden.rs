//! Explanations as files. What differs from run to run (hashes, keys, ports) is given a name by the order
//! in which it comes: equal values get equal names, so that what must agree is still seen to agree.
//!
//! `AERODB_GOLDEN=write` in the environment writes the files anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

/// Compares the explanation with the golden file of this name in the folder, which is relative to this package.
///
/// # Panics
/// When it is another one.
#[track_caller]
pub fn check(folder: &str, name: &str, explanation: &Value) {
    let text = serde_json::to_string_pretty(&named(explanation)).expect("JSON") + "\n";
    fresh(&Path::new(folder).join(format!("{name}.json")), &text);
}

/// The value with every hash and checksum in it named.
#[must_use]
pub fn named(value: &Value) -> Value {
    Names::default().of(value)
}

/// Compares the text with the file at this path, which is relative to this package.
///
/// # Panics
/// When it is another one.
#[track_caller]
pub fn fresh(path: &Path, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("AERODB_GOLDEN").is_some_and(|value| value == "write") {
        fs::write(&path, text).expect("written");
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, golden, "{} is another one", path.display());
}

#[derive(Default)]
struct Names(BTreeMap<String, String>);

impl Names {
    fn of(&mut self, value: &Value) -> Value {
        match value {
            Value::Object(fields) => {
                fields.iter().map(|(key, value)| (key.clone(), self.of(value))).collect()
            }
            Value::Array(items) => items.iter().map(|item| self.of(item)).collect(),
            Value::String(text) => Value::String(self.named(text)),
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }

    /// The text with every hash, every signature and every checksum in it named.
    fn named(&mut self, text: &str) -> String {
        let word = |c: char| !c.is_ascii_alphanumeric();
        let mut named = text.to_owned();
        for part in text.split(word) {
            let hexadecimal = part.chars().all(|c| c.is_ascii_hexdigit());
            let hash = matches!(part.len(), 64 | 128) && hexadecimal;
            // A CRC-32 in hexadecimal or in decimal; other numbers in a text are shorter, names of segments longer.
            let digits = part.chars().all(|c| c.is_ascii_digit()) && (5..=10).contains(&part.len());
            let checksum = digits || (part.len() == 8 && hexadecimal);
            if hash || checksum {
                let next = format!("<hash {}>", self.0.len() + 1);
                let name = self.0.entry(part.to_owned()).or_insert(next);
                named = named.replace(part, name);
            }
        }
        named
    }
}
