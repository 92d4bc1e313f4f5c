//! Registering, changing and removing an organization's schemas.

use serde_json::{Value, json};

use super::change;
use super::clearing::{self, Gone};
use crate::directory::permission::{self, Denied, Permission};
use crate::directory::room::{self, TooMany};
use crate::protocol::scim::json::Object;
use crate::protocol::scim::resource_type::ResourceTypes;
use crate::protocol::scim::schema::definition::{self, InvalidDefinition};
use crate::protocol::scim::schema::{Schema, urn};
use crate::provisioning::claim_mappings;
use crate::record::audit::{self, Action, Subject};
use crate::record::event::{self, Event};
use crate::store::constraint::Constraint;
use crate::store::failure::StoreError;
use crate::store::resources::ResourceKind;
use crate::store::scim_schemas::{self as rows, ScimSchemaRow};
use crate::store::{Tx, organizations, resource_values, scim_clearings};
use crate::values::clock::Timestamp;
use crate::values::ids::{OrganizationId, ScimSchemaId};
use crate::values::operation::Operation;
use crate::values::page::{Page, PageRequest};
use crate::values::quota::Quota;

/// Resources with values are counted up to this number.
pub const MOST_COUNTED: i64 = 10_000;

/// A schema of an organization.
#[derive(Debug, Clone)]
pub struct OwnSchema {
    /// Its id.
    pub id: ScimSchemaId,
    /// Whose attributes they are.
    pub kind: ResourceKind,
    /// Whether each resource must have it.
    pub is_required: bool,
    /// The schema.
    pub schema: Schema,
    /// How often it was changed.
    pub version: i64,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// What an administrator asks for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The schema in its JSON form.
    pub definition: Object,
    /// Whether each resource must have it.
    pub is_required: bool,
}

/// What becomes of values whose attribute goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// The change is refused while there are any.
    Keep,
    /// They are cleared.
    Clear,
}

/// Why a schema could not be registered, changed or removed.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// There is no such schema in this organization.
    #[error("no such schema")]
    NotFound,
    /// The definition is wrong.
    #[error(transparent)]
    Invalid(#[from] InvalidDefinition),
    /// The organization has a schema of this URN, or one whose URN begins or continues this one.
    #[error("the organization has a schema of this URN, or of one that begins with it or that it begins with")]
    UrnTaken,
    /// Another URN is another schema.
    #[error("a schema keeps its URN: register another one")]
    OtherUrn,
    /// Resources have values that the change would make unreadable.
    #[error("{attribute} has values in {} resources", counted(*.resources))]
    InUse {
        /// The attribute, or the URN of the schema.
        attribute: String,
        /// How many resources; [`MOST_COUNTED`] stands for at least as many.
        resources: i64,
    },
    /// The values of an attribute of this name are still being cleared.
    #[error("old values of {0} are still being cleared: try again in a few minutes")]
    BeingCleared(String),
    /// It is released to applications as a claim.
    #[error("{0} is released as the claim {1}: take the claim away first")]
    Released(String, String),
    /// Somebody else changed it meanwhile.
    #[error("the schema was changed by somebody else")]
    Changed,
    /// The organization has as many as it may have.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// The actor may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn counted(resources: i64) -> String {
    if resources >= MOST_COUNTED { format!("{MOST_COUNTED} or more") } else { resources.to_string() }
}

/// Registers a schema. Resources that are there already need not have it, required or not, before a client sends them
/// whole (POST, PUT).
pub fn register(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    kind: ResourceKind,
    wanted: &Wanted,
    quota: &Quota,
) -> Result<OwnSchema, SchemaError> {
    permission::require(op, organization, Permission::ManageScimClients)?;
    room::require::<SchemaError>(tx, organization, quota.scim_schemas, |tx| rows::count(tx, organization))?;
    let number = organizations::advance_schemas(tx, organization)?;
    let schema = read(&wanted.definition, number, quota)?;
    require_own_urn(tx, organization, &schema.id)?;
    let row = ScimSchemaRow {
        id: op.new_id(),
        org_id: organization,
        number,
        urn: schema.id.to_string(),
        urn_folded: schema.id.to_ascii_lowercase(),
        kind: kind.as_str().to_owned(),
        is_required: wanted.is_required,
        definition: stored(&schema),
        version: 1,
        created_at: op.at,
        updated_at: op.at,
    };
    rows::insert(tx, &row).map_err(|error| match error {
        StoreError::Conflict(Constraint::ScimSchemaUrn) => SchemaError::UrnTaken,
        other => other.into(),
    })?;
    let detail = json!({ "urn": row.urn, "kind": row.kind, "required": row.is_required });
    log(tx, op, organization, Action::ScimSchemaRegistered, &row, &detail)?;
    from_row(row).map_err(Into::into)
}

