//! What is wrong with the traceability itself.

/// Something that the audit cannot pass over.
#[derive(Debug, thiserror::Error)]
pub enum AuditFault {
    /// A file cannot be read or written.
    #[error("{path}: {error}")]
    File {
        /// Which one.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// The file of rules is not one.
    #[error("docs/rules.toml: {0}")]
    Catalogue(String),
    /// A mark, a test or an explanation cites what is no rule.
    #[error("{path}: {cited} is no rule")]
    UnknownRule {
        /// Where.
        path: String,
        /// What it cites.
        cited: String,
    },
    /// What is no test proves nothing.
    #[error("{path}: {cited} is proven by what is no test")]
    NoTest {
        /// Where.
        path: String,
        /// The rule.
        cited: String,
    },
    /// A test that does not run, or only on a condition, proves nothing.
    #[error("{path}: the test {test} is ignored")]
    Ignored {
        /// Where.
        path: String,
        /// Which one.
        test: String,
    },
}
