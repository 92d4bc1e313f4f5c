//! The audit log: one entry for every change (invariant 19), and for every refusal that an administrator must see.

use serde_json::Value;

use crate::store::Tx;
use crate::store::audit_entries::{self, EntryRow};
use crate::store::failure::StoreError;
use crate::values::clock::Timestamp;
use crate::values::ids::{EntryId, Id, OrganizationId, RequestId};
use crate::values::operation::Operation;
use crate::values::page::{Page, PageRequest};

/// What happened. Listed in `docs/events.md`; a test compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the names say it
pub enum Action {
    OrganizationCreated,
    AdminTokenCreated,
    AdminTokenRevoked,
    DomainClaimed,
    DomainCheckFailed,
    DomainVerified,
    DomainAtRisk,
    DomainRiskWarned,
    DomainRecovered,
    DomainLapsed,
    DomainLost,
    DomainReleased,
    SsoPolicyChanged,
    OrganizationKindSet,
    BreakGlassAdded,
    BreakGlassRemoved,
    BreakGlassUsed,
    MfaPolicyChanged,
    ConnectionCreated,
    ConnectionUpdated,
    CertificateExpiryWarned,
    MetadataExpiryWarned,
    MetadataUnreadWarned,
    ConnectionEnabled,
    ConnectionDisabled,
    ConnectionDeleted,
    ConnectionPolicySet,
    ConnectionRolesSet,
    ConnectionRouteSet,
    ScimClientCreated,
    ScimClientUpdated,
    ScimClientPolicySet,
    ScimClientDeleted,
    ScimRequestTried,
    ScimCredentialCreated,
    ScimCredentialRevoked,
    ScimCredentialExpiryWarned,
    ScimAccessTokenIssued,
    ScimSchemaRegistered,
    ScimSchemaChanged,
    ScimSchemaDeleted,
    ScimValuesCleared,
    ScimAssignablesChanged,
    ClaimMappingsChanged,
    UserCreated,
    UserJoined,
    UserUpdated,
    UserDeactivated,
    UserReactivated,
    UserReprovisioned,
    UserRoleChanged,
    UserDeleted,
    ActivationSent,
    ActivationRevoked,
    ActivationExpired,
    CaseOpened,
    CaseUpdated,
    CaseClosed,
    RemovalsHeld,
    RemovalsConfirmed,
    RemovalsRejected,
    RemovalsLimited,
    GroupCreated,
    GroupUpdated,
    GroupDeleted,
    GroupRoleSet,
    GroupRoleRemoved,
    ApplicationCreated,
    ApplicationUpdated,
    ApplicationDeleted,
    ApplicationSecretRotated,
    LinkAsked,
    IdentityLinked,
    AddressVerified,
    AddressesUnverified,
    PasswordSet,
    SecondFactorAdded,
    SecondFactorRemoved,
    SecondFactorGuessed,
    PasskeyRenamed,
    PasskeyCopied,
    RecoveryCodesMade,
    RecoveryCodeUsed,
    SignInSucceeded,
    SignInRefused,
    SessionEnded,
    GrantCreated,
    GrantRevoked,
    SigningKeyCreated,
    SigningKeyRotated,
}

