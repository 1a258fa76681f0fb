//! Names of states as ids.

/// The state's name as an id: letters, digits and `_`, so `Ready(read_safe)` is `Ready_read_safe`. It is an
/// XML `ID` and needs no quotes in Mermaid. A test sees to it that no two states share one.
#[must_use]
pub fn state_id(state: &str) -> String {
    let id: String =
        state.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    id.trim_end_matches('_').to_owned()
}
