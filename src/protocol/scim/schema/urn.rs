//! The URN of a schema that an organization brings along: what it may look like, and whose it must not be.

/// The longest URN.
const MAX_CHARS: usize = 200;
/// Namespaces whose schemas are the standards', the gateway's, or of a vendor's discovery.
const TAKEN: [&str; 6] = [
    "urn:ietf:params:scim:schemas:core",
    "urn:ietf:params:scim:api",
    "urn:ietf:params:scim:schemas:extension:enterprise",
    "urn:ietf:params:scim:schemas:extension:causeway",
    "urn:okta:scim:schemas:core",
    "urn:scim:schemas:core",
];

/// Refuses what is not a URN of letters, digits, `.`, `-`, `_` and `:`, and what belongs to somebody else. Of the IETF's
/// namespace only `urn:ietf:params:scim:schemas:extension:` is open, because Entra ID asks for names in it.
pub fn check(urn: &str) -> Result<(), &'static str> {
    let folded = urn.to_ascii_lowercase();
    let rest = folded.strip_prefix("urn:").ok_or("is not a URN")?;
    let (namespace, name) = rest.split_once(':').ok_or("is not a URN")?;
    let is_name = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':'));
    let is_namespace = (2..=32).contains(&namespace.len())
        && namespace.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        && !namespace.starts_with('-');
    let has_empty_part = name.split(':').any(str::is_empty);
    match () {
        () if urn.len() > MAX_CHARS => Err("is longer than 200 characters"),
        () if !is_namespace || !is_name(name) || has_empty_part => {
            Err("is not a URN of letters, digits, '.', '-', '_' and ':'")
        }
        () if TAKEN.iter().any(|taken| is_within(&folded, taken)) => Err("belongs to a standard or to the gateway"),
        () if is_within(&folded, "urn:ietf") && !is_within(&folded, "urn:ietf:params:scim:schemas:extension")
            || folded == "urn:ietf:params:scim:schemas:extension" =>
        {
            Err("belongs to the IETF: take a namespace of your own or urn:ietf:params:scim:schemas:extension:NAME")
        }
        () => Ok(()),
    }
}

/// True when one of two URNs is the other, or the beginning of it up to a colon: a name of the longer one would read as
/// an attribute of the shorter one.
pub fn overlap(one: &str, other: &str) -> bool {
    let (one, other) = (one.to_ascii_lowercase(), other.to_ascii_lowercase());
    is_within(&one, &other) || is_within(&other, &one)
}

fn is_within(urn: &str, outer: &str) -> bool {
    urn.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

#[cfg(test)]
mod tests {
    use super::{check, overlap};

    #[test]
    fn a_name_of_ones_own_is_taken_and_anybody_elses_is_not() {
        for fine in [
            "urn:acme:scim:User",
            "urn:ietf:params:scim:schemas:extension:acme:2.0:User",
            "urn:ietf:params:scim:schemas:extension:enterprise2:2.0:User",
            "URN:X-Acme:user",
        ] {
            assert_eq!(check(fine), Ok(()), "{fine}");
        }
        for other in [
            "",
            "acme",
            "urn:",
            "urn:acme",
            "urn:acme:",
            "urn:a:b",
            "urn:acme:x::y",
            "urn:acme:x y",
            "urn:acme:x%20",
            "urn:acme:\u{e9}",
            "https://acme.test/schema",
            "urn:ietf:params:scim:schemas:core:2.0:User",
            "urn:IETF:params:scim:schemas:CORE:2.0:Device",
            "urn:ietf:params:scim:api:messages:2.0:PatchOp",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
            "urn:ietf:params:scim:schemas:extension:causeway:2.0:User",
            "urn:ietf:params:scim:schemas:extension",
            "urn:ietf:params:oauth:x",
            "urn:okta:scim:schemas:core:1.0:Role",
        ] {
            assert!(check(other).is_err(), "{other}");
        }
        assert!(check(&format!("urn:acme:{}", "x".repeat(200))).is_err());
    }

    #[test]
    fn a_urn_within_another_one_overlaps_it() {
        assert!(overlap("urn:acme:a", "URN:acme:A"));
        assert!(overlap("urn:acme:a:b", "urn:acme:a"));
        assert!(!overlap("urn:acme:ab", "urn:acme:a"));
    }
}
