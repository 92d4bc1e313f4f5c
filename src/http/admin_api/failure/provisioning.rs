//! The errors of provisioning as problems.

use actix_web::http::StatusCode;

use super::{bad_request, conflict};
use crate::flows::add_scim_credential::AddError;
use crate::http::problem::Problem;
use crate::provisioning::assignables::AssignableError;
use crate::provisioning::brake::BrakeError;
use crate::provisioning::claim_mappings::ClaimError;
use crate::provisioning::clients::ScimClientError;
use crate::provisioning::group_roles::GroupRoleError;
use crate::provisioning::reprovisioning::PolicyError;
use crate::provisioning::request_log::RequestLogError;
use crate::provisioning::schemas::registry::SchemaError;

impl From<AddError> for Problem {
    fn from(error: AddError) -> Self {
        match error {
            AddError::Address(failure) => bad_request("invalid_keys", failure),
            AddError::Keys(failure) => {
                Self::new(StatusCode::BAD_GATEWAY, "keys_unusable", format!("the keys cannot be used: {failure}"))
            }
            AddError::Client(error) => error.into(),
        }
    }
}

impl From<RequestLogError> for Problem {
    fn from(error: RequestLogError) -> Self {
        match error {
            RequestLogError::NotFound => Self::not_found(),
            RequestLogError::NotKept => conflict("original_not_kept", error),
            RequestLogError::NotRepeatable => conflict("not_repeatable", error),
            RequestLogError::Denied(denied) => denied.into(),
            RequestLogError::Store(error) => error.into(),
        }
    }
}

impl From<GroupRoleError> for Problem {
    fn from(error: GroupRoleError) -> Self {
        match error {
            GroupRoleError::NotFound => Self::not_found(),
            GroupRoleError::RoleNotGivable => bad_request("role_not_givable", error),
            GroupRoleError::TooMany => conflict("too_many", error),
            GroupRoleError::Denied(denied) => denied.into(),
            GroupRoleError::Store(error) => error.into(),
        }
    }
}

impl From<PolicyError> for Problem {
    fn from(error: PolicyError) -> Self {
        match error {
            PolicyError::NotFound => Self::not_found(),
            PolicyError::Denied(denied) => denied.into(),
            PolicyError::Store(error) => error.into(),
        }
    }
}

impl From<BrakeError> for Problem {
    fn from(error: BrakeError) -> Self {
        match error {
            BrakeError::NothingWaits => conflict("no_removal_waits", error),
            BrakeError::InvalidLimit => bad_request("invalid_removal_limit", error),
            BrakeError::Denied(denied) => denied.into(),
            BrakeError::Store(error) => error.into(),
        }
    }
}

impl From<ScimClientError> for Problem {
    fn from(error: ScimClientError) -> Self {
        match error {
            ScimClientError::NotFound => Self::not_found(),
            ScimClientError::InvalidName => bad_request("invalid_name", error),
            ScimClientError::InvalidTtl => bad_request("invalid_ttl", error),
            ScimClientError::ScopeNotGivable => bad_request("scope_not_givable", error),
            ScimClientError::InvalidKeys(_) => bad_request("invalid_keys", error),
            ScimClientError::InvalidIdentity => bad_request("invalid_credential", error),
            ScimClientError::TooMany(error) => error.into(),
            ScimClientError::Denied(denied) => denied.into(),
            ScimClientError::Store(error) => error.into(),
        }
    }
}

impl From<SchemaError> for Problem {
    fn from(error: SchemaError) -> Self {
        match error {
            SchemaError::NotFound => Self::not_found(),
            SchemaError::Invalid(fault) => bad_request("invalid_scim_schema", fault),
            SchemaError::UrnTaken => conflict("scim_schema_urn_taken", error),
            SchemaError::OtherUrn => conflict("scim_schema_other_urn", error),
            SchemaError::InUse { .. } => conflict("scim_schema_in_use", error),
            SchemaError::BeingCleared(_) => conflict("scim_schema_being_cleared", error),
            SchemaError::Released(..) => conflict("scim_attribute_released", error),
            SchemaError::Changed => conflict("changed_meanwhile", error),
            SchemaError::TooMany(error) => error.into(),
            SchemaError::Denied(denied) => denied.into(),
            SchemaError::Store(error) => error.into(),
        }
    }
}

impl From<AssignableError> for Problem {
    fn from(error: AssignableError) -> Self {
        match error {
            AssignableError::Invalid(..) => bad_request("invalid_scim_assignable", error),
            AssignableError::TooMany(_) => conflict("too_many", error),
            AssignableError::Denied(denied) => denied.into(),
            AssignableError::Store(error) => error.into(),
        }
    }
}

impl From<ClaimError> for Problem {
    fn from(error: ClaimError) -> Self {
        match error {
            ClaimError::Invalid(..) => bad_request("invalid_claim", error),
            ClaimError::TooMany(_) => conflict("too_many", error),
            ClaimError::Denied(denied) => denied.into(),
            ClaimError::Store(error) => error.into(),
        }
    }
}
