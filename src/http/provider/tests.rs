//! The provider through its door. Test names carry the certification module they stand for.

use std::sync::Arc;

use actix_web::test::TestRequest;
use url::Url;

use crate::access::attempts;
use crate::access::attempts::state::Identified;
use crate::access::sessions;
use crate::access::testing::{REDIRECT_URI, World, world};
use crate::config::limits::Limits;
use crate::directory::accounts;
use crate::directory::applications::{self, ApplicationKind, NewApplication};
use crate::http::context::Context;
use crate::http::scim::admission::Admission;
use crate::http::testing::{Answer, context, send};
use crate::http::throttle::{Rate, Throttle};
use crate::protocol::oidc::signing::SigningAlgorithm;
use crate::protocol::scim::tolerance::Profile;
use crate::provisioning::clients::credentials::{self, NewCredential};
use crate::provisioning::clients::kind::CredentialKind;
use crate::provisioning::clients::{self, ScimClientError};
use crate::store::failure::StoreError;
use crate::values::ids::ApplicationId;
use crate::values::quota::Quota;
use crate::values::scim_scope::ScimScope;

const ISSUER: &str = "https://id.test";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const AFTER_LOGOUT: &str = "https://app.example/bye?x=1";

/// A browser in which Ada is signed in, and a confidential application.
struct Stage {
    world: World,
    context: Context,
    client: ApplicationId,
    secret: String,
    session: String,
}

/// One stage for each engine.
async fn stages() -> Vec<Stage> {
    let mut stages = Vec::new();
    for world in world().await {
        stages.push(stage(world).await);
    }
    stages
}

async fn stage(world: World) -> Stage {
    let context = context(&world, ISSUER).await;
    let op = world.operator();
    let new = NewApplication {
        name: "Harbour Planner".to_owned(),
        kind: ApplicationKind::Confidential,
        id_token_algorithm: SigningAlgorithm::Rs256,
        redirect_uris: vec![REDIRECT_URI.to_owned()],
        post_logout_redirect_uris: vec![AFTER_LOGOUT.to_owned()],
    };
    let registered = world
        .store()
        .write(move |tx| Ok::<_, StoreError>(applications::register(tx, &op, None, &new, &Quota::default()).unwrap()));
    let (application, secret) = registered.await.unwrap();
    let session = sign_in(&world).await;
    Stage { world, context, client: application.id, secret: secret.unwrap().expose().to_owned(), session }
}

async fn sign_in(world: &World) -> String {
    let (op, account, organization, connection) = (world.op(), world.ada, world.organization, Some(world.connection));
    let identified = Identified {
        account,
        organization,
        connection,
        session_epoch: 1,
        amr: vec!["pwd".to_owned()],
        acr: "1".to_owned(),
        auth_time: Some(op.at),
        session_expires_at: None,
        upstream_session: None,
    };
    let limits = sessions::Limits { idle_seconds: 3_600, absolute_seconds: 36_000 };
    let (_, token) = world.store().write(move |tx| sessions::start(tx, &op, &identified, limits)).await.unwrap();
    token.expose().to_owned()
}

