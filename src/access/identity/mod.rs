//! What an identity provider asserted about a person, whichever protocol said it, and what becomes of it.
//!
//! [`accept`] and [`refuse`] end the stay at the identity provider: they consume the handle of the attempt and store
//! the outcome, in one transaction. A refusal writes one audit entry and creates nothing. The person learns the
//! outcome only in the browser that began the attempt and brought the answer: it shows its cookie and the arrival token.

use serde_json::{Value, json};

use super::attempts::refusal::Refusal;
use super::attempts::state::{Identified, State, Upstream};
use super::attempts::{self, AttemptError};
use super::traces;
use super::upstream_answers;
use crate::directory::connections::{self, ConnectionState};
use crate::directory::linking::{self, Assertion, Linked, LinkingError, Names};
use crate::directory::matching::Matching;
use crate::protocol::compared::Compared;
use crate::protocol::oidc::acr::{self, Level};
use crate::protocol::oidc::class_map::Verdict;
use crate::record::audit::{self, Action, Subject};
use crate::store::failure::StoreError;
use crate::store::{Tx, connections as connection_rows};
use crate::values::clock::Timestamp;
use crate::values::email::EmailAddress;
use crate::values::ids::{AttemptId, ConnectionId, OrganizationId};
use crate::values::operation::{Actor, Operation};
use crate::values::secret::Secret;

/// At most this many `amr` values are kept, each of at most [`MAX_WORD`] characters.
const MAX_AMR: usize = 16;
const MAX_WORD: usize = 128;
/// The authentication context of a sign-in whose identity provider named none, or one that is the gateway's own to name.
pub const FEDERATED_ACR: &str = "urn:causeway:acr:federated";
/// The authentication method of a sign-in whose identity provider named none.
pub const FEDERATED_AMR: &str = "fed";

/// What an identity provider asserted. Only verified assertions and tokens become one.
#[derive(Debug, Clone)]
pub struct AssertedIdentity {
    /// The connection it came through.
    pub connection: ConnectionId,
    /// The organization that owns the connection.
    pub organization: OrganizationId,
    /// The provider's stable name for the person.
    pub subject: String,
    /// The address it gave, if any.
    pub email: Option<EmailAddress>,
    /// Whether the provider vouches for the address.
    pub email_verified: bool,
    /// The name to show.
    pub display_name: Option<String>,
    /// The given name.
    pub given_name: Option<String>,
    /// The family name.
    pub family_name: Option<String>,
    /// What the connection's linking rule compares with a user name or an external id: the subject, or a claim; `None` when
    /// the provider did not send it.
    pub matched: Option<String>,
    /// The linking rule by which that was chosen.
    pub matching: Matching,
    /// Groups at the provider.
    pub groups: Vec<String>,
    /// When the person proved themselves there, when the provider says.
    pub authn_instant: Option<Timestamp>,
    /// How, as RFC 8176 values, when the provider says.
    pub amr: Vec<String>,
    /// The provider's authentication context class.
    pub acr: Option<String>,
    /// What else it says about how they proved themselves, for the trace.
    pub further: Vec<String>,
    /// What all of that says about several factors, by the connection's map.
    pub several_factors: Verdict,
    /// When the provider wants the session to end.
    pub session_expires_at: Option<Timestamp>,
    /// So many people the connection's organization may have, which the operator configures.
    pub most_people: u32,
    /// The session at an OpenID provider (`sid`), which may end the one here; of bounded length.
    pub upstream_session: Option<String>,
}

/// What became of an assertion. Either way the browser goes on to the attempt's next page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The attempt that waited for it.
    pub attempt: AttemptId,
    /// Why the person is not let in; `None` when they are.
    pub refusal: Option<Refusal>,
    /// For the browser that brought the answer, and for nobody else.
    pub arrival: Secret,
}

/// Why nothing could be made of an answer.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// No attempt waits for this answer: an unknown handle, a second use, an expired attempt, another connection.
    #[error("no attempt waits for this answer")]
    NotExpected,
    /// Refused, after a statement of this transaction had failed: it must be rolled back. The caller then calls
    /// [`refuse`] in a transaction of its own.
    #[error("the assertion is refused: {}", .0.code())]
    RollBackAndRefuse(Refusal),
    /// The store's failure.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<AttemptError> for IdentityError {
    fn from(error: AttemptError) -> Self {
        match error {
            AttemptError::NotAllowed => Self::NotExpected,
            AttemptError::Store(error) => Self::Store(error),
        }
    }
}

