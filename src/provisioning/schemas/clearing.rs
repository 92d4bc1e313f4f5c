//! Taking away the values of an attribute, or of a whole schema, that is gone. The attribute is invisible from the commit
//! that removed it; a job takes its values out of the stored documents afterwards, a bounded number at a time, and may
//! stop and go on anywhere.

use serde_json::{Value, json};

use crate::protocol::scim::document;
use crate::protocol::scim::json::Object;
use crate::protocol::scim::render;
use crate::protocol::scim::resource_type::ResourceType;
use crate::provisioning::resource;
use crate::record::audit::{self, Action, Subject};
use crate::record::jobs::{self, Job};
use crate::store::failure::StoreError;
use crate::store::resources::ResourceKind;
use crate::store::scim_clearings::{self as rows, ScimClearingRow};
use crate::store::{Tx, organizations, resource_values, resources, unique_values};
use crate::values::ids::{OrganizationId, ScimClearingId};
use crate::values::operation::Operation;

/// How long the job waits: a request that was read by the old schema has been answered by then.
pub const GRACE_SECONDS: i64 = 60;
/// Resources that one transaction clears at most.
const BATCH: i64 = 100;

/// What is to be cleared.
#[derive(Debug, Clone)]
pub struct Gone {
    /// The schema's number.
    pub number: i64,
    /// Its URN.
    pub urn: String,
    /// Whose values they are.
    pub kind: ResourceKind,
    /// The attribute; `None` for the whole schema.
    pub attribute: Option<String>,
}

impl Gone {
    /// The paths of its searchable values.
    pub fn paths(&self) -> Vec<String> {
        match &self.attribute {
            Some(name) => vec![format!("x{}:{name}", self.number), format!("x{}:{name}.", self.number)],
            None => vec![format!("x{}:", self.number)],
        }
    }
}

/// Notes that values are to be cleared, and queues the job that does it.
pub fn begin(tx: &mut Tx<'_>, op: &Operation, organization: OrganizationId, gone: &Gone) -> Result<(), StoreError> {
    let row = ScimClearingRow {
        id: op.new_id(),
        org_id: organization,
        number: gone.number,
        urn: gone.urn.clone(),
        kind: gone.kind.as_str().to_owned(),
        attribute: gone.attribute.clone(),
        cleared: 0,
        created_at: op.at,
    };
    rows::insert(tx, &row)?;
    let job = Job::ClearScimValues { organization, clearing: row.id };
    jobs::enqueue(tx, op, &job, op.at.plus_seconds(GRACE_SECONDS))
}

/// Clears the next resources; tells whether there may be more. Run again after the last one, it does nothing.
pub fn advance(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    clearing: ScimClearingId,
) -> Result<bool, StoreError> {
    let Some(row) = rows::find(tx, organization, clearing)? else { return Ok(false) };
    let gone =
        Gone { number: row.number, urn: row.urn, kind: ResourceKind::parse(&row.kind)?, attribute: row.attribute };
    let holders = resource_values::holders(tx, organization, &gone.paths(), BATCH)?;
    let types = super::catalog::load(tx, organization)?;
    for k in &holders {
        clear(tx, op, organization, *k, &gone, resource::resource_type(&types, gone.kind))?;
    }
    let cleared = i64::try_from(holders.len()).unwrap_or(i64::MAX);
    let is_done = cleared < BATCH;
    if is_done {
        rows::delete(tx, organization, clearing)?;
        organizations::advance_schemas(tx, organization)?;
    }
    if cleared > 0 || is_done {
        let detail = json!({
            "schema": gone.urn, "attribute": gone.attribute, "resources": cleared, "done": is_done,
        });
        let subject = Subject::new("scim_clearing", clearing);
        audit::write(tx, op, Some(organization), Action::ScimValuesCleared, &subject, &detail)?;
    }
    Ok(!is_done)
}

fn clear(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    k: i64,
    gone: &Gone,
    resource_type: &ResourceType,
) -> Result<(), StoreError> {
    if let Some((version, text)) = resources::document_for_update(tx, organization, k)? {
        let before = resource::parse(&text)?;
        let mut after = before.clone();
        take(&mut after, gone);
        // The document was sound before, and what is required of it is not asked of what is older.
        let after = document::finish(after, resource_type, Some(&before)).unwrap_or(before);
        let text = render::stored_text(&after);
        resources::rewrite(tx, k, version.saturating_add(1), resource::instant(op), &text)?;
    }
    resource_values::delete_below(tx, k, &gone.paths())?;
    unique_values::delete_below(tx, k, &gone.paths())
}

fn take(document: &mut Object, gone: &Gone) {
    let Some(name) = &gone.attribute else {
        document.shift_remove(&gone.urn);
        return;
    };
    if let Some(Value::Object(container)) = document.get_mut(&gone.urn) {
        container.shift_remove(name);
        if container.is_empty() {
            document.shift_remove(&gone.urn);
        }
    }
}
