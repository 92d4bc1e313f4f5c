//! Reads Rust source text as far as the architecture test needs it: comments and literals dropped, the rest cut into
//! tokens, and from those every path (`a::b::c`), with the braces of `use` trees written out.

/// One identifier or punctuation mark and the line it stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub text: String,
    pub line: usize,
}

/// One path with at least one segment, such as `["crate", "store", "Tx"]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourcePath {
    pub segments: Vec<String>,
    pub line: usize,
}

/// Cuts source text into identifiers and punctuation; comments, string and character literals vanish.
pub fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let (mut at, mut line, mut found) = (0, 1, Vec::new());
    while at < chars.len() {
        let end = match chars[at] {
            '/' if chars.get(at + 1) == Some(&'/') => end_of_line(&chars, at),
            '/' if chars.get(at + 1) == Some(&'*') => end_of_block_comment(&chars, at),
            '"' => end_of_string(&chars, at),
            '\'' => end_of_quote(&chars, at),
            c if c.is_alphanumeric() || c == '_' => match raw_string_hashes(&chars, at) {
                Some(hashes) => end_of_raw_string(&chars, at, hashes),
                None => {
                    let end = (at..chars.len()).find(|i| !is_word(chars[*i])).unwrap_or(chars.len());
                    found.push(Token { text: chars[at..end].iter().collect(), line });
                    end
                }
            },
            ':' if chars.get(at + 1) == Some(&':') => {
                found.push(Token { text: "::".to_owned(), line });
                at + 2
            }
            c => {
                if !c.is_whitespace() {
                    found.push(Token { text: c.to_string(), line });
                }
                at + 1
            }
        };
        line += chars[at..end].iter().filter(|c| **c == '\n').count();
        at = end;
    }
    found
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn end_of_line(chars: &[char], at: usize) -> usize {
    (at..chars.len()).find(|i| chars[*i] == '\n').unwrap_or(chars.len())
}

