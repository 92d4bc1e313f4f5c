//! Cuts a filter into tokens. Quoted text is a JSON string; everything else up to a delimiter is one word.

use crate::protocol::scim::error::ScimError;
use crate::protocol::scim::limits::Limits;

/// A token of a filter or of a PATCH path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::protocol::scim) enum Token {
    /// `(`
    Open,
    /// `)`
    Close,
    /// `[`
    OpenBracket,
    /// `]`
    CloseBracket,
    /// A quoted text, unescaped.
    Text(String),
    /// A name, an operator or an unquoted literal.
    Word(String),
}

/// The tokens of `text`, which is refused when it is longer than the limit.
pub(in crate::protocol::scim) fn tokens(text: &str, limits: &Limits) -> Result<Vec<Token>, ScimError> {
    if text.len() > limits.filter_bytes {
        return Err(
            ScimError::filter(format!("longer than {} bytes", limits.filter_bytes)).by("limits.scim_filter_bytes")
        );
    }
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let single = match first {
            '(' => Some(Token::Open),
            ')' => Some(Token::Close),
            '[' => Some(Token::OpenBracket),
            ']' => Some(Token::CloseBracket),
            _ => None,
        };
        let length = match single {
            Some(token) => {
                tokens.push(token);
                1
            }
            None if first.is_whitespace() => first.len_utf8(),
            None if first == '"' => {
                let length = quoted_length(rest)?;
                tokens.push(Token::Text(unquote(rest.get(..length).unwrap_or_default())?));
                length
            }
            None => {
                let is_end = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | '[' | ']' | '"');
                let length = rest.find(is_end).unwrap_or(rest.len());
                tokens.push(Token::Word(rest.get(..length).unwrap_or_default().to_owned()));
                length
            }
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    Ok(tokens)
}

/// Bytes up to and including the closing quote of the text that `rest` starts with.
fn quoted_length(rest: &str) -> Result<usize, ScimError> {
    let mut is_escaped = false;
    for (at, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return Ok(at.saturating_add(1)),
            _ => {}
        }
    }
    Err(ScimError::filter("a quoted text does not end"))
}

fn unquote(quoted: &str) -> Result<String, ScimError> {
    let text: String =
        serde_json::from_str(quoted).map_err(|_| ScimError::filter("a quoted text is not a JSON string"))?;
    if text.contains('\0') { Err(ScimError::filter("a text holds the NUL character")) } else { Ok(text) }
}
