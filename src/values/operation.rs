//! The operation under way: who acts, under which request, at which instant. Every core function that changes
//! something takes one, and every audit entry is written from it.

use super::clock::Timestamp;
use super::data_center::DataCenter;
use super::entropy::Entropy;
use super::ids::{
    AccountId, AdminTokenId, ApplicationId, ConnectionId, Id, OrganizationId, RequestId, ScimClientId,
    ScimCredentialId, Sequence,
};
use super::scim_scope::ScimScope;

/// A role in an organization (rule B20). Each role's rights are listed in `directory::permission`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Everything, and the only one who may hand the organization over (rule D14).
    Owner,
    /// Everything but ownership.
    Admin,
    /// People and groups.
    UserAdmin,
    /// Applications and assignments.
    AppAdmin,
    /// Reads only.
    Auditor,
    /// No administrative rights.
    Member,
}

impl Role {
    /// The name in the store, the API and the audit log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::UserAdmin => "user_admin",
            Self::AppAdmin => "app_admin",
            Self::Auditor => "auditor",
            Self::Member => "member",
        }
    }

    /// The one of two that counts for somebody who has both.
    pub fn higher(self, other: Self) -> Self {
        const ORDER: [Role; 6] =
            [Role::Owner, Role::Admin, Role::UserAdmin, Role::AppAdmin, Role::Auditor, Role::Member];
        ORDER.into_iter().find(|role| *role == self || *role == other).unwrap_or(self)
    }

    /// True for those who run the whole organization.
    pub const fn is_administrator(self) -> bool {
        matches!(self, Self::Owner | Self::Admin)
    }

    /// The role with this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Owner, Self::Admin, Self::UserAdmin, Self::AppAdmin, Self::Auditor, Self::Member]
            .into_iter()
            .find(|role| role.as_str() == name)
    }
}

/// Who acts. A door makes it from what it authenticated; the core decides what it may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// The gateway itself: a job, a sweep, the first start.
    System,
    /// The operator, through the command line or an operator token.
    Operator {
        /// `None` on the command line.
        token: Option<AdminTokenId>,
    },
    /// An administrator of one organization, through an admin token.
    Admin {
        /// The only organization this actor may touch.
        organization: OrganizationId,
        /// What they may do there.
        role: Role,
        /// The token they presented.
        token: AdminTokenId,
    },
    /// An identity provider's provisioning client.
    ScimClient {
        /// The only organization this actor may touch.
        organization: OrganizationId,
        /// The client.
        client: ScimClientId,
        /// Which of the client's credentials was presented.
        credential: ScimCredentialId,
        /// What it may do there.
        scope: ScimScope,
    },
    /// An identity provider that asserted somebody through a connection.
    Connection {
        /// The organization that owns the connection.
        organization: OrganizationId,
        /// The connection.
        connection: ConnectionId,
    },
    /// A registered application.
    Application {
        /// The application.
        application: ApplicationId,
    },
    /// A signed-in person.
    Person {
        /// Their account.
        account: AccountId,
    },
    /// Somebody who has not proved who they are.
    Anonymous,
}

impl Actor {
    /// As logs show it: a kind and, where there is one, an id.
    pub fn described(&self) -> String {
        match self {
            Self::System => "system".to_owned(),
            Self::Operator { token: None } => "operator".to_owned(),
            Self::Operator { token: Some(token) } => format!("operator:{token}"),
            Self::Admin { token, .. } => format!("admin_token:{token}"),
            Self::ScimClient { client, credential, .. } => format!("scim_client:{client}/{credential}"),
            Self::Connection { connection, .. } => format!("connection:{connection}"),
            Self::Application { application } => format!("application:{application}"),
            Self::Person { account } => format!("account:{account}"),
            Self::Anonymous => "anonymous".to_owned(),
        }
    }
}

/// The context of one operation.
#[derive(Debug, Clone)]
pub struct Operation {
    /// Who acts.
    pub actor: Actor,
    /// The id that the log lines, the audit entries and the answer of this request share.
    pub request: RequestId,
    /// When the operation began; the only "now" that core functions know.
    pub at: Timestamp,
    /// Where fresh ids and tokens come from.
    pub entropy: Entropy,
    /// The order of the ids that it makes.
    pub sequence: Sequence,
    /// The data center it happens in, which becomes the home of accounts that it creates.
    pub data_center: DataCenter,
}

impl Operation {
    /// A fresh id, made at this operation's instant, after all that it has made before.
    pub fn new_id<K>(&self) -> Id<K> {
        Id::mint_next(self.at, &self.sequence, &self.entropy)
    }

    /// The same operation continued by another actor, once it is known who acts.
    pub fn by(&self, actor: Actor) -> Self {
        Self { actor, ..self.clone() }
    }
}
