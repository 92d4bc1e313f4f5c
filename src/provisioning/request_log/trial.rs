//! Trying a request of the log again as a dry run: against today's state, in a transaction that whoever opened it rolls
//! back. What would have changed is told by the audit entries that it would have left.

use serde_json::{Value, json};
use url::form_urlencoded;

use super::row::{self, Original};
use super::{RequestLogError, redacted_rewrites};
use crate::directory::permission::{self, Permission};
use crate::keys::sealing::Sealer;
use crate::protocol::scim::bulk::request::{Endpoint, Method, Operation as OneOperation, Target};
use crate::protocol::scim::error::{Refusal, ScimError};
use crate::protocol::scim::etag::Condition;
use crate::protocol::scim::json::Object;
use crate::protocol::scim::limits::Limits;
use crate::protocol::scim::projection::Projection;
use crate::protocol::scim::search_request::{self, Carrier};
use crate::protocol::scim::tolerance::{PatchAnswer, Profile};
use crate::protocol::scim::validation::Rules;
use crate::protocol::scim::{filter, redaction};
use crate::provisioning::bulk::{self, Done, PrepareError, Reading};
use crate::provisioning::clients::{self, caller};
use crate::provisioning::failure::ProvisioningError;
use crate::provisioning::resource::{Resource, resource_type};
use crate::provisioning::schemas::catalog::Catalog;
use crate::provisioning::{groups, search, users};
use crate::record::audit::{self, Action, Entry, Subject};
use crate::store::failure::StoreError;
use crate::store::resources::ResourceKind;
use crate::store::{Tx, organizations, scim_exchanges};
use crate::values::ids::{OrganizationId, RequestId, ResourceId, ScimClientId};
use crate::values::operation::{Actor, Operation};

/// Which request is tried, and as what.
#[derive(Debug, Clone)]
pub struct Trial {
    /// Whose client sent it.
    pub organization: OrganizationId,
    /// The client.
    pub client: ScimClientId,
    /// The request.
    pub request: RequestId,
    /// The profile that it is read with; the client's own for `None`.
    pub profile: Option<Profile>,
    /// The bounds of a request.
    pub limits: Limits,
}

/// What would become of the request today.
#[derive(Debug, Clone)]
pub struct Tried {
    /// The profile that it was read with.
    pub profile: Profile,
    /// The status.
    pub status: u16,
    /// What it would be refused with.
    pub refusal: Option<Refusal>,
    /// What would refuse it.
    pub rule: Option<&'static str>,
    /// The resource as it would be answered, without personal data and without members.
    pub response: Value,
    /// What the profile would let pass.
    pub rewrites: Value,
    /// The audit entries that it would leave.
    pub changes: Vec<Entry>,
}

/// What a request asks for.
enum Call {
    Change(OneOperation),
    Read(ResourceKind, Option<String>),
    Search(ResourceKind, Option<String>, Carrier),
}

/// Tries a request. The transaction has its changes afterwards: its caller must not commit it.
pub fn run(tx: &mut Tx<'_>, op: &Operation, sealer: &Sealer, trial: &Trial) -> Result<Tried, RequestLogError> {
    let Trial { organization, client, request, .. } = *trial;
    permission::require(op, organization, Permission::ManageScimClients)?;
    let client_now = clients::require_live(tx, organization, client)?;
    let found = scim_exchanges::find(tx, organization, client, request)?.ok_or(RequestLogError::NotFound)?;
    let (Some(sealed), Some(credential)) = (&found.original, found.credential_id) else {
        return Err(RequestLogError::NotKept);
    };
    let opened = sealer.open(sealed, &row::place(organization, request)).map_err(|_| RequestLogError::NotKept)?;
    let original: Original =
        serde_json::from_slice(&opened).map_err(|_| StoreError::Inconsistent("scim_exchanges.original"))?;
    let profile = trial.profile.unwrap_or(client_now.profile);
    let rules = Rules::new(profile.tolerance(), trial.limits);
    let version = organizations::schemas_version(tx, organization)?;
    let reading = Reading { types: Catalog::default().types(tx, organization, version, profile)?, rules };
    let scope = caller::scope_of(tx, organization, credential)?;
    let actor = Actor::ScimClient { organization, client, credential, scope };
    let op = Operation { actor, request: op.new_id(), ..op.clone() };
    let outcome = perform(tx, &op, organization, original, &reading);
    let rewrites = redacted_rewrites(&reading.rules.rewrites.take());
    match outcome {
        Ok((status, resource)) => {
            let changes = audit::of_request(tx, organization, &op)?;
            let response = resource.map(|resource| shown(&resource)).transpose()?.unwrap_or(Value::Null);
            Ok(Tried { profile, status, refusal: None, rule: None, response, rewrites, changes })
        }
        Err(TrialError::NotRepeatable) => Err(RequestLogError::NotRepeatable),
        Err(TrialError::Provisioning(ProvisioningError::Store(
            error @ (StoreError::Unavailable(_) | StoreError::Inconsistent(_) | StoreError::Internal(_)),
        ))) => Err(error.into()),
        Err(TrialError::Provisioning(error)) => {
            let rule = Some(error.rule());
            let refusal = error.refusal(op.request);
            let status = refusal.status;
            Ok(Tried {
                profile,
                status,
                refusal: Some(refusal),
                rule,
                response: Value::Null,
                rewrites,
                changes: Vec::new(),
            })
        }
    }
}

