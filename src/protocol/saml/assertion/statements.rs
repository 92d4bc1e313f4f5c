//! Checks of the verified assertion, and reading what it says.
//!
//! Every function takes the element that `signature::verified_assertion` made; none sees the response.

use crate::protocol::saml::assertion::rejected::Rejected;
use crate::protocol::saml::assertion::response::{check_in_response_to, check_issue_instant, check_issuer};
use crate::protocol::saml::assertion::window::{Instant, instant};
use crate::protocol::saml::assertion::{Attribute, Authentication, Expected, NameId, Qualifiers, VerifiedAssertion};
use crate::protocol::saml::document::{Element, is_ncname, is_xml_space};
use crate::protocol::saml::names::{BEARER, FORMAT_TRANSIENT, FORMAT_UNSPECIFIED, SAML};
use crate::values::clock::Timestamp;

/// The id is kept to refuse a second use, so it is bounded; real ones have 33 to 70 characters.
const MAX_ID_BYTES: usize = 256;
/// SAML core says 256 characters for a persistent NameID; others are bounded alike, with room for long addresses.
const MAX_NAME_ID_CHARACTERS: usize = 512;
/// A longer one is not kept: a request to end that session then ends all of the person's.
const MAX_SESSION_INDEX_BYTES: usize = 512;

/// All checks of SAML profiles 4.1.4.3, and those that `docs/saml-conformance.md` lists beside them, then the values.
pub fn read(assertion: &Element, expected: &Expected<'_>) -> Result<VerifiedAssertion, Rejected> {
    if assertion.attribute("Version") != Some("2.0") {
        return Err(Rejected::Version);
    }
    let is_id = |id: &&str| is_ncname(id) && id.len() <= MAX_ID_BYTES;
    let id = assertion.attribute("ID").filter(is_id).ok_or(Rejected::AssertionId)?;
    check_issuer(assertion, expected)?;
    check_issue_instant(assertion, expected)?;
    let subject = assertion.only(SAML, "Subject").ok_or(Rejected::NameId)?;
    let name_id = read_name_id(subject)?;
    let qualifiers = subject.only(SAML, "NameID").map(read_qualifiers).unwrap_or_default();
    let confirmed_until = check_confirmations(subject, expected)?;
    let conditions_until = check_conditions(assertion, expected)?;
    let authn = read_authn(assertion, expected)?;
    let last_use = conditions_until.map_or(confirmed_until, |until| until.min(confirmed_until));
    Ok(VerifiedAssertion {
        assertion_id: id.to_owned(),
        name_id,
        qualifiers,
        attributes: read_attributes(assertion)?,
        authn_instant: authn.at,
        authn_context: authn.context,
        session_index: authn.session_index,
        replay_until: last_use.plus_seconds(expected.skew_seconds),
        session_expires_at: authn.session_expires_at,
    })
}

fn read_name_id(subject: &Element) -> Result<NameId, Rejected> {
    let found = subject.only(SAML, "NameID").ok_or(Rejected::NameId)?;
    let is_alone = subject.elements().all(|child| child.is(SAML, "NameID") || child.is(SAML, "SubjectConfirmation"));
    if is_alone { name_id(found) } else { Err(Rejected::NameId) }
}

/// One that is too long is left out: it serves to name the person to their provider again, and for nothing else.
fn read_qualifiers(name_id: &Element) -> Qualifiers {
    let is_kept = |text: &&str| text.chars().count() <= MAX_NAME_ID_CHARACTERS && !text.chars().any(char::is_control);
    let read = |attribute| name_id.attribute(attribute).filter(is_kept).map(str::to_owned);
    Qualifiers { name: read("NameQualifier"), sp_name: read("SPNameQualifier") }
}

/// One plain NameID, whichever message it stands in.
pub fn name_id(name_id: &Element) -> Result<NameId, Rejected> {
    let value = name_id.text().ok_or(Rejected::NameIdText)?;
    // Never trimmed: two texts are two subjects, and the one with white space is refused.
    let is_bare = !value.starts_with(is_xml_space) && !value.ends_with(is_xml_space);
    let has_control = value.chars().any(char::is_control);
    if value.is_empty() || !is_bare || has_control || value.chars().count() > MAX_NAME_ID_CHARACTERS {
        return Err(Rejected::NameIdText);
    }
    let format = name_id.attribute("Format").unwrap_or(FORMAT_UNSPECIFIED);
    if format == FORMAT_TRANSIENT {
        return Err(Rejected::NameIdTransient);
    }
    if format.chars().count() > MAX_NAME_ID_CHARACTERS || format.chars().any(char::is_control) {
        return Err(Rejected::NameIdText);
    }
    Ok(NameId { value: value.to_owned(), format: format.to_owned() })
}

/// At least one bearer confirmation holds; returns the latest end of those that do. The error is that of the last one.
fn check_confirmations(subject: &Element, expected: &Expected<'_>) -> Result<Timestamp, Rejected> {
    let is_bearer = |confirmation: &&Element| confirmation.attribute("Method") == Some(BEARER);
    let mut until = Err(Rejected::NoBearer);
    for confirmation in subject.named(SAML, "SubjectConfirmation").filter(is_bearer) {
        match (check_bearer(confirmation, expected), &until) {
            (Ok(end), Ok(known)) => until = Ok(end.max(*known)),
            (Err(_), Ok(_)) => {}
            (outcome, Err(_)) => until = outcome,
        }
    }
    until
}

