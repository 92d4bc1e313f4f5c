//! The errors of the core as problems. Each match is exhaustive, so that a new error is given its answer here; those of
//! provisioning in a file of their own.

mod provisioning;

use actix_web::http::StatusCode;

use crate::access::enforcement::VerdictError;
use crate::access::enforcement::break_glass::BreakGlassError;
use crate::access::enforcement::preflight::PolicyChangeError;
use crate::access::traces::TraceError;
use crate::directory::activation::invite::InviteError;
use crate::directory::admin_tokens::AdminTokenError;
use crate::directory::applications::ApplicationError;
use crate::directory::cases::CaseError;
use crate::directory::connection_policy::PolicyError as ConnectionPolicyError;
use crate::directory::connection_roles::ConnectionRoleError;
use crate::directory::connection_route::RouteError;
use crate::directory::connections::ConnectionError;
use crate::directory::domains::claim::DomainError;
use crate::directory::organizations::OrganizationError;
use crate::directory::permission::Denied;
use crate::directory::room::TooMany;
use crate::flows::connect_identity_provider::ConnectError;
use crate::http::problem::Problem;
use crate::store::failure::StoreError;

fn bad_request(code: &'static str, detail: impl ToString) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, code, detail)
}

fn conflict(code: &'static str, detail: impl ToString) -> Problem {
    Problem::new(StatusCode::CONFLICT, code, detail)
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(text) => {
                tracing::warn!(text, "the database is unavailable");
                Self::unavailable()
            }
            StoreError::Conflict(constraint) => {
                tracing::error!(?constraint, "a conflict that no rule foresaw");
                Self::internal()
            }
            StoreError::Inconsistent(what) => {
                tracing::error!(what, "an inconsistent row");
                Self::internal()
            }
            StoreError::Internal(text) => {
                tracing::error!(text, "the database failed");
                Self::internal()
            }
        }
    }
}

impl From<Denied> for Problem {
    fn from(error: Denied) -> Self {
        match error {
            Denied::OtherOrganization => Self::not_found(),
            Denied::Role => Self::new(StatusCode::FORBIDDEN, "forbidden", "your role does not allow this"),
            Denied::Scope => Self::new(StatusCode::FORBIDDEN, "forbidden", error),
        }
    }
}

impl From<TooMany> for Problem {
    fn from(error: TooMany) -> Self {
        conflict("too_many", error)
    }
}

impl From<OrganizationError> for Problem {
    fn from(error: OrganizationError) -> Self {
        match error {
            OrganizationError::SlugTaken => conflict("slug_taken", error),
            OrganizationError::InvalidName => bad_request("invalid_name", error),
            OrganizationError::Denied(denied) => denied.into(),
            OrganizationError::Store(error) => error.into(),
        }
    }
}

impl From<DomainError> for Problem {
    fn from(error: DomainError) -> Self {
        match error {
            DomainError::NotFound => Self::not_found(),
            DomainError::NotClaimable => bad_request("domain_not_claimable", error),
            DomainError::AlreadyClaimed => conflict("domain_already_claimed", error),
            DomainError::OwnedElsewhere => conflict("domain_owned_elsewhere", error),
            DomainError::ChallengeExpired => conflict("domain_challenge_expired", error),
            DomainError::TooSoon { retry_after_seconds } => {
                Self::too_soon("domain_check_too_soon", error, retry_after_seconds)
            }
            DomainError::WrongState(_) => conflict("domain_wrong_state", error),
            DomainError::WouldLockOut => conflict("would_lock_out", error),
            DomainError::Changed => conflict("changed_meanwhile", error),
            DomainError::TooMany(error) => error.into(),
            DomainError::Denied(denied) => denied.into(),
            DomainError::Store(error) => error.into(),
        }
    }
}

impl From<ConnectionError> for Problem {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::NotFound => Self::not_found(),
            ConnectionError::WrongState => conflict("connection_wrong_state", error),
            ConnectionError::OtherProtocol => bad_request("connection_other_protocol", error),
            ConnectionError::OtherProvider => conflict("connection_other_provider", error),
            ConnectionError::WouldLockOut => conflict("would_lock_out", error),
            ConnectionError::Changed => conflict("changed_meanwhile", error),
            ConnectionError::InvalidName => bad_request("invalid_name", error),
            ConnectionError::InvalidOptions(invalid) => bad_request("invalid_options", invalid),
            ConnectionError::TooMany(error) => error.into(),
            ConnectionError::Denied(denied) => denied.into(),
            ConnectionError::Store(error) => error.into(),
        }
    }
}

impl From<ConnectionPolicyError> for Problem {
    fn from(error: ConnectionPolicyError) -> Self {
        match error {
            ConnectionPolicyError::NotFound => Self::not_found(),
            ConnectionPolicyError::OtherMatch => conflict("connection_other_match", error),
            ConnectionPolicyError::WouldLockOut => conflict("would_lock_out", error),
            ConnectionPolicyError::RoleNotGivable => bad_request("role_not_givable", error),
            ConnectionPolicyError::Denied(denied) => denied.into(),
            ConnectionPolicyError::Store(error) => error.into(),
        }
    }
}

