use super::{ApplicationError, ApplicationKind, NewApplication};
use super::{delete, find, register, rotate_secret, update};
use crate::access::testing::world;
use crate::protocol::oidc::signing::SigningAlgorithm;
use crate::store::failure::StoreError;
use crate::store::{Tx, scratch};
use crate::values::quota::Quota;

fn new(redirect_uris: &[&str], post_logout: &[&str], kind: ApplicationKind) -> NewApplication {
    let owned = |uris: &[&str]| uris.iter().map(|uri| (*uri).to_owned()).collect();
    NewApplication {
        name: "Wiki".to_owned(),
        kind,
        id_token_algorithm: SigningAlgorithm::Es256,
        redirect_uris: owned(redirect_uris),
        post_logout_redirect_uris: owned(post_logout),
    }
}

#[tokio::test]
async fn uris_that_cannot_be_registered_are_refused_and_change_nothing() {
    const GOOD: &str = "https://wiki.example/cb";
    for world in world().await {
        let (op, organization, engine) = (world.operator(), Some(world.organization), world.engine());
        let many: Vec<String> = (0..21).map(|n| format!("{GOOD}/{n}")).collect();
        let done = world.store().write(move |tx| {
            let kind = ApplicationKind::Confidential;
            let first = new(&[GOOD], &[], kind);
            let known = register(tx, &op, organization, &first, &Quota::default()).unwrap().0;
            let many: Vec<&str> = many.iter().map(String::as_str).collect();
            for (uris, post_logout) in [
                (&[][..], &[][..]),
                (&[GOOD, GOOD], &[]),
                (&many, &[]),
                (&[GOOD], &[GOOD, GOOD]),
                (&["javascript:alert(1)"], &[]),
                (&[GOOD], &["https://wiki.example/#f"]),
            ] {
                let bad = new(uris, post_logout, kind);
                let registered = register(tx, &op, organization, &bad, &Quota::default());
                assert!(registered.is_err(), "{engine} registers {uris:?} {post_logout:?}");
                assert!(update(tx, &op, organization, known.id, &bad).is_err(), "{engine}: {uris:?} {post_logout:?}");
            }
            let one = Quota { applications: 1, ..Quota::default() };
            let second = register(tx, &op, organization, &first, &one);
            assert!(matches!(second, Err(ApplicationError::TooMany(_))), "{engine}: {second:?}");
            let other_kind = update(tx, &op, organization, known.id, &new(&[GOOD], &[], ApplicationKind::Public));
            assert!(matches!(other_kind, Err(ApplicationError::OtherKind)));
            assert_eq!(find(tx, known.id)?.unwrap().redirect_uris, [GOOD]);
            let moved = new(&["https://wiki.example/other"], &[GOOD], kind);
            update(tx, &op, organization, known.id, &moved).unwrap();
            let found = find(tx, known.id)?.unwrap();
            Ok::<_, StoreError>((found.redirect_uris, found.post_logout_redirect_uris))
        });
        let (redirect, post_logout) = done.await.unwrap();
        assert_eq!(world.entries("application.updated").await.len(), 1, "{}", world.engine());
        assert_eq!((redirect, post_logout), (vec!["https://wiki.example/other".to_owned()], vec![GOOD.to_owned()]));
    }
}

#[tokio::test]
async fn a_public_application_has_no_secret_and_a_new_one_kills_the_old() {
    for world in world().await {
        let (op, organization) = (world.operator(), Some(world.organization));
        let done = world.store().write(move |tx| {
            let mut make = |kind| {
                let app = new(&["https://wiki.example/cb"], &[], kind);
                register(tx, &op, organization, &app, &Quota::default()).unwrap()
            };
            let (public, none) = make(ApplicationKind::Public);
            let (confidential, old) = make(ApplicationKind::Confidential);
            assert!(none.is_none());
            let refused = rotate_secret(tx, &op, organization, public.id);
            assert!(matches!(refused, Err(ApplicationError::NoSecret)));
            let secret = rotate_secret(tx, &op, organization, confidential.id).unwrap();
            let found = find(tx, confidential.id)?.unwrap();
            Ok::<_, StoreError>((found.is_secret(secret.expose()), found.is_secret(old.unwrap().expose())))
        });
        assert_eq!(done.await.unwrap(), (true, false), "{}", world.engine());
        assert_eq!(world.entries("application.created").await.len(), 2, "{}", world.engine());
        assert_eq!(world.entries("application.secret_rotated").await.len(), 1, "{}", world.engine());
    }
}

#[tokio::test]
async fn an_application_that_is_removed_at_that_moment_is_not_there_to_be_changed() {
    #[derive(Debug, Clone, Copy)]
    enum Change {
        Update,
        RotateSecret,
        Delete,
    }
    for world in world().await {
        let organization = Some(world.organization);
        for change in [Change::Update, Change::RotateSecret, Change::Delete] {
            let app = new(&["https://wiki.example/cb"], &[], ApplicationKind::Confidential);
            let (op, registered) = (world.operator(), app.clone());
            let write = world.store().write(move |tx| register(tx, &op, organization, &registered, &Quota::default()));
            let id = write.await.unwrap().0.id;
            let (op, now) = (world.operator(), world.operator());
            let first = move |tx: &mut Tx<'_>| {
                delete(tx, &op, organization, id).unwrap();
                Ok(())
            };
            let second = world.store().write(move |tx| match change {
                Change::Update => update(tx, &now, organization, id, &app).map(drop),
                Change::RotateSecret => rotate_secret(tx, &now, organization, id).map(drop),
                Change::Delete => delete(tx, &now, organization, id),
            });
            let (_, second) = scratch::overlap(world.store(), first, second).await;
            let is_refused = matches!(second, Err(ApplicationError::NotFound));
            assert!(is_refused, "{}: {change:?}: {second:?}", world.engine());
        }
        assert_eq!(world.entries("application.deleted").await.len(), 3, "{}", world.engine());
    }
}
