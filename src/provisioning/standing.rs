//! The gateway's own extension of a user (`protocol::scim::schema::causeway_user`), computed when a resource is read.

use serde_json::{Value, json};

use crate::directory::accounts::AccountKind;
use crate::directory::accounts::state::AccountState;
use crate::directory::memberships::{InviteState, MembershipKind, MembershipStatus};
use crate::protocol::scim::json::{Object, is_unassigned};
use crate::store::resource_standings::ResourceStandingRow;
use crate::values::operation::Operation;

/// The extension as JSON text.
pub fn text(row: &ResourceStandingRow) -> String {
    let is_outside = exists_outside(row);
    let is_waiting = is_outside || row.account_state.as_deref() == Some("pending_verification");
    let invite_state = if is_outside { Some("not_joined") } else { row.invite_state.as_deref() };
    let container = json!({
        "membershipKind": row.membership_kind,
        "inviteState": invite_state,
        "dataCenter": row.home_dc,
        "accountKind": row.account_kind,
        // A secondary's profile is a function of the primary's (rules A12 and A13).
        "homeManaged": row.account_kind.as_deref().map(|kind| kind == "secondary"),
        "activation": if is_waiting { "required" } else { "none" },
        "lockedReason": locked_reason(row),
    });
    let mut known = Object::new();
    if let Value::Object(members) = container {
        known.extend(members.into_iter().filter(|(_, value)| !is_unassigned(value)));
    }
    Value::Object(known).to_string()
}

/// The standing of somebody who was taken in as a member just now and has joined.
pub(super) fn of_new(op: &Operation, k: i64, status: MembershipStatus) -> ResourceStandingRow {
    ResourceStandingRow {
        k,
        account_kind: Some(AccountKind::Primary.as_str().to_owned()),
        account_state: Some(AccountState::of(status).as_str().to_owned()),
        home_dc: Some(op.data_center.as_str().to_owned()),
        membership_kind: Some(MembershipKind::Member.as_str().to_owned()),
        invite_state: Some(InviteState::Joined.as_str().to_owned()),
        status: Some(status.as_str().to_owned()),
    }
}

/// True for a user without an account: the person has one outside the organization, and the user an open case (rule E33).
/// Nothing is said of where that is.
fn exists_outside(row: &ResourceStandingRow) -> bool {
    row.account_kind.is_none()
}

/// Why the person cannot sign in here.
fn locked_reason(row: &ResourceStandingRow) -> Option<&'static str> {
    if exists_outside(row) {
        return Some("exists_outside");
    }
    match (row.account_state.as_deref(), row.status.as_deref()) {
        (Some("pending_verification"), _) => Some("activation_required"),
        (Some("closed"), _) => Some("closed"),
        (Some("inactive"), _) | (_, Some("inactive")) => Some("deactivated"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::text;
    use crate::store::resource_standings::ResourceStandingRow;

    fn shown(account_state: &str, status: &str) -> Value {
        let text = text(&ResourceStandingRow {
            k: 1,
            account_kind: Some("primary".to_owned()),
            account_state: Some(account_state.to_owned()),
            home_dc: Some("us".to_owned()),
            membership_kind: Some("member".to_owned()),
            invite_state: Some("joined".to_owned()),
            status: Some(status.to_owned()),
        });
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn somebody_who_may_sign_in_is_not_locked() {
        let wanted = json!({
            "membershipKind": "member", "inviteState": "joined", "dataCenter": "us", "accountKind": "primary",
            "homeManaged": false, "activation": "none",
        });
        assert_eq!(shown("active", "active"), wanted);
    }

    #[test]
    fn a_lock_has_its_reason() {
        for (state, status, activation, reason) in [
            ("pending_verification", "active", "required", "activation_required"),
            ("inactive", "active", "none", "deactivated"),
            ("active", "inactive", "none", "deactivated"),
            ("closed", "inactive", "none", "closed"),
        ] {
            let shown = shown(state, status);
            assert_eq!((&shown["activation"], &shown["lockedReason"]), (&json!(activation), &json!(reason)), "{state}");
        }
    }

    #[test]
    fn e33_of_somebody_who_exists_outside_nothing_is_shown_but_that() {
        let nobody = ResourceStandingRow {
            k: 1,
            account_kind: None,
            account_state: None,
            home_dc: None,
            membership_kind: None,
            invite_state: None,
            status: None,
        };
        let shown: Value = serde_json::from_str(&text(&nobody)).unwrap();
        let wanted = json!({ "inviteState": "not_joined", "activation": "required", "lockedReason": "exists_outside" });
        assert_eq!(shown, wanted);
    }
}
