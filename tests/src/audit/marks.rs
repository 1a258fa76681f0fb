//! What the code says of the rules: where one is kept, and which test proves it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use aerodb_core::rules::RuleId;

use super::names::Spellings;
use super::source::RustFile;
use super::tree::{Source, files};
use super::{AuditFault, Place};

/// Places by rule.
pub(super) type Places = BTreeMap<String, BTreeSet<Place>>;

/// Every mark in the crates.
#[derive(Debug, Default)]
pub(super) struct Marks {
    pub(super) keeps: Places,
    pub(super) proves: Places,
    /// Every test, by its name; of several with one name, one.
    pub(super) tests: BTreeMap<String, Place>,
}

/// What is looked for in the files.
struct Words<'a> {
    ids: &'a BTreeSet<String>,
    spellings: Spellings,
    variants: BTreeMap<String, &'static str>,
}

/// The catalogue itself names every rule and keeps none.
const CATALOGUE: &str = "core/src/rules.rs";

/// This reader, whose examples are no marks.
const READER: &str = "tests/src/audit/";

impl Marks {
    /// Reads every Rust file of the crates.
    pub(super) fn read(root: &Path, ids: &BTreeSet<String>) -> Result<Self, AuditFault> {
        let variants = RuleId::ALL.iter().map(|rule| (format!("{rule:?}"), rule.id())).collect();
        let words = Words { ids, spellings: Spellings::of(ids), variants };
        let mut marks = Self::default();
        for source in files(root, "rs")? {
            marks.file(&source, &words)?;
        }
        Ok(marks)
    }

    fn file(&mut self, source: &Source, words: &Words<'_>) -> Result<(), AuditFault> {
        let file = RustFile::of(&source.path, &source.text);
        let place = |item: String| Place { file: source.path.clone(), item };
        for test in &file.tests {
            if test.ignored {
                let (path, test) = (source.path.clone(), test.name.clone());
                return Err(AuditFault::Ignored { path, test });
            }
            self.tests.insert(test.name.clone(), place(test.name.clone()));
            for id in words.spellings.ids(&test.name) {
                add(&mut self.proves, id, place(test.name.clone()));
            }
        }
        let example = source.path.starts_with(READER) && !source.path.ends_with("mod.rs");
        for (at, line) in file.lines.iter().enumerate().filter(|_| !example) {
            let comment = line.trim_start().starts_with("//");
            let named = file.test(at).map(|test| test.name.clone());
            if comment {
                for id in marked(&file, at, "Keeps: ", words, source)? {
                    add(&mut self.keeps, &id, place(file.item_at(at)));
                }
                for cited in marked(&file, at, "Proves: ", words, source)? {
                    let Some(test) = &named else {
                        return Err(AuditFault::NoTest { path: source.path.clone(), cited });
                    };
                    add(&mut self.proves, &cited, place(test.clone()));
                }
                continue;
            }
            self.code(&file, at, named, words, &place);
        }
        Ok(())
    }

    /// A line of code: rules that it decides by, or compares with.
    fn code(
        &mut self,
        file: &RustFile<'_>,
        at: usize,
        test: Option<String>,
        words: &Words<'_>,
        place: &impl Fn(String) -> Place,
    ) {
        let line = file.lines[at];
        // How an answer looks on a terminal is tried with any rule.
        if place(String::new()).file.starts_with("node/src/cli/") {
            return;
        }
        let here = place(String::new());
        let product = !here.file.starts_with("tests/") && here.file != CATALOGUE;
        for variant in variants(line) {
            match (words.variants.get(variant), &test) {
                (Some(id), Some(test)) => add(&mut self.proves, id, place(test.clone())),
                (Some(id), None) if product && !file.is_test(at) => {
                    let item = file.item_at(at);
                    if !is_list(&item) {
                        add(&mut self.keeps, id, place(item));
                    }
                }
                (Some(_) | None, _) => {}
            }
        }
        if !file.is_test(at) {
            return;
        }
        for text in quoted(line) {
            if let (true, Some(test)) = (words.ids.contains(text), &test) {
                add(&mut self.proves, text, place(test.clone()));
            }
        }
    }
}

/// The exemplars that a machine's table is made with name rules, and decide nothing.
fn is_list(item: &str) -> bool {
    item.ends_with("::states") || item.ends_with("::events")
}

fn add(places: &mut Places, id: &str, place: Place) {
    places.entry(id.to_owned()).or_default().insert(place);
}

