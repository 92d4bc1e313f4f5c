//! Unique indexes by name. PostgreSQL tells which one refused; SQLite tells the columns, so each stands here by both.

/// A unique index that can say no to a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Constraint {
    /// An organization's slug.
    OrganizationSlug,
    /// An address that is already verified for another account.
    VerifiedAddress,
    /// An account that is already a member of an organization (rule B8).
    OneMember,
    /// (account, organization).
    Membership,
    /// A second open activation of one membership.
    OpenActivation,
    /// A second open case of one user.
    OpenCase,
    /// (connection, subject).
    IdentitySubject,
    /// (connection, account).
    IdentityAccount,
    /// A domain that the organization has already claimed.
    DomainClaim,
    /// A domain with another active owner (decision Q14).
    DomainOwner,
    /// A SCIM user name of an organization.
    UserName,
    /// An account that already stands in an organization's SCIM users.
    ResourceAccount,
    /// (group, member).
    Member,
    /// An assertion that was consumed before.
    ConsumedAssertion,
    /// A second active key of one purpose.
    ActiveSigningKey,
    /// A redirect URI that the application already has.
    ApplicationUri,
    /// The upstream handle of a sign-in attempt.
    UpstreamHandle,
    /// The authenticator app of an account.
    TotpFactor,
    /// A passkey that some account has.
    Passkey,
    /// The URN of a schema that the organization has.
    ScimSchemaUrn,
    /// What became of an operation of an asynchronous request.
    AsynchronousOutcome,
    /// A recurring job that is already queued.
    JobSlot,
}

/// (constraint, PostgreSQL's name of the index, the columns in SQLite's message)
const TABLE: &[(Constraint, &str, &str)] = &[
    (Constraint::OrganizationSlug, "organizations_slug_key", "organizations.slug"),
    (Constraint::VerifiedAddress, "addresses_verified", "addresses.address"),
    (Constraint::OneMember, "memberships_one_member", "memberships.account_id"),
    (Constraint::Membership, "memberships_pkey", "memberships.account_id, memberships.org_id"),
    (Constraint::OpenActivation, "activations_open", "activations.account_id, activations.org_id"),
    (Constraint::OpenCase, "cases_open", "cases.resource_id"),
    (Constraint::IdentitySubject, "identities_subject", "identities.connection_id, identities.subject"),
    (Constraint::IdentityAccount, "identities_connection_account", "identities.connection_id, identities.account_id"),
    (Constraint::DomainClaim, "domains_claim", "domains.org_id, domains.name"),
    (Constraint::DomainOwner, "domains_owner", "domains.name"),
    (Constraint::DomainOwner, "domains_held", "domains.name"),
    (Constraint::UserName, "resources_user_name", "resources.org_id, resources.user_name_folded"),
    (Constraint::ResourceAccount, "resources_account", "resources.account_id, resources.org_id"),
    (Constraint::Member, "members_pkey", "members.group_k, members.member_k"),
    (
        Constraint::ConsumedAssertion,
        "consumed_assertions_pkey",
        "consumed_assertions.connection_id, consumed_assertions.assertion_id",
    ),
    (Constraint::ActiveSigningKey, "signing_keys_active", "signing_keys.purpose"),
    (
        Constraint::ApplicationUri,
        "application_uris_pkey",
        "application_uris.application_id, application_uris.purpose, application_uris.uri",
    ),
    (Constraint::UpstreamHandle, "attempts_upstream_hash_key", "attempts.upstream_hash"),
    (Constraint::TotpFactor, "totp_factors_pkey", "totp_factors.account_id"),
    (Constraint::Passkey, "passkeys_credential", "passkeys.credential_id"),
    (Constraint::ScimSchemaUrn, "scim_schemas_urn", "scim_schemas.org_id, scim_schemas.urn_folded"),
    (
        Constraint::AsynchronousOutcome,
        "asynchronous_outcomes_pkey",
        "asynchronous_outcomes.request_id, asynchronous_outcomes.position",
    ),
    (Constraint::JobSlot, "jobs_slot", "jobs.slot"),
];

impl Constraint {
    /// The constraint that a unique violation names.
    pub fn of(index: Option<&str>, message: &str) -> Option<Self> {
        let columns = message.strip_prefix("UNIQUE constraint failed: ");
        TABLE
            .iter()
            .find(|(_, name, sqlite)| index == Some(*name) || columns == Some(*sqlite))
            .map(|(constraint, _, _)| *constraint)
    }
}

#[cfg(test)]
mod tests {
    use super::Constraint;

    #[test]
    fn both_engines_name_the_same_constraint() {
        let sqlite = Constraint::of(None, "UNIQUE constraint failed: resources.org_id, resources.user_name_folded");
        let postgres = Constraint::of(Some("resources_user_name"), "duplicate key value violates unique constraint");
        assert_eq!(sqlite, Some(Constraint::UserName));
        assert_eq!(postgres, Some(Constraint::UserName));
        assert_eq!(Constraint::of(None, "UNIQUE constraint failed: nothing.known"), None);
    }
}
