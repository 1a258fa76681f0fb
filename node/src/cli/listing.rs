//! A long list, printed as it is found: memory does not grow with its length.
//!
//! In JSON it is one document all the same, on one line: what is known at the beginning, the list, and what
//! is known only at the end (faults too, so the list before them is not lost). As a table it comes in pages,
//! each with its heading.

use std::io::{BufWriter, ErrorKind, Stdout, Write};

use serde_json::Value;

use crate::cli::failure::{Exit, Failure};
use crate::cli::output::{Output, Shown};
use crate::cli::table::Rows;

/// Rows under one heading.
const PAGE_ROWS: usize = 1000;

/// Why a list ends before what it is made of does.
#[derive(Debug)]
pub(super) enum Stop {
    /// As many items as were asked for are printed.
    Enough,
    /// It cannot be printed.
    Printing(std::io::Error),
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        Self::Printing(error)
    }
}

/// How the items look to people.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    /// Rows of a table with this heading.
    Table(&'static [&'static str]),
    /// Lines.
    Lines,
}

/// A list that is being printed.
pub(super) struct Listing<W: Write = Stdout> {
    out: BufWriter<W>,
    output: Output,
    form: Form,
    rows: Vec<Vec<String>>,
    pages: usize,
    items: usize,
}

impl Listing {
    /// Begins the list on standard output.
    pub(super) fn begin(
        output: Output,
        form: Form,
        head: &Value,
        list: &str,
    ) -> Result<Self, Stop> {
        Self::into(std::io::stdout(), output, form, head, list)
    }
}

impl<W: Write> Listing<W> {
    /// Begins the list `list` after the members of `head`.
    fn into(out: W, output: Output, form: Form, head: &Value, list: &str) -> Result<Self, Stop> {
        let out = BufWriter::with_capacity(1 << 16, out);
        let mut listing = Self { out, output, form, rows: Vec::new(), pages: 0, items: 0 };
        if output == Output::Json {
            write!(listing.out, "{{{}{}:[", members(head, ""), Value::from(list))?;
        }
        Ok(listing)
    }

    /// Prints an item: as JSON, or as the cells of its row or its lines.
    pub(super) fn item(
        &mut self,
        json: impl FnOnce() -> Value,
        cells: impl FnOnce() -> Vec<String>,
    ) -> Result<(), Stop> {
        match (self.output, self.form) {
            (Output::Json, _) => {
                let comma = if self.items > 0 { "," } else { "" };
                write!(self.out, "{comma}{}", json())?;
            }
            (Output::Table, Form::Lines) => {
                for line in cells() {
                    writeln!(self.out, "{line}")?;
                }
            }
            (Output::Table, Form::Table(heading)) => {
                self.rows.push(cells());
                if self.rows.len() >= PAGE_ROWS {
                    self.page(heading)?;
                }
            }
        }
        self.items += 1;
        Ok(())
    }

    fn page(&mut self, heading: &[&str]) -> Result<(), Stop> {
        let mut rows = Rows::with_heading(heading);
        for cells in self.rows.drain(..) {
            rows.push(cells);
        }
        self.pages += 1;
        Ok(write!(self.out, "{}", rows.render())?)
    }

    /// How many items were printed.
    pub(super) const fn len(&self) -> usize {
        self.items
    }

    /// Ends the list with the members of `tail`, or with a text.
    pub(super) fn end(mut self, tail: &Value, text: &str, exit: Exit) -> Result<Shown, Failure> {
        let ended = self.finish(tail, text);
        printed(ended, exit)
    }

    fn finish(&mut self, tail: &Value, text: &str) -> Result<(), Stop> {
        match (self.output, self.form) {
            (Output::Json, _) => {
                let tail = members(tail, ",");
                writeln!(self.out, "]{}}}", if tail.is_empty() { "" } else { &tail[..] })?;
            }
            (Output::Table, Form::Table(heading)) if self.pages == 0 || !self.rows.is_empty() => {
                self.page(heading)?;
                write!(self.out, "{text}")?;
            }
            (Output::Table, Form::Table(_) | Form::Lines) => write!(self.out, "{text}")?,
        }
        Ok(self.out.flush()?)
    }
}

