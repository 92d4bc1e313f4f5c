use super::{AdminTokenError, MAX_TTL_SECONDS, NewToken, authenticate, create, create_for_operator, revoke};
use super::{page_of_operators, revoke_of_operators};
use crate::access::testing::world;
use crate::directory::audit;
use crate::store::failure::StoreError;
use crate::values::operation::{Actor, Role};
use crate::values::page::PageRequest;
use crate::values::quota::Quota;

fn new(role: Role, ttl_seconds: i64) -> NewToken {
    NewToken { name: "script".to_owned(), role, ttl_seconds, account: None }
}

#[tokio::test]
async fn nobody_gives_more_than_they_have_nor_for_longer_than_there_is() {
    for world in world().await {
        let (op, organization) = (world.operator(), world.organization);
        let done = world.store().write(move |tx| {
            let quota = Quota { admin_tokens: 3, ..Quota::default() };
            let (admin, _) = create(tx, &op, organization, &new(Role::Admin, 100), &quota).unwrap();
            let by = op.by(Actor::Admin { organization, role: Role::Admin, token: admin.id });
            for role in [Role::Owner, Role::Member] {
                let refused = create(tx, &by, organization, &new(role, 10), &quota);
                assert!(matches!(refused, Err(AdminTokenError::RoleNotGivable)), "{role:?}");
            }
            for name in ["", "a\nb", "a\u{202e}b"] {
                let named = NewToken { name: name.to_owned(), ..new(Role::Auditor, 10) };
                let refused = create(tx, &op, organization, &named, &quota);
                assert!(matches!(refused, Err(AdminTokenError::InvalidName)), "{name:?}");
                assert!(create_for_operator(tx, &op, name, 10).is_err(), "{name:?}");
            }
            for ttl in [0, -1, MAX_TTL_SECONDS + 1] {
                let refused = create(tx, &op, organization, &new(Role::Auditor, ttl), &quota);
                assert!(matches!(refused, Err(AdminTokenError::InvalidTtl)), "{ttl}");
            }
            let (child, _) = create(tx, &by, organization, &new(Role::Admin, 1_000), &quota).unwrap();
            assert_eq!(child.expires_at, admin.expires_at, "a child ends no later");
            create(tx, &op, organization, &new(Role::Owner, 10), &quota).unwrap();
            let full = create(tx, &op, organization, &new(Role::Auditor, 10), &quota);
            assert!(matches!(full, Err(AdminTokenError::TooMany(_))), "{full:?}");
            Ok::<_, StoreError>(())
        });
        done.await.unwrap();
    }
}

#[tokio::test]
async fn a_revoked_or_expired_token_is_nobody_and_is_revoked_once() {
    for world in world().await {
        let (op, organization) = (world.operator(), world.organization);
        let done = world.store().write(move |tx| {
            let quota = Quota::default();
            let (kept, secret) = create(tx, &op, organization, &new(Role::Auditor, 100), &quota).unwrap();
            let is_known =
                |tx: &mut _, seconds| authenticate(tx, secret.expose(), op.at.plus_seconds(seconds)).unwrap().is_some();
            assert!(is_known(tx, 99) && !is_known(tx, 100));
            revoke(tx, &op, organization, kept.id).unwrap();
            assert!(!is_known(tx, 0));
            let again = revoke(tx, &op, organization, kept.id);
            assert!(matches!(again, Err(AdminTokenError::NotFound)), "{again:?}");
            let operators = create_for_operator(tx, &op, "laptop", 100).unwrap();
            let listed = page_of_operators(tx, &op, &PageRequest::new(None, None).unwrap()).unwrap().items;
            let id = listed.iter().find(|token| token.name == "laptop").unwrap().id;
            assert!(matches!(revoke(tx, &op, organization, id), Err(AdminTokenError::NotFound)));
            revoke_of_operators(tx, &op, id).unwrap();
            assert!(matches!(revoke_of_operators(tx, &op, id), Err(AdminTokenError::NotFound)));
            let written = audit::page_of_operators(tx, &op, &PageRequest::new(None, None).unwrap()).unwrap().items;
            for action in ["admin_token.created", "admin_token.revoked"] {
                assert!(written.iter().any(|entry| entry.action == action), "{action}: {written:?}");
            }
            assert!(authenticate(tx, operators.expose(), op.at)?.is_none());
            Ok::<_, StoreError>(())
        });
        done.await.unwrap();
        assert_eq!(world.entries("admin_token.created").await.len(), 1, "{}", world.engine());
        assert_eq!(world.entries("admin_token.revoked").await.len(), 1, "{}", world.engine());
    }
}