/// SAML profiles 4.1.4.2: the bearer's data MUST have a Recipient, a NotOnOrAfter, no NotBefore, and the InResponseTo.
fn check_bearer(confirmation: &Element, expected: &Expected<'_>) -> Result<Timestamp, Rejected> {
    let data = confirmation.only(SAML, "SubjectConfirmationData").ok_or(Rejected::Recipient)?;
    if data.attribute("Recipient") != Some(expected.acs_url) {
        return Err(Rejected::Recipient);
    }
    if data.attribute("NotBefore").is_some() {
        return Err(Rejected::ConfirmationNotBefore);
    }
    check_in_response_to(data, expected)?;
    match instant(data, "NotOnOrAfter") {
        Instant::At(end) if !expected.window().is_over(end) => Ok(end),
        _ => Err(Rejected::ConfirmationExpired),
    }
}

/// Returns the end of the assertion's validity, when it has one.
fn check_conditions(assertion: &Element, expected: &Expected<'_>) -> Result<Option<Timestamp>, Rejected> {
    let conditions = assertion.only(SAML, "Conditions").ok_or(Rejected::NoConditions)?;
    match instant(conditions, "NotBefore") {
        Instant::Absent => {}
        Instant::At(start) if !expected.window().is_future(start) => {}
        _ => return Err(Rejected::NotYetValid),
    }
    let until = match instant(conditions, "NotOnOrAfter") {
        Instant::Absent => None,
        Instant::At(end) if !expected.window().is_over(end) => Some(end),
        _ => return Err(Rejected::Expired),
    };
    let is_known = |condition: &Element| {
        condition.namespace == SAML
            && matches!(condition.local.as_str(), "AudienceRestriction" | "OneTimeUse" | "ProxyRestriction")
    };
    if !conditions.elements().all(is_known) {
        return Err(Rejected::UnknownCondition);
    }
    // SAML core 2.5.1.4: several restrictions are a conjunction, the audiences of one are a disjunction.
    let names_us = |restriction: &Element| {
        restriction.named(SAML, "Audience").any(|audience| audience.trimmed_text() == Some(expected.sp_entity_id))
    };
    let mut restrictions = conditions.named(SAML, "AudienceRestriction").peekable();
    let is_for_us = restrictions.peek().is_some() && restrictions.all(names_us);
    if is_for_us { Ok(until) } else { Err(Rejected::Audience) }
}

struct Authn {
    at: Timestamp,
    context: Option<String>,
    session_index: Option<String>,
    session_expires_at: Option<Timestamp>,
}

fn read_authn(assertion: &Element, expected: &Expected<'_>) -> Result<Authn, Rejected> {
    let window = expected.window();
    let statement = assertion.only(SAML, "AuthnStatement").ok_or(Rejected::NoAuthnStatement)?;
    let Instant::At(at) = instant(statement, "AuthnInstant") else { return Err(Rejected::AuthnInstant) };
    let is_stale = match expected.request.authentication {
        Authentication::Fresh => window.is_before(at, expected.request.issued_at),
        Authentication::Any => false,
    };
    if is_stale || window.is_future(at) {
        return Err(Rejected::AuthnInstant);
    }
    let session_expires_at = match instant(statement, "SessionNotOnOrAfter") {
        Instant::Absent => None,
        Instant::At(end) if !window.is_over(end) => Some(end),
        _ => return Err(Rejected::SessionExpired),
    };
    let context = statement
        .only(SAML, "AuthnContext")
        .and_then(|context| context.only(SAML, "AuthnContextClassRef")?.trimmed_text())
        .filter(|class| !class.is_empty());
    let contexts = expected.request.contexts;
    if !contexts.is_empty() && !context.is_some_and(|class| contexts.iter().any(|asked| asked == class)) {
        return Err(Rejected::AuthnContext);
    }
    let session_index = statement.attribute("SessionIndex").map(str::trim).filter(|index| !index.is_empty());
    let session_index = session_index.filter(|index| index.len() <= MAX_SESSION_INDEX_BYTES);
    Ok(Authn {
        at,
        context: context.map(str::to_owned),
        session_index: session_index.map(str::to_owned),
        session_expires_at,
    })
}

/// The attributes in document order. A value that is not text (an element, `xsi:nil`) is left out; an encrypted
/// attribute cannot be read and is left out too.
fn read_attributes(assertion: &Element) -> Result<Vec<Attribute>, Rejected> {
    let mut attributes = Vec::new();
    for child in assertion.named(SAML, "AttributeStatement").flat_map(Element::elements) {
        if child.is(SAML, "EncryptedAttribute") {
            continue;
        }
        let name = child.attribute("Name").filter(|_| child.is(SAML, "Attribute"));
        let name = name.ok_or(Rejected::AttributeStatement)?;
        let values = child.named(SAML, "AttributeValue").filter_map(Element::text);
        attributes.push(Attribute {
            name: name.to_owned(),
            values: values.filter(|value| !value.is_empty()).map(str::to_owned).collect(),
        });
    }
    Ok(attributes)
}
