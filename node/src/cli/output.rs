//! What a command prints: for people, or as exactly one JSON document.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use aerodb_http_api::client::ClientError;
use bytes::Bytes;
use clap::ValueEnum;
use serde::Serialize;
use serde_json::Value;

use crate::cli::explanation::{render_explanation, render_remedies};
use crate::cli::failure::{Exit, Failure};

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Output {
    /// Tables and text, hashes shortened.
    #[default]
    Table,
    /// One JSON document on one line, everything in full.
    Json,
}

/// The form for people.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Text {
    /// Lines.
    Lines(String),
    /// A stored value, byte for byte.
    Value(Bytes),
    /// It is printed already, in either form.
    Printed,
}

/// What a command has to show.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    json: Value,
    text: Text,
    exit: Exit,
}

impl Shown {
    /// A document, and the same for people.
    #[must_use]
    pub fn new(json: &impl Serialize, lines: impl Into<String>) -> Self {
        let json = aerodb_core::explain_value(json);
        Self { json, text: Text::Lines(lines.into()), exit: Exit::Done }
    }

    /// A stored value, which people get byte for byte.
    #[must_use]
    pub fn value(json: &impl Serialize, value: Bytes) -> Self {
        let json = aerodb_core::explain_value(json);
        Self { json, text: Text::Value(value), exit: Exit::Done }
    }

    /// What was printed while it was found.
    #[must_use]
    pub const fn printed(exit: Exit) -> Self {
        Self { json: Value::Null, text: Text::Printed, exit }
    }

    /// The same, with this exit code.
    #[must_use]
    pub fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// The exit code.
    #[must_use]
    pub const fn exit_code(&self) -> Exit {
        self.exit
    }

    /// The JSON document.
    #[must_use]
    pub const fn json(&self) -> &Value {
        &self.json
    }
}

/// Prints the outcome of a command.
pub(super) fn print(outcome: Result<Shown, Failure>, output: Output) -> ExitCode {
    match outcome {
        Ok(Shown { json, text, exit }) => {
            let printed = match (output, text) {
                (_, Text::Printed) => Ok(()),
                (Output::Json, Text::Lines(_) | Text::Value(_)) => line(&json.to_string()),
                (Output::Table, Text::Lines(lines)) => line(lines.trim_end()),
                (Output::Table, Text::Value(value)) => raw(&value),
            };
            unless_unprinted(printed, exit).into()
        }
        Err(failure) => {
            let printed = match output {
                Output::Json => line(&failure.json().to_string()),
                Output::Table => line(&decision_of(&failure)),
            };
            summary(&failure);
            unless_unprinted(printed, failure.exit()).into()
        }
    }
}

/// The exit code, if the answer was printed. Where standard output is closed (`| head`), nobody wants the
/// rest; where it is a full disk, somebody will miss it.
fn unless_unprinted(printed: io::Result<()>, exit: Exit) -> Exit {
    match printed {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            summary(&Failure::Unreadable(format!("cannot print the answer: {error}")));
            Exit::Unreachable
        }
        Ok(()) | Err(_) => exit,
    }
}

/// The explanation and the remedies of a refusal; empty when there was no decision.
fn decision_of(failure: &Failure) -> String {
    match failure {
        Failure::Node(ClientError::Problem(problem)) => {
            let body = problem.body();
            let explanation = body.explanation.as_ref().map(render_explanation);
            let remedies = body.remedies.as_deref().map(render_remedies);
            let parts: Vec<String> = explanation.into_iter().chain(remedies).collect();
            parts.join("\n").trim_end().to_owned()
        }
        Failure::Node(
            ClientError::Unreachable { .. }
            | ClientError::Interrupted { .. }
            | ClientError::Protocol { .. }
            | ClientError::Damaged { .. },
        )
        | Failure::Refused(_)
        | Failure::Damaged { .. }
        | Failure::Usage(_)
        | Failure::Unreadable(_) => String::new(),
    }
}

/// One line on standard error, for a log or a terminal; after it, where a start is refused by damage, its
/// explanation: whoever restarts a service keeps its standard error and nothing else (F-RC2).
fn summary(failure: &Failure) {
    let text = failure.to_string().replace('\n', " ");
    // Where standard error is closed, the exit code still says it.
    let _ = writeln!(io::stderr(), "aerodb: {text}");
    if let Failure::Damaged { explanation, .. } = failure {
        let _ = writeln!(io::stderr(), "{}", aerodb_core::explain_value(explanation));
    }
}

/// Nothing is printed for nothing.
fn line(text: &str) -> io::Result<()> {
    if text.is_empty() { Ok(()) } else { writeln!(io::stdout(), "{text}") }
}

fn raw(value: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout();
    stdout.write_all(value)?;
    if stdout.is_terminal() {
        stdout.write_all(b"\n")?;
    }
    stdout.flush()
}
