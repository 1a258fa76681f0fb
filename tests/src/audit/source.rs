//! A Rust file, line by line. rustfmt has laid it out, so an item ends at the brace of its own indentation.

use std::ops::RangeInclusive;

/// A test function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Test {
    pub(super) name: String,
    /// Whether a run leaves it out, or does on some condition.
    pub(super) ignored: bool,
    /// From the first line of its documentation to its closing brace.
    pub(super) lines: RangeInclusive<usize>,
}

/// A file as the audit sees it.
#[derive(Debug)]
pub(super) struct RustFile<'a> {
    pub(super) lines: Vec<&'a str>,
    pub(super) tests: Vec<Test>,
    /// The first line that only tests are made of; none in a file without tests of its own.
    tests_from: usize,
}

pub(super) fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The name behind a keyword that begins an item; `None` for a line that begins none.
pub(super) fn item(line: &str) -> Option<&str> {
    let mut words = line.trim_start();
    loop {
        let (word, rest) = words.split_once([' ', '('])?;
        match word {
            "pub" if words.starts_with("pub(") => words = rest.split_once(") ")?.1,
            "pub" | "async" | "unsafe" => words = rest,
            "const" if rest.starts_with("fn ") => words = rest,
            "fn" | "struct" | "enum" | "trait" | "const" | "static" | "type" | "mod" | "union" => {
                let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
                return Some(&rest[..end.unwrap_or(rest.len())]);
            }
            _ => return None,
        }
    }
}

/// The type that an `impl` is of; `None` for another line.
fn implemented(line: &str) -> Option<&str> {
    let rest = line.trim_start().strip_prefix("impl")?;
    let rest = match rest.strip_prefix('<') {
        Some(generics) => generics.split_once("> ")?.1,
        None => rest.strip_prefix(' ')?,
    };
    let of = rest.split_once(" for ").map_or(rest, |(_, of)| of);
    let end = of.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(of.len());
    Some(&of[..end])
}

impl<'a> RustFile<'a> {
    pub(super) fn of(path: &str, text: &'a str) -> Self {
        let lines: Vec<_> = text.lines().collect();
        let own = |at: usize| {
            lines[at] == "#[cfg(test)]" && lines.get(at + 1).is_some_and(|line| line.ends_with('{'))
        };
        let whole = path.contains("/tests/") || path.ends_with("/tests.rs");
        let tests_from =
            if whole { 0 } else { (0..lines.len()).find(|at| own(*at)).unwrap_or(lines.len()) };
        let tests = tests(&lines);
        Self { lines, tests, tests_from }
    }

    /// Whether the line is part of tests, or of what they need.
    pub(super) fn is_test(&self, at: usize) -> bool {
        at >= self.tests_from
    }

    /// The test that the line belongs to.
    pub(super) fn test(&self, at: usize) -> Option<&Test> {
        self.tests.iter().find(|test| test.lines.contains(&at))
    }

    /// The item that a line of documentation belongs to, or that a line of code lies in.
    pub(super) fn item_at(&self, at: usize) -> String {
        let line = self.lines[at].trim_start();
        if line.starts_with("//!") {
            return String::new();
        }
        if line.starts_with("///") {
            return self.documented(at);
        }
        self.enclosing(at, indent(self.lines[at]))
    }

    fn documented(&self, at: usize) -> String {
        let above = |line: &&str| {
            let line = line.trim_start();
            line.starts_with("///") || line.starts_with("#[")
        };
        let Some(next) = self.lines[at..].iter().find(|line| !above(line)) else {
            return String::new();
        };
        let name = item(next).map(str::to_owned);
        // A variant or a field.
        let plain = || next.trim().trim_end_matches([',', '{', ' ']).to_owned();
        self.within(at, name.unwrap_or_else(plain))
    }

    fn enclosing(&self, at: usize, depth: usize) -> String {
        let mut depth = depth;
        for above in (0..at).rev() {
            let line = self.lines[above];
            if line.trim().is_empty() || indent(line) >= depth {
                continue;
            }
            depth = indent(line);
            if let Some(name) = item(line) {
                return self.within(above, name.to_owned());
            }
            if let Some(of) = implemented(line) {
                return of.to_owned();
            }
        }
        String::new()
    }

    /// The name, behind that of the type whose `impl` it stands in.
    fn within(&self, at: usize, name: String) -> String {
        let depth = indent(self.lines[at]);
        let outer = (0..at).rev().map(|above| self.lines[above]);
        let outer = outer
            .filter(|line| !line.trim().is_empty() && indent(line) < depth)
            .find_map(implemented);
        match outer.filter(|_| depth > 0) {
            Some(of) => format!("{of}::{name}"),
            None => name,
        }
    }
}

/// Whether a test is left out by this line, or made to depend on a condition.
fn is_ignoring(line: &str) -> bool {
    let attribute = line.strip_prefix("#[").unwrap_or_default();
    attribute.starts_with("ignore") || attribute.starts_with("cfg")
}

fn tests(lines: &[&str]) -> Vec<Test> {
    let is_attribute =
        |line: &str| line.starts_with("#[test]") || line.starts_with("#[tokio::test");
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        if !is_attribute(line.trim_start()) {
            continue;
        }
        let Some(head) = (at..lines.len()).find(|at| item(lines[*at]).is_some()) else { continue };
        let close = format!("{}}}", " ".repeat(indent(lines[head])));
        let last = (head..lines.len()).find(|at| lines[*at] == close).unwrap_or(lines.len() - 1);
        let above = |line: &&&str| {
            let line = line.trim_start();
            line.starts_with("///") || line.starts_with("#[")
        };
        let documentation = lines[..at].iter().rev().take_while(above).count();
        let ignored =
            lines[at - documentation..head].iter().any(|line| is_ignoring(line.trim_start()));
        let name = item(lines[head]).unwrap_or_default().to_owned();
        found.push(Test { name, ignored, lines: at - documentation..=last });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "//! A file.

/// Keeps: A-1.
pub(crate) const fn free() {}

impl<M: Machine> Cell<M> {
    /// Documented.
    #[must_use]
    pub fn step(&self) {
        if self.x {
            RuleId::P6A1;
        }
    }
}

#[cfg(test)]
mod tests {
    /// Told.
    #[test]
    fn d1_is_proven() {
        assert!(true);
    }
}
";

    #[test]
    fn a_line_belongs_to_the_item_that_it_documents_or_lies_in() {
        let file = RustFile::of("core/src/x.rs", TEXT);
        let of = |text: &str| {
            let at = file.lines.iter().position(|line| line.contains(text)).unwrap();
            file.item_at(at)
        };
        assert_eq!(of("A file"), "");
        assert_eq!(of("Keeps"), "free");
        assert_eq!(of("Documented"), "Cell::step");
        assert_eq!(of("RuleId::"), "Cell::step");
        assert_eq!(file.tests.len(), 1);
        let test = &file.tests[0];
        assert_eq!((test.name.as_str(), test.ignored), ("d1_is_proven", false));
        assert!(file.lines[*test.lines.start()].contains("Told"));
        assert!(file.is_test(*test.lines.start()) && !file.is_test(3));
    }
}
