//! An organization proves that it owns a domain: read the claim, ask the DNS, write what it proved.

use crate::directory::domains::claim::{self, Domain, DomainError};
use crate::directory::domains::proof::{Answer, Failure};
use crate::outbound::dns::{Dns, TxtAnswer};
use crate::store::Store;
use crate::values::ids::{DomainId, OrganizationId};
use crate::values::operation::Operation;

/// Looks the record of a claim up now. On a failure the claim stays pending and the reason comes back with it.
pub async fn run(
    store: &Store,
    dns: &Dns,
    op: &Operation,
    organization: OrganizationId,
    id: DomainId,
) -> Result<(Domain, Option<Failure>), DomainError> {
    let begin = op.clone();
    let domain = store.read(move |tx| claim::begin_check(tx, &begin, organization, id)).await?;
    let answer = look_up(dns, &domain).await;
    let finish = op.clone();
    store.write(move |tx| claim::finish_check(tx, &finish, organization, id, &answer)).await
}

/// Asks the DNS for the record of a claim.
pub(super) async fn look_up(dns: &Dns, domain: &Domain) -> Answer {
    match dns.txt(&domain.record_name()).await {
        TxtAnswer::Records(records) => Answer::Records(records),
        TxtAnswer::Aliased => Answer::Aliased,
        TxtAnswer::Absent => Answer::Absent,
        TxtAnswer::Failed(reason) => {
            tracing::warn!(domain = %domain.name, reason, "a dns look-up failed");
            Answer::Failed(reason)
        }
    }
}
