//! Why an answer of an identity provider, or a right password, does not let a person in. Each has a stable code for the audit
//! log and the traces; what a person reads is decided by the door.

use serde::{Deserialize, Serialize};

/// What a provider answers that cannot sign somebody in in the way that it was asked for: a status of SAML core 3.2.2.2, and the
/// error of OpenID Connect Core Error Code `unmet_authentication_requirements` 1.0.
const UNMET: [&str; 2] = ["NoAuthnContext", "unmet_authentication_requirements"];

/// Why a person is not let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "refusal", rename_all = "snake_case")]
pub enum Refusal {
    /// There came an error instead of an identity: the person declined, or may not use the app there. An error is not
    /// signed, so whoever brought it may have written it.
    Declined {
        /// The error code, from a list (SAML) or bounded by its parser (OpenID Connect).
        code: String,
    },
    /// The answer failed a check of its protocol.
    Unverified {
        /// Which check, as the protocol's module names it.
        check: String,
    },
    /// The identity provider could not be reached for the rest of the exchange, or answered nonsense.
    Unreachable {
        /// What failed, as `outbound` names it.
        failure: String,
    },
    /// The connection was switched off while the person was away.
    ConnectionInactive,
    /// The connection was moved to another provider while the person was away.
    ConnectionChanged,
    /// The connection asserted an address outside the domains that its organization has verified (invariant 13).
    ForeignAddress,
    /// The person is new, and the domain of the asserted address has lapsed (decision Q15).
    DomainLapsed,
    /// No address, or one that the identity provider does not vouch for, so that nobody can be found by it.
    NoVerifiedAddress,
    /// The provider did not send what the connection's linking rule compares.
    NothingToMatch,
    /// Nobody of the organization has this identity or this address.
    Unknown,
    /// The person is new, and the organization has as many people as it may have.
    Full,
    /// Somebody of the organization has this address, and the connection is not to link its people to them.
    LinkingOff,
    /// The person was asked by mail whether the account that was found is theirs.
    LinkAsked,
    /// The connection is not for the person's groups.
    OtherConnection,
    /// More than one person of the organization has this address.
    Ambiguous,
    /// The account that has this address is known to the connection under another subject.
    SubjectChanged,
    /// The address is verified for an account outside the organization.
    AddressTaken,
    /// The account is not active.
    AccountInactive,
    /// The person's membership in the organization is not active.
    MembershipInactive,
    /// The account's sessions were ended after the identity provider had answered, or the provider said that the person signed
    /// out there.
    Overtaken,
    /// The application belongs to another organization.
    ForeignApplication,
    /// A link led to the sign-in, and somebody is signed in in this browser for another organization. A link of one
    /// organization, and its provider, shall not make somebody else of them behind their back.
    SignedInElsewhere,
    /// The person's password was right, and single sign-on is asked of them. The attempt goes on; nothing of this is kept with it.
    SingleSignOnAsked,
}

impl Refusal {
    /// The stable code in the audit log.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Declined { .. } => "upstream_declined",
            Self::Unverified { .. } => "upstream_unverified",
            Self::Unreachable { .. } => "upstream_unreachable",
            Self::ConnectionInactive => "connection_inactive",
            Self::ConnectionChanged => "connection_changed",
            Self::ForeignAddress => "foreign_address",
            Self::DomainLapsed => "domain_lapsed",
            Self::NoVerifiedAddress => "no_verified_address",
            Self::NothingToMatch => "nothing_to_match",
            Self::Unknown => "unknown_person",
            Self::Full => "organization_full",
            Self::LinkingOff => "linking_off",
            Self::LinkAsked => "link_asked",
            Self::OtherConnection => "other_connection",
            Self::Ambiguous => "ambiguous_address",
            Self::SubjectChanged => "subject_changed",
            Self::AddressTaken => "address_taken",
            Self::AccountInactive => "account_inactive",
            Self::MembershipInactive => "membership_inactive",
            Self::Overtaken => "overtaken",
            Self::ForeignApplication => "foreign_application",
            Self::SignedInElsewhere => "signed_in_elsewhere",
            Self::SingleSignOnAsked => "single_sign_on_asked",
        }
    }

    /// True when the provider says that it cannot do what it was asked for.
    pub fn is_unmet(&self) -> bool {
        matches!(self, Self::Declined { code } if UNMET.contains(&code.as_str()))
    }

    /// The detail of the code, for administrators.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::Declined { code } => Some(code),
            Self::Unverified { check } => Some(check),
            Self::Unreachable { failure } => Some(failure),
            Self::ConnectionInactive
            | Self::ConnectionChanged
            | Self::ForeignAddress
            | Self::DomainLapsed
            | Self::NoVerifiedAddress
            | Self::NothingToMatch
            | Self::Unknown
            | Self::Full
            | Self::LinkingOff
            | Self::LinkAsked
            | Self::OtherConnection
            | Self::Ambiguous
            | Self::SubjectChanged
            | Self::AddressTaken
            | Self::AccountInactive
            | Self::MembershipInactive
            | Self::Overtaken
            | Self::ForeignApplication
            | Self::SignedInElsewhere
            | Self::SingleSignOnAsked => None,
        }
    }
}
