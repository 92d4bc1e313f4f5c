use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use actix_web::web::{self, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use super::{BeginError, FinishError, SignInByOidc};
use crate::access::attempts::Attempt;
use crate::access::attempts::refusal::Refusal;
use crate::access::attempts::state::State;
use crate::access::identity::Outcome;
use crate::access::testing::{World, world};
use crate::directory::connections;
use crate::keys::sealing::Sealer;
use crate::outbound::address::Reach;
use crate::outbound::http_client::{HttpClient, Settings};
use crate::outbound::idp::IdpClient;
use crate::protocol::oidc::pkce::{CodeChallenge, CodeVerifier};
use crate::protocol::oidc::relying_party::dishonest::{KEYS, OTHER_KEYS, document, metadata};
use crate::values::secret::Secret;

/// What the provider does, which a test changes to make it dishonest.
struct Script {
    /// The public keys it shows.
    jwks: Vec<Value>,
    /// The claims it signs; a test fills `nonce` in.
    claims: Value,
    userinfo: Value,
    /// What it was asked to redeem.
    redeemed: Option<HashMap<String, String>>,
    signs_with_other_keys: bool,
}

struct Provider {
    issuer: String,
    script: Arc<Mutex<Script>>,
}

async fn answer(request: HttpRequest, body: String, script: Data<Mutex<Script>>) -> HttpResponse {
    let base = format!("http://{}", request.connection_info().host());
    let mut script = script.lock().unwrap();
    match request.path() {
        "/.well-known/openid-configuration" => {
            let mut metadata = metadata(&base);
            metadata["userinfo_endpoint"] = format!("{base}/userinfo").into();
            metadata["authorization_response_iss_parameter_supported"] = true.into();
            metadata["claims_parameter_supported"] = true.into();
            HttpResponse::Ok().json(metadata)
        }
        "/jwks" => HttpResponse::Ok().body(document(&script.jwks)),
        "/token" => {
            script.redeemed = Some(form_urlencoded::parse(body.as_bytes()).into_owned().collect());
            let keys = if script.signs_with_other_keys { &*OTHER_KEYS } else { &*KEYS };
            let id_token = keys.sign(&json!({ "alg": "ES256", "kid": "k1" }), &script.claims);
            HttpResponse::Ok().json(json!({ "access_token": "at", "token_type": "Bearer", "id_token": id_token }))
        }
        "/userinfo" => HttpResponse::Ok().json(&script.userinfo),
        _ => HttpResponse::NotFound().finish(),
    }
}

fn provider(world: &World) -> Provider {
    let script = Script {
        jwks: vec![KEYS.ec_jwk("k1")],
        claims: json!({}),
        userinfo: json!({ "sub": "u1", "email": "ada@acme.test", "email_verified": true }),
        redeemed: None,
        signs_with_other_keys: false,
    };
    let script = Arc::new(Mutex::new(script));
    let data: Data<Mutex<Script>> = Data::from(Arc::clone(&script));
    let server = HttpServer::new(move || App::new().app_data(data.clone()).default_service(web::to(answer)))
        .workers(1)
        .bind(("127.0.0.1", 0))
        .unwrap();
    let issuer = format!("http://127.0.0.1:{}", server.addrs()[0].port());
    actix_web::rt::spawn(server.run());
    let now = world.op().at.seconds();
    script.lock().unwrap().claims = json!({
        "iss": issuer, "sub": "u1", "aud": "causeway", "iat": now, "exp": now + 300, "auth_time": now - 10,
        "amr": ["pwd", "mfa"],
    });
    Provider { issuer, script }
}

fn flow(world: &World) -> SignInByOidc {
    let settings = Settings { reach: Reach::PublicAndLoopback, ..Settings::default() };
    SignInByOidc {
        store: world.store().clone(),
        idp: IdpClient::new(HttpClient::new(settings).unwrap()),
        sealer: Sealer::new(&[Secret::from("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".to_owned())]).unwrap(),
        public_url: Url::parse("https://id.example/").unwrap(),
        clock_skew_seconds: 60,
    }
}

fn browser() -> Secret {
    Secret::from("browser".to_owned())
}

/// A sign-in whose browser has just left for the provider.
struct Journey {
    world: World,
    provider: Provider,
    flow: SignInByOidc,
    attempt: Attempt,
    /// The parameters of the authorization request.
    asked: HashMap<String, String>,
}

impl Journey {
    async fn begin(world: World) -> Self {
        let (provider, flow) = (provider(&world), flow(&world));
        world.connect_to(&provider.issuer).await;
        let attempt = world.start_attempt(&browser()).await;
        let id = world.connection;
        let connection = world.store().read(move |tx| connections::find(tx, id)).await.unwrap().unwrap();
        let address = "ada@acme.test".parse().unwrap();
        let url = flow.begin(&world.op(), &attempt, &connection, &address).await.unwrap();
        assert!(url.as_str().starts_with(&format!("{}/authorize?", provider.issuer)));
        let asked: HashMap<String, String> = url.query_pairs().into_owned().collect();
        provider.script.lock().unwrap().claims["nonce"] = json!(asked["nonce"]);
        Self { world, provider, flow, attempt, asked }
    }

    fn dishonest(self, change: impl FnOnce(&mut Script)) -> Self {
        change(&mut self.provider.script.lock().unwrap());
        self
    }

    /// The query of an honest answer.
    fn query(&self) -> String {
        let (state, issuer) = (&self.asked["state"], &self.provider.issuer);
        form_urlencoded::Serializer::new(String::new())
            .append_pair("code", "c0de")
            .append_pair("state", state)
            .append_pair("iss", issuer)
            .finish()
    }

    async fn finish(&self, query: &str) -> Result<Outcome, FinishError> {
        self.flow.finish(&self.world.op(), self.world.connection, &browser(), query).await
    }

    /// The code of the refusal that an honest answer's query meets.
    async fn refusal(&self) -> Option<Refusal> {
        self.finish(&self.query()).await.unwrap().refusal
    }
}

#[actix_web::test]
async fn a_person_is_identified_with_a_code_that_only_this_gateway_can_redeem() {
    for world in world().await {
        let journey = Journey::begin(world).await;
        let asked = &journey.asked;
        assert_eq!((asked["response_type"].as_str(), asked["code_challenge_method"].as_str()), ("code", "S256"));
        assert_eq!(asked["login_hint"], "ada@acme.test");
        let callback = format!("https://id.example/federation/oidc/{}/callback", journey.world.connection);
        assert_eq!(asked["redirect_uri"], callback);
        let outcome = journey.finish(&journey.query()).await.unwrap();
        assert_eq!((outcome.attempt, outcome.refusal), (journey.attempt.id, None));
        let redeemed = journey.provider.script.lock().unwrap().redeemed.clone().unwrap();
        assert_eq!((redeemed["code"].as_str(), redeemed["redirect_uri"].as_str()), ("c0de", callback.as_str()));
        let verifier = CodeVerifier::parse(&redeemed["code_verifier"]).unwrap();
        assert!(CodeChallenge::parse(&asked["code_challenge"]).unwrap().is_met_by(&verifier));
        let State::Identified(who) = journey.world.state_of(journey.attempt.id).await else { panic!("not identified") };
        assert_eq!((who.account, who.amr), (journey.world.ada, vec!["pwd".to_owned(), "mfa".to_owned()]));
        assert_eq!(who.auth_time, Some(journey.world.op().at.plus_seconds(-10)));
        assert_eq!(asked["claims"], r#"{"id_token":{"auth_time":null}}"#);
    }
}

#[actix_web::test]
async fn whoever_reads_the_database_learns_neither_the_verifier_nor_the_nonce() {
    for world in world().await {
        let journey = Journey::begin(world).await;
        let State::Sent(sent) = journey.world.state_of(journey.attempt.id).await else { panic!("not sent") };
        let kept = serde_json::to_string(&sent.upstream).unwrap();
        journey.finish(&journey.query()).await.unwrap();
        let redeemed = journey.provider.script.lock().unwrap().redeemed.clone().unwrap();
        assert!(!kept.contains(&redeemed["code_verifier"]) && !kept.contains(&journey.asked["nonce"]), "{kept}");
    }
}

#[actix_web::test]
async fn a_provider_that_does_not_say_when_leaves_it_unknown() {
    for world in world().await {
        let journey = Journey::begin(world).await.dishonest(|script| script.claims["auth_time"] = Value::Null);
        assert_eq!(journey.refusal().await, None);
        let State::Identified(who) = journey.world.state_of(journey.attempt.id).await else { panic!("not identified") };
        assert_eq!(who.auth_time, None, "{}", journey.world.engine());
    }
}

#[actix_web::test]
async fn each_lie_of_a_provider_is_refused_with_the_check_that_caught_it() {
    type Lie = fn(&mut Script);
    let unverified = |check: &str| Refusal::Unverified { check: check.to_owned() };
    let lies: [(&str, Lie, Refusal); 8] = [
        (
            "issuer",
            |s| s.claims["iss"] = json!("https://other.test"),
            unverified("the id token comes from another issuer"),
        ),
        ("audience", |s| s.claims["aud"] = json!("other"), unverified("the id token is for another client")),
        ("nonce", |s| s.claims["nonce"] = json!("other"), unverified("the id token's nonce is not ours")),
        ("expired", |s| s.claims["exp"] = json!(1), unverified("the id token has expired")),
        ("signature", |s| s.signs_with_other_keys = true, unverified("the id token's signature does not hold")),
        (
            "userinfo of another",
            |s| s.userinfo["sub"] = json!("u2"),
            unverified("the userinfo answer is about somebody else"),
        ),
        ("unverified address", |s| s.userinfo["email_verified"] = json!(false), Refusal::NoVerifiedAddress),
        ("foreign address", |s| s.userinfo["email"] = json!("ada@other.test"), Refusal::ForeignAddress),
    ];
    for (lie, change, refusal) in lies {
        for world in world().await {
            let journey = Journey::begin(world).await.dishonest(change);
            assert_eq!(journey.refusal().await.as_ref(), Some(&refusal), "{lie}");
            assert_eq!(journey.world.entries("sign_in.refused").await.len(), 1, "{lie}");
            assert!(journey.world.entries("identity.linked").await.is_empty(), "{lie}");
        }
    }
}

#[actix_web::test]
async fn keys_that_were_rolled_over_are_fetched_once_more() {
    for world in world().await {
        let journey = Journey::begin(world).await.dishonest(|script| script.jwks = vec![]);
        let jwks = Url::parse(&format!("{}/jwks", journey.provider.issuer)).unwrap();
        journey.flow.idp.keys(&jwks).await.unwrap();
        let journey = journey.dishonest(|script| script.jwks = vec![KEYS.ec_jwk("k1")]);
        assert_eq!(journey.refusal().await, None);
    }
}

// RFC 9207: a provider that promises `iss` and leaves it out, or another provider's answer.
#[actix_web::test]
async fn an_answer_of_another_issuer_is_refused_before_its_code_is_redeemed() {
    for query in ["code=c&state={}", "code=c&state={}&iss=https%3A%2F%2Fother.test"] {
        for world in world().await {
            let journey = Journey::begin(world).await;
            let outcome = journey.finish(&query.replace("{}", &journey.asked["state"])).await.unwrap();
            let check = "the response comes from another issuer".to_owned();
            assert_eq!(outcome.refusal, Some(Refusal::Unverified { check }));
            assert!(journey.provider.script.lock().unwrap().redeemed.is_none());
        }
    }
}

#[actix_web::test]
async fn a_provider_that_declines_is_not_asked_for_tokens() {
    for world in world().await {
        let journey = Journey::begin(world).await;
        let query = journey.query().replace("code=c0de", "error=access_denied");
        let outcome = journey.finish(&query).await.unwrap();
        assert_eq!(outcome.refusal, Some(Refusal::Declined { code: "access_denied".to_owned() }));
        assert!(journey.provider.script.lock().unwrap().redeemed.is_none());
    }
}

// dex CVE-2022-39222, CVE-2025-46815
#[actix_web::test]
async fn an_answer_is_of_use_once_and_only_in_the_browser_and_at_the_connection_it_is_for() {
    for world in world().await {
        let journey = Journey::begin(world).await;
        let (op, query) = (journey.world.op(), journey.query());
        let other = Secret::from("another browser".to_owned());
        let swapped = journey.flow.finish(&op, journey.world.connection, &other, &query).await;
        assert!(matches!(swapped, Err(FinishError::NotExpected)));
        let misdirected = journey.flow.finish(&op, journey.world.other_connection, &browser(), &query).await;
        assert!(matches!(misdirected, Err(FinishError::NotExpected)));
        assert!(journey.provider.script.lock().unwrap().redeemed.is_none());
        assert_eq!(journey.refusal().await, None);
        assert!(matches!(journey.finish(&query).await, Err(FinishError::NotExpected)));
    }
}

#[actix_web::test]
async fn what_is_not_an_answer_is_malformed_and_leaves_the_attempt_waiting() {
    for world in world().await {
        let journey = Journey::begin(world).await;
        for query in ["", "state=x", "code=c", "code=a&code=b&state=x", "code=c&error=e&state=x", "%ff=1"] {
            assert!(matches!(journey.finish(query).await, Err(FinishError::Malformed)), "{query}");
        }
        assert_eq!(journey.refusal().await, None);
    }
}

#[actix_web::test]
async fn a_provider_without_usable_metadata_stops_the_person_before_they_leave() {
    for world in world().await {
        world.connect_to("http://127.0.0.1:1").await;
        let attempt = world.start_attempt(&browser()).await;
        let id = world.connection;
        let connection = world.store().read(move |tx| connections::find(tx, id)).await.unwrap().unwrap();
        let address = "ada@acme.test".parse().unwrap();
        let left = flow(&world).begin(&world.op(), &attempt, &connection, &address).await;
        assert!(matches!(left, Err(BeginError::Provider(_))));
        assert_eq!(world.state_of(attempt.id).await, State::Started);
    }
}

#[actix_web::test]
async fn an_answer_counts_only_if_the_connection_still_is_to_the_provider_that_was_asked() {
    for client_id in ["causeway", "another"] {
        for world in world().await {
            let journey = Journey::begin(world).await;
            let issuer =
                if client_id == "causeway" { "https://new.test".to_owned() } else { journey.provider.issuer.clone() };
            let settings = connections::Settings::Oidc { issuer, client_id: client_id.to_owned() };
            journey.world.put_settings(journey.world.connection, &settings).await;
            assert_eq!(journey.refusal().await, Some(Refusal::ConnectionChanged), "{client_id}");
            assert!(journey.provider.script.lock().unwrap().redeemed.is_none());
        }
    }
}
