//! Judging a DNS answer against a challenge. Pure: the lookup itself is a flow's business.

use crate::values::secret;

/// The label under which the record stands, in front of the claimed name
/// (draft-ietf-dnsop-domain-verification-techniques: an underscored label of the service's own).
pub const LABEL: &str = "_causeway-challenge";

/// What the lookup gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The TXT records at the name, each with its strings joined.
    Records(Vec<String>),
    /// The name is an alias of another one.
    Aliased,
    /// The name or the record type does not exist.
    Absent,
    /// The lookup failed: no server answered, or one answered with an error.
    Failed(String),
}

/// Why an answer is no proof. Shown to the administrator, and kept with the claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// There is no TXT record at the name.
    RecordMissing,
    /// There are records, but none is the one asked for.
    RecordWrong {
        /// How many there are.
        found: usize,
    },
    /// The name is an alias, and what it leads to is not the domain's own.
    RecordAliased,
    /// Nothing can be said, because the lookup failed.
    LookupFailed,
}

impl Failure {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::RecordMissing => "record_missing",
            Self::RecordWrong { .. } => "record_wrong",
            Self::RecordAliased => "record_aliased",
            Self::LookupFailed => "lookup_failed",
        }
    }
}

/// The value of the record that an organization publishes.
pub fn record_value(challenge: &str) -> String {
    format!("causeway-challenge={challenge}")
}

/// Looks for the record of `challenge` among the records found. Nothing is ever proved by a failure.
pub fn judge(challenge: &str, answer: &Answer) -> Result<(), Failure> {
    match answer {
        Answer::Absent => Err(Failure::RecordMissing),
        Answer::Aliased => Err(Failure::RecordAliased),
        Answer::Failed(_) => Err(Failure::LookupFailed),
        Answer::Records(records) if records.is_empty() => Err(Failure::RecordMissing),
        Answer::Records(records) => {
            let wanted = record_value(challenge);
            let is_there = records.iter().any(|text| secret::is_equal(text.trim().as_bytes(), wanted.as_bytes()));
            if is_there { Ok(()) } else { Err(Failure::RecordWrong { found: records.len() }) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Failure, judge};

    #[test]
    fn only_the_exact_record_is_a_proof() {
        let records = |texts: &[&str]| Answer::Records(texts.iter().map(|text| (*text).to_owned()).collect());
        assert_eq!(judge("abc", &records(&["v=spf1 -all", "causeway-challenge=abc"])), Ok(()));
        let wrong = records(&["causeway-challenge=ab", "abc", "causeway-challenge=ABC", "xcauseway-challenge=abc"]);
        assert_eq!(judge("abc", &wrong), Err(Failure::RecordWrong { found: 4 }));
        assert_eq!(judge("abc", &records(&[])), Err(Failure::RecordMissing));
        assert_eq!(judge("abc", &Answer::Absent), Err(Failure::RecordMissing));
        assert_eq!(judge("abc", &Answer::Aliased), Err(Failure::RecordAliased));
        assert_eq!(judge("abc", &Answer::Failed("SERVFAIL".to_owned())), Err(Failure::LookupFailed));
    }
}
