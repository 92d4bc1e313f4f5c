//! What each actor may do in an organization. Every core function that a door can reach asks here, so the admin API,
//! SCIM, the console and the command line cannot drift apart.

use crate::values::ids::OrganizationId;
use crate::values::operation::{Actor, Operation, Role};
use crate::values::scim_scope::ScimScope;

/// A right in one organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Read everything but secrets.
    Read,
    /// Claim, check and release domains.
    ManageDomains,
    /// Add, change and remove connections.
    ManageConnections,
    /// Create and remove SCIM clients and their credentials.
    ManageScimClients,
    /// Register and change applications.
    ManageApplications,
    /// Create and revoke admin tokens.
    ManageAdminTokens,
    /// Read the audit log.
    ReadAudit,
    /// Read and search users and groups.
    ReadResources,
    /// Create, change and remove users and groups.
    ChangeResources,
    /// Decide about people as their organization's administrator.
    ManageUsers,
    /// Say which groups carry which role.
    ManageRoles,
}

/// Why an actor may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The organization is not theirs; a door answers as if it did not exist.
    #[error("not the actor's organization")]
    OtherOrganization,
    /// Their role does not carry the right.
    #[error("the actor's role does not allow this")]
    Role,
    /// The scope of their credential does not carry the right.
    #[error("the scope of the credential does not allow this")]
    Scope,
}

/// Refuses unless the operation's actor holds `permission` in `organization`.
pub fn require(op: &Operation, organization: OrganizationId, permission: Permission) -> Result<(), Denied> {
    match &op.actor {
        Actor::System | Actor::Operator { .. } => Ok(()),
        Actor::Admin { organization: own, role, .. } => {
            if *own != organization {
                Err(Denied::OtherOrganization)
            } else if allows(*role, permission) {
                Ok(())
            } else {
                Err(Denied::Role)
            }
        }
        Actor::ScimClient { organization: own, scope, .. } => {
            if *own != organization {
                return Err(Denied::OtherOrganization);
            }
            match permission {
                Permission::ReadResources => Ok(()),
                Permission::ChangeResources if *scope >= ScimScope::Write => Ok(()),
                Permission::ChangeResources => Err(Denied::Scope),
                _ => Err(Denied::Role),
            }
        }
        Actor::Connection { .. } | Actor::Application { .. } | Actor::Person { .. } | Actor::Anonymous => {
            Err(Denied::OtherOrganization)
        }
    }
}

/// Refuses unless the operation's actor is the operator (or the gateway itself).
pub fn require_operator(op: &Operation) -> Result<(), Denied> {
    match op.actor {
        Actor::System | Actor::Operator { .. } => Ok(()),
        _ => Err(Denied::OtherOrganization),
    }
}

/// The table of roles (rule B20). Each role has all that stands in its row.
const fn allows(role: Role, permission: Permission) -> bool {
    use Permission::{ChangeResources, ManageApplications, ManageUsers, Read, ReadAudit, ReadResources};
    match role {
        Role::Owner | Role::Admin => true,
        Role::UserAdmin => matches!(permission, Read | ReadResources | ChangeResources | ManageUsers),
        Role::AppAdmin => matches!(permission, Read | ManageApplications),
        Role::Auditor => matches!(permission, Read | ReadAudit),
        Role::Member => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{Denied, Permission, require};
    use crate::values::clock::Timestamp;
    use crate::values::entropy::Entropy;
    use crate::values::ids::{Id, OrganizationId, Sequence};
    use crate::values::operation::{Actor, Operation, Role};
    use crate::values::scim_scope::ScimScope;

    const ALL: [Permission; 11] = [
        Permission::Read,
        Permission::ManageDomains,
        Permission::ManageConnections,
        Permission::ManageScimClients,
        Permission::ManageApplications,
        Permission::ManageAdminTokens,
        Permission::ReadAudit,
        Permission::ReadResources,
        Permission::ChangeResources,
        Permission::ManageUsers,
        Permission::ManageRoles,
    ];

    fn organization(n: u8) -> OrganizationId {
        Id::from_bytes(&[n; 16]).unwrap()
    }

    fn operation(actor: Actor) -> Operation {
        Operation {
            actor,
            request: Id::from_bytes(&[0; 16]).unwrap(),
            at: Timestamp::from_micros(0),
            entropy: Entropy::new(|buffer| buffer.fill(0)),
            sequence: Sequence::default(),
            data_center: "us".parse().unwrap(),
        }
    }

    fn admin(role: Role) -> Operation {
        operation(Actor::Admin { organization: organization(1), role, token: Id::from_bytes(&[2; 16]).unwrap() })
    }

    #[test]
    fn roles_carry_exactly_their_row_of_the_table() {
        let held = |role| {
            let op = admin(role);
            ALL.into_iter().filter(|permission| require(&op, organization(1), *permission).is_ok()).collect::<Vec<_>>()
        };
        assert_eq!(held(Role::Owner), ALL);
        assert_eq!(held(Role::Admin), ALL);
        let people =
            [Permission::Read, Permission::ReadResources, Permission::ChangeResources, Permission::ManageUsers];
        assert_eq!(held(Role::UserAdmin), people);
        assert_eq!(held(Role::AppAdmin), [Permission::Read, Permission::ManageApplications]);
        assert_eq!(held(Role::Auditor), [Permission::Read, Permission::ReadAudit]);
        assert_eq!(held(Role::Member), []);
    }

    fn client(scope: ScimScope) -> Operation {
        operation(Actor::ScimClient {
            organization: organization(1),
            client: Id::from_bytes(&[3; 16]).unwrap(),
            credential: Id::from_bytes(&[4; 16]).unwrap(),
            scope,
        })
    }

    #[test]
    fn nobody_but_the_operator_crosses_organizations() {
        for op in [admin(Role::Owner), client(ScimScope::Replica), operation(Actor::Anonymous)] {
            for permission in ALL {
                assert_eq!(require(&op, organization(9), permission), Err(Denied::OtherOrganization), "{op:?}");
            }
        }
        assert_eq!(require(&operation(Actor::Operator { token: None }), organization(9), Permission::Read), Ok(()));
    }

    #[test]
    fn a_scim_client_does_what_its_scope_says_and_nothing_else() {
        let held = |scope| {
            let op = client(scope);
            ALL.into_iter().filter(|p| require(&op, organization(1), *p).is_ok()).collect::<Vec<_>>()
        };
        assert_eq!(held(ScimScope::Read), [Permission::ReadResources]);
        assert_eq!(held(ScimScope::Write), [Permission::ReadResources, Permission::ChangeResources]);
        assert_eq!(held(ScimScope::Replica), [Permission::ReadResources, Permission::ChangeResources]);
        let refused = require(&client(ScimScope::Read), organization(1), Permission::ChangeResources);
        assert_eq!(refused, Err(Denied::Scope));
    }

    /// A connection's policy gives roles, and asks for the right to manage connections alone.
    #[test]
    fn who_manages_connections_manages_roles() {
        for role in [Role::Owner, Role::Admin, Role::UserAdmin, Role::AppAdmin, Role::Auditor, Role::Member] {
            let may = |permission| require(&admin(role), organization(1), permission).is_ok();
            assert!(!may(Permission::ManageConnections) || may(Permission::ManageRoles), "{role:?}");
        }
    }
}
