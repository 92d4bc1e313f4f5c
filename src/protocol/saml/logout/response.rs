//! What a provider answers when it was asked to end a session.

use crate::protocol::saml::document::Element;
use crate::protocol::saml::logout::{Expected, LogoutRejected, check_message};
use crate::protocol::saml::names::{SAMLP, STATUS_PARTIAL_LOGOUT, STATUS_SUCCESS};

/// How far the provider came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The person is signed out there, and of what else they had opened from there.
    Complete,
    /// Somewhere they may be signed in still.
    Partial,
    /// The provider has not signed them out.
    Failed,
}

impl Answer {
    /// The name in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Failed => "failed",
        }
    }

    /// The answer with this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Complete, Self::Partial, Self::Failed].into_iter().find(|one| one.as_str() == name)
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogoutResponse {
    /// The id of our request.
    pub in_response_to: String,
    /// What it says.
    pub answer: Answer,
}

/// Reads an answer whose signature was verified.
pub fn read(root: &Element, expected: &Expected<'_>) -> Result<LogoutResponse, LogoutRejected> {
    check_message(root, expected)?;
    let asked = root.attribute("InResponseTo").filter(|id| !id.is_empty());
    let in_response_to = asked.ok_or(LogoutRejected::Check("request that it answers"))?.to_owned();
    let status = root.only(SAMLP, "Status").and_then(|status| status.only(SAMLP, "StatusCode"));
    let status = status.ok_or(LogoutRejected::Check("status"))?;
    let detail = status.only(SAMLP, "StatusCode").and_then(|inner| inner.attribute("Value"));
    // SAML core 3.7.3.2 has the partial logout as the second code, below either of the first.
    let answer = match (status.attribute("Value"), detail) {
        (_, Some(STATUS_PARTIAL_LOGOUT)) => Answer::Partial,
        (Some(STATUS_SUCCESS), _) => Answer::Complete,
        _ => Answer::Failed,
    };
    Ok(LogoutResponse { in_response_to, answer })
}
