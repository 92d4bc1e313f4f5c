//! The relations of resources on their way into an answer: the members of groups, or the groups of users. How many an
//! answer carries is bounded, and what is past the bound is refused or left to the next page, never cut off.

use super::resource::{MOST_RELATED, relation};
use crate::protocol::scim::error::{ScimError, ScimType};
use crate::provisioning::failure::ProvisioningError;
use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::store::members::{self, RelatedRow};
use crate::store::resources::ResourceKind;
use crate::store::surroundings::SurroundedRow;

/// The relations of these resources, those that were read with them and, in one query, those that are still to be read.
/// `None` when there are more than `most` of them.
pub(super) fn of_all(
    tx: &mut Tx<'_>,
    kind: ResourceKind,
    rows: &mut [SurroundedRow],
    most: i64,
) -> Result<Option<Vec<RelatedRow>>, StoreError> {
    let (mut known, mut unread) = (Vec::new(), Vec::new());
    for found in rows {
        match found.around.as_mut().and_then(|around| around.groups.take()) {
            Some(groups) => known.extend(groups),
            None => unread.push(found.row.k),
        }
    }
    known.extend(read(tx, kind, &unread, most.saturating_add(1))?);
    Ok((count(&known) <= most).then_some(known))
}

/// The same where all together have more than `most`, resource by resource: the rows end before the one that goes past
/// it, except that one of them may, up to [`MOST_RELATED`]. Reads as many rows as it answers, and two bounds more.
pub(super) fn one_by_one(
    tx: &mut Tx<'_>,
    kind: ResourceKind,
    rows: &mut Vec<SurroundedRow>,
    most: i64,
) -> Result<Vec<RelatedRow>, ProvisioningError> {
    let (mut found, mut left, mut is_one_beyond) = (Vec::new(), most, false);
    let keys: Vec<i64> = rows.iter().map(|one| one.row.k).collect();
    for (index, k) in keys.into_iter().enumerate() {
        let mut related = read(tx, kind, &[k], left.saturating_add(1))?;
        if count(&related) <= left {
            left = left.saturating_sub(count(&related));
        } else {
            if !is_one_beyond {
                related = read(tx, kind, &[k], MOST_RELATED.saturating_add(1))?;
            }
            if is_one_beyond || count(&related) > MOST_RELATED {
                if index == 0 {
                    return Err(too_many(kind, MOST_RELATED).into());
                }
                rows.truncate(index);
                break;
            }
            is_one_beyond = true;
        }
        found.append(&mut related);
    }
    Ok(found)
}

/// Refuses an answer whose relations are more than `most`.
pub(super) fn too_many(kind: ResourceKind, most: i64) -> ScimError {
    let name = relation(kind);
    let detail = format!("more than {most} values of {name} in one resource: use excludedAttributes={name}");
    ScimError::new(ScimType::TooMany, detail)
}

fn read(tx: &mut Tx<'_>, kind: ResourceKind, keys: &[i64], limit: i64) -> Result<Vec<RelatedRow>, StoreError> {
    match kind {
        ResourceKind::User => members::groups_of(tx, keys, limit),
        ResourceKind::Group => members::of_groups(tx, keys, limit),
    }
}

fn count(found: &[RelatedRow]) -> i64 {
    i64::try_from(found.len()).unwrap_or(i64::MAX)
}
