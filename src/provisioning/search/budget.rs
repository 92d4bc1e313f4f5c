//! What a query may cost. Where no index leads to what it asks for, every resource of its kinds has to be looked at;
//! that is done for as many of them as the configuration allows and refused for more, so that no query of one client
//! is what the others wait for.

use crate::protocol::scim::error::{ScimError, ScimType};
use crate::provisioning::failure::ProvisioningError;
use crate::store::condition::{Condition, Service};
use crate::store::order::SortKey;
use crate::store::resource_search::Part;
use crate::store::{Tx, resource_counts, resource_grams};
use crate::values::ids::OrganizationId;

/// Refuses a query that would look at more resources than `scan_rows`.
pub fn check(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    parts: &[Part],
    scan_rows: u32,
) -> Result<(), ProvisioningError> {
    let scanned: Vec<&Part> = parts.iter().filter(|part| looks_at_all(part, parts)).collect();
    let mut rows = 0_i64;
    for part in &scanned {
        rows = rows.saturating_add(resource_counts::total(tx, organization, part.kind)?);
    }
    if rows <= i64::from(scan_rows) {
        return check_waiting(tx, organization, parts, scan_rows);
    }
    let is_filtered = scanned.iter().any(|part| part.condition != Condition::Always(true));
    let help = if is_filtered {
        "put a comparison before it, with \"and\", that an index serves: eq, sw, or co with three characters or more, on an \
         attribute with texts such as userName, externalId, displayName or emails; or meta.lastModified gt"
    } else {
        "sort one type by userName, externalId, displayName or meta.lastModified, or add such a filter"
    };
    let detail = format!("the query would look at each of {rows} resources, {scan_rows} at most: {help}");
    Err(ScimError::new(ScimType::TooMany, detail).into())
}

/// A search by trigrams looks at what waits to be indexed as well.
fn check_waiting(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    parts: &[Part],
    scan_rows: u32,
) -> Result<(), ProvisioningError> {
    let most = i64::from(scan_rows);
    if !parts.iter().any(|part| part.condition.starts_from_trigrams())
        || resource_grams::count_waiting(tx, Some(organization), most.saturating_add(1))? <= most
    {
        return Ok(());
    }
    let detail =
        "the index for co is being built and is not far enough: filter by eq or sw, or try again in some minutes";
    Err(ScimError::new(ScimType::TooMany, detail).into())
}

/// True when nothing leads to what the part asks for, which is one of `parts`. All resources of one kind are a list by their age or by an
/// indexed column; lists of several kinds are sorted by looking at both.
fn looks_at_all(part: &Part, parts: &[Part]) -> bool {
    match (&part.condition, &part.key) {
        (Condition::Always(false), _) | (Condition::Always(true), None) => false,
        (Condition::Always(true), Some(key)) => parts.len() > 1 || !(key.is_indexed() || *key == SortKey::Absent),
        (condition, _) => condition.service() == Service::Scan,
    }
}