impl Action {
    /// Every action, for the test that compares this list with `docs/events.md`.
    pub const ALL: &'static [Self] = &[
        Self::OrganizationCreated,
        Self::AdminTokenCreated,
        Self::AdminTokenRevoked,
        Self::DomainClaimed,
        Self::DomainCheckFailed,
        Self::DomainVerified,
        Self::DomainAtRisk,
        Self::DomainRiskWarned,
        Self::DomainRecovered,
        Self::DomainLapsed,
        Self::DomainLost,
        Self::DomainReleased,
        Self::SsoPolicyChanged,
        Self::OrganizationKindSet,
        Self::BreakGlassAdded,
        Self::BreakGlassRemoved,
        Self::BreakGlassUsed,
        Self::MfaPolicyChanged,
        Self::ConnectionCreated,
        Self::ConnectionUpdated,
        Self::CertificateExpiryWarned,
        Self::MetadataExpiryWarned,
        Self::MetadataUnreadWarned,
        Self::ConnectionEnabled,
        Self::ConnectionDisabled,
        Self::ConnectionDeleted,
        Self::ConnectionPolicySet,
        Self::ConnectionRolesSet,
        Self::ConnectionRouteSet,
        Self::ScimClientCreated,
        Self::ScimClientUpdated,
        Self::ScimClientPolicySet,
        Self::ScimClientDeleted,
        Self::ScimRequestTried,
        Self::ScimCredentialCreated,
        Self::ScimCredentialRevoked,
        Self::ScimCredentialExpiryWarned,
        Self::ScimAccessTokenIssued,
        Self::ScimSchemaRegistered,
        Self::ScimSchemaChanged,
        Self::ScimSchemaDeleted,
        Self::ScimValuesCleared,
        Self::ScimAssignablesChanged,
        Self::ClaimMappingsChanged,
        Self::UserCreated,
        Self::UserJoined,
        Self::UserUpdated,
        Self::UserDeactivated,
        Self::UserReactivated,
        Self::UserReprovisioned,
        Self::UserRoleChanged,
        Self::UserDeleted,
        Self::ActivationSent,
        Self::ActivationRevoked,
        Self::ActivationExpired,
        Self::CaseOpened,
        Self::CaseUpdated,
        Self::CaseClosed,
        Self::RemovalsHeld,
        Self::RemovalsConfirmed,
        Self::RemovalsRejected,
        Self::RemovalsLimited,
        Self::GroupCreated,
        Self::GroupUpdated,
        Self::GroupDeleted,
        Self::GroupRoleSet,
        Self::GroupRoleRemoved,
        Self::ApplicationCreated,
        Self::ApplicationUpdated,
        Self::ApplicationDeleted,
        Self::ApplicationSecretRotated,
        Self::LinkAsked,
        Self::IdentityLinked,
        Self::AddressVerified,
        Self::AddressesUnverified,
        Self::PasswordSet,
        Self::SecondFactorAdded,
        Self::SecondFactorRemoved,
        Self::SecondFactorGuessed,
        Self::PasskeyRenamed,
        Self::PasskeyCopied,
        Self::RecoveryCodesMade,
        Self::RecoveryCodeUsed,
        Self::SignInSucceeded,
        Self::SignInRefused,
        Self::SessionEnded,
        Self::GrantCreated,
        Self::GrantRevoked,
        Self::SigningKeyCreated,
        Self::SigningKeyRotated,
    ];

    /// The stable name, `subject.verb`.
    #[expect(clippy::too_many_lines, reason = "one table, a line for each action")]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OrganizationCreated => "organization.created",
            Self::AdminTokenCreated => "admin_token.created",
            Self::AdminTokenRevoked => "admin_token.revoked",
            Self::DomainClaimed => "domain.claimed",
            Self::DomainCheckFailed => "domain.check_failed",
            Self::DomainVerified => "domain.verified",
            Self::DomainAtRisk => "domain.at_risk",
            Self::DomainRiskWarned => "domain.risk_warned",
            Self::DomainRecovered => "domain.recovered",
            Self::DomainLapsed => "domain.lapsed",
            Self::DomainLost => "domain.lost",
            Self::DomainReleased => "domain.released",
            Self::SsoPolicyChanged => "sso_policy.changed",
            Self::OrganizationKindSet => "organization.kind_set",
            Self::BreakGlassAdded => "break_glass.added",
            Self::BreakGlassRemoved => "break_glass.removed",
            Self::BreakGlassUsed => "break_glass.used",
            Self::MfaPolicyChanged => "mfa_policy.changed",
            Self::ConnectionCreated => "connection.created",
            Self::ConnectionUpdated => "connection.updated",
            Self::CertificateExpiryWarned => "connection.certificate_expiry_warned",
            Self::MetadataExpiryWarned => "connection.metadata_expiry_warned",
            Self::MetadataUnreadWarned => "connection.metadata_unread_warned",
            Self::ConnectionEnabled => "connection.enabled",
            Self::ConnectionDisabled => "connection.disabled",
            Self::ConnectionDeleted => "connection.deleted",
            Self::ConnectionPolicySet => "connection.policy_set",
            Self::ConnectionRolesSet => "connection.roles_set",
            Self::ConnectionRouteSet => "connection.route_set",
            Self::ScimClientCreated => "scim_client.created",
            Self::ScimClientUpdated => "scim_client.updated",
            Self::ScimClientPolicySet => "scim_client.policy_set",
            Self::ScimClientDeleted => "scim_client.deleted",
            Self::ScimRequestTried => "scim_request.tried",
            Self::ScimCredentialCreated => "scim_credential.created",
            Self::ScimCredentialRevoked => "scim_credential.revoked",
            Self::ScimCredentialExpiryWarned => "scim_credential.expiry_warned",
            Self::ScimAccessTokenIssued => "scim_access_token.issued",
            Self::ScimSchemaRegistered => "scim_schema.registered",
            Self::ScimSchemaChanged => "scim_schema.changed",
            Self::ScimSchemaDeleted => "scim_schema.deleted",
            Self::ScimValuesCleared => "scim_schema.values_cleared",
            Self::ScimAssignablesChanged => "scim_assignables.changed",
            Self::ClaimMappingsChanged => "claim_mappings.changed",
            Self::UserCreated => "user.created",
            Self::UserJoined => "user.joined",
            Self::UserUpdated => "user.updated",
            Self::UserDeactivated => "user.deactivated",
            Self::UserReactivated => "user.reactivated",
            Self::UserReprovisioned => "user.reprovisioned",
            Self::UserRoleChanged => "user.role_changed",
            Self::UserDeleted => "user.deleted",
            Self::ActivationSent => "activation.sent",
            Self::ActivationRevoked => "activation.revoked",
            Self::ActivationExpired => "activation.expired",
            Self::CaseOpened => "case.opened",
            Self::CaseUpdated => "case.updated",
            Self::CaseClosed => "case.closed",
            Self::RemovalsHeld => "removals.held",
            Self::RemovalsConfirmed => "removals.confirmed",
            Self::RemovalsRejected => "removals.rejected",
            Self::RemovalsLimited => "removals.limited",
            Self::GroupCreated => "group.created",
            Self::GroupUpdated => "group.updated",
            Self::GroupDeleted => "group.deleted",
            Self::GroupRoleSet => "group_role.set",
            Self::GroupRoleRemoved => "group_role.removed",
            Self::ApplicationCreated => "application.created",
            Self::ApplicationUpdated => "application.updated",
            Self::ApplicationDeleted => "application.deleted",
            Self::ApplicationSecretRotated => "application.secret_rotated",
            Self::LinkAsked => "identity.link_asked",
            Self::IdentityLinked => "identity.linked",
            Self::AddressVerified => "address.verified",
            Self::AddressesUnverified => "addresses.unverified",
            Self::PasswordSet => "password.set",
            Self::SecondFactorAdded => "second_factor.added",
            Self::SecondFactorRemoved => "second_factor.removed",
            Self::SecondFactorGuessed => "second_factor.guessed",
            Self::PasskeyRenamed => "passkey.renamed",
            Self::PasskeyCopied => "passkey.copied",
            Self::RecoveryCodesMade => "recovery_codes.made",
            Self::RecoveryCodeUsed => "recovery_code.used",
            Self::SignInSucceeded => "sign_in.succeeded",
            Self::SignInRefused => "sign_in.refused",
            Self::SessionEnded => "session.ended",
            Self::GrantCreated => "grant.created",
            Self::GrantRevoked => "grant.revoked",
            Self::SigningKeyCreated => "signing_key.created",
            Self::SigningKeyRotated => "signing_key.rotated",
        }
    }
}

