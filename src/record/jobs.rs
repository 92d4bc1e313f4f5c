//! Jobs by name: the core enqueues one in the transaction that caused it, `jobs` runs it later.

use serde::{Deserialize, Serialize};

use super::event::Event;
use super::notice::PersonNotice;
use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::store::jobs::{self, JobRow};
use crate::values::clock::Timestamp;
use crate::values::domain_name::DomainName;
use crate::values::ids::{
    AccountId, ActivationId, ConnectionId, LinkRequestId, MailProofId, OrganizationId, RequestId, ScimClearingId,
};
use crate::values::operation::Operation;

/// Everything that can be queued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case")]
pub enum Job {
    /// Tell one administrator by mail about an event of their organization.
    NotifyAdministrator {
        /// The organization.
        organization: OrganizationId,
        /// Whom to tell. The address is looked up when the mail is written.
        account: AccountId,
        /// What happened.
        event: Event,
        /// When.
        at: Timestamp,
    },
    /// Hand an event on that could not be read when its turn came, such as one of a newer program on another node.
    HandOn {
        /// Whose event it is.
        organization: Option<OrganizationId>,
        /// The event as it was written.
        payload: String,
        /// When it happened.
        at: Timestamp,
    },
    /// Clear values of a SCIM schema or attribute that is gone.
    ClearScimValues {
        /// The organization.
        organization: OrganizationId,
        /// Which values.
        clearing: ScimClearingId,
    },
    /// Do a bulk request whose client does not wait for the answer.
    AsynchronousRequest {
        /// The organization.
        organization: OrganizationId,
        /// The request.
        request: RequestId,
    },
    /// Send the mail of an activation, if it is still open. The link is made when the mail is.
    SendActivation {
        /// The organization that has made the account.
        organization: OrganizationId,
        /// The activation.
        activation: ActivationId,
    },
    /// Ask a person by mail whether a sign-in is theirs, if the question is still open. The link is made when the mail is.
    SendLinkRequest {
        /// The organization whose connection it is.
        organization: OrganizationId,
        /// The question.
        request: LinkRequestId,
    },
    /// Send the mail with which a person shows that a mailbox is theirs. The account is looked for, and the link made, when the
    /// mail is.
    SendMailProof {
        /// What was asked for.
        proof: MailProofId,
    },
    /// Tell a person by mail what happened to their account.
    TellPerson {
        /// Whom to tell. The address is looked up when the mail is written.
        account: AccountId,
        /// What happened.
        notice: PersonNotice,
        /// When.
        at: Timestamp,
    },
    /// Let those join whose address lies in a domain that their organization has verified, some at a time.
    JoinDomain {
        /// The organization.
        organization: OrganizationId,
        /// The domain.
        domain: DomainName,
    },
    /// Do the removals that waited and that an administrator has confirmed, some at a time.
    RemoveHeld {
        /// The organization.
        organization: OrganizationId,
    },
    /// Give everybody in an organization the role that their groups carry now, some at a time.
    EvaluateRoles {
        /// The organization.
        organization: OrganizationId,
        /// Those up to this key were looked at.
        #[serde(default)]
        after: Option<i64>,
    },
    /// Look at the open cases again, and give those an account whose address is free.
    ReviewCases,
    /// Remove what has expired: attempts, codes, tokens, sessions, consumed assertions, answers and events.
    Sweep,
    /// Read the metadata of SAML providers again where it is due.
    RefreshMetadata,
    /// Look proved domains up again where it is due.
    RecheckDomains,
    /// Warn of credentials and certificates that will end soon.
    WarnOfExpiry,
    /// Go on with the certificates where a turn came to its end.
    WarnOfCertificates {
        /// Those up to this connection were looked at.
        after: ConnectionId,
    },
}

impl Job {
    /// The stable name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NotifyAdministrator { .. } => "notify_administrator",
            Self::HandOn { .. } => "hand_on",
            Self::ClearScimValues { .. } => "clear_scim_values",
            Self::AsynchronousRequest { .. } => "asynchronous_request",
            Self::SendActivation { .. } => "send_activation",
            Self::SendLinkRequest { .. } => "send_link_request",
            Self::SendMailProof { .. } => "send_mail_proof",
            Self::TellPerson { .. } => "tell_person",
            Self::JoinDomain { .. } => "join_domain",
            Self::RemoveHeld { .. } => "remove_held",
            Self::EvaluateRoles { .. } => "evaluate_roles",
            Self::ReviewCases => "review_cases",
            Self::RefreshMetadata => "refresh_metadata",
            Self::RecheckDomains => "recheck_domains",
            Self::Sweep => "sweep",
            Self::WarnOfExpiry => "warn_of_expiry",
            Self::WarnOfCertificates { .. } => "warn_of_certificates",
        }
    }

    /// A recurring job waits in a slot of its own, so that it is queued once over all nodes.
    const fn slot(&self) -> Option<&'static str> {
        match self {
            Self::NotifyAdministrator { .. }
            | Self::HandOn { .. }
            | Self::ClearScimValues { .. }
            | Self::AsynchronousRequest { .. }
            | Self::SendActivation { .. }
            | Self::SendLinkRequest { .. }
            | Self::SendMailProof { .. }
            | Self::TellPerson { .. }
            | Self::JoinDomain { .. }
            | Self::RemoveHeld { .. }
            | Self::EvaluateRoles { .. }
            | Self::WarnOfCertificates { .. } => None,
            Self::ReviewCases => Some("review_cases"),
            Self::RefreshMetadata => Some("refresh_metadata"),
            Self::RecheckDomains => Some("recheck_domains"),
            Self::Sweep => Some("sweep"),
            Self::WarnOfExpiry => Some("warn_of_expiry"),
        }
    }
}

/// Queues a job to run at `run_at` or later.
pub fn enqueue(tx: &mut Tx<'_>, op: &Operation, job: &Job, run_at: Timestamp) -> Result<(), StoreError> {
    let payload = serde_json::to_string(job).map_err(|error| StoreError::Internal(error.to_string()))?;
    jobs::insert(
        tx,
        &JobRow {
            id: op.new_id(),
            kind: job.name().to_owned(),
            slot: job.slot().map(str::to_owned),
            payload,
            state: "waiting".to_owned(),
            run_at,
            attempts: 0,
            leased_until: None,
            last_error: None,
            created_at: op.at,
        },
    )
}