/// What printing came to. Where standard output is closed (`| head`), nobody wants the rest.
pub(super) fn printed(done: Result<(), Stop>, exit: Exit) -> Result<Shown, Failure> {
    match done {
        Ok(()) | Err(Stop::Enough) => Ok(Shown::printed(exit)),
        Err(Stop::Printing(error)) if error.kind() == ErrorKind::BrokenPipe => {
            Ok(Shown::printed(Exit::Done))
        }
        Err(Stop::Printing(error)) => {
            Err(Failure::Unreadable(format!("cannot print the answer: {error}")))
        }
    }
}

/// The members of an object without its braces: each followed by a comma, or with `before` before each.
fn members(object: &Value, before: &str) -> String {
    let after = if before.is_empty() { "," } else { "" };
    let members = object.as_object().into_iter().flatten();
    members
        .map(|(name, value)| format!("{before}{}:{value}{after}", Value::from(&name[..])))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn listed(output: Output, form: Form, items: usize) -> String {
        let mut printed = Vec::new();
        let head = json!({ "node_id": "n\"1" });
        let mut listing = Listing::into(&mut printed, output, form, &head, "data").unwrap();
        for number in 0..items {
            let cells = || vec![number.to_string(), "x".to_owned()];
            listing.item(|| json!({ "seq": number }), cells).unwrap();
        }
        assert_eq!(listing.len(), items);
        listing.finish(&json!({ "ok": true, "notes": [] }), "the end\n").unwrap();
        drop(listing);
        String::from_utf8(printed).unwrap()
    }

    #[test]
    fn a_list_of_any_length_is_one_json_document() {
        for items in [0, 1, 2, 2500] {
            let text = listed(Output::Json, Form::Lines, items);
            let json: Value = serde_json::from_str(&text).unwrap();
            assert_eq!((&json["node_id"], &json["ok"]), (&json!("n\"1"), &json!(true)));
            assert_eq!(json["data"].as_array().unwrap().len(), items);
            assert_eq!(text.lines().count(), 1);
        }
    }

    #[test]
    fn a_table_comes_in_pages_each_with_its_heading() {
        let form = Form::Table(&["SEQ", "WHAT"]);
        assert_eq!(listed(Output::Table, form, 0), "SEQ  WHAT\nthe end\n");
        assert_eq!(listed(Output::Table, form, 1), "SEQ  WHAT\n0    x\nthe end\n");
        let long = listed(Output::Table, form, PAGE_ROWS + 1);
        assert_eq!(long.lines().filter(|line| line.starts_with("SEQ")).count(), 2);
        assert_eq!(long.lines().count(), PAGE_ROWS + 1 + 2 + 1);
        let full = listed(Output::Table, form, PAGE_ROWS);
        assert_eq!(full.lines().filter(|line| line.starts_with("SEQ")).count(), 1);
    }

    #[test]
    fn lines_are_printed_as_they_are() {
        assert_eq!(listed(Output::Table, Form::Lines, 2), "0\nx\n1\nx\nthe end\n");
    }

    #[test]
    fn a_closed_output_is_no_failure_and_a_full_one_is() {
        let failed = |kind: ErrorKind| printed(Err(Stop::Printing(kind.into())), Exit::Refused);
        assert_eq!(failed(ErrorKind::BrokenPipe).unwrap().exit_code(), Exit::Done);
        assert_eq!(failed(ErrorKind::StorageFull).unwrap_err().exit(), Exit::Unreachable);
        assert_eq!(printed(Ok(()), Exit::Refused).unwrap().exit_code(), Exit::Refused);
    }
}