/// What an entry is about: a kind in the product's words and an id.
#[derive(Debug, Clone)]
pub struct Subject {
    kind: &'static str,
    id: String,
}

impl Subject {
    /// The subject of this kind and id.
    pub fn new<K>(kind: &'static str, id: Id<K>) -> Self {
        Self { kind, id: id.to_string() }
    }
}

/// Appends one entry to the log of `organization` (or to the operator's, for `None`). `detail` is an object that says
/// what changed; it holds no secret, and no personal data beyond what an administrator typed or asserted.
pub fn write(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: Option<OrganizationId>,
    action: Action,
    subject: &Subject,
    detail: &Value,
) -> Result<(), StoreError> {
    let row = EntryRow {
        id: op.new_id(),
        org_id: organization,
        at: op.at,
        actor: op.actor.described(),
        action: action.as_str().to_owned(),
        subject_kind: subject.kind.to_owned(),
        subject_id: subject.id.clone(),
        detail: detail.to_string(),
        request_id: op.request,
    };
    audit_entries::insert(tx, &row)
}

/// An entry as it is read.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // the names say it
pub struct Entry {
    pub id: EntryId,
    pub at: Timestamp,
    pub actor: String,
    pub action: String,
    pub subject_kind: String,
    pub subject_id: String,
    pub detail: Value,
    pub request: RequestId,
}

/// One page of an organization's log, newest first.
pub fn page(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    request: &PageRequest<EntryId>,
) -> Result<Page<Entry, EntryId>, StoreError> {
    cut(audit_entries::page(tx, Some(organization), request)?, request)
}

/// One page of the log of what belongs to no organization, newest first.
pub fn page_of_operators(tx: &mut Tx<'_>, request: &PageRequest<EntryId>) -> Result<Page<Entry, EntryId>, StoreError> {
    cut(audit_entries::page(tx, None, request)?, request)
}

fn cut(rows: Vec<EntryRow>, request: &PageRequest<EntryId>) -> Result<Page<Entry, EntryId>, StoreError> {
    let entries = rows.into_iter().map(from_row).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::cut(entries, request, |entry| entry.id))
}

/// The entries that the request of `op` has written so far, in its open transaction.
pub fn of_request(tx: &mut Tx<'_>, organization: OrganizationId, op: &Operation) -> Result<Vec<Entry>, StoreError> {
    let rows = audit_entries::of_request(tx, organization, op.request, op.at)?;
    rows.into_iter().map(from_row).collect()
}

fn from_row(row: EntryRow) -> Result<Entry, StoreError> {
    Ok(Entry {
        id: row.id,
        at: row.at,
        actor: row.actor,
        action: row.action,
        subject_kind: row.subject_kind,
        subject_id: row.subject_id,
        detail: serde_json::from_str(&row.detail).map_err(|_| StoreError::Inconsistent("audit_entries.detail"))?,
        request: row.request_id,
    })
}