/// The schemas of an organization.
pub fn page(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    request: &PageRequest<ScimSchemaId>,
) -> Result<Page<OwnSchema, ScimSchemaId>, SchemaError> {
    permission::require(op, organization, Permission::Read)?;
    let found = rows::page(tx, organization, request)?.into_iter().map(from_row).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::cut(found, request, |schema| schema.id))
}

/// A schema of an organization.
pub fn find(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    id: ScimSchemaId,
) -> Result<OwnSchema, SchemaError> {
    permission::require(op, organization, Permission::Read)?;
    Ok(from_row(rows::find(tx, organization, id)?.ok_or(SchemaError::NotFound)?)?)
}

/// Gives a schema a new form. Attributes may come at any time. One that goes, or that gets another shape, must have no
/// values; one that goes may have its values cleared instead. `version` is the one that the change was made from.
pub fn replace(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    id: ScimSchemaId,
    version: Option<i64>,
    wanted: (&Wanted, Values),
    quota: &Quota,
) -> Result<OwnSchema, SchemaError> {
    permission::require(op, organization, Permission::ManageScimClients)?;
    organizations::lock(tx, organization)?;
    let row = rows::find(tx, organization, id)?.ok_or(SchemaError::NotFound)?;
    if version.is_some_and(|version| version != row.version) {
        return Err(SchemaError::Changed);
    }
    let (wanted, values) = wanted;
    let (before, after) = (read_stored(&row)?, read(&wanted.definition, row.number, quota)?);
    if !before.id.eq_ignore_ascii_case(&after.id) {
        return Err(SchemaError::OtherUrn);
    }
    let after = Schema { id: before.id.clone(), ..after };
    let change = change::between(&before, &after);
    refuse_while_cleared(tx, organization, row.number, &change.added)?;
    for name in &change.reshaped {
        require_unused(tx, organization, &gone(&row, Some(name))?)?;
    }
    for name in &change.removed {
        refuse_released(tx, organization, &row.urn, Some(name))?;
        let gone = gone(&row, Some(name))?;
        if values == Values::Keep {
            require_unused(tx, organization, &gone)?;
        }
        clearing::begin(tx, op, organization, &gone)?;
    }
    let row = ScimSchemaRow {
        is_required: wanted.is_required,
        definition: stored(&after),
        version: row.version.saturating_add(1),
        updated_at: op.at,
        ..row
    };
    rows::update(tx, &row)?;
    organizations::advance_schemas(tx, organization)?;
    let detail = json!({
        "urn": row.urn, "required": row.is_required,
        "added": change.added, "removed": change.removed, "reshaped": change.reshaped,
    });
    log(tx, op, organization, Action::ScimSchemaChanged, &row, &detail)?;
    from_row(row).map_err(Into::into)
}

/// Removes a schema and returns in how many resources its values are to be cleared.
pub fn delete(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    id: ScimSchemaId,
    values: Values,
) -> Result<i64, SchemaError> {
    permission::require(op, organization, Permission::ManageScimClients)?;
    organizations::lock(tx, organization)?;
    let row = rows::find(tx, organization, id)?.ok_or(SchemaError::NotFound)?;
    refuse_released(tx, organization, &row.urn, None)?;
    let gone = gone(&row, None)?;
    let resources = match values {
        Values::Keep => require_unused(tx, organization, &gone).map(|()| 0)?,
        Values::Clear => count(tx, organization, &gone)?,
    };
    rows::delete(tx, organization, id)?;
    clearing::begin(tx, op, organization, &gone)?;
    organizations::advance_schemas(tx, organization)?;
    let detail = json!({ "urn": row.urn, "resources": resources });
    log(tx, op, organization, Action::ScimSchemaDeleted, &row, &detail)?;
    Ok(resources)
}

