//! A command of several steps says each as it takes it: a heading, the line that does it by hand, and
//! what was seen.

use std::fmt::Display;
use std::io::Write;

use serde_json::{Value, json};

use crate::cli::Output;

#[derive(Debug, Default)]
struct Step {
    title: String,
    by_hand: Vec<String>,
    seen: Vec<String>,
}

/// The steps so far. Where the answer is to be JSON, the text goes to standard error.
#[derive(Debug)]
pub struct Steps {
    output: Output,
    steps: Vec<Step>,
}

impl Steps {
    /// None yet.
    #[must_use]
    pub const fn new(output: Output) -> Self {
        Self { output, steps: Vec::new() }
    }

    /// The next step begins.
    pub fn begin(&mut self, title: impl Into<String>) {
        let title = title.into();
        self.say(&format!("\n{}. {title}", self.steps.len() + 1));
        self.steps.push(Step { title, ..Step::default() });
    }

    /// How the step is done by hand: a line for a shell.
    pub fn by_hand(&mut self, line: impl Display) {
        let line = line.to_string();
        self.say(&format!("   $ {line}"));
        if let Some(step) = self.steps.last_mut() {
            step.by_hand.push(line);
        }
    }

    /// What was seen.
    pub fn saw(&mut self, seen: impl Into<String>) {
        let seen = seen.into();
        self.say(&indented(&seen));
        if let Some(step) = self.steps.last_mut() {
            step.seen.push(seen);
        }
    }

    /// The title of the step that was begun last.
    #[must_use]
    pub fn current(&self) -> &str {
        self.steps.last().map_or("", |step| &step.title)
    }

    /// All of it as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        let step =
            |step: &Step| json!({ "step": step.title, "by_hand": step.by_hand, "seen": step.seen });
        self.steps.iter().map(step).collect()
    }

    /// Where nobody listens, the steps are taken all the same.
    fn say(&self, text: &str) {
        let _ = match self.output {
            Output::Table => writeln!(std::io::stdout(), "{text}"),
            Output::Json => writeln!(std::io::stderr(), "{text}"),
        };
    }
}

fn indented(text: &str) -> String {
    let line = |line: &str| format!("   {line}").trim_end().to_owned();
    text.trim_end().lines().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use aerodb_core::id::Address;

    use super::*;
    use crate::cli::Curl;

    #[test]
    fn every_step_keeps_how_it_is_done_and_what_was_seen() {
        let node = Address::new("http://127.0.0.1:1").unwrap();
        let mut steps = Steps::new(Output::Json);
        steps.begin("look");
        steps.by_hand(Curl::get(&node, "/v1/status"));
        steps.saw("fine");
        steps.begin("go");
        let expected = json!([
            { "step": "look", "by_hand": ["curl -sS http://127.0.0.1:1/v1/status"], "seen": ["fine"] },
            { "step": "go", "by_hand": [], "seen": [] },
        ]);
        assert_eq!(steps.json(), expected);
        assert_eq!(steps.current(), "go");
    }
}
