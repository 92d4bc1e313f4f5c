//! How a connection's provider is asked for several factors, and by which of its words it says that there were some.
//!
//! Providers name what they do differently, so what the gateway itself calls `urn:causeway:acr:mfa` is translated for each
//! connection, in both directions (decision 0034). Where a connection has a map, nothing but the words in it counts; where it
//! has none, the names that everybody knows do ([`super::acr`]). Pure; the words are those of a verified answer.

use serde::{Deserialize, Serialize};

use super::acr::{Level, SEVERAL_FACTORS, SEVERAL_FACTORS_AMR};

/// More words than anybody needs, in each direction.
const MAX_WORDS: usize = 10;
/// The longest word.
const MAX_WORD_CHARACTERS: usize = 256;

/// What several factors are called at one provider.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClassMap {
    /// What the provider is asked for, best first; any one will do. None asks for nothing.
    pub asks_for: Vec<String>,
    /// The words of an answer (a class, or a method) of which one says that there were several factors. None: it never says so.
    pub met_by: Vec<String>,
}

/// What an answer says about several factors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Verdict {
    /// The connection has no map: what is known everywhere counts.
    #[default]
    Unmapped,
    /// One of the words is there.
    Met,
    /// None of them is, whatever else the answer says.
    NotMet,
}

/// The map cannot be meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("asks_for and met_by are at most ten words each, of at most 256 characters without spaces")]
pub struct InvalidClassMap;

impl ClassMap {
    /// The map of a product that is asked for `asks_for` and says so by `met_by`, or by a name that is known everywhere.
    pub fn of_product(asks_for: &[&str], met_by: &[&str]) -> Self {
        let known = SEVERAL_FACTORS.into_iter().filter(|name| !super::acr::is_own(name)).chain([SEVERAL_FACTORS_AMR]);
        let mut words: Vec<String> = met_by.iter().map(|word| (*word).to_owned()).collect();
        for name in known {
            if !words.iter().any(|word| word == name) {
                words.push(name.to_owned());
            }
        }
        Self { asks_for: asks_for.iter().map(|word| (*word).to_owned()).collect(), met_by: words }
    }

    /// Whether it can be meant.
    pub fn check(&self) -> Result<(), InvalidClassMap> {
        let is_word = |word: &String| {
            (1..=MAX_WORD_CHARACTERS).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_graphic())
        };
        let is_sound = |words: &Vec<String>| words.len() <= MAX_WORDS && words.iter().all(is_word);
        if is_sound(&self.asks_for) && is_sound(&self.met_by) { Ok(()) } else { Err(InvalidClassMap) }
    }

    /// What the provider is asked for on behalf of an application that asks for `level`; none when for nothing.
    pub fn asks_for(&self, level: Option<Level>) -> &[String] {
        if level >= Some(Level::SeveralFactors) { &self.asks_for } else { &[] }
    }

    /// The classes among which an answer may be that was asked for `level`, where the connection itself demands `demanded` and
    /// refuses any other. None when any may be.
    pub fn accepted(map: Option<&Self>, demanded: &[String], level: Option<Level>) -> Vec<String> {
        let mut accepted = demanded.to_vec();
        if let Some(map) = map.filter(|_| !demanded.is_empty() && level >= Some(Level::SeveralFactors)) {
            accepted.extend(map.asks_for.iter().chain(&map.met_by).cloned());
        }
        accepted
    }
}

/// What the words of an answer say about several factors, by the map of its connection. Words are compared byte for byte.
pub fn verdict<'a>(map: Option<&ClassMap>, mut words: impl Iterator<Item = &'a str>) -> Verdict {
    match map {
        None => Verdict::Unmapped,
        Some(map) if words.any(|word| map.met_by.iter().any(|known| known == word)) => Verdict::Met,
        Some(_) => Verdict::NotMet,
    }
}

#[cfg(test)]
mod tests {
    use super::{ClassMap, Verdict, verdict};
    use crate::protocol::oidc::acr::Level;

    const SEVERAL: Option<Level> = Some(Level::SeveralFactors);

