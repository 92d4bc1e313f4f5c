use actix_web::http::StatusCode;
use actix_web::test::TestRequest;

use super::path;
use crate::access::attempts::Attempt;
use crate::access::attempts::state::State;
use crate::access::mail_proofs;
use crate::access::testing::{REDIRECT_URI, World, only_letter, world};
use crate::access::traces;
use crate::directory::activation::letter::{self, Written};
use crate::directory::sso_policy::SsoPolicy;
use crate::directory::{accounts, connections};
use crate::http::context::Context;
use crate::http::testing::{Answer, context, send};
use crate::http::throttle::{Rate, Throttle};
use crate::pages::assets;
use crate::record::jobs::Job;
use crate::store::failure::StoreError;
use crate::store::traces::Wanted;
use crate::store::{activations, jobs};
use crate::values::ids::AttemptId;
use crate::values::page::PageRequest;
use crate::values::secret::{Secret, TokenHash};

const BINDING: &str = "cw_browser_of_ada";
const ATTEMPT_COOKIE: &str = "__Host-causeway-us-attempt=cw_browser_of_ada";

/// The doors over one world, and an attempt of Ada's browser.
struct Visit {
    world: World,
    context: Context,
    attempt: Attempt,
}

impl Visit {
    async fn begin(world: World) -> Self {
        let context = context(&world, "https://id.example").await;
        let attempt = world.start_attempt(&Secret::from(BINDING.to_owned())).await;
        Self { world, context, attempt }
    }

    async fn get(&self, path: &str) -> Answer {
        send(&self.context, TestRequest::get().uri(path).insert_header(("Cookie", ATTEMPT_COOKIE))).await
    }

    async fn post(&self, path: &str, form: &str) -> Answer {
        send(&self.context, form_post(path, form).insert_header(("Cookie", ATTEMPT_COOKIE))).await
    }

    async fn type_address(&self, address: &str) -> Answer {
        self.post(&path::submit_email(self.attempt.id), &format!("email={address}")).await
    }

    async fn come_back(&self, arrival: &Secret) -> Answer {
        self.get(&path::arrival(self.attempt.id, arrival)).await
    }
}

fn form_post(path: &str, form: &str) -> TestRequest {
    TestRequest::post()
        .uri(path)
        .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
        .set_payload(form.to_owned())
}

/// The heading of a page.
fn heading(answer: &Answer) -> String {
    let (_, rest) = answer.text().split_once("<h1>").expect("a page with a heading");
    rest.split_once("</h1>").unwrap().0.to_owned()
}

#[actix_web::test]
async fn the_email_page_is_shown_in_the_browser_that_began_and_in_no_other() {
    for world in world().await {
        let visit = Visit::begin(world).await;
        let page = visit.get(&path::email(visit.attempt.id)).await;
        assert_eq!((page.status, heading(&page).as_str()), (StatusCode::OK, "Sign in to Harbour Planner"));
        assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'none';"));
        for cookie in ["__Host-causeway-us-attempt=another", "causeway-us-attempt=cw_browser_of_ada", "a=b"] {
            for page in ["", "/continue"] {
                let uri = format!("/sign-in/{}{page}", visit.attempt.id);
                let request = TestRequest::get().uri(&uri).insert_header(("Cookie", cookie));
                assert_eq!(send(&visit.context, request).await.status, StatusCode::BAD_REQUEST, "{cookie}");
            }
        }
    }
}

#[actix_web::test]
async fn an_unknown_attempt_looks_like_one_of_another_browser() {
    for world in world().await {
        let visit = Visit::begin(world).await;
        let unknown = visit.get("/sign-in/01890a5d-ac96-774b-bcce-b302099a8057").await;
        assert_eq!(unknown.status, StatusCode::BAD_REQUEST);
        assert_eq!(heading(&unknown), "This sign-in belongs to another browser");
        assert_eq!(visit.get("/sign-in/nonsense").await.status, StatusCode::NOT_FOUND);
    }
}

#[actix_web::test]
async fn a_mistyped_address_is_shown_again_as_text() {
    for world in world().await {
        let visit = Visit::begin(world).await;
        let page = visit.type_address("%3Cscript%3Eada").await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.text().contains("value=\"&#60;script&#62;ada\"") && page.text().contains("aria-invalid=\"true\""));
        assert_eq!(visit.world.state_of(visit.attempt.id).await, State::Started);
    }
}