fn form(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

impl Stage {
    fn query(&self, extra: &[(&str, &str)]) -> String {
        let client = self.client.to_string();
        let mut pairs = vec![
            ("client_id", client.as_str()),
            ("redirect_uri", REDIRECT_URI),
            ("response_type", "code"),
            ("scope", "openid email"),
            ("state", "s t&"),
            ("nonce", "n"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        pairs.retain(|(name, _)| !extra.iter().any(|(other, _)| other == name));
        pairs.extend_from_slice(extra);
        form(&pairs)
    }

    fn cookie(&self) -> (&'static str, String) {
        ("Cookie", format!("__Host-causeway-us-session={}", self.session))
    }

    /// Asks for a code in the browser that is signed in.
    async fn authorize(&self, extra: &[(&str, &str)]) -> Answer {
        let uri = format!("/oauth2/authorize?{}", self.query(extra));
        send(&self.context, TestRequest::get().uri(&uri).insert_header(self.cookie())).await
    }

    /// Asks for a code in a browser that nobody is signed in with.
    async fn authorize_unknown(&self, extra: &[(&str, &str)]) -> Answer {
        let uri = format!("/oauth2/authorize?{}", self.query(extra));
        send(&self.context, TestRequest::get().uri(&uri)).await
    }

    async fn code(&self) -> String {
        parameter(&self.authorize(&[]).await, "code").unwrap()
    }

    async fn post_token(&self, pairs: &[(&str, &str)]) -> Answer {
        let client = self.client.to_string();
        let credentials = [("client_id", client.as_str()), ("client_secret", self.secret.as_str())];
        post(&self.context, "/oauth2/token", &[&credentials, pairs].concat()).await
    }

    async fn redeem(&self, code: &str) -> Answer {
        let grant = ("grant_type", "authorization_code");
        let pairs = [grant, ("code", code), ("redirect_uri", REDIRECT_URI), ("code_verifier", VERIFIER)];
        self.post_token(&pairs).await
    }

    async fn refresh(&self, token: &str) -> Answer {
        self.post_token(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    async fn tokens(&self) -> serde_json::Value {
        self.redeem(&self.code().await).await.json()
    }

    async fn userinfo(&self, access_token: &str) -> Answer {
        let header = ("Authorization", format!("Bearer {access_token}"));
        send(&self.context, TestRequest::get().uri("/oauth2/userinfo").insert_header(header)).await
    }

    async fn end_session(&self, pairs: &[(&str, &str)]) -> Answer {
        let uri = format!("/oauth2/end-session?{}", form(pairs));
        send(&self.context, TestRequest::get().uri(&uri).insert_header(self.cookie())).await
    }

    async fn is_signed_in(&self) -> bool {
        parameter(&self.authorize(&[("prompt", "none")]).await, "code").is_some()
    }
}

async fn post(context: &Context, path: &str, pairs: &[(&str, &str)]) -> Answer {
    let content_type = ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
    send(context, TestRequest::post().uri(path).insert_header(content_type).set_payload(form(pairs))).await
}

fn location(answer: &Answer) -> Option<Url> {
    let base: Url = ISSUER.parse().unwrap();
    answer.header("location").map(|location| base.join(&location).unwrap())
}

fn parameter(answer: &Answer, name: &str) -> Option<String> {
    let location = location(answer)?;
    location.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

fn is_page_without_redirect(answer: &Answer) -> bool {
    answer.status == 400
        && answer.header("location").is_none()
        && answer.header("content-type").unwrap().starts_with("text/html")
}

#[actix_web::test]
async fn oidcc_server() {
    for stage in stages().await {
        let answer = stage.authorize(&[]).await;
        assert_eq!(answer.status, 303);
        assert!(location(&answer).unwrap().as_str().starts_with(&format!("{REDIRECT_URI}?")));
        assert_eq!(parameter(&answer, "state").as_deref(), Some("s t&"));
        assert_eq!(parameter(&answer, "iss").as_deref(), Some(ISSUER));
        assert!(answer.header("access-control-allow-origin").is_none());

        let answer = stage.redeem(&parameter(&answer, "code").unwrap()).await;
        assert_eq!((answer.status.as_u16(), answer.header("cache-control").as_deref()), (200, Some("no-store")));
        let tokens = answer.json();
        assert_eq!((&tokens["token_type"], &tokens["scope"]), (&"Bearer".into(), &"openid email".into()));
        assert!(tokens["expires_in"].as_i64().unwrap() > 0 && tokens["refresh_token"].is_string());

        let said = stage.userinfo(tokens["access_token"].as_str().unwrap()).await.json();
        assert_eq!(said["sub"], stage.world.ada.to_string());
        assert_eq!((&said["email"], &said["org_name"]), (&"ada@acme.test".into(), &"Acme".into()));
        assert!(said.get("name").is_none());
    }
}

#[actix_web::test]
async fn oidcc_server_client_secret_basic_and_a_wrong_secret() {
    for stage in stages().await {
        let header = |secret: &str| {
            use base64::Engine as _;
            let pair = format!("{}:{secret}", stage.client);
            ("Authorization", format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair)))
        };
        let ask = async |secret: &str, code: &str| {
            let body = form(&[
                ("grant_type", "authorization_code"),
                ("code", code),
                ("redirect_uri", REDIRECT_URI),
                ("code_verifier", VERIFIER),
            ]);
            let request = TestRequest::post().uri("/oauth2/token").insert_header(header(secret)).set_payload(body);
            send(&stage.context, request.insert_header(("Content-Type", "application/x-www-form-urlencoded"))).await
        };
        let code = stage.code().await;
        for wrong in [&stage.secret[..stage.secret.len() - 1], &stage.secret.to_uppercase(), "x"] {
            let refused = ask(wrong, &code).await;
            assert_eq!((refused.status.as_u16(), &refused.json()["error"]), (401, &"invalid_client".into()));
            assert!(refused.header("www-authenticate").unwrap().starts_with("Basic"));
        }
        assert_eq!(ask(&stage.secret, &code).await.status, 200, "a wrong secret does not burn the code");
    }
}

#[actix_web::test]
async fn oidcc_userinfo_get_post_header_and_post_body() {
    for stage in stages().await {
        let tokens = stage.tokens().await;
        let token = tokens["access_token"].as_str().unwrap();
        assert_eq!(stage.userinfo(token).await.status, 200);
        let header = ("Authorization", format!("Bearer {token}"));
        let by_header = send(&stage.context, TestRequest::post().uri("/oauth2/userinfo").insert_header(header)).await;
        assert_eq!(by_header.status, 200);
        assert_eq!(post(&stage.context, "/oauth2/userinfo", &[("access_token", token)]).await.status, 200);
    }
}

#[actix_web::test]
async fn userinfo_without_a_good_token_is_401() {
    for stage in stages().await {
        let none = send(&stage.context, TestRequest::get().uri("/oauth2/userinfo")).await;
        assert_eq!(
            (none.status.as_u16(), none.header("www-authenticate").unwrap()),
            (401, "Bearer realm=\"causeway\"".to_owned())
        );
        let tokens = stage.tokens().await;
        let (access, id) = (tokens["access_token"].as_str().unwrap(), tokens["id_token"].as_str().unwrap());
        for bad in ["x", id, &access[..access.len() - 1], tokens["refresh_token"].as_str().unwrap()] {
            let answer = stage.userinfo(bad).await;
            assert_eq!(answer.status, 401, "{bad}");
            assert!(answer.header("www-authenticate").unwrap().contains("error=\"invalid_token\""));
        }
        let in_query = format!("/oauth2/userinfo?access_token={access}");
        assert_eq!(send(&stage.context, TestRequest::get().uri(&in_query)).await.status, 401);
        stage.world.advance(601);
        assert_eq!(stage.userinfo(access).await.status, 401);
    }
}

#[actix_web::test]
async fn oidcc_prompt_none_not_logged_in_and_logged_in() {
    for stage in stages().await {
        let refused = stage.authorize_unknown(&[("prompt", "none")]).await;
        assert_eq!(parameter(&refused, "error").as_deref(), Some("login_required"));
        assert_eq!(parameter(&refused, "state").as_deref(), Some("s t&"));
        assert_eq!(parameter(&refused, "iss").as_deref(), Some(ISSUER));
        assert!(parameter(&refused, "code").is_none());
        assert!(stage.is_signed_in().await);
    }
}

#[actix_web::test]
async fn oidcc_prompt_login_and_max_age_lead_to_the_sign_in_pages() {
    for stage in stages().await {
        stage.world.advance(10);
        for extra in [("prompt", "login"), ("max_age", "1"), ("prompt", "select_account")] {
            let answer = stage.authorize(&[extra]).await;
            assert!(answer.header("location").unwrap().starts_with("/sign-in/"), "{extra:?}");
        }
        assert!(parameter(&stage.authorize(&[("max_age", "10000")]).await, "code").is_some());
    }
}

#[actix_web::test]
async fn somebody_unknown_is_led_to_the_sign_in_pages_and_the_browser_is_bound() {
    for stage in stages().await {
        let answer = stage.authorize_unknown(&[]).await;
        assert_eq!(answer.status, 303);
        assert!(answer.header("location").unwrap().starts_with("/sign-in/"));
        let cookie = answer.header("set-cookie").unwrap();
        assert!(
            cookie.starts_with("__Host-causeway-us-attempt=") && cookie.contains("SameSite=Lax; Secure"),
            "{cookie}"
        );
        let uri = format!("/oauth2/authorize?{}", stage.query(&[]));
        let pair = cookie.split(';').next().unwrap().to_owned();
        let second = send(&stage.context, TestRequest::get().uri(&uri).insert_header(("Cookie", pair.clone()))).await;
        assert!(second.header("set-cookie").unwrap().starts_with(&pair), "a second tab keeps the first one's binding");
    }
}

#[actix_web::test]
async fn oidcc_ensure_registered_redirect_uri() {
    for stage in stages().await {
        for bad in ["https://evil.test/", &format!("{REDIRECT_URI}/"), &format!("{REDIRECT_URI}?x=1"), ""] {
            assert!(is_page_without_redirect(&stage.authorize(&[("redirect_uri", bad)]).await), "{bad}");
        }
        let unknown = stage.world.organization.to_string();
        for bad in [unknown.as_str(), "x", ""] {
            assert!(is_page_without_redirect(&stage.authorize(&[("client_id", bad)]).await), "{bad}");
        }
        let twice = format!("/oauth2/authorize?{}&redirect_uri={REDIRECT_URI}", stage.query(&[]));
        assert!(is_page_without_redirect(&send(&stage.context, TestRequest::get().uri(&twice)).await));
    }
}

#[actix_web::test]
async fn errors_behind_a_good_redirect_uri_go_to_the_application() {
    for stage in stages().await {
        for (extra, error) in [
            (("response_type", ""), "invalid_request"),
            (("response_type", "token"), "unsupported_response_type"),
            (("scope", "email"), "invalid_scope"),
            (("code_challenge", ""), "invalid_request"),
            (("code_challenge_method", "plain"), "invalid_request"),
            (("request", "e30."), "request_not_supported"),
            (("request_uri", "http://127.0.0.1:1/"), "request_uri_not_supported"),
        ] {
            let answer = stage.authorize(&[extra]).await;
            assert_eq!(answer.status, 303);
            assert!(location(&answer).unwrap().as_str().starts_with(REDIRECT_URI));
            assert_eq!(parameter(&answer, "error").as_deref(), Some(error), "{extra:?}");
            assert_eq!(parameter(&answer, "iss").as_deref(), Some(ISSUER));
            assert!(parameter(&answer, "code").is_none());
        }
    }
}

#[actix_web::test]
async fn oidcc_ensure_post_request_succeeds() {
    for stage in stages().await {
        let body = stage.query(&[]);
        let request = TestRequest::post().uri("/oauth2/authorize").set_payload(body);
        let header = ("Content-Type", "application/x-www-form-urlencoded");
        let answer = send(&stage.context, request.insert_header(header)).await;
        assert_eq!(answer.status, 303);
        let uri = answer.header("location").unwrap();
        let answer = send(&stage.context, TestRequest::get().uri(&uri).insert_header(stage.cookie())).await;
        assert!(parameter(&answer, "code").is_some());
    }
}

#[actix_web::test]
async fn oidcc_codereuse() {
    for stage in stages().await {
        let code = stage.code().await;
        let first = stage.redeem(&code).await.json();
        let again = stage.redeem(&code).await;
        assert_eq!((again.status.as_u16(), &again.json()["error"]), (400, &"invalid_grant".into()));
        assert_eq!(stage.userinfo(first["access_token"].as_str().unwrap()).await.status, 401);
    }
}

#[actix_web::test]
async fn a_code_needs_its_verifier_even_when_none_is_sent() {
    for stage in stages().await {
        let without = async |verifier: Option<&str>| {
            let code = stage.code().await;
            let mut pairs =
                vec![("grant_type", "authorization_code"), ("code", code.as_str()), ("redirect_uri", REDIRECT_URI)];
            pairs.extend(verifier.map(|verifier| ("code_verifier", verifier)));
            stage.post_token(&pairs).await
        };
        let other = "v".repeat(43);
        for verifier in [None, Some(""), Some(CHALLENGE), Some(other.as_str())] {
            let answer = without(verifier).await;
            assert_eq!(answer.status, 400, "{verifier:?}");
            assert!(answer.json().get("access_token").is_none());
        }
    }
}

#[actix_web::test]
async fn oidcc_refresh_token() {
    for stage in stages().await {
        let first = stage.tokens().await;
        let second = stage.refresh(first["refresh_token"].as_str().unwrap()).await;
        assert_eq!((second.status.as_u16(), second.header("cache-control").as_deref()), (200, Some("no-store")));
        let second = second.json();
        assert_ne!(first["refresh_token"], second["refresh_token"]);
        assert_eq!(stage.userinfo(second["access_token"].as_str().unwrap()).await.status, 200);
        let reused = stage.refresh(first["refresh_token"].as_str().unwrap()).await;
        assert_eq!((reused.status.as_u16(), &reused.json()["error"]), (400, &"invalid_grant".into()));
        assert_eq!(stage.userinfo(second["access_token"].as_str().unwrap()).await.status, 401);
    }
}

#[actix_web::test]
async fn malformed_token_requests_are_400_in_json() {
    for stage in stages().await {
        for pairs in [
            vec![],
            vec![("grant_type", "password"), ("username", "a"), ("password", "b")],
            vec![("grant_type", "refresh_token")],
            vec![("grant_type", "refresh_token"), ("refresh_token", "a"), ("refresh_token", "b")],
        ] {
            let answer = stage.post_token(&pairs).await;
            assert_eq!(answer.status, 400, "{pairs:?}");
            assert!(answer.json()["error"].is_string());
        }
        let request = || TestRequest::post().uri("/oauth2/token");
        let form_type = ("Content-Type", "application/x-www-form-urlencoded");
        for bad in [
            request().set_payload("grant_type=x"),
            request().insert_header(("Content-Type", "application/json")).set_payload("{}"),
            request().insert_header(form_type).set_payload(vec![0xff, 0xfe]),
            request().insert_header(form_type).set_payload("a".repeat(stage.context.config.limits.form_bytes + 1)),
            request().insert_header(form_type).set_payload("code=%00"),
        ] {
            let answer = send(&stage.context, bad).await;
            assert_eq!((answer.status.as_u16(), &answer.json()["error"]), (400, &"invalid_request".into()));
        }
        assert_eq!(send(&stage.context, TestRequest::get().uri("/oauth2/token")).await.status, 405);
    }
}

#[actix_web::test]
async fn deactivation_ends_session_refresh_and_userinfo() {
    for stage in stages().await {
        let tokens = stage.tokens().await;
        let (op, organization, ada) = (stage.world.operator(), stage.world.organization, stage.world.ada);
        stage.world.store().write(move |tx| accounts::deactivate(tx, &op, organization, ada)).await.unwrap();
        assert!(!stage.is_signed_in().await);
        assert_eq!(stage.userinfo(tokens["access_token"].as_str().unwrap()).await.status, 401);
        let refresh = stage.refresh(tokens["refresh_token"].as_str().unwrap()).await;
        assert_eq!((refresh.status.as_u16(), &refresh.json()["error"]), (400, &"invalid_grant".into()));
    }
}

#[actix_web::test]
async fn a_revoked_token_opens_nothing_and_unknown_tokens_are_answered_alike() {
    for stage in stages().await {
        let client = stage.client.to_string();
        let revoke = async |secret: &str, token: &str| {
            let pairs = [("client_id", client.as_str()), ("client_secret", secret), ("token", token)];
            post(&stage.context, "/oauth2/revoke", &pairs).await
        };
        for kind in ["refresh_token", "access_token"] {
            let tokens = stage.tokens().await;
            let token = tokens[kind].as_str().unwrap();
            assert_eq!(revoke("wrong", token).await.status, 401);
            assert_eq!(stage.userinfo(tokens["access_token"].as_str().unwrap()).await.status, 200);
            assert_eq!(revoke(&stage.secret, token).await.status, 200, "{kind}");
            assert_eq!(stage.userinfo(tokens["access_token"].as_str().unwrap()).await.status, 401);
            assert_eq!(stage.refresh(tokens["refresh_token"].as_str().unwrap()).await.status, 400);
        }
        assert_eq!(revoke(&stage.secret, "cw_refresh_unknown").await.status, 200);
    }
}

#[actix_web::test]
async fn oidcc_discovery_endpoint_verification_and_jwks() {
    for stage in stages().await {
        let metadata = send(&stage.context, TestRequest::get().uri("/.well-known/openid-configuration")).await;
        assert_eq!(metadata.header("content-type").as_deref(), Some("application/json"));
        assert_eq!(metadata.json()["issuer"], ISSUER);
        let jwks: Url = metadata.json()["jwks_uri"].as_str().unwrap().parse().unwrap();
        let keys = send(&stage.context, TestRequest::get().uri(jwks.path())).await.json();
        let keys = keys["keys"].as_array().unwrap().clone();
        let mut kids: Vec<&str> = keys.iter().map(|key| key["kid"].as_str().unwrap()).collect();
        kids.sort_unstable();
        kids.dedup();
        assert_eq!(kids.len(), 8, "an active and a next key for each algorithm");
        let id_token = stage.tokens().await["id_token"].as_str().unwrap().to_owned();
        let header: serde_json::Value = {
            use base64::Engine as _;
            let text = id_token.split('.').next().unwrap();
            serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
        };
        assert_eq!(header["alg"], "RS256");
        assert!(kids.contains(&header["kid"].as_str().unwrap()));
    }
}

#[actix_web::test]
async fn oidcc_rp_initiated_logout() {
    for stage in stages().await {
        let id_token = stage.tokens().await["id_token"].as_str().unwrap().to_owned();
        let pairs = [("id_token_hint", id_token.as_str()), ("post_logout_redirect_uri", AFTER_LOGOUT), ("state", "z")];
        let answer = stage.end_session(&pairs).await;
        assert_eq!(answer.header("location").as_deref(), Some("https://app.example/bye?x=1&state=z"));
        assert!(answer.header("set-cookie").unwrap().contains("Max-Age=0"));
        assert!(!stage.is_signed_in().await);
    }
}

#[actix_web::test]
async fn oidcc_rp_initiated_logout_without_proof_asks_and_never_redirects() {
    for stage in stages().await {
        let id_token = stage.tokens().await["id_token"].as_str().unwrap().to_owned();
        let (head, signature) = id_token.rsplit_once('.').unwrap();
        let unsigned = format!("{head}.");
        let forged = format!("{head}.{}", signature.chars().rev().collect::<String>());
        let uri = ("post_logout_redirect_uri", AFTER_LOGOUT);
        for pairs in [
            vec![],
            vec![("state", "z")],
            vec![uri],
            vec![uri, ("id_token_hint", unsigned.as_str())],
            vec![uri, ("id_token_hint", forged.as_str())],
        ] {
            let answer = stage.end_session(&pairs).await;
            assert_eq!((answer.status.as_u16(), answer.header("location")), (200, None), "{pairs:?}");
            assert!(answer.text().contains("/sign-out"), "{pairs:?}");
        }
        assert!(stage.is_signed_in().await, "an unproved request ends nothing");
        for bad in ["https://evil.test/", "https://app.example/bye", "https://app.example/bye?x=1&y=2"] {
            let pairs = [("id_token_hint", id_token.as_str()), ("post_logout_redirect_uri", bad)];
            assert_eq!(stage.end_session(&pairs).await.header("location"), None, "{bad}");
        }
    }
}

#[actix_web::test]
async fn oidcc_rp_initiated_logout_of_another_client_leads_nowhere() {
    for stage in stages().await {
        let id_token = stage.tokens().await["id_token"].as_str().unwrap().to_owned();
        let (own, other) = (stage.client.to_string(), stage.world.application.to_string());
        let hinted = [("id_token_hint", id_token.as_str()), ("post_logout_redirect_uri", AFTER_LOGOUT)];
        let foreign = stage.end_session(&[&hinted[..], &[("client_id", &other)]].concat()).await;
        assert_eq!(foreign.header("location"), None, "{}", stage.world.engine());
        let led = stage.end_session(&[&hinted[..], &[("client_id", &own)]].concat()).await;
        assert_eq!(led.header("location").as_deref(), Some(AFTER_LOGOUT), "{}", stage.world.engine());
    }
}

#[actix_web::test]
async fn whoever_goes_from_one_application_to_another_stays_signed_in() {
    for stage in stages().await {
        let idle = stage.context.session_limits().idle_seconds;
        for seconds in [idle - 60, 120] {
            stage.world.advance(seconds);
            assert!(stage.is_signed_in().await, "{}", stage.world.engine());
        }
        stage.world.advance(idle);
        assert!(!stage.is_signed_in().await, "{}", stage.world.engine());
    }
}

/// How the token endpoint answers the same request twice.
async fn twice(context: &Context, pairs: &[(&str, &str)]) -> [u16; 2] {
    let first = post(context, "/oauth2/token", pairs).await.status.as_u16();
    [first, post(context, "/oauth2/token", pairs).await.status.as_u16()]
}

#[actix_web::test]
async fn a_network_and_a_scim_client_ask_for_so_many_tokens_and_then_have_to_wait() {
    for mut stage in stages().await {
        let (op, organization) = (stage.world.operator(), stage.world.organization);
        let made = stage.world.store().write(move |tx| {
            let quota = Quota::default();
            let client = clients::create(tx, &op, organization, "directory", Profile::Standard, &quota)?;
            let new =
                NewCredential { kind: CredentialKind::ClientSecret, scope: ScimScope::Write, ttl_seconds: 60_000 };
            let secret = credentials::create(tx, &op, organization, client.id, &new, &quota)?.1.unwrap();
            Ok::<_, ScimClientError>((client.id.to_string(), secret.expose().to_owned()))
        });
        let (id, secret) = made.await.unwrap();
        let limits = Limits { scim_burst: 1, scim_requests_per_second: 1, ..stage.context.config.limits.clone() };
        stage.context.throttles.scim = Arc::new(Admission::new(&limits));
        let pairs =
            [("grant_type", "client_credentials"), ("client_id", id.as_str()), ("client_secret", secret.as_str())];
        assert_eq!(twice(&stage.context, &pairs).await, [200, 429], "of the client's rate");
        stage.context.throttles.scim = Arc::new(Admission::new(&stage.context.config.limits));
        stage.context.throttles.token = Throttle::new(Rate::per_minute(1));
        assert_eq!(twice(&stage.context, &pairs).await, [200, 429], "of the network's");
    }
}

#[actix_web::test]
async fn oidcc_id_token_hint_is_kept_as_the_person_it_names_for_the_time_of_a_sign_in() {
    for world in world().await {
        let stage = stage(world).await;
        let id_token = stage.tokens().await["id_token"].as_str().unwrap().to_owned();
        let forged = format!("{id_token}x");
        for (hint, named) in [(&id_token, Some(stage.world.ada)), (&forged, None)] {
            let answer = stage.authorize_unknown(&[("id_token_hint", hint)]).await;
            let location = answer.header("location").unwrap();
            let id = location.strip_prefix("/sign-in/").unwrap().parse().unwrap();
            let attempt = stage.world.store().read(move |tx| attempts::find(tx, id)).await.unwrap().unwrap();
            assert_eq!((attempt.request.hinted_account, attempt.request.id_token_hint), (named, None));
        }
    }
}
