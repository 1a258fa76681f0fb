//! The forms in which a chart is given.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Chart, dot, mermaid, scxml};

/// A form of a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// W3C SCXML.
    Scxml,
    /// Mermaid `stateDiagram-v2`.
    Mermaid,
    /// Graphviz.
    Dot,
    /// The chart as data.
    #[default]
    Json,
}

impl Format {
    /// Every form.
    pub const ALL: [Self; 4] = [Self::Scxml, Self::Mermaid, Self::Dot, Self::Json];

    /// The word used in queries.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scxml => "scxml",
            Self::Mermaid => "mermaid",
            Self::Dot => "dot",
            Self::Json => "json",
        }
    }

    /// The ending of its files.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Scxml => "scxml",
            Self::Mermaid => "mmd",
            Self::Dot => "dot",
            Self::Json => "json",
        }
    }

    /// Its media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Scxml => "application/scxml+xml",
            Self::Mermaid => "text/vnd.mermaid; charset=utf-8",
            Self::Dot => "text/vnd.graphviz; charset=utf-8",
            Self::Json => "application/json",
        }
    }

    /// The chart in this form.
    #[must_use]
    pub fn render(self, chart: &Chart) -> String {
        match self {
            Self::Scxml => scxml(chart),
            Self::Mermaid => mermaid(chart),
            Self::Dot => dot(chart),
            // A value of our own types with text keys always serialises.
            Self::Json => serde_json::to_string_pretty(chart).unwrap_or_default() + "\n",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