#[actix_web::test]
async fn several_ways_in_are_offered_and_only_an_offered_one_is_taken() {
    for world in world().await {
        let visit = Visit::begin(world).await;
        let page = visit.type_address("ada%40acme.test").await;
        assert_eq!((page.status, heading(&page).as_str()), (StatusCode::OK, "Choose how to sign in"));
        for connection in [visit.world.connection, visit.world.other_connection] {
            assert!(page.text().contains(&format!("value=\"{connection}\"")));
        }
        let choice = path::submit_choice(visit.attempt.id);
        assert!(page.text().contains(&format!("href=\"{}\"", path::password(visit.attempt.id))), "{}", page.text());
        let foreign = visit.post(&choice, "connection=01890a5d-ac96-774b-bcce-b302099a8057").await;
        assert_eq!(heading(&foreign), "Choose how to sign in");
        assert_eq!(visit.post(&choice, "connection=nonsense").await.status, StatusCode::BAD_REQUEST);
        visit.world.set_policy(SsoPolicy::Required).await;
        let page = visit.type_address("ada%40acme.test").await;
        assert!(page.text().contains(&visit.world.connection.to_string()), "{}", page.text());
        assert!(!page.text().contains(&path::password(visit.attempt.id)), "{}: E27", visit.world.engine());
    }
}

#[actix_web::test]
async fn a_provider_that_cannot_be_reached_is_explained_with_whom_to_ask() {
    for world in world().await {
        let visit = Visit::begin(world).await;
        visit.world.connect_to("http://127.0.0.1:1").await;
        visit.type_address("ada%40acme.test").await;
        let form = format!("connection={}", visit.world.connection);
        let page = visit.post(&path::submit_choice(visit.attempt.id), &form).await;
        assert_eq!(page.status, StatusCode::BAD_GATEWAY);
        assert!(page.text().contains("mailto:help@acme.test"));
        let (op, organization) = (visit.world.operator(), visit.world.organization);
        let first = PageRequest::new(None, None).unwrap();
        let read = visit.world.store().read(move |tx| traces::page(tx, &op, organization, &Wanted::default(), &first));
        let traces = read.await.unwrap().items;
        assert!(traces.len() == 1 && traces[0].outcome == "refused", "{}: {traces:?}", visit.world.engine());
    }
}

#[actix_web::test]
async fn an_address_without_a_way_in_gets_the_same_page_whoever_it_is() {
    for world in world().await {
        let visit = Visit::begin(world).await;
        for id in [visit.world.connection, visit.world.other_connection] {
            let (op, organization) = (visit.world.operator(), visit.world.organization);
            let write = visit
                .world
                .store()
                .write(move |tx| Ok::<_, StoreError>(connections::disable(tx, &op, organization, id).unwrap()));
            write.await.unwrap();
        }
        visit.world.set_policy(SsoPolicy::Required).await;
        for page in [visit.type_address("ada%40acme.test").await, visit.type_address("nobody%40acme.test").await] {
            assert_eq!(page.status, StatusCode::FORBIDDEN);
            assert_eq!(heading(&page), "There is no way in with this address");
            assert!(!page.text().contains("nobody") && !page.text().contains("ada@"));
        }
    }
}

#[actix_web::test]
async fn an_identified_person_goes_to_the_application_with_a_code_and_a_session() {
    for world in world().await {
        let visit = Visit::begin(world).await;
        let arrival = visit.world.answer(&visit.attempt, "ada@acme.test").await;
        let answer = visit.come_back(&arrival).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        let location = answer.header("location").unwrap();
        assert!(location.starts_with(&format!("{REDIRECT_URI}?")), "{location}");
        for parameter in ["code=cw_code_", "state=s", "iss=https%3A%2F%2Fid.example"] {
            assert!(location.contains(parameter), "{location}");
        }
        let cookie = answer.header("set-cookie").unwrap();
        assert!(cookie.starts_with("__Host-causeway-us-session=cw_session_"), "{cookie}");
        assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"), "{cookie}");
        let again = visit.come_back(&arrival).await;
        assert_eq!((again.status, again.header("set-cookie")), (StatusCode::GONE, None));
    }
}

#[actix_web::test]
async fn the_cookie_alone_does_not_show_the_outcome() {
    for world in world().await {
        let visit = Visit::begin(world).await;
        visit.world.answer(&visit.attempt, "ada@acme.test").await;
        for page in
            [visit.get(&path::outcome(visit.attempt.id)).await, visit.come_back(&Secret::from("x".to_owned())).await]
        {
            assert_eq!(heading(&page), "This sign-in belongs to another browser");
            assert_eq!((page.status, page.header("set-cookie")), (StatusCode::BAD_REQUEST, None));
        }
    }
}

