//! Percent-decoding that refuses what it cannot read; the usual decoders pass it through or replace it,
//! and two different requests would then name one key.

use std::borrow::Cow;

/// Why a text is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PercentError {
    /// A `%` without two hex digits.
    #[error("a % is not followed by two hex digits")]
    Escape,
    /// The decoded bytes are not UTF-8.
    #[error("the decoded bytes are not UTF-8")]
    Utf8,
}

/// Decodes `%XX`; everything else stands for itself.
pub(crate) fn decode(text: &str) -> Result<Cow<'_, str>, PercentError> {
    let whole = text.split('%').skip(1).all(|part| {
        part.as_bytes().get(..2).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit))
    });
    if !whole {
        return Err(PercentError::Escape);
    }
    percent_encoding::percent_decode_str(text).decode_utf8().map_err(|_| PercentError::Utf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_refused_and_the_rest_is_itself() {
        assert_eq!(decode("a%2Fb/c+%C3%A4").unwrap(), "a/b/c+ä");
        assert_eq!(decode("%00").unwrap(), "\0");
        assert_eq!(decode("%252F").unwrap(), "%2F");
        for bad in ["%", "%2", "a%zz", "%+f"] {
            assert_eq!(decode(bad), Err(PercentError::Escape), "{bad}");
        }
        assert_eq!(decode("%ff"), Err(PercentError::Utf8));
    }
}
