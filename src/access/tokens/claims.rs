//! What is said about a person, from the rows that a grant rests on.

use crate::protocol::oidc::claims::{AffiliationClaims, AuthenticationClaims, PersonClaims};
use crate::store::failure::StoreError;
use crate::store::grants::StandingRow;
use crate::values::data_center::DataCenter;

/// Who the person is: everything that is known, before the scope narrows it.
pub fn person(row: &StandingRow) -> PersonClaims {
    let account = &row.account;
    let address = row.address.as_ref();
    PersonClaims {
        name: name(account.display_name.as_deref(), account.given_name.as_deref(), account.family_name.as_deref()),
        given_name: account.given_name.clone(),
        family_name: account.family_name.clone(),
        preferred_username: address.map(|address| address.address.clone()),
        locale: account.locale.clone(),
        zoneinfo: account.zoneinfo.clone(),
        updated_at: Some(account.updated_at.seconds()),
        email: address.map(|address| address.address.clone()),
        email_verified: address.map(|address| address.verified_at.is_some()),
    }
}

fn name(display: Option<&str>, given: Option<&str>, family: Option<&str>) -> Option<String> {
    match (display, given, family) {
        (Some(display), _, _) => Some(display.to_owned()),
        (None, Some(given), Some(family)) => Some(format!("{given} {family}")),
        (None, Some(one), None) | (None, None, Some(one)) => Some(one.to_owned()),
        (None, None, None) => None,
    }
}

/// Where the person belongs. `here` is this data center.
pub fn affiliation(row: &StandingRow, here: &DataCenter) -> Result<AffiliationClaims, StoreError> {
    let home_dc = row.account.home_dc.parse().map_err(|_| StoreError::Inconsistent("accounts.home_dc"))?;
    Ok(AffiliationClaims {
        org: Some(row.grant.org_id.to_string()),
        org_name: Some(row.organization_name.clone()),
        membership: row.membership.as_ref().map(|membership| membership.kind.clone()),
        account_kind: row.account.kind.clone(),
        dc: here.clone(),
        home_dc,
    })
}

/// How and when the person signed in.
pub fn authentication(row: &StandingRow) -> Result<AuthenticationClaims, StoreError> {
    let session = &row.session;
    Ok(AuthenticationClaims {
        auth_time: session.is_auth_time_known.then(|| session.auth_time.seconds()),
        amr: serde_json::from_str(&session.amr).map_err(|_| StoreError::Inconsistent("sessions.amr"))?,
        acr: Some(session.acr.clone()).filter(|acr| !acr.is_empty()),
        sid: row.grant.session_id.to_string(),
        session_expiry: session.expires_at.seconds(),
    })
}