#[actix_web::test]
async fn whoever_was_switched_off_is_told_whom_to_ask_and_gets_no_session() {
    for world in world().await {
        let visit = Visit::begin(world).await;
        let arrival = visit.world.answer(&visit.attempt, "ada@acme.test").await;
        let (op, organization, ada) = (visit.world.operator(), visit.world.organization, visit.world.ada);
        visit.world.store().write(move |tx| accounts::deactivate(tx, &op, organization, ada)).await.unwrap();
        let mut reference = None;
        for _ in 0..2 {
            let page = visit.come_back(&arrival).await;
            assert_eq!(
                (page.status, heading(&page).as_str()),
                (StatusCode::FORBIDDEN, "Your access has been switched off")
            );
            assert!(page.text().contains("mailto:help@acme.test") && page.text().contains("IT Help Desk"));
            assert_eq!(page.header("set-cookie"), None);
            // The second look shows the reference of the first, which the audit entry carries.
            let reference = reference.get_or_insert_with(|| page.header("x-request-id").unwrap());
            assert!(page.text().contains(reference.as_str()));
        }
    }
}

#[actix_web::test]
async fn a_refused_person_can_try_another_address() {
    for world in world().await {
        let visit = Visit::begin(world).await;
        let arrival = visit.world.answer(&visit.attempt, "eve@acme.test").await;
        let page = visit.come_back(&arrival).await;
        assert_eq!((page.status, heading(&page).as_str()), (StatusCode::FORBIDDEN, "You have no account here yet"));
        let email = path::email(visit.attempt.id);
        assert!(page.text().contains(&format!("href=\"{email}\"")));
        assert_eq!(visit.get(&email).await.status, StatusCode::OK);
    }
}

#[actix_web::test]
async fn an_expired_attempt_can_be_begun_again_in_its_browser() {
    for world in world().await {
        let visit = Visit::begin(world).await;
        visit.world.advance(900);
        let page = visit.get(&path::email(visit.attempt.id)).await;
        let restart = path::restart(visit.attempt.id);
        assert_eq!(page.status, StatusCode::GONE);
        assert!(page.text().contains(&format!("action=\"{restart}\"")));
        assert_eq!(send(&visit.context, form_post(&restart, "")).await.status, StatusCode::BAD_REQUEST);
        let fresh = visit.post(&restart, "").await;
        assert_eq!(fresh.status, StatusCode::SEE_OTHER);
        let location = fresh.header("location").unwrap();
        assert_ne!(location, path::email(visit.attempt.id));
        assert_eq!(visit.get(&location).await.status, StatusCode::OK);
    }
}

#[actix_web::test]
async fn signing_out_takes_a_form_of_this_site_and_ends_the_session() {
    for world in world().await {
        let visit = Visit::begin(world).await;
        let arrival = visit.world.answer(&visit.attempt, "ada@acme.test").await;
        let cookie = visit.come_back(&arrival).await.header("set-cookie").unwrap();
        let cookie = cookie.split_once(';').unwrap().0.to_owned();
        let ended = || visit.world.entries("session.ended");
        let post = || form_post(path::SIGN_OUT, "").insert_header(("Cookie", cookie.clone()));
        let foreign = send(&visit.context, post().insert_header(("Sec-Fetch-Site", "cross-site"))).await;
        assert_eq!((foreign.status, ended().await.len()), (StatusCode::BAD_REQUEST, 0));
        let page = send(&visit.context, post()).await;
        assert_eq!((heading(&page).as_str(), ended().await.len()), ("You are signed out", 1));
        assert!(page.header("set-cookie").unwrap().contains("Max-Age=0"));
    }
}

#[actix_web::test]
async fn the_first_page_knows_who_is_signed_in_here() {
    for world in world().await {
        let visit = Visit::begin(world).await;
        assert_eq!(heading(&visit.get("/").await), "The way in to your apps");
        let arrival = visit.world.answer(&visit.attempt, "ada@acme.test").await;
        let cookie = visit.come_back(&arrival).await.header("set-cookie").unwrap();
        let cookie = cookie.split_once(';').unwrap().0.to_owned();
        let open = || send(&visit.context, TestRequest::get().uri("/").insert_header(("Cookie", cookie.clone())));
        let page = open().await;
        assert_eq!(heading(&page), "You are signed in");
        assert!(page.text().contains("ada@acme.test") && page.text().contains("mailto:help@acme.test"));
        visit.world.advance(visit.context.config.lifetimes.session_idle_seconds);
        assert_eq!(heading(&open().await), "The way in to your apps");
    }
}