/// Reads a stored definition again.
pub fn read_stored(row: &ScimSchemaRow) -> Result<Schema, StoreError> {
    let broken = || StoreError::Inconsistent("scim_schemas.definition");
    let definition: Object = serde_json::from_str(&row.definition).map_err(|_| broken())?;
    definition::read(&definition, prefix(row.number), usize::MAX).map_err(|_| broken())
}

fn read(definition: &Object, number: i64, quota: &Quota) -> Result<Schema, InvalidDefinition> {
    let most = usize::try_from(quota.scim_schema_attributes).unwrap_or(usize::MAX);
    definition::read(definition, prefix(number), most)
}

fn prefix(number: i64) -> String {
    format!("x{number}:")
}

fn stored(schema: &Schema) -> String {
    json!({
        "id": schema.id, "name": schema.name, "description": schema.description, "attributes": schema.attributes,
    })
    .to_string()
}

fn require_own_urn(tx: &mut Tx<'_>, organization: OrganizationId, id: &str) -> Result<(), SchemaError> {
    let base = ResourceTypes::base();
    let is_base = base.user.schemas().chain(base.group.schemas()).any(|known| urn::overlap(&known.id, id));
    let is_own = rows::all(tx, organization)?.iter().any(|row| row.urn_folded != id && urn::overlap(&row.urn, id));
    if is_base || is_own {
        return Err(SchemaError::UrnTaken);
    }
    match scim_clearings::all(tx, organization)?.into_iter().find(|row| urn::overlap(&row.urn, id)) {
        Some(row) => Err(SchemaError::BeingCleared(row.urn)),
        None => Ok(()),
    }
}

fn refuse_while_cleared(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    number: i64,
    added: &[String],
) -> Result<(), SchemaError> {
    if added.is_empty() {
        return Ok(());
    }
    let under_way = scim_clearings::all(tx, organization)?;
    let mut names = under_way.iter().filter(|row| row.number == number).filter_map(|row| row.attribute.as_deref());
    match names.find(|name| added.iter().any(|added| added.eq_ignore_ascii_case(name))) {
        Some(name) => Err(SchemaError::BeingCleared(name.to_owned())),
        None => Ok(()),
    }
}

fn refuse_released(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    urn: &str,
    attribute: Option<&String>,
) -> Result<(), SchemaError> {
    match claim_mappings::claim_of(tx, organization, urn, attribute.map(String::as_str))? {
        Some(claim) => Err(SchemaError::Released(attribute.map_or(urn, String::as_str).to_owned(), claim)),
        None => Ok(()),
    }
}

fn gone(row: &ScimSchemaRow, attribute: Option<&String>) -> Result<Gone, StoreError> {
    let kind = ResourceKind::parse(&row.kind)?;
    Ok(Gone { number: row.number, urn: row.urn.clone(), kind, attribute: attribute.cloned() })
}

fn count(tx: &mut Tx<'_>, organization: OrganizationId, gone: &Gone) -> Result<i64, StoreError> {
    let holders = resource_values::holders(tx, organization, &gone.paths(), MOST_COUNTED)?;
    Ok(i64::try_from(holders.len()).unwrap_or(i64::MAX))
}

fn require_unused(tx: &mut Tx<'_>, organization: OrganizationId, gone: &Gone) -> Result<(), SchemaError> {
    match count(tx, organization, gone)? {
        0 => Ok(()),
        resources => {
            let attribute = gone.attribute.clone().unwrap_or_else(|| gone.urn.clone());
            Err(SchemaError::InUse { attribute, resources })
        }
    }
}

fn log(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    action: Action,
    row: &ScimSchemaRow,
    detail: &Value,
) -> Result<(), StoreError> {
    audit::write(tx, op, Some(organization), action, &Subject::new("scim_schema", row.id), detail)?;
    event::publish(tx, op, organization, &Event::ScimSchemaChanged { schema: row.id, urn: row.urn.clone() })
}

fn from_row(row: ScimSchemaRow) -> Result<OwnSchema, StoreError> {
    Ok(OwnSchema {
        schema: read_stored(&row)?,
        id: row.id,
        kind: ResourceKind::parse(&row.kind)?,
        is_required: row.is_required,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}
