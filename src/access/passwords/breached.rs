//! Whether a password is among those that attackers try first.
//!
//! A list of breached passwords is a file of lines `SHA1` or `SHA1:COUNT`, in the order of the hashes, as Have I Been
//! Pwned publishes it. It has a billion lines, so it is searched where it lies, by halving: some thirty reads of a few
//! bytes. Without a list, the words of `common.txt` are all that is known.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::LazyLock;

use crate::values::email::EmailAddress;
use crate::values::folding::fold;
use crate::values::password::Password;

/// The longest line of a list.
const MAX_LINE: usize = 64;
const HASH_LENGTH: usize = 40;

/// True when everybody knows the password: it is a common one, or the person's own address.
pub fn is_common(password: &Password, address: &EmailAddress) -> bool {
    static COMMON: LazyLock<HashSet<&str>> = LazyLock::new(|| include_str!("common.txt").lines().collect());
    let folded = password.folded();
    let local = address.as_str().split('@').next().unwrap_or_default();
    COMMON.contains(folded.expose()) || [address.as_str(), local].iter().any(|own| fold(own) == folded.expose())
}

/// True when `list` holds the password.
pub fn is_listed(list: &mut (impl Read + Seek), password: &Password) -> io::Result<bool> {
    let wanted = password.listed_form();
    let (mut low, mut high) = (0, list.seek(SeekFrom::End(0))?);
    while low < high {
        let middle = low + (high - low) / 2;
        let start = line_start(list, low, middle)?;
        let line = line(list, start)?;
        let hash = line.get(..HASH_LENGTH).unwrap_or(&line).to_ascii_uppercase();
        match hash.as_slice().cmp(wanted.expose().as_bytes()) {
            Ordering::Equal => return Ok(true),
            Ordering::Less => low = start + line.len() as u64 + 1,
            Ordering::Greater => high = start,
        }
    }
    Ok(false)
}

/// Refuses a file that does not begin as a list does.
pub fn check(list: &mut (impl Read + Seek)) -> io::Result<()> {
    let first = line(list, 0)?;
    let is_hash = first.get(..HASH_LENGTH).is_some_and(|hash| hash.iter().all(u8::is_ascii_hexdigit));
    let is_ended = matches!(first.get(HASH_LENGTH), None | Some(b':' | b'\r'));
    if is_hash && is_ended { Ok(()) } else { Err(not_a_list()) }
}

/// Where the line begins that holds the byte at `middle`; no line of interest begins before `low`.
fn line_start(list: &mut (impl Read + Seek), low: u64, middle: u64) -> io::Result<u64> {
    let from = low.max(middle.saturating_sub(MAX_LINE as u64 + 1));
    let before = read(list, from, usize::try_from(middle - from).unwrap_or(MAX_LINE))?;
    match before.iter().rposition(|byte| *byte == b'\n') {
        Some(at) => Ok(from + at as u64 + 1),
        None if from == low => Ok(low),
        None => Err(not_a_list()),
    }
}

/// The line that begins at `start`, without its end.
fn line(list: &mut (impl Read + Seek), start: u64) -> io::Result<Vec<u8>> {
    let mut line = read(list, start, MAX_LINE + 1)?;
    match line.iter().position(|byte| *byte == b'\n') {
        Some(end) => line.truncate(end),
        None if line.len() > MAX_LINE => return Err(not_a_list()),
        None => {}
    }
    Ok(line)
}

/// At most `length` bytes from `start`; fewer at the end of the file.
fn read(list: &mut (impl Read + Seek), start: u64, length: usize) -> io::Result<Vec<u8>> {
    list.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::with_capacity(length);
    list.by_ref().take(length as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn not_a_list() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "not a list of lines that begin with a SHA-1, in their order")
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::{check, is_common, is_listed};
    use crate::values::password::Password;

    fn list(words: &[String], ending: &str) -> Cursor<Vec<u8>> {
        let mut lines: Vec<String> =
            words.iter().map(|word| Password::typed(word).listed_form().expose().to_owned()).collect();
        lines.sort();
        let lines = lines.iter().enumerate().map(|(n, hash)| format!("{hash}:{}", n * 997));
        Cursor::new(lines.collect::<Vec<_>>().join(ending).into_bytes())
    }

    #[test]
    fn every_password_of_a_list_is_found_and_no_other() {
        for ending in ["\n", "\r\n"] {
            for count in [0, 1, 2, 3, 500] {
                let words: Vec<String> = (0..count).map(|n| format!("word {n}")).collect();
                let mut list = list(&words, ending);
                for word in &words {
                    assert!(is_listed(&mut list, &Password::typed(word)).unwrap(), "{word} of {count}");
                }
                for other in ["word", "word -1", "Word 1", "another"] {
                    assert!(!is_listed(&mut list, &Password::typed(other)).unwrap(), "{other}");
                }
            }
        }
    }

    #[test]
    fn a_file_that_is_no_list_is_refused() {
        assert!(check(&mut list(&["a".to_owned()], "\n")).is_ok());
        assert!(check(&mut Cursor::new(b"0000000A1D4B746FAA3FD526FF6D5BC8052FDB38\r\n".to_vec())).is_ok());
        for bad in ["", "password\n123456\n", &"A".repeat(41), &"A".repeat(4_000)] {
            assert!(check(&mut Cursor::new(bad.as_bytes().to_vec())).is_err(), "{bad}");
        }
        let mut endless = Cursor::new("F".repeat(4_000).into_bytes());
        assert!(is_listed(&mut endless, &Password::typed("x")).is_err(), "a line without an end");
    }

    #[test]
    fn common_words_and_the_own_address_are_known_to_everybody() {
        let address = "ada.lovelace@acme.test".parse().unwrap();
        for known in ["password", "PassWord", "12345678", "qwertyuiop", "Ada.Lovelace@acme.test", "ada.LOVELACE"] {
            assert!(is_common(&Password::typed(known), &address), "{known}");
        }
        for fine in ["correct horse battery", "ada.lovelace of acme"] {
            assert!(!is_common(&Password::typed(fine), &address), "{fine}");
        }
    }
}
