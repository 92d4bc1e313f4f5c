//! SCIM events (RFC 9967), written in the transaction of the change that they tell of. What stands in the table is the claims
//! of a security event token; who hands it on adds the issuer and the audience and signs (decision 0010).

use crate::protocol::event::scim::{EventSubject, Occasion, ScimEvent, claims};
use crate::protocol::scim::{etag, resource_type};
use crate::store::failure::StoreError;
use crate::store::scim_events::{self as rows, ScimEventRow};
use crate::store::{Tx, resources};
use crate::values::ids::{AccountId, EventId, OrganizationId};
use crate::values::operation::Operation;

/// What the events of one change are about.
#[derive(Debug, Clone)]
pub struct Change {
    /// The resource.
    pub subject: EventSubject,
    /// Its entity tag after the change, while it is there.
    pub version: Option<String>,
}

/// Writes the events of a change of a resource, in one statement.
pub fn publish(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    change: &Change,
    events: &[ScimEvent],
) -> Result<(), StoreError> {
    let txn = op.request.to_string();
    let row = |event| row(op, organization, &txn, &change.subject, event, change.version.as_deref());
    let rows: Vec<ScimEventRow> = events.iter().map(row).collect();
    rows::insert(tx, &rows)
}

/// Shows whether the person of an account may sign in, when something else than a SCIM request has decided that: they
/// followed their mail, their domain was verified, their case is over. Where their user showed otherwise, it is told as a
/// change by a client would be.
pub fn show_access(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    account: AccountId,
    may_sign_in: bool,
) -> Result<(), StoreError> {
    let at = op.at.whole_millis();
    let Some(user) = resources::show_active(tx, organization, account, may_sign_in, at)? else { return Ok(()) };
    let subject = EventSubject {
        uri: format!("{}/{}", resource_type::user().endpoint, user.id),
        id: Some(user.id.to_string()),
        external_id: user.external_id,
    };
    let switched = if may_sign_in { ScimEvent::Activated } else { ScimEvent::Deactivated };
    let events = [ScimEvent::Patched(vec!["active".to_owned()]), switched];
    publish(tx, op, organization, &Change { subject, version: Some(etag::of(user.version)) }, &events)
}

/// Writes that an operation of an asynchronous request is over. `answer` is what the bulk answer says of it; `uri` is its
/// resource's, and where there is none the request itself is the subject.
pub fn publish_answer(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    position: i64,
    uri: Option<&str>,
    answer: serde_json::Value,
) -> Result<(), StoreError> {
    let uri = uri.map_or_else(|| format!("/Bulk/{}", op.request), str::to_owned);
    let subject = EventSubject { uri, id: None, external_id: None };
    // "In bulk", the transaction of an operation is that of the request with its position behind it.
    let txn = format!("{}:{position}", op.request);
    rows::insert(tx, &[row(op, organization, &txn, &subject, &ScimEvent::Answered(answer), None)])
}

fn row(
    op: &Operation,
    organization: OrganizationId,
    txn: &str,
    subject: &EventSubject,
    event: &ScimEvent,
    version: Option<&str>,
) -> ScimEventRow {
    let id: EventId = op.new_id();
    let occasion = Occasion { jti: id.to_string(), iat: op.at.seconds(), txn: txn.to_owned() };
    ScimEventRow { id, org_id: organization, claims: claims(&occasion, subject, event, version).to_string() }
}