/// Takes an assertion for the attempt that waits under `handle`: finds or links the account, and stores who signs in,
/// or why not. What an OpenID provider said is kept until they arrive; what a SAML provider said keeps the caller, who has the
/// name that it used ([`super::saml_sessions::remember`]).
pub fn accept(
    tx: &mut Tx<'_>,
    op: &Operation,
    handle: &str,
    asserted: &AssertedIdentity,
) -> Result<Outcome, IdentityError> {
    let actor = Actor::Connection { organization: asserted.organization, connection: asserted.connection };
    let op = &op.by(actor);
    let found = attempts::find_sent(tx, op, asserted.connection, handle)?;
    let (attempt, sent) = found.ok_or(IdentityError::NotExpected)?;
    match resolve(tx, op, asserted)? {
        Ok(linked) => {
            let state = State::Identified(identified(op, asserted, &linked));
            let arrival = attempts::settle(tx, op, asserted.connection, handle, &state)?;
            if let Upstream::Oidc { .. } = sent.upstream {
                upstream_answers::remember(tx, attempt.id, asserted, linked.account.id)?;
            }
            traces::note_answer(tx, op, attempt.id, asserted, Ok(linked.account.id))?;
            Ok(Outcome { attempt: attempt.id, refusal: None, arrival })
        }
        Err(refusal) => {
            traces::note_answer(tx, op, attempt.id, asserted, Err(&refusal))?;
            let about = json!({ "subject": asserted.subject, "address": asserted.email });
            settle_refusal(tx, op, handle, attempt.id, refusal, about)
        }
    }
}

/// Ends the stay at the identity provider without an assertion. `op`'s actor becomes the connection.
pub fn refuse(
    tx: &mut Tx<'_>,
    op: &Operation,
    (organization, connection): (OrganizationId, ConnectionId),
    handle: &str,
    refusal: Refusal,
) -> Result<Outcome, IdentityError> {
    refuse_telling(tx, op, (organization, connection), handle, refusal, None)
}

/// The same, and tells the organization's administrators what was compared when a check failed.
pub fn refuse_telling(
    tx: &mut Tx<'_>,
    op: &Operation,
    (organization, connection): (OrganizationId, ConnectionId),
    handle: &str,
    refusal: Refusal,
    compared: Option<&Compared>,
) -> Result<Outcome, IdentityError> {
    let op = &op.by(Actor::Connection { organization, connection });
    let (attempt, _) = attempts::find_sent(tx, op, connection, handle)?.ok_or(IdentityError::NotExpected)?;
    if let Some(compared) = compared {
        traces::note_compared(tx, op, (attempt.id, connection), compared)?;
    }
    traces::note_refusal(tx, op, (attempt.id, connection), &refusal)?;
    settle_refusal(tx, op, handle, attempt.id, refusal, json!({}))
}

fn settle_refusal(
    tx: &mut Tx<'_>,
    op: &Operation,
    handle: &str,
    attempt: AttemptId,
    refusal: Refusal,
    about: Value,
) -> Result<Outcome, IdentityError> {
    let Actor::Connection { organization, connection } = op.actor else {
        return Err(StoreError::Internal("an answer is refused on behalf of nobody".to_owned()).into());
    };
    let arrival = attempts::settle(tx, op, connection, handle, &State::Refused(refusal.clone()))?;
    write_refusal(tx, op, (organization, connection), attempt, &refusal, &about)?;
    Ok(Outcome { attempt, refusal: Some(refusal), arrival })
}

/// Writes the audit entry of a refused sign-in.
pub(super) fn write_refusal(
    tx: &mut Tx<'_>,
    op: &Operation,
    (organization, connection): (OrganizationId, ConnectionId),
    attempt: AttemptId,
    refusal: &Refusal,
    about: &Value,
) -> Result<(), StoreError> {
    let mut detail = json!({
        "code": refusal.code(),
        "detail": refusal.detail(),
        "attempt": attempt,
        "asserted": about,
    });
    if let (Refusal::Declined { .. }, Some(members)) = (refusal, detail.as_object_mut()) {
        members.insert("is_verified".to_owned(), json!(false));
    }
    let subject = Subject::new("connection", connection);
    audit::write(tx, op, Some(organization), Action::SignInRefused, &subject, &detail)
}

