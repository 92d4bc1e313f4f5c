//! How far an organization is with a domain: which share of its people has joined (rules E12, E31 and E34). Counts only
//! (invariant 10).

use crate::directory::permission::{self, Denied};
use crate::record::audit::{self, Action, Subject};
use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::store::sso_policies::{self, DomainCounts};
use crate::values::domain_name::DomainName;
use crate::values::ids::OrganizationId;
use crate::values::operation::Operation;

/// What kind of organization it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OrganizationKind {
    /// Any other than those below.
    #[default]
    Corporate,
    /// A school or a university, where many of the domain's people never join.
    Education,
}

/// From which share on, in percent, requiring single sign-on is recommended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// For a corporate organization.
    pub corporate: u32,
    /// For education.
    pub education: u32,
}

/// How far a domain is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readiness {
    /// The people.
    pub counts: DomainCounts,
    /// From which share on it is recommended.
    pub threshold_percent: u32,
}

/// Why the kind of an organization is not changed.
#[derive(Debug, thiserror::Error)]
pub enum KindError {
    /// The actor may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl OrganizationKind {
    /// The name in the store and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Corporate => "corporate",
            Self::Education => "education",
        }
    }

    /// The kind with this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Corporate, Self::Education].into_iter().find(|kind| kind.as_str() == name)
    }
}

impl Thresholds {
    /// The threshold of a kind.
    pub const fn of(self, kind: OrganizationKind) -> u32 {
        match kind {
            OrganizationKind::Corporate => self.corporate,
            OrganizationKind::Education => self.education,
        }
    }
}

impl Readiness {
    /// The share of the domain's people who have joined, in whole percent, rounded down. Of nobody all have.
    pub fn percent(&self) -> u32 {
        let DomainCounts { people, members, .. } = self.counts;
        if people <= 0 {
            return 100;
        }
        let percent = members.saturating_mul(100).checked_div(people).unwrap_or(100);
        u32::try_from(percent.clamp(0, 100)).unwrap_or(0)
    }

    /// True when the share has come up to the threshold.
    pub fn is_reached(&self) -> bool {
        self.percent() >= self.threshold_percent
    }
}

/// Counts.
pub fn load(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    domain: &DomainName,
    thresholds: Thresholds,
) -> Result<Readiness, StoreError> {
    let kind = kind(tx, organization)?;
    let counts = sso_policies::count_people(tx, organization, domain.as_str())?;
    Ok(Readiness { counts, threshold_percent: thresholds.of(kind) })
}

/// What kind of organization it is.
pub fn kind(tx: &mut Tx<'_>, organization: OrganizationId) -> Result<OrganizationKind, StoreError> {
    match sso_policies::kind(tx, organization)? {
        None => Ok(OrganizationKind::default()),
        Some(name) => OrganizationKind::parse(&name).ok_or(StoreError::Inconsistent("organization_kinds.kind")),
    }
}

/// Says what kind of organization it is. For operators, since the threshold is not for those to choose whom it slows down.
pub fn set_kind(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    kind: OrganizationKind,
) -> Result<(), KindError> {
    permission::require_operator(op)?;
    sso_policies::put_kind(tx, organization, kind.as_str(), op.at)?;
    let subject = Subject::new("organization", organization);
    let detail = serde_json::json!({ "kind": kind.as_str() });
    Ok(audit::write(tx, op, Some(organization), Action::OrganizationKindSet, &subject, &detail)?)
}

#[cfg(test)]
mod tests {
    use super::{DomainCounts, Readiness};

    fn readiness(people: i64, members: i64) -> Readiness {
        Readiness { counts: DomainCounts { people, members, signed_in: 0 }, threshold_percent: 75 }
    }

    #[test]
    fn e31_the_share_of_the_domains_people_counts() {
        for (people, members, percent, is_reached) in
            [(0, 0, 100, true), (4, 3, 75, true), (100, 74, 74, false), (1000, 749, 74, false), (3, 0, 0, false)]
        {
            let found = readiness(people, members);
            assert_eq!((found.percent(), found.is_reached()), (percent, is_reached), "{members} of {people}");
        }
    }
}
