use super::testing::LIMITS;
use super::{Session, Standing};
use crate::values::clock::Timestamp;
use crate::values::ids::{AccountId, ConnectionId, OrganizationId, SessionId};

const WELL: Standing =
    Standing { is_account_active: true, is_membership_active: true, is_connection_active: true, session_epoch: 7 };

fn session() -> Session {
    let at = Timestamp::from_seconds(1_000_000);
    Session {
        id: SessionId::from_bytes(&[1; 16]).unwrap(),
        account: AccountId::from_bytes(&[2; 16]).unwrap(),
        organization: OrganizationId::from_bytes(&[3; 16]).unwrap(),
        connection: ConnectionId::from_bytes(&[4; 16]).ok(),
        session_epoch: 7,
        amr: vec!["pwd".to_owned()],
        acr: "1".to_owned(),
        auth_time: Some(at),
        created_at: at,
        last_seen_at: at,
        expires_at: at.plus_seconds(LIMITS.absolute_seconds),
    }
}

#[test]
fn each_thing_that_ends_a_session_ends_it_alone() {
    let start = session().created_at;
    let used_late = Session { last_seen_at: start.plus_seconds(35_900), ..session() };
    let is_live = |session: &Session, standing: Standing, after: i64| {
        session.is_live(&standing, LIMITS, start.plus_seconds(after))
    };
    let cases = [
        ("fresh", session(), WELL, 0, true),
        ("used within the idle limit", session(), WELL, 3_599, true),
        ("idle", session(), WELL, 3_600, false),
        ("in use, just before the absolute limit", used_late.clone(), WELL, 35_999, true),
        ("in use, at the absolute limit", used_late, WELL, 36_000, false),
        ("account inactive", session(), Standing { is_account_active: false, ..WELL }, 0, false),
        ("membership inactive", session(), Standing { is_membership_active: false, ..WELL }, 0, false),
        ("connection inactive", session(), Standing { is_connection_active: false, ..WELL }, 0, false),
        ("epoch moved on", session(), Standing { session_epoch: 8, ..WELL }, 0, false),
        ("epoch moved back", session(), Standing { session_epoch: 6, ..WELL }, 0, false),
    ];
    for (name, session, standing, after, expected) in cases {
        assert_eq!(is_live(&session, standing, after), expected, "{name}");
    }
}

#[test]
fn a_use_is_written_down_once_a_minute() {
    let session = session();
    assert!(!session.is_touch_due(session.last_seen_at.plus_seconds(59)));
    assert!(session.is_touch_due(session.last_seen_at.plus_seconds(60)));
}