    fn words(list: &[&str]) -> Vec<String> {
        list.iter().map(|word| (*word).to_owned()).collect()
    }

    fn map(asks_for: &[&str], met_by: &[&str]) -> ClassMap {
        ClassMap { asks_for: words(asks_for), met_by: words(met_by) }
    }

    fn read(map: Option<&ClassMap>, said: &[&str]) -> Verdict {
        verdict(map, said.iter().copied())
    }

    #[test]
    fn nothing_counts_but_what_is_mapped() {
        let own = map(&["urn:acme:strong"], &["urn:acme:strong", "otp"]);
        for (said, expected) in [
            (&["urn:acme:strong"][..], Verdict::Met),
            (&["urn:acme:weak", "pwd", "otp"], Verdict::Met),
            (&["urn:acme:weak", "pwd"], Verdict::NotMet),
            (&["urn:acme:stronger"], Verdict::NotMet),
            (&["URN:ACME:STRONG"], Verdict::NotMet),
            // What is known everywhere, and the gateway's own name.
            (&["https://refeds.org/profile/mfa", "mfa"], Verdict::NotMet),
            (&["urn:causeway:acr:mfa"], Verdict::NotMet),
            (&[], Verdict::NotMet),
        ] {
            assert_eq!(read(Some(&own), said), expected, "{said:?}");
            assert_eq!(read(None, said), Verdict::Unmapped, "{said:?}");
        }
        assert_eq!(read(Some(&map(&["x"], &[])), &["x", "mfa"]), Verdict::NotMet, "asked for, and never believed");
    }

    #[test]
    fn a_product_says_it_by_its_own_words_or_by_those_that_everybody_knows() {
        let product = ClassMap::of_product(&["urn:p:2fa"], &["urn:p:2fa", "https://refeds.org/profile/mfa"]);
        assert_eq!(product.check(), Ok(()));
        for said in ["urn:p:2fa", "mfa", "https://refeds.org/profile/mfa"] {
            assert_eq!(read(Some(&product), &[said]), Verdict::Met, "{said}");
        }
        for said in ["urn:p:1fa", "urn:causeway:acr:mfa", "pwd"] {
            assert_eq!(read(Some(&product), &[said]), Verdict::NotMet, "{said}");
        }
    }

    #[test]
    fn a_provider_is_asked_only_on_behalf_of_who_asks_for_several_factors() {
        let own = map(&["urn:acme:strong"], &["otp"]);
        assert_eq!(own.asks_for(SEVERAL), ["urn:acme:strong"]);
        for level in [None, Some(Level::Password)] {
            assert!(own.asks_for(level).is_empty(), "{level:?}");
        }
    }

    #[test]
    fn what_is_asked_for_may_come_although_the_connection_demands_something_else() {
        let (own, demanded) = (map(&["strong"], &["stronger"]), words(&["demanded"]));
        let accepted = |map, demanded, level| ClassMap::accepted(map, demanded, level);
        assert_eq!(accepted(Some(&own), &demanded, SEVERAL), ["demanded", "strong", "stronger"]);
        assert_eq!(accepted(Some(&own), &demanded, Some(Level::Password)), demanded);
        assert_eq!(accepted(Some(&own), &demanded, None), demanded);
        assert_eq!(accepted(None, &demanded, SEVERAL), demanded);
        assert!(accepted(Some(&own), &[], SEVERAL).is_empty(), "where nothing is demanded any class may come");
    }

    #[test]
    fn a_map_that_cannot_be_meant_is_refused() {
        let long = "x".repeat(257);
        assert_eq!(map(&[&"x".repeat(256)], &["mfa"; 10]).check(), Ok(()));
        assert_eq!(ClassMap::default().check(), Ok(()));
        for bad in ["", "a b", "a\nb", "ä", &long] {
            assert!(map(&[bad], &[]).check().is_err() && map(&[], &[bad]).check().is_err(), "{bad:?}");
        }
        assert!(map(&["x"; 11], &[]).check().is_err() && map(&[], &["x"; 11]).check().is_err());
    }
}
