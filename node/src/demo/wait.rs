//! Waiting for a state.

use std::time::Duration;

use super::error::DemoError;

/// Between two looks. It paces the looking and is evidence of nothing.
const PAUSE: Duration = Duration::from_millis(50);
/// Looks before the demo gives up.
const LOOKS: u32 = 1200;

/// Looks until `look` gives a value; what it gives otherwise is said when it never does.
pub(super) async fn wait_for<T>(
    state: impl Into<String>,
    mut look: impl AsyncFnMut() -> Result<T, String>,
) -> Result<T, DemoError> {
    let mut seen = String::new();
    for _ in 0..LOOKS {
        match look().await {
            Ok(value) => return Ok(value),
            Err(otherwise) => seen = otherwise,
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(DemoError::NeverCame { state: state.into(), seen })
}
