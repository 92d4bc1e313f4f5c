//! Why a response was rejected. One variant per check, each with a stable code.
//!
//! The text is for the audit log and the connection's diagnostics. A browser is shown neither.

use crate::protocol::saml::encryption::Undecryptable;
use crate::protocol::saml::gate::refusal::Refusal;
use crate::protocol::saml::verification::Unverified;

/// The check that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// Not base64, or longer than any document that would pass.
    #[error("response is not base64 of an acceptable length")]
    Encoding,
    /// What came is no well-formed document. The plaintext of an encrypted assertion is never told apart from other answers in
    /// this way: whoever changes a ciphertext would learn something of what is in it.
    #[error(transparent)]
    Unreadable(Refusal),
    /// The gate.
    #[error(transparent)]
    Gate(#[from] Refusal),
    /// The assertion is not encrypted, and the connection demands that it is.
    #[error("the assertion is not encrypted, which this connection demands")]
    NotEncrypted,
    /// The encrypted assertion could not be opened, for whatever reason.
    #[error(transparent)]
    Undecryptable(#[from] Undecryptable),
    /// The `validUntil` of the provider's metadata has passed: import it again.
    #[error("the identity provider's metadata is past its end of validity")]
    ProviderExpired,
    /// The connection has no certificate that fits, so nothing could be verified.
    #[error("no configured certificate can verify the signature's algorithm")]
    NoCertificate,
    /// The signature, or a digest, is not right for any configured certificate.
    #[error("the signature is not by a configured certificate, or the content was changed")]
    Signature,
    /// The signature library verified something else than what the gate had seen.
    #[error("the verified bytes are not the document that was inspected")]
    Disagreement,
    /// The answer says that the identity provider did not sign the person in. Nobody has verified who says so.
    #[error("the answer has the status {0}, unverified")]
    Status(&'static str),
    /// No status at all.
    #[error("response has no status")]
    NoStatus,
    /// Not SAML 2.0.
    #[error("version is not 2.0")]
    Version,
    /// The response was meant for another address.
    #[error("destination is not this connection's assertion consumer service")]
    Destination,
    /// The response or the assertion is by another issuer.
    #[error("issuer is not this connection's identity provider")]
    Issuer,
    /// The response or the assertion answers another request, or none.
    #[error("in-response-to is not the request of this sign-in")]
    InResponseTo,
    /// Missing, unreadable, in the future, or before the request.
    #[error("issue instant is missing or not plausible")]
    IssueInstant,
    /// The assertion has no usable id.
    #[error("assertion has no id")]
    AssertionId,
    /// Not exactly one subject with exactly one plain NameID.
    #[error("assertion has not exactly one subject with one name id")]
    NameId,
    /// The NameID is empty, too long, or has white space around it.
    #[error("name id is empty, too long or has white space around it")]
    NameIdText,
    /// The NameID is another one at each sign-in, so it identifies nobody.
    #[error("name id is transient; a persistent one or an e-mail address is needed")]
    NameIdTransient,
    /// No bearer confirmation.
    #[error("subject has no bearer confirmation")]
    NoBearer,
    /// The confirmation is for another address.
    #[error("recipient is not this connection's assertion consumer service")]
    Recipient,
    /// The confirmation has no end, or it has passed.
    #[error("subject confirmation is expired or without an end")]
    ConfirmationExpired,
    /// The confirmation has a `NotBefore`, which the profile forbids.
    #[error("subject confirmation has a not-before")]
    ConfirmationNotBefore,
    /// Not exactly one `Conditions`.
    #[error("assertion has not exactly one conditions element")]
    NoConditions,
    /// A condition that is not understood, so the assertion must not be used (SAML core 2.5.1).
    #[error("assertion has a condition that is not understood")]
    UnknownCondition,
    /// `NotBefore` is still to come, or unreadable.
    #[error("assertion is not yet valid")]
    NotYetValid,
    /// `NotOnOrAfter` has passed, or is unreadable.
    #[error("assertion has expired")]
    Expired,
    /// No audience restriction, or one of them does not name us.
    #[error("audience is not this service provider")]
    Audience,
    /// Not exactly one authentication statement.
    #[error("assertion has not exactly one authentication statement")]
    NoAuthnStatement,
    /// Missing, unreadable, in the future, or before a request that demanded a fresh authentication.
    #[error("authentication instant is missing or not acceptable")]
    AuthnInstant,
    /// The person proved themselves in another way than was demanded.
    #[error("authentication context is none of those that were asked for")]
    AuthnContext,
    /// The session at the identity provider has ended.
    #[error("the session at the identity provider has ended")]
    SessionExpired,
    /// An attribute without a name, or something else in an attribute statement.
    #[error("an attribute statement is not readable")]
    AttributeStatement,
}

impl From<Unverified> for Rejected {
    fn from(unverified: Unverified) -> Self {
        match unverified {
            Unverified::NoCertificate => Self::NoCertificate,
            Unverified::Signature => Self::Signature,
            Unverified::Disagreement => Self::Disagreement,
        }
    }
}

impl Rejected {
    /// What the gate says of the bytes that came.
    pub(super) fn of_document(refusal: Refusal) -> Self {
        if refusal.is_ill_formed() { Self::Unreadable(refusal) } else { Self::Gate(refusal) }
    }

    /// True when nothing could be read: no base64, or no well-formed XML. That is no answer, whoever sent it.
    pub const fn is_unreadable(&self) -> bool {
        matches!(self, Self::Encoding | Self::Unreadable(_))
    }

    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Encoding => "saml_encoding",
            Self::Unreadable(refusal) | Self::Gate(refusal) => refusal.code(),
            Self::NotEncrypted => "saml_not_encrypted",
            Self::Undecryptable(_) => "saml_undecryptable",
            Self::ProviderExpired => "saml_provider_expired",
            Self::NoCertificate => "saml_no_certificate",
            Self::Signature => "saml_signature",
            Self::Disagreement => "saml_disagreement",
            Self::Status(_) => "saml_status",
            Self::NoStatus => "saml_no_status",
            Self::Version => "saml_version",
            Self::Destination => "saml_destination",
            Self::Issuer => "saml_issuer",
            Self::InResponseTo => "saml_in_response_to",
            Self::IssueInstant => "saml_issue_instant",
            Self::AssertionId => "saml_assertion_id",
            Self::NameId => "saml_name_id",
            Self::NameIdText => "saml_name_id_text",
            Self::NameIdTransient => "saml_name_id_transient",
            Self::NoBearer => "saml_no_bearer",
            Self::Recipient => "saml_recipient",
            Self::ConfirmationExpired => "saml_confirmation_expired",
            Self::ConfirmationNotBefore => "saml_confirmation_not_before",
            Self::NoConditions => "saml_no_conditions",
            Self::UnknownCondition => "saml_unknown_condition",
            Self::NotYetValid => "saml_not_yet_valid",
            Self::Expired => "saml_expired",
            Self::Audience => "saml_audience",
            Self::NoAuthnStatement => "saml_no_authn_statement",
            Self::AuthnInstant => "saml_authn_instant",
            Self::AuthnContext => "saml_authn_context",
            Self::SessionExpired => "saml_session_expired",
            Self::AttributeStatement => "saml_attribute_statement",
        }
    }
}
