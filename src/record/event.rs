//! Events: what others are told after a change. Written to the outbox in the transaction of the change, handed on by
//! `jobs`. The queue names things by id and holds no personal data.

use serde::{Deserialize, Serialize};

use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::store::outbox::{self, EventRow};
use crate::values::clock::Timestamp;
use crate::values::domain_name::DomainName;
use crate::values::ids::{
    AccountId, ConnectionId, OrganizationId, ResourceId, ScimClientId, ScimCredentialId, ScimSchemaId,
};
use crate::values::operation::Operation;

/// Everything that is announced. Listed in `docs/events.md`; a test compares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// An organization proved that it owns a domain.
    DomainVerified {
        /// The domain.
        domain: DomainName,
    },
    /// The record of a proved domain is gone; said on several days.
    DomainAtRisk {
        /// The domain.
        domain: DomainName,
        /// What the record has to say again.
        record: String,
        /// When the domain lapses.
        lapses_at: Timestamp,
    },
    /// The record of a domain that was at risk, or had lapsed, is there again.
    DomainRecovered {
        /// The domain.
        domain: DomainName,
    },
    /// The record of a domain was gone for too long.
    DomainLapsed {
        /// The domain.
        domain: DomainName,
        /// What the record has to say again.
        record: String,
    },
    /// A domain that had lapsed is somebody else's now.
    DomainLost {
        /// The domain.
        domain: DomainName,
    },
    /// An organization has a new connection to an identity provider.
    ConnectionCreated {
        /// The connection.
        connection: ConnectionId,
        /// Its name at that time.
        name: String,
    },
    /// A connection's settings or state changed.
    ConnectionChanged {
        /// The connection.
        connection: ConnectionId,
        /// Its name at that time.
        name: String,
    },
    /// The metadata of a connection's provider was read again and has other certificates.
    ConnectionCertificatesChanged {
        /// The connection.
        connection: ConnectionId,
        /// Its name at that time.
        name: String,
        /// The fingerprints that came.
        added: Vec<String>,
        /// The fingerprints that went.
        removed: Vec<String>,
    },
    /// What is known of a connection's provider will end soon, and sign-in with it.
    ConnectionMetadataExpires {
        /// The connection.
        connection: ConnectionId,
        /// Its name at that time.
        name: String,
        /// When it ends.
        expires_at: Timestamp,
    },
    /// The metadata of a connection's provider could not be read again for days.
    ConnectionMetadataUnread {
        /// The connection.
        connection: ConnectionId,
        /// Its name at that time.
        name: String,
        /// When it was read last.
        read_at: Timestamp,
        /// Why it could not be, the last time.
        code: String,
    },
    /// A certificate of a connection's provider will end soon.
    ConnectionCertificateExpires {
        /// The connection.
        connection: ConnectionId,
        /// Its name at that time.
        name: String,
        /// The certificate.
        fingerprint: String,
        /// When it ends.
        expires_at: Timestamp,
    },
    /// A new client may provision the organization.
    ScimClientCreated {
        /// The client.
        client: ScimClientId,
        /// Its name at that time.
        name: String,
    },
    /// A credential that is in use will end soon.
    ScimCredentialExpires {
        /// The client.
        client: ScimClientId,
        /// Its name at that time.
        name: String,
        /// The credential.
        credential: ScimCredentialId,
        /// When it ends.
        expires_at: Timestamp,
    },
    /// A schema of the organization's users or groups was registered, changed or removed.
    ScimSchemaChanged {
        /// The schema.
        schema: ScimSchemaId,
        /// Its URN.
        urn: String,
    },
    /// A client wants to remove so many people that the rest waits for an administrator (decision Q33).
    RemovalsHeld {
        /// The client.
        client: ScimClientId,
    },
    /// The sign-in policy of a domain changed.
    SsoPolicyChanged {
        /// The domain.
        domain: DomainName,
        /// What it is now.
        policy: String,
    },
    /// Somebody was put on the break-glass list, or taken off.
    BreakGlassChanged {
        /// Who.
        account: AccountId,
    },
    /// Somebody signed in by their own credentials where single sign-on is required.
    BreakGlassUsed {
        /// Who.
        account: AccountId,
    },
    /// A group carries a role, another one, or none any more.
    GroupRoleChanged {
        /// The group.
        group: ResourceId,
        /// The role.
        role: Option<String>,
    },
}

impl Event {
    /// The stable name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::DomainVerified { .. } => "domain_verified",
            Self::DomainAtRisk { .. } => "domain_at_risk",
            Self::DomainRecovered { .. } => "domain_recovered",
            Self::DomainLapsed { .. } => "domain_lapsed",
            Self::DomainLost { .. } => "domain_lost",
            Self::ConnectionCreated { .. } => "connection_created",
            Self::ConnectionChanged { .. } => "connection_changed",
            Self::ConnectionCertificatesChanged { .. } => "connection_certificates_changed",
            Self::ConnectionCertificateExpires { .. } => "connection_certificate_expires",
            Self::ConnectionMetadataExpires { .. } => "connection_metadata_expires",
            Self::ConnectionMetadataUnread { .. } => "connection_metadata_unread",
            Self::ScimClientCreated { .. } => "scim_client_created",
            Self::ScimCredentialExpires { .. } => "scim_credential_expires",
            Self::ScimSchemaChanged { .. } => "scim_schema_changed",
            Self::RemovalsHeld { .. } => "removals_held",
            Self::SsoPolicyChanged { .. } => "sso_policy_changed",
            Self::BreakGlassChanged { .. } => "break_glass_changed",
            Self::BreakGlassUsed { .. } => "break_glass_used",
            Self::GroupRoleChanged { .. } => "group_role_changed",
        }
    }
}

/// Announces an event of an organization.
pub fn publish(tx: &mut Tx<'_>, op: &Operation, organization: OrganizationId, event: &Event) -> Result<(), StoreError> {
    let payload = serde_json::to_string(event).map_err(|error| StoreError::Internal(error.to_string()))?;
    outbox::insert(
        tx,
        &EventRow { id: op.new_id(), org_id: Some(organization), event: event.name().to_owned(), payload, at: op.at },
    )
}
