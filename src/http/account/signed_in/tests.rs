//! The account pages for somebody whom an organization has signed in that they are a guest of (rules B9, C13, D6 and D7).

use std::collections::BTreeSet;

use actix_web::http::StatusCode;

use crate::access::sessions::testing::guest_of_globex;
use crate::access::testing::world;
use crate::http::account::path;
use crate::http::account::tests::{BEA, Stage};
use crate::http::sign_in::path as sign_in_path;
use crate::store::failure::StoreError;
use crate::store::{accounts as account_rows, jobs, passwords};

/// What every form of these pages may ask for.
const FIELDS: &str = "current=correct+horse+battery&password=another+horse+battery&code=123456&offer=x&name=Mine&answer=\
                      &passkey=01890a5d-ac96-774b-bcce-b302099a8057";

/// The routes that the list in `http::account` names, as method and path.
fn routes() -> BTreeSet<(&'static str, &'static str)> {
    let lists = include_str!("../mod.rs").lines().filter_map(|line| line.strip_prefix("//! | `"));
    let listed = lists.filter_map(|line| line.split_once('`').map(|(routes, _)| routes));
    listed
        .filter_map(|routes| routes.rsplit_once(' '))
        .flat_map(|(methods, path)| methods.split(", ").map(move |method| (method, path)))
        .collect()
}

fn form_token(page: &str) -> String {
    let (_, rest) = page.split_once("name=\"form_token\" value=\"").expect("a form");
    rest.split_once('"').unwrap().0.to_owned()
}

#[actix_web::test]
async fn c13_d6_d7_a_guest_is_refused_at_every_door_but_those_of_sessions() {
    let open = [path::SESSIONS, path::END_SESSION, path::END_OTHER_SESSIONS];
    assert!(routes().len() > 15 && open.iter().all(|path| routes().iter().any(|(_, listed)| listed == path)));
    for world in world().await {
        let stage = Stage::set(world).await;
        let guest = guest_of_globex(&stage.world, stage.bea).await;
        guest.signs_in_again(&stage.world).await;
        let session = guest.token.expose();
        let form = format!("form_token={}&{FIELDS}", form_token(stage.get(path::SESSIONS, session).await.text()));
        let bea = stage.bea;
        let kept = stage.world.store().read(move |tx| passwords::find(tx, bea)).await.unwrap().unwrap();
        for (method, path) in routes() {
            let answer = match method {
                "GET" => stage.get(path, session).await,
                _ => stage.post(path, &form, session).await,
            };
            if open.contains(&path) {
                assert_ne!(answer.status, StatusCode::FORBIDDEN, "{method} {path}");
                continue;
            }
            // A link that does not work is nobody's, whoever follows it.
            let is_dead = (method, path) == ("GET", "/account/address");
            let expected = if is_dead { StatusCode::GONE } else { StatusCode::FORBIDDEN };
            assert_eq!(answer.status, expected, "{}: {method} {path}: {}", stage.world.engine(), answer.text());
            assert!(is_dead || answer.text().contains("You are here as a guest"), "{method} {path}");
            assert!(!answer.text().contains(BEA), "{method} {path}");
        }
        let read = stage.world.store().read(move |tx| {
            let after = passwords::find(tx, bea)?.unwrap();
            Ok::<_, StoreError>((after, jobs::payloads(tx, "send_mail_proof")?))
        });
        let (after, mails) = read.await.unwrap();
        assert_eq!(
            (after.sealed_hash, after.set_at, mails.len()),
            (kept.sealed_hash, kept.set_at, 0),
            "{}",
            stage.world.engine()
        );
        assert_eq!(stage.get(path::SECURITY, &stage.session).await.status, StatusCode::OK, "her own session goes on");
    }
}

/// Whoever can make such sessions would hold the person up, who has so many tries an hour.
#[actix_web::test]
async fn d7_what_a_guest_types_is_not_counted_as_the_persons_guesses() {
    for world in world().await {
        let stage = Stage::set(world).await;
        let guest = guest_of_globex(&stage.world, stage.bea).await;
        guest.signs_in_again(&stage.world).await;
        let session = guest.token.expose();
        let token = form_token(stage.get(path::SESSIONS, session).await.text());
        for _ in 0..25 {
            let form = format!("form_token={token}&current=wrong&password=another+horse+battery&code=1");
            for page in [path::PASSWORD, path::RENEW_CODES] {
                assert_eq!(stage.post(page, &form, session).await.status, StatusCode::FORBIDDEN, "{page}");
            }
        }
        let form = format!("form_token={}&{FIELDS}", stage.form_token(&stage.session).await);
        let changed = stage.post(path::PASSWORD, &form, &stage.session).await;
        assert_eq!(changed.status, StatusCode::SEE_OTHER, "{}: {}", stage.world.engine(), changed.text());
    }
}

#[actix_web::test]
async fn b7_a_guest_is_told_whose_guest_they_are_and_led_to_no_page_that_is_refused() {
    for world in world().await {
        let stage = Stage::set(world).await;
        let guest = guest_of_globex(&stage.world, stage.bea).await;
        for (session, is_guest) in [(guest.token.expose(), true), (stage.session.as_str(), false)] {
            let sessions = stage.get(path::SESSIONS, session).await;
            assert_eq!(sessions.text().contains("You are signed in for Globex, as a guest."), is_guest);
            assert_eq!(sessions.text().contains("Acme"), !is_guest, "{}", sessions.text());
            for page in [sessions, stage.get("/", session).await] {
                assert_eq!(page.text().contains(path::SECURITY), !is_guest, "{}", page.text());
                assert!(page.text().contains(sign_in_path::SIGN_OUT), "{}", page.text());
            }
        }
        let home = stage.get("/", guest.token.expose()).await;
        assert!(home.text().contains("Globex") && !home.text().contains("Acme"), "{}", home.text());
    }
}

/// Signing out is about this browser: a guest's session ends, and nothing else does.
#[actix_web::test]
async fn d7_a_guest_who_signs_out_ends_this_session_alone() {
    for world in world().await {
        let stage = Stage::set(world).await;
        let guest = guest_of_globex(&stage.world, stage.bea).await;
        let (_, other) = guest.signs_in_again(&stage.world).await;
        let out = stage.post(sign_in_path::SIGN_OUT, "", guest.token.expose()).await;
        assert!(out.status.is_success() || out.status.is_redirection(), "{}: {}", out.status, out.text());
        for (session, is_live) in [(guest.token.expose(), false), (other.expose(), true), (&stage.session, true)] {
            let is_ok = stage.get(path::SESSIONS, session).await.status == StatusCode::OK;
            assert_eq!(is_ok, is_live, "{}", stage.world.engine());
        }
        let bea = stage.bea;
        let account = stage.world.store().read(move |tx| account_rows::find(tx, bea)).await.unwrap().unwrap();
        assert_eq!(account.session_epoch, 1, "{}", stage.world.engine());
    }
}
