//! The life of an attempt, and what it knows in each state. A transition that is not listed is refused.
//!
//! ```text
//! started -> sent -> identified -> finished
//!              |-> refused
//! started, sent, half_proved and refused may be sent (again): the person chose another address or another way in.
//! From the same four a person may be identified here by credentials of their own, or half of it (half_proved): by a
//! password, where a second factor is asked for as well. half_proved -> started: too many wrong codes.
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};

use super::refusal::Refusal;
use crate::values::clock::Timestamp;
use crate::values::ids::{AccountId, ConnectionId, OrganizationId, SessionId};

/// Where an attempt stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// The application has sent the person here; nobody knows who they are.
    Started,
    /// The browser has left for an identity provider.
    Sent(Sent),
    /// A password was right, and is not enough.
    HalfProved(HalfProved),
    /// An identity provider has said who it is, or the person has proved it here, and they may sign in.
    Identified(Identified),
    /// The application has its answer. Terminal.
    Finished,
    /// The answer of the identity provider was not accepted.
    Refused(Refusal),
}

/// What waits for the answer of an identity provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Through which connection; an answer of another one does not count.
    pub connection: ConnectionId,
    /// What the answer must match.
    pub upstream: Upstream,
}

/// What the answer must match, by protocol. Stored as JSON, and removed when the answer comes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "protocol", rename_all = "snake_case")]
pub enum Upstream {
    /// SAML.
    Saml {
        /// The id of our AuthnRequest, which `InResponseTo` must name.
        request_id: String,
        /// When we made it; what answers it was issued later.
        issued_at: Timestamp,
        /// Whom we asked.
        entity_id: String,
    },
    /// OpenID Connect.
    Oidc {
        /// The nonce that the ID token must carry and the PKCE verifier, sealed by the flow for this attempt: who reads
        /// the database and takes a code off a browser shall not be able to redeem it.
        sealed: String,
        /// Whom we asked.
        issuer: String,
        /// As which client.
        client_id: String,
    },
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Saml { .. } => "Upstream::Saml(...)",
            Self::Oidc { .. } => "Upstream::Oidc(...)",
        })
    }
}

/// Who signs in, and on whose word. What a session is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identified {
    /// The account.
    pub account: AccountId,
    /// The organization on whose behalf the person signs in.
    pub organization: OrganizationId,
    /// The connection that identified them; none when they proved themselves here.
    pub connection: Option<ConnectionId>,
    /// The account's session epoch at that moment. A session made from this dies when the epoch moves.
    pub session_epoch: i64,
    /// How the person proved themselves (RFC 8176), never empty.
    pub amr: Vec<String>,
    /// The authentication context class.
    pub acr: String,
    /// When they proved themselves, when the identity provider says.
    pub auth_time: Option<Timestamp>,
    /// The identity provider wants the session to end by then.
    pub session_expires_at: Option<Timestamp>,
    /// The session at the OpenID provider (`sid`), which may end this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream_session: Option<String>,
}

/// Who knew the password, and what else is asked of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HalfProved {
    /// Who they are, as far as it is proved.
    pub identified: Identified,
    /// What is asked for.
    pub asked: Asked,
    /// The session that it goes on from, of somebody who typed no password in this attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
}

/// What is asked for beside a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// The second factor that they have.
    Factor,
    /// To set one up, because they have none and need one.
    SetUp,
}

/// The transition is not listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the attempt is not in a state that allows this")]
pub struct NotAllowed;

