//! The trigrams of a resource's texts, as numbers: how a text is found by a part of it.
//!
//! A number is made of the organization (upper half) and of the text's path and three characters of it (lower half), so
//! that what one organization has costs no other one's search. Two that are alike by chance cost a look at a resource
//! that is not meant, and nothing else: what the numbers lead to is always compared itself.

use crate::values::ids::OrganizationId;

/// The shortest part of a text that is found by its trigrams.
pub const LENGTH: usize = 3;
/// A resource with more numbers than this is found by every search of its organization instead.
const MOST: usize = 20_000;
/// A longer part is looked for by as many of its trigrams.
const MOST_WANTED: usize = 16;
/// Where FNV-1a begins.
const BASIS: u32 = 0x811c_9dc5;

/// A text of a resource.
#[derive(Debug, Clone)]
pub struct IndexedText {
    /// Its path, such as `emails.value`.
    pub path: String,
    /// The text as it is compared; `None` when it is too long to be taken apart, so that every search of its path has to
    /// find it.
    pub text: Option<String>,
}

/// The numbers under which a resource with these texts is found.
pub fn of(organization: OrganizationId, texts: &[IndexedText]) -> Vec<i64> {
    let mut numbers = Vec::new();
    for IndexedText { path, text } in texts {
        match text {
            Some(text) => numbers.extend(of_text(organization, path, text)),
            None => numbers.push(number(organization, path, "")),
        }
        // Each time at least as many go as stay, or it is the last.
        if numbers.len() > 2 * MOST {
            numbers = each_once(numbers);
            if numbers.len() > MOST {
                break;
            }
        }
    }
    let numbers = each_once(numbers);
    if numbers.len() > MOST { vec![number(organization, "", "")] } else { numbers }
}

fn each_once(mut numbers: Vec<i64>) -> Vec<i64> {
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// What a search for a part of a text looks for: all of `part`, or one of `instead`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The part's own numbers.
    pub part: Vec<i64>,
    /// What stands for texts that are not taken apart.
    pub instead: [i64; 2],
}

/// What a search for `part` in the texts of `path` looks for; `None` when the part is too short.
pub fn wanted(organization: OrganizationId, path: &str, part: &str) -> Option<Wanted> {
    let all = each_once(of_text(organization, path, part).collect());
    if all.is_empty() {
        return None;
    }
    let step = all.len().div_ceil(MOST_WANTED);
    let instead = [number(organization, path, ""), number(organization, "", "")];
    Some(Wanted { part: all.into_iter().step_by(step).collect(), instead })
}

fn of_text(organization: OrganizationId, path: &str, text: &str) -> impl Iterator<Item = i64> {
    let of_path = hash(hash(BASIS, path.as_bytes()), &[0xff]);
    let ends = text.char_indices().map(|(at, last)| at.saturating_add(last.len_utf8())).skip(LENGTH - 1);
    let pieces = text.char_indices().zip(ends).filter_map(|((start, _), end)| text.get(start..end));
    pieces.map(move |piece| within(organization, hash(of_path, piece.as_bytes())))
}

fn number(organization: OrganizationId, path: &str, piece: &str) -> i64 {
    within(organization, hash(hash(hash(BASIS, path.as_bytes()), &[0xff]), piece.as_bytes()))
}

/// FNV-1a. It has to be the same for ever and on every machine, and nothing rests on its being hard to forge: an organization can
/// only crowd its own numbers.
fn hash(begun: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(begun, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

/// The random end of the organization's id, then the hash.
fn within(organization: OrganizationId, hash: u32) -> i64 {
    let mut bytes = [0; 8];
    for (to, from) in bytes.iter_mut().zip(organization.as_bytes().iter().skip(12).chain(&hash.to_be_bytes())) {
        *to = *from;
    }
    i64::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::{IndexedText, LENGTH, MOST, of, wanted};
    use crate::values::ids::{Id, OrganizationId};

    fn organization(byte: u8) -> OrganizationId {
        Id::from_bytes(&[byte; 16]).unwrap()
    }

    fn text(path: &str, text: &str) -> IndexedText {
        IndexedText { path: path.to_owned(), text: Some(text.to_owned()) }
    }

    #[test]
    fn every_part_of_three_characters_or_more_is_found_and_no_shorter_one() {
        let whole = "z\u{e9}-@.\u{1F600}ab".to_owned();
        let stored = of(organization(1), &[text("title", "xyz"), text("userName", &whole)]);
        let characters: Vec<char> = whole.chars().collect();
        for start in 0..characters.len() {
            for end in start + 1..=characters.len() {
                let part: String = characters[start..end].iter().collect();
                match wanted(organization(1), "userName", &part) {
                    Some(wanted) => assert!(wanted.part.iter().all(|number| stored.contains(number)), "{part}"),
                    None => assert!(end - start < LENGTH, "{part}"),
                }
            }
        }
    }

    #[test]
    fn another_path_and_another_organization_have_other_numbers() {
        let stored = of(organization(1), &[text("userName", "abcdef")]);
        assert_eq!(stored.len(), 4);
        for (id, path) in [(1, "title"), (2, "userName")] {
            let wanted = wanted(organization(id), path, "abcdef").unwrap();
            assert!(!wanted.part.iter().any(|number| stored.contains(number)), "{id} {path}");
        }
    }

    #[test]
    fn a_long_part_is_looked_for_by_some_of_its_trigrams() {
        let long: String = (0..200_u32).filter_map(|n| char::from_u32(0x4e00 + n)).collect();
        assert!((8..=16).contains(&wanted(organization(1), "title", &long).unwrap().part.len()));
    }

    #[test]
    fn what_is_not_taken_apart_is_found_by_every_search_it_could_satisfy() {
        let stored = of(organization(1), &[IndexedText { path: "nickName".to_owned(), text: None }]);
        assert!(wanted(organization(1), "nickName", "abc").unwrap().instead.iter().any(|n| stored.contains(n)));
        assert!(!wanted(organization(1), "title", "abc").unwrap().instead.iter().any(|n| stored.contains(n)));
        let huge: String = (0..u32::try_from(MOST).unwrap() + 20).filter_map(|n| char::from_u32(0x4e00 + n)).collect();
        let stored = of(organization(1), &[text("nickName", &huge), text("userName", "ada")]);
        assert_eq!(stored.len(), 1);
        assert!(wanted(organization(1), "title", "abc").unwrap().instead.contains(&stored[0]));
    }
}
