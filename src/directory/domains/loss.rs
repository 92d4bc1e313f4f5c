//! A claim that has lapsed ends when another organization proves the domain (decisions Q14 and Q15), as if it had been given back:
//! what the new owner's proof takes from everybody else's people is `claim`'s to do, and nothing passes over.

use serde_json::json;

use super::claim::{self, DomainError};
use crate::record::audit::{self, Action, Subject};
use crate::record::event::{self, Event};
use crate::store::Tx;
use crate::store::{domains as rows, sso_policies};
use crate::values::domain_name::DomainName;
use crate::values::ids::OrganizationId;
use crate::values::operation::{Actor, Operation};

/// Ends the lapsed claim of anybody but `organization`, with the policy of the domain, which a lapsed claim may still require. The
/// entry does not say to whom the domain was lost.
pub(super) fn of_a_lapsed_claim(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    name: &DomainName,
) -> Result<(), DomainError> {
    let Some(row) = rows::lapsed_of_another(tx, organization, name.as_str())? else { return Ok(()) };
    // In the order in which a claim is given back.
    sso_policies::lock(tx, row.org_id)?;
    let mut lost = claim::from_row(row)?;
    let from = lost.state.as_str();
    lost.state = lost.state.lose()?;
    claim::store(tx, op, &lost, from)?;
    sso_policies::delete(tx, lost.organization, lost.id)?;
    let (gateway, owner) = (op.by(Actor::System), Some(lost.organization));
    let detail = json!({ "name": name.as_str() });
    audit::write(tx, &gateway, owner, Action::DomainLost, &Subject::new("domain", lost.id), &detail)?;
    event::publish(tx, &gateway, lost.organization, &Event::DomainLost { domain: name.clone() })?;
    Ok(())
}