impl State {
    /// The states that an attempt can be sent from, by their names in the store.
    pub const SENDABLE: [&'static str; 4] = ["started", "sent", "half_proved", "refused"];

    /// The name in the store.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Sent(_) => "sent",
            Self::HalfProved(_) => "half_proved",
            Self::Identified(_) => "identified",
            Self::Finished => "finished",
            Self::Refused(_) => "refused",
        }
    }

    /// The browser leaves for an identity provider.
    pub fn send(self, sent: Sent) -> Result<Self, NotAllowed> {
        match self {
            Self::Started | Self::Sent(_) | Self::HalfProved(_) | Self::Refused(_) => Ok(Self::Sent(sent)),
            Self::Identified(_) | Self::Finished => Err(NotAllowed),
        }
    }

    /// The identity provider that was asked has said who it is.
    pub fn identify(self, identified: Identified) -> Result<Self, NotAllowed> {
        match self {
            Self::Sent(sent) if Some(sent.connection) == identified.connection => Ok(Self::Identified(identified)),
            Self::Sent(_)
            | Self::Started
            | Self::HalfProved(_)
            | Self::Identified(_)
            | Self::Finished
            | Self::Refused(_) => Err(NotAllowed),
        }
    }

    /// The person has proved themselves here.
    pub fn identify_here(self, identified: Identified) -> Result<Self, NotAllowed> {
        match self.is_open() && identified.connection.is_none() {
            true => Ok(Self::Identified(identified)),
            false => Err(NotAllowed),
        }
    }

    /// The person has proved themselves here by half.
    pub fn half_prove(self, half: HalfProved) -> Result<Self, NotAllowed> {
        match self.is_open() && half.identified.connection.is_none() {
            true => Ok(Self::HalfProved(half)),
            false => Err(NotAllowed),
        }
    }

    /// Nobody is identified yet, and the person may go any way.
    const fn is_open(&self) -> bool {
        match self {
            Self::Started | Self::Sent(_) | Self::HalfProved(_) | Self::Refused(_) => true,
            Self::Identified(_) | Self::Finished => false,
        }
    }

    /// The answer was not accepted, or what it said no longer holds when the person comes back with it.
    pub fn refuse(self, refusal: Refusal) -> Result<Self, NotAllowed> {
        match self {
            Self::Sent(_) | Self::Identified(_) => Ok(Self::Refused(refusal)),
            Self::Started | Self::HalfProved(_) | Self::Finished | Self::Refused(_) => Err(NotAllowed),
        }
    }

    /// The application gets its answer; what the session is made of comes out.
    pub fn finish(self) -> Result<(Self, Identified), NotAllowed> {
        match self {
            Self::Identified(identified) => Ok((Self::Finished, identified)),
            Self::Started | Self::Sent(_) | Self::HalfProved(_) | Self::Finished | Self::Refused(_) => Err(NotAllowed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, HalfProved, Identified, NotAllowed, Sent, State, Upstream};
    use crate::access::attempts::refusal::Refusal;
    use crate::values::clock::Timestamp;
    use crate::values::ids::{AccountId, ConnectionId, OrganizationId};

    fn sent(connection: u8) -> Sent {
        let upstream = Upstream::Saml {
            request_id: "_r".to_owned(),
            issued_at: Timestamp::from_seconds(1),
            entity_id: "e".to_owned(),
        };
        Sent { connection: ConnectionId::from_bytes(&[connection; 16]).unwrap(), upstream }
    }

    fn identified() -> Identified {
        Identified {
            account: AccountId::from_bytes(&[9; 16]).unwrap(),
            organization: OrganizationId::from_bytes(&[8; 16]).unwrap(),
            connection: ConnectionId::from_bytes(&[1; 16]).ok(),
            session_epoch: 3,
            amr: vec!["pwd".to_owned()],
            acr: "1".to_owned(),
            auth_time: Some(Timestamp::from_seconds(1)),
            session_expires_at: None,
            upstream_session: None,
        }
    }

    fn half() -> HalfProved {
        HalfProved { identified: Identified { connection: None, ..identified() }, asked: Asked::Factor, session: None }
    }

    fn every_state() -> [State; 6] {
        let refused = State::Refused(Refusal::AccountInactive);
        let half = State::HalfProved(half());
        [State::Started, State::Sent(sent(1)), half, State::Identified(identified()), State::Finished, refused]
    }

    /// Which of the six states allow `transition`, in the order of `every_state`.
    fn allowed<T>(transition: impl Fn(State) -> Result<T, NotAllowed>) -> [bool; 6] {
        every_state().map(|state| transition(state).is_ok())
    }

    #[test]
    fn only_the_listed_transitions_are_allowed() {
        let open = [true, true, true, false, false, true];
        assert_eq!(allowed(|state| state.send(sent(2))), open);
        assert_eq!(allowed(|state| state.identify(identified())), [false, true, false, false, false, false]);
        let here = Identified { connection: None, ..identified() };
        assert_eq!(allowed(|state| state.identify_here(here.clone())), open);
        assert_eq!(allowed(|state| state.half_prove(half())), open);
        let of_connection = HalfProved { identified: identified(), ..half() };
        assert_eq!(
            (
                allowed(|state| state.identify_here(identified())),
                allowed(|state| state.half_prove(of_connection.clone()))
            ),
            ([false; 6], [false; 6]),
            "a connection's word is no own password"
        );
        let refusable = [false, true, false, true, false, false];
        assert_eq!(allowed(|state| state.refuse(Refusal::AccountInactive)), refusable);
        assert_eq!(allowed(State::finish), [false, false, false, true, false, false]);
    }

    #[test]
    fn the_states_that_can_be_sent_have_the_same_names_in_the_store() {
        let sendable = every_state().into_iter().filter(|state| state.clone().send(sent(1)).is_ok());
        let names: Vec<&str> = sendable.map(|state| state.as_str()).collect();
        assert_eq!(names, State::SENDABLE);
    }

    #[test]
    fn another_connection_cannot_identify_the_person() {
        assert_eq!(State::Sent(sent(2)).identify(identified()), Err(NotAllowed));
    }

    #[test]
    fn secrets_of_a_departure_are_not_printed() {
        let upstream =
            Upstream::Oidc { sealed: "s3aled".to_owned(), issuer: "i".to_owned(), client_id: "c".to_owned() };
        assert_eq!(format!("{upstream:?}"), "Upstream::Oidc(...)");
    }
}