/// The inner error is a refusal that this transaction can still write down.
fn resolve(
    tx: &mut Tx<'_>,
    op: &Operation,
    asserted: &AssertedIdentity,
) -> Result<Result<Linked, Refusal>, IdentityError> {
    // CVE-2026-9098: the connection may have been switched off while the person was away. Nor does it change, or what its
    // groups carry, before the end of this transaction.
    connection_rows::lock_for_share(tx, asserted.connection)?;
    let rule = match connections::find(tx, asserted.connection)? {
        Some(found) if found.organization != asserted.organization => return Err(IdentityError::NotExpected),
        Some(found) if found.state != ConnectionState::Active => return Ok(Err(Refusal::ConnectionInactive)),
        Some(found) if found.matching != asserted.matching => return Ok(Err(Refusal::ConnectionChanged)),
        Some(found) => found.matching.by,
        None => return Ok(Err(Refusal::ConnectionInactive)),
    };
    let assertion = Assertion {
        connection: asserted.connection,
        organization: asserted.organization,
        subject: &asserted.subject,
        address: asserted.email.as_ref(),
        is_address_verified: asserted.email_verified,
        rule,
        matched: asserted.matched.as_deref(),
        names: Names {
            display: asserted.display_name.as_deref(),
            given: asserted.given_name.as_deref(),
            family: asserted.family_name.as_deref(),
        },
        groups: &asserted.groups,
        most_people: asserted.most_people,
    };
    match linking::resolve(tx, op, &assertion) {
        Ok(linked) => Ok(Ok(linked)),
        Err(LinkingError::Store(error)) => Err(error.into()),
        Err(LinkingError::AddressOutsideDomains) => Ok(Err(Refusal::ForeignAddress)),
        Err(LinkingError::DomainLapsed) => Ok(Err(Refusal::DomainLapsed)),
        Err(LinkingError::AddressMissing | LinkingError::AddressUnverified) => Ok(Err(Refusal::NoVerifiedAddress)),
        Err(LinkingError::NothingToMatch) => Ok(Err(Refusal::NothingToMatch)),
        Err(LinkingError::NotProvisioned) => Ok(Err(Refusal::Unknown)),
        Err(LinkingError::Full) => Ok(Err(Refusal::Full)),
        Err(LinkingError::LinkingOff) => Ok(Err(Refusal::LinkingOff)),
        Err(LinkingError::Asked) => Ok(Err(Refusal::LinkAsked)),
        Err(LinkingError::OtherConnection) => Ok(Err(Refusal::OtherConnection)),
        Err(LinkingError::Ambiguous) => Ok(Err(Refusal::Ambiguous)),
        // A unique index said so, after which PostgreSQL takes no further statement in this transaction.
        Err(LinkingError::SubjectChanged) => Err(IdentityError::RollBackAndRefuse(Refusal::SubjectChanged)),
        Err(LinkingError::AddressTaken) => Err(IdentityError::RollBackAndRefuse(Refusal::AddressTaken)),
        Err(LinkingError::Inactive) => Ok(Err(Refusal::AccountInactive)),
    }
}

fn identified(op: &Operation, asserted: &AssertedIdentity, linked: &Linked) -> Identified {
    let (amr, acr) = proved(asserted);
    Identified {
        account: linked.account.id,
        organization: asserted.organization,
        connection: Some(asserted.connection),
        session_epoch: linked.account.session_epoch,
        amr,
        acr,
        // A provider whose clock is ahead must not make a sign-in look younger than it is.
        auth_time: asserted.authn_instant.map(|at| at.min(op.at)),
        session_expires_at: asserted.session_expires_at,
        upstream_session: asserted.upstream_session.clone(),
    }
}

/// How they proved themselves, as a session and its tokens say it: in the provider's words, and of several factors what the
/// connection's map makes of them.
fn proved(asserted: &AssertedIdentity) -> (Vec<String>, String) {
    let verdict = asserted.several_factors;
    let is_claim = |word: &str| word == acr::SEVERAL_FACTORS_AMR && verdict == Verdict::NotMet;
    let said = asserted.amr.iter().filter(|word| is_word(word) && !is_claim(word));
    let mut amr: Vec<String> = said.take(MAX_AMR).cloned().collect();
    if verdict == Verdict::Met && !amr.iter().any(|word| word == acr::SEVERAL_FACTORS_AMR) {
        amr.truncate(MAX_AMR - 1);
        amr.push(acr::SEVERAL_FACTORS_AMR.to_owned());
    }
    if amr.is_empty() {
        amr.push(FEDERATED_AMR.to_owned());
    }
    let said = asserted.acr.as_deref().filter(|class| is_word(class) && !acr::is_own(class));
    let acr = match verdict {
        Verdict::Unmapped => said,
        Verdict::Met => said.filter(|class| acr::names_several(class)).or(Some(Level::SeveralFactors.as_str())),
        Verdict::NotMet => said.filter(|class| !acr::names_several(class)),
    };
    (amr, acr.unwrap_or(FEDERATED_ACR).to_owned())
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_WORD && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests;