impl From<ConnectionRoleError> for Problem {
    fn from(error: ConnectionRoleError) -> Self {
        match error {
            ConnectionRoleError::NotFound => Self::not_found(),
            ConnectionRoleError::RoleNotGivable => bad_request("role_not_givable", error),
            ConnectionRoleError::InvalidList => bad_request("invalid_role_list", error),
            ConnectionRoleError::Denied(denied) => denied.into(),
            ConnectionRoleError::Store(error) => error.into(),
        }
    }
}

impl From<PolicyChangeError> for Problem {
    fn from(error: PolicyChangeError) -> Self {
        match error {
            PolicyChangeError::NotFound => Self::not_found(),
            PolicyChangeError::WrongState(_) => conflict("sso_policy_wrong_state", error),
            PolicyChangeError::NoSuchGroup => bad_request("invalid_test_group", error),
            PolicyChangeError::NotReady(_) => conflict("sso_policy_not_ready", error),
            PolicyChangeError::Denied(denied) => denied.into(),
            PolicyChangeError::Store(error) => error.into(),
        }
    }
}

impl From<VerdictError> for Problem {
    fn from(error: VerdictError) -> Self {
        match error {
            VerdictError::NotFound => Self::not_found(),
            VerdictError::Denied(denied) => denied.into(),
            VerdictError::Store(error) => error.into(),
        }
    }
}

impl From<BreakGlassError> for Problem {
    fn from(error: BreakGlassError) -> Self {
        match error {
            BreakGlassError::NotFound => Self::not_found(),
            BreakGlassError::NotAdministrator => conflict("not_administrator", error),
            BreakGlassError::WouldLockOut => conflict("would_lock_out", error),
            BreakGlassError::Denied(denied) => denied.into(),
            BreakGlassError::Store(error) => error.into(),
        }
    }
}

impl From<TraceError> for Problem {
    fn from(error: TraceError) -> Self {
        match error {
            TraceError::NotFound => Self::not_found(),
            TraceError::Denied(denied) => denied.into(),
            TraceError::Store(error) => error.into(),
        }
    }
}

impl From<RouteError> for Problem {
    fn from(error: RouteError) -> Self {
        match error {
            RouteError::NotFound => Self::not_found(),
            RouteError::WouldLockOut => conflict("would_lock_out", error),
            RouteError::InvalidGroups => bad_request("invalid_groups", error),
            RouteError::Denied(denied) => denied.into(),
            RouteError::Store(error) => error.into(),
        }
    }
}

impl From<ApplicationError> for Problem {
    fn from(error: ApplicationError) -> Self {
        match error {
            ApplicationError::NotFound => Self::not_found(),
            ApplicationError::InvalidUri(_) => bad_request("invalid_redirect_uri", error),
            ApplicationError::InvalidUris => bad_request("invalid_redirect_uris", error),
            ApplicationError::OtherKind => bad_request("application_other_kind", error),
            ApplicationError::NoSecret => bad_request("application_without_secret", error),
            ApplicationError::InvalidName => bad_request("invalid_name", error),
            ApplicationError::TooMany(error) => error.into(),
            ApplicationError::Denied(denied) => denied.into(),
            ApplicationError::Store(error) => error.into(),
        }
    }
}

impl From<AdminTokenError> for Problem {
    fn from(error: AdminTokenError) -> Self {
        match error {
            AdminTokenError::NotFound => Self::not_found(),
            AdminTokenError::RoleNotGivable => bad_request("role_not_givable", error),
            AdminTokenError::TooManyGenerations => conflict("too_many_generations", error),
            AdminTokenError::InvalidTtl => bad_request("invalid_ttl", error),
            AdminTokenError::InvalidName => bad_request("invalid_name", error),
            AdminTokenError::TooMany(error) => error.into(),
            AdminTokenError::Denied(denied) => denied.into(),
            AdminTokenError::Store(error) => error.into(),
        }
    }
}

impl From<ConnectError> for Problem {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Metadata(invalid) => bad_request(invalid.code(), invalid),
            ConnectError::Address(failure) => bad_request("invalid_provider", failure),
            ConnectError::Provider(failure) => Self::new(
                StatusCode::BAD_GATEWAY,
                "provider_unusable",
                format!("the provider cannot be used: {failure}"),
            ),
            ConnectError::InvalidClient
            | ConnectError::InvalidAuthentication
            | ConnectError::NotTaken(_)
            | ConnectError::OtherIssuer(_) => bad_request("invalid_provider", error),
            ConnectError::Unfinished(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "there is too much to read now; try again")
            }
            ConnectError::Sealing(error) => {
                tracing::error!(%error, "a secret could not be sealed");
                Self::internal()
            }
            ConnectError::Connection(error) => error.into(),
        }
    }
}

impl From<CaseError> for Problem {
    fn from(error: CaseError) -> Self {
        match error {
            CaseError::Denied(denied) => denied.into(),
            CaseError::Store(error) => error.into(),
        }
    }
}

impl From<InviteError> for Problem {
    fn from(error: InviteError) -> Self {
        match error {
            InviteError::NotFound => Self::not_found(),
            InviteError::WrongState(_) => conflict("activation_wrong_state", error),
            InviteError::TooSoon { retry_after_seconds } => {
                Self::too_soon("activation_too_soon", error, retry_after_seconds)
            }
            InviteError::Denied(denied) => denied.into(),
            InviteError::Store(error) => error.into(),
        }
    }
}