#[actix_web::test]
async fn an_address_that_leads_nowhere_gets_a_page() {
    for world in world().await {
        let visit = Visit::begin(world).await;
        for uri in ["/nothing", "/sign-in", "/sign-in/a/b/c", "/%2e%2e/etc/passwd"] {
            let page = visit.get(uri).await;
            assert_eq!(
                (page.status, heading(&page).as_str()),
                (StatusCode::NOT_FOUND, "There is no page here"),
                "{uri}"
            );
        }
    }
}

#[actix_web::test]
async fn forms_are_bounded_in_size_and_in_number() {
    for world in world().await {
        let visit = Visit::begin(world).await;
        let long = format!("email={}", "a".repeat(visit.context.config.limits.form_bytes));
        let submit = path::submit_email(visit.attempt.id);
        assert_eq!(visit.post(&submit, &long).await.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(
            visit.post(&submit, "email=a%40acme.test&email=b%40acme.test").await.status,
            StatusCode::BAD_REQUEST
        );
        let mut last = visit.type_address("x").await;
        for _ in 0..visit.context.config.limits.sign_in_attempts_per_minute {
            last = visit.type_address("x").await;
        }
        assert_eq!((last.status, last.header("retry-after").as_deref()), (StatusCode::TOO_MANY_REQUESTS, Some("1")));
        visit.world.advance(1);
        assert_eq!(visit.type_address("x").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
}

/// Everything that somebody can submit who is not signed in yet.
fn forms(attempt: AttemptId) -> [String; 11] {
    [
        path::submit_email(attempt),
        path::submit_choice(attempt),
        path::password(attempt),
        path::own_credentials(attempt),
        path::second_step(attempt),
        path::set_up_second_step(attempt),
        path::restart(attempt),
        path::FORGOTTEN.to_owned(),
        path::new_password("x"),
        path::activation("x"),
        path::link("x"),
    ]
}

#[actix_web::test]
async fn a_network_that_has_submitted_too_much_submits_no_form_at_all() {
    for world in world().await {
        let mut visit = Visit::begin(world).await;
        for form in forms(visit.attempt.id) {
            visit.context.throttles.sign_in = Throttle::new(Rate::per_minute(1));
            assert_ne!(visit.post(&form, "").await.status, StatusCode::TOO_MANY_REQUESTS, "{form}");
            let refused = visit.post(&form, "").await;
            assert_eq!(
                (refused.status, refused.header("retry-after").as_deref()),
                (StatusCode::TOO_MANY_REQUESTS, Some("60"))
            );
        }
    }
}

#[actix_web::test]
async fn no_form_is_taken_from_another_site() {
    for world in world().await {
        let visit = Visit::begin(world).await;
        for form in forms(visit.attempt.id) {
            let foreign = form_post(&form, "").insert_header(("Cookie", ATTEMPT_COOKIE));
            let page = send(&visit.context, foreign.insert_header(("Sec-Fetch-Site", "cross-site"))).await;
            assert_eq!(
                (page.status, heading(&page).as_str()),
                (StatusCode::BAD_REQUEST, "We could not read that"),
                "{form}"
            );
        }
    }
}

#[actix_web::test]
async fn assets_are_kept_for_ever_under_the_name_of_their_content() {
    for world in world().await {
        let visit = Visit::begin(world).await;
        for asset in assets::all() {
            let answer = visit.get(&asset.path).await;
            assert_eq!((answer.status, answer.body.as_ref()), (StatusCode::OK, asset.bytes));
            assert_eq!(answer.header("cache-control").as_deref(), Some("public, max-age=31536000, immutable"));
        }
        assert_eq!(visit.get("/assets/causeway.0000000000000000.css").await.status, StatusCode::NOT_FOUND);
    }
}

/// The token in the mail of the only activation.
async fn activation_of_the_mail(world: &World) -> Secret {
    let op = world.operator();
    let write = world.store().write(move |tx| {
        let payloads = jobs::payloads(tx, "send_activation")?;
        let Ok(Job::SendActivation { organization, activation }) = serde_json::from_str(&payloads[0]) else {
            panic!("another job: {payloads:?}");
        };
        match letter::write(tx, &op, organization, activation, 100)? {
            Written::Letter(letter) => Ok::<_, StoreError>(letter.token),
            other => panic!("no letter: {other:?}"),
        }
    });
    write.await.unwrap()
}

/// Shown twice, as to a mail scanner and then to a person: nothing is used up, and no page that is opened from it hears of the
/// link.
async fn is_shown_and_stays(visit: &Visit, link: &str) {
    for _ in 0..2 {
        let page = visit.get(link).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.text());
        assert_eq!(page.header("referrer-policy").as_deref(), Some("no-referrer"));
        assert_eq!(page.header("cache-control").as_deref(), Some("no-store"));
        assert!(!page.text().contains("<script") && !page.text().contains("src=\"http"), "{}", page.text());
    }
}

#[actix_web::test]
async fn a_link_of_a_mail_is_used_up_by_its_form_alone_and_only_in_its_own_spelling() {
    for world in world().await {
        let visit = Visit::begin(world).await;
        visit.world.push_user("new@freelance.test").await;
        let token = activation_of_the_mail(&visit.world).await;
        let link = path::activation(token.expose());
        is_shown_and_stays(&visit, &link).await;
        let joined = || visit.world.entries("user.joined");
        assert!(joined().await.is_empty(), "{}: following the link joins nobody", visit.world.engine());
        let text = token.expose();
        for wrong in [&text[..text.len() - 1], &text[1..], &text.to_uppercase(), &format!("{text}&token={text}"), ""] {
            assert_eq!(visit.get(&path::activation(wrong)).await.status, StatusCode::GONE, "{wrong}");
            assert_eq!(visit.post(&path::activation(wrong), "").await.status, StatusCode::GONE, "{wrong}");
        }
        let way_on = |page: &Answer| page.text().contains("/password/choose");
        let first = visit.post(&link, "").await;
        assert!(first.status == StatusCode::OK && way_on(&first), "{}", first.text());
        let again = visit.post(&link, "").await;
        assert!(again.status == StatusCode::OK && !way_on(&again), "{}", again.text());
        assert_eq!(joined().await.len(), 1, "{}", visit.world.engine());
        let op = visit.world.op();
        let ask = visit.world.store().write(move |tx| {
            mail_proofs::ask_for_password(tx, &op, &"new@freelance.test".parse().unwrap())?;
            Ok::<_, StoreError>(only_letter(tx, &op).unwrap().token)
        });
        let link = path::new_password(ask.await.unwrap().expose());
        is_shown_and_stays(&visit, &link).await;
        let choose = || visit.post(&link, "password=correct+horse+battery");
        assert_eq!(choose().await.status, StatusCode::OK, "{}", visit.world.engine());
        assert_eq!(choose().await.status, StatusCode::GONE, "{}", visit.world.engine());
    }
}

#[actix_web::test]
async fn the_token_of_a_link_is_kept_as_its_hash() {
    for world in world().await {
        world.push_user("new@freelance.test").await;
        let token = activation_of_the_mail(&world).await;
        let hash = TokenHash::of(token.expose());
        let row = world.store().read(move |tx| activations::find_by_token(tx, &hash)).await.unwrap().unwrap();
        assert_eq!(row.token_hash.as_deref(), Some(hash.as_bytes()), "{}", world.engine());
        let bound = (row.org_id, row.address.as_str());
        assert_eq!(bound, (world.organization, "new@freelance.test"), "{}", world.engine());
        let queued = world.store().read(|tx| jobs::payloads(tx, "send_activation")).await.unwrap();
        assert!(queued.iter().all(|payload| !payload.contains("cw_activation_")), "{}: {queued:?}", world.engine());
    }
}

/// A link that there never was, one that has been replaced and one whose time is over are the same to whoever tries them.
#[actix_web::test]
async fn a_dead_link_tells_neither_by_its_answer_nor_by_the_work_why_it_is_dead() {
    for world in world().await {
        let mut visit = Visit::begin(world).await;
        let (store, tally) = visit.world.store().counted();
        visit.context.store = store;
        visit.world.push_user("new@freelance.test").await;
        let replaced = activation_of_the_mail(&visit.world).await;
        let expired = activation_of_the_mail(&visit.world).await;
        visit.world.advance(14 * 24 * 3600);
        let unknown = Secret::from(format!("cw_activation_{}", "x".repeat(43)));
        let mut seen = Vec::new();
        for token in [unknown, replaced, expired] {
            let link = path::activation(token.expose());
            tally.take();
            for is_form in [false, true] {
                let answer = if is_form { visit.post(&link, "").await } else { visit.get(&link).await };
                let text = answer.text().replace(&answer.header("x-request-id").unwrap(), "ID");
                seen.push((answer.status, text, tally.take()));
            }
        }
        assert_eq!((&seen[0], &seen[1]), (&seen[2], &seen[3]), "{}", visit.world.engine());
        assert_eq!((&seen[0], &seen[1]), (&seen[4], &seen[5]), "{}", visit.world.engine());
        assert!(seen[0].0 == StatusCode::GONE && seen[0].2.queries == 1, "{seen:?}");
    }
}
