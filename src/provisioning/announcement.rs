//! What is told of a change of a resource: the SCIM events of RFC 9967, with the names of what changed and no value.

use crate::protocol::event::scim::{EventSubject, ScimEvent};
use crate::protocol::scim::etag;
use crate::protocol::scim::json::Object;
use crate::record::scim_events::{self, Change};
use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::store::resources::ResourceKind;
use crate::values::ids::{OrganizationId, ResourceId};
use crate::values::operation::Operation;

use super::resource;

/// By what a resource was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Put,
    Patch,
}

impl Verb {
    /// The event of a change of these attributes.
    pub(super) fn changed(self, names: Vec<String>) -> ScimEvent {
        match self {
            Self::Put => ScimEvent::Replaced(names),
            Self::Patch => ScimEvent::Patched(names),
        }
    }
}

/// A resource that something is told of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'s> {
    pub(super) kind: ResourceKind,
    pub(super) id: ResourceId,
    pub(super) external_id: Option<&'s str>,
    /// After the change; none when it is gone.
    pub(super) version: Option<i64>,
}

/// Tells of a change, in its transaction.
pub(super) fn publish(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    subject: Subject<'_>,
    events: &[ScimEvent],
) -> Result<(), StoreError> {
    let change = Change {
        subject: EventSubject {
            uri: resource::location("", subject.kind, subject.id),
            id: Some(subject.id.to_string()),
            external_id: subject.external_id.map(str::to_owned),
        },
        version: subject.version.map(etag::of),
    };
    scim_events::publish(tx, op, organization, &change, events)
}

/// The event of a resource that was created with this document and, beside it, the attribute `beside`.
pub(super) fn created(document: &Object, beside: Option<&str>) -> ScimEvent {
    let names = document.keys().filter(|name| *name != "schemas").cloned();
    ScimEvent::Created(names.chain(beside.map(str::to_owned)).collect())
}