/// The names behind `RuleId::` on a line.
fn variants(line: &str) -> impl Iterator<Item = &str> {
    line.split("RuleId::").skip(1).map(|rest| {
        let end = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
        &rest[..end]
    })
}

/// The texts between quotation marks on a line.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('"').skip(1).step_by(2)
}

/// The ids behind the mark on this line, and on the comment lines after it up to the full stop.
fn marked(
    file: &RustFile<'_>,
    at: usize,
    mark: &str,
    words: &Words<'_>,
    source: &Source,
) -> Result<Vec<String>, AuditFault> {
    let text = file.lines[at].trim_start().trim_start_matches(['/', '!']).trim_start();
    let Some(first) = text.strip_prefix(mark) else { return Ok(Vec::new()) };
    let mut text = first.trim().to_owned();
    let more = file.lines[at + 1..].iter().map(|line| line.trim_start());
    for line in more.take_while(|line| line.starts_with("//")) {
        if text.ends_with('.') {
            break;
        }
        text = format!("{text} {}", line.trim_start_matches(['/', '!']).trim());
    }
    let ids = text.trim_end_matches('.').split(',').map(str::trim);
    let known = |id: &str| {
        let (path, cited) = (source.path.clone(), id.to_owned());
        words.ids.contains(id).then(|| id.to_owned()).ok_or(AuditFault::UnknownRule { path, cited })
    };
    ids.map(known).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str, text: &str) -> Result<Marks, AuditFault> {
        let ids = ["P6-S1", "P3-FS5", "WAL-6", "AU-10"].map(str::to_owned).into();
        let variants = [("Au10".to_owned(), "AU-10")].into();
        let words = Words { ids: &ids, spellings: Spellings::of(&ids), variants };
        let mut marks = Marks::default();
        marks.file(&Source { path: path.to_owned(), text: text.to_owned() }, &words)?;
        Ok(marks)
    }

    fn at(places: &Places, id: &str) -> Vec<String> {
        places.get(id).into_iter().flatten().map(Place::to_string).collect()
    }

    #[test]
    fn code_keeps_what_it_says_and_what_it_decides_by() {
        let text = "//! A writer.\n//!\n//! Keeps: P3-FS5,\n//! WAL-6.\n\nfn admit() {\n    refuse(RuleId::Au10);\n}\n";
        let marks = read("core/src/x.rs", text).unwrap();
        assert_eq!(at(&marks.keeps, "P3-FS5"), ["core/src/x.rs"]);
        assert_eq!(at(&marks.keeps, "WAL-6"), ["core/src/x.rs"]);
        assert_eq!(at(&marks.keeps, "AU-10"), ["core/src/x.rs admit"]);
        assert!(marks.proves.is_empty());
        assert!(at(&read("tests/src/x.rs", text).unwrap().keeps, "AU-10").is_empty());
    }

    #[test]
    fn a_test_proves_what_it_is_named_for_what_it_says_and_what_it_compares_with() {
        let text = "/// Proves: WAL-6.\n#[test]\nfn p6_s1_refused() {\n    is(RuleId::Au10, \"P3-FS5\");\n}\n";
        let marks = read("tests/tests/x.rs", text).unwrap();
        for id in ["P6-S1", "WAL-6", "AU-10", "P3-FS5"] {
            assert_eq!(at(&marks.proves, id), ["tests/tests/x.rs p6_s1_refused"], "{id}");
        }
        assert_eq!(marks.tests["p6_s1_refused"].file, "tests/tests/x.rs");
    }

    #[test]
    fn an_unknown_rule_and_an_ignored_test_are_faults() {
        let unknown = read("core/src/x.rs", "//! Keeps: P9-X1.\n").unwrap_err();
        assert!(matches!(unknown, AuditFault::UnknownRule { .. }), "{unknown}");
        // In two parts, for those who look for it in the sources.
        for left_out in [["ign", "ore"], ["cfg_attr(all(), ign", "ore)"], ["cf", "g(any())"]] {
            let text = format!("#[test]\n#[{}]\nfn x() {{\n}}\n", left_out.concat());
            let ignored = read("core/src/x.rs", &text).unwrap_err();
            assert!(matches!(ignored, AuditFault::Ignored { .. }), "{ignored}");
        }
    }

    #[test]
    fn what_is_no_test_proves_nothing() {
        let helper = "/// Proves: WAL-6.\nfn helper() {\n}\n";
        let refused = read("tests/tests/x.rs", helper).unwrap_err();
        assert!(matches!(refused, AuditFault::NoTest { .. }), "{refused}");
    }
}