/// Why a trial has no outcome, or another one.
enum TrialError {
    NotRepeatable,
    Provisioning(ProvisioningError),
}

impl From<ProvisioningError> for TrialError {
    fn from(error: ProvisioningError) -> Self {
        Self::Provisioning(error)
    }
}

impl From<ScimError> for TrialError {
    fn from(error: ScimError) -> Self {
        Self::Provisioning(error.into())
    }
}

fn perform(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    original: Original,
    reading: &Reading,
) -> Result<(u16, Option<Resource>), TrialError> {
    match call(original, &reading.rules)? {
        Call::Change(operation) => {
            let is_patch = operation.method == Method::Patch;
            let prepared = bulk::prepare(&operation, reading, &|_| None).map_err(|error| match error {
                // A value that begins with `bulkId:` stands for itself outside of a bulk request, which none has today.
                PrepareError::Unresolved(_) => TrialError::NotRepeatable,
                PrepareError::Provisioning(error) => TrialError::Provisioning(error),
            })?;
            let Done { status, kind, id, version } = bulk::make(tx, op, organization, prepared)?;
            let says_nothing = is_patch && reading.rules.tolerance.patch_answer == PatchAnswer::NoContent;
            if version.is_none() || says_nothing {
                return Ok((204, None));
            }
            Ok((status, Some(find(tx, op, organization, kind, id, reading)?)))
        }
        Call::Read(kind, id) => {
            let id = id.and_then(|id| id.parse().ok()).ok_or(ProvisioningError::NotFound)?;
            Ok((200, Some(find(tx, op, organization, kind, id, reading)?)))
        }
        Call::Search(kind, text, carrier) => {
            let resource_type = resource_type(&reading.types, kind);
            if let Some(text) = text {
                let parsed = filter::parse(&text, resource_type, &reading.rules);
                let parsed = parsed.map_err(|error| carrier.refusal(error))?;
                search::condition(&parsed, resource_type)?;
            }
            Ok((200, None))
        }
    }
}

/// What the request asks for. Bulk requests, `/Me`, discovery and searches over all kinds are not tried again.
fn call(original: Original, rules: &Rules) -> Result<Call, TrialError> {
    let segments: Vec<&str> = original.path.split('/').skip(1).collect();
    let (endpoint, kind) = match segments.first() {
        Some(&"Users") => (Endpoint::Users, ResourceKind::User),
        Some(&"Groups") => (Endpoint::Groups, ResourceKind::Group),
        _ => return Err(TrialError::NotRepeatable),
    };
    let body = match original.body {
        Some(Value::Object(body)) => body,
        _ => Object::new(),
    };
    let change = |method, target| {
        let condition = Condition::read(original.if_match.as_deref().map(Some))?;
        Ok(Call::Change(OneOperation { method, endpoint, target, data: body.clone(), condition }))
    };
    match (original.method.as_str(), segments.as_slice()) {
        ("POST", [_, ".search"]) => Ok(Call::Search(kind, search_request::read(&body, rules)?.filter, Carrier::Body)),
        ("GET" | "HEAD", [_]) => {
            let mut parameters = form_urlencoded::parse(original.query.as_bytes());
            let filter = parameters.find(|(name, _)| name.eq_ignore_ascii_case("filter"));
            Ok(Call::Search(kind, filter.map(|(_, filter)| filter.into_owned()), Carrier::Uri))
        }
        ("GET" | "HEAD", [_, id]) => Ok(Call::Read(kind, Some((*id).to_owned()))),
        ("POST", [_]) => change(Method::Post, Target::New),
        ("PUT", [_, id]) => change(Method::Put, Target::Resource((*id).to_owned())),
        ("PATCH", [_, id]) => change(Method::Patch, Target::Resource((*id).to_owned())),
        ("DELETE", [_, id]) => change(Method::Delete, Target::Resource((*id).to_owned())),
        _ => Err(TrialError::NotRepeatable),
    }
}

/// The resource, without members: they may be many, and the changes say how many came and went.
fn find(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    kind: ResourceKind,
    id: ResourceId,
    reading: &Reading,
) -> Result<Resource, ProvisioningError> {
    let resource_type = resource_type(&reading.types, kind);
    let projection = Projection::read(None, Some("members,groups"), resource_type)?;
    match kind {
        ResourceKind::User => users::find(tx, op, organization, resource_type, id, &projection),
        ResourceKind::Group => groups::find(tx, op, organization, resource_type, id, &projection),
    }
}

fn shown(resource: &Resource) -> Result<Value, StoreError> {
    Ok(redaction::body(resource.render("", &Projection::Default)?.as_bytes()))
}

/// Notes in the log of the organization that a request was tried.
pub fn write_entry(tx: &mut Tx<'_>, op: &Operation, trial: &Trial, tried: &Tried) -> Result<(), StoreError> {
    let subject = Subject::new("scim_client", trial.client);
    let detail = json!({
        "request": trial.request.to_string(),
        "profile": tried.profile.as_str(),
        "status": tried.status,
    });
    audit::write(tx, op, Some(trial.organization), Action::ScimRequestTried, &subject, &detail)
}