fn end_of_block_comment(chars: &[char], at: usize) -> usize {
    let (mut i, mut depth) = (at, 0);
    while i < chars.len() {
        match (chars[i], chars.get(i + 1)) {
            ('/', Some('*')) => (depth, i) = (depth + 1, i + 2),
            ('*', Some('/')) => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
        if depth == 0 {
            return i;
        }
    }
    chars.len()
}

fn end_of_string(chars: &[char], at: usize) -> usize {
    let mut i = at + 1;
    while i < chars.len() {
        match chars[i] {
            '\\' => i += 2,
            '"' => return i + 1,
            _ => i += 1,
        }
    }
    chars.len()
}

/// The end of a character literal, or of the quote alone where it opens a lifetime.
fn end_of_quote(chars: &[char], at: usize) -> usize {
    if chars.get(at + 1) == Some(&'\\') {
        return (at + 3..chars.len()).find(|i| chars[*i] == '\'').map_or(chars.len(), |i| i + 1);
    }
    if chars.get(at + 2) == Some(&'\'') { at + 3 } else { at + 1 }
}

/// The number of `#` when `r"`, `r#"`, `br"` and so on begins at `at`; `None` for a plain word.
fn raw_string_hashes(chars: &[char], at: usize) -> Option<usize> {
    let r = if chars[at] == 'b' { at + 1 } else { at };
    if chars.get(r) != Some(&'r') || at > 0 && is_word(chars[at - 1]) {
        return None;
    }
    let hashes = chars[r + 1..].iter().take_while(|c| **c == '#').count();
    (chars.get(r + 1 + hashes) == Some(&'"')).then_some(hashes)
}

fn end_of_raw_string(chars: &[char], at: usize, hashes: usize) -> usize {
    let open = (at..chars.len()).find(|i| chars[*i] == '"').unwrap_or(chars.len());
    (open + 1..chars.len())
        .find(|i| chars[*i] == '"' && chars[i + 1..].iter().take_while(|c| **c == '#').count() >= hashes)
        .map_or(chars.len(), |i| i + 1 + hashes)
}

/// The tokens outside `#[cfg(test)] mod name { ... }` blocks.
pub fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let opening = ["#", "[", "cfg", "(", "test", ")", "]", "mod"];
    let (mut at, mut kept) = (0, Vec::new());
    while at < tokens.len() {
        let opens = opening.iter().zip(&tokens[at..]).filter(|(want, token)| token.text == **want).count();
        let body = at + opening.len() + 1;
        if opens == opening.len() && tokens.get(body).is_some_and(|token| token.text == "{") {
            at = matching_brace(tokens, body) + 1;
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

fn matching_brace(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.text.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    tokens.len()
}

/// Every path in the tokens. `use a::{b, c::d}` gives `a::b` and `a::c::d`.
pub fn paths(tokens: &[Token]) -> Vec<SourcePath> {
    let (mut at, mut found) = (0, Vec::new());
    while at < tokens.len() {
        at = if is_name(&tokens[at]) { path_from(tokens, at, &[], &mut found) } else { at + 1 };
    }
    found
}

fn is_name(token: &Token) -> bool {
    token.text.starts_with(is_word)
}

/// Reads one path that starts at `at`, below `prefix`, and returns where reading goes on.
fn path_from(tokens: &[Token], mut at: usize, prefix: &[String], found: &mut Vec<SourcePath>) -> usize {
    let (mut segments, line) = (prefix.to_vec(), tokens[at].line);
    loop {
        segments.push(tokens[at].text.clone());
        at += 1;
        if tokens.get(at).is_none_or(|token| token.text != "::") {
            break;
        }
        match tokens.get(at + 1) {
            Some(next) if is_name(next) => at += 1,
            Some(next) if next.text == "{" => return group_from(tokens, at + 1, &segments, found),
            _ => break,
        }
    }
    found.push(SourcePath { segments, line });
    at
}

fn group_from(tokens: &[Token], open: usize, prefix: &[String], found: &mut Vec<SourcePath>) -> usize {
    let mut at = open + 1;
    while let Some(token) = tokens.get(at) {
        if token.text == "}" {
            return at + 1;
        }
        at = if is_name(token) { path_from(tokens, at, prefix, found) } else { at + 1 };
    }
    at
}

#[cfg(test)]
mod tests {
    use super::{paths, tokens, without_tests};

    fn path_texts(text: &str) -> Vec<String> {
        paths(&tokens(text)).into_iter().map(|path| path.segments.join("::")).collect()
    }

    #[test]
    fn use_trees_are_written_out() {
        assert_eq!(
            path_texts("use crate::{store::{Tx, Store}, values::ids};"),
            ["use", "crate::store::Tx", "crate::store::Store", "crate::values::ids"]
        );
    }

    #[test]
    fn comments_and_literals_name_nothing() {
        let text = r##"// a::b
            /* c::d /* e::f */ g::h */ let x = ("i::j \" k::l", r#"m::n " o"#, 'p', '\'', b"q::r");"##;
        assert_eq!(path_texts(text), ["let", "x", "b"]);
    }

    #[test]
    fn lifetimes_do_not_swallow_what_follows() {
        assert_eq!(path_texts("fn f(tx: &mut Tx<'_>, s: &'a a::b) {}").last().map(String::as_str), Some("a::b"));
    }

    #[test]
    fn test_modules_are_left_out_and_what_follows_is_kept() {
        let all = tokens("use a::b; #[cfg(test)] mod tests { use c::d; mod inner {} } use e::f;");
        let kept: Vec<String> = paths(&without_tests(&all)).into_iter().map(|path| path.segments.join("::")).collect();
        assert_eq!(kept, ["use", "a::b", "use", "e::f"]);
    }

    #[test]
    fn lines_are_counted_through_literals() {
        assert_eq!(tokens("\"a\nb\"\n// c\nd").last().map(|token| token.line), Some(4));
    }
}
