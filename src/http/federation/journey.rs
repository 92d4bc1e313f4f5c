//! A brokered sign-in from the application and back to it, through every door, and what each step asks of the store.

use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use url::{Url, form_urlencoded};

use crate::access::testing::{LINKING, REDIRECT_URI, World, world};
use crate::directory::connection_policy;
use crate::directory::connections::saml_options::SamlOptions;
use crate::directory::connections::{self, NewConnection, Settings};
use crate::flows::testing::Provider;
use crate::http::context::Context;
use crate::http::testing::{Answer, context, send};
use crate::protocol::saml::idp_metadata::IdpMetadata;
use crate::protocol::saml::testing::{IDP, Place, id_of_request, response_to, signer};
use crate::store::failure::StoreError;
use crate::store::scratch::{Tally, Work};
use crate::values::ids::ConnectionId;
use crate::values::quota::Quota;

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A browser on its way from the application and back to it.
struct Journey {
    world: World,
    context: Context,
    tally: Tally,
    cookies: Vec<String>,
    /// What each step asked of the store.
    steps: Vec<(&'static str, Work)>,
}

fn form(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

fn post(path: &str, pairs: &[(&str, &str)]) -> TestRequest {
    TestRequest::post()
        .uri(path)
        .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
        .set_payload(form(pairs))
}

fn location(answer: &Answer) -> String {
    answer.header("location").unwrap_or_else(|| panic!("{}: {}", answer.status, answer.text()))
}

fn parameter(url: &str, name: &str) -> String {
    let url = Url::parse(url).unwrap();
    let mut found = url.query_pairs().filter(|(key, _)| key == name);
    found.next().unwrap_or_else(|| panic!("no {name} in {url}")).1.into_owned()
}

impl Journey {
    async fn new(world: World) -> Self {
        let mut context = context(&world, "https://id.example").await;
        let (store, tally) = world.store().counted();
        context.store = store;
        Self { world, context, tally, cookies: Vec::new(), steps: Vec::new() }
    }

    async fn step(&mut self, name: &'static str, request: TestRequest) -> Answer {
        self.tally.take();
        let answer = send(&self.context, request.insert_header(("Cookie", self.cookies.join("; ")))).await;
        self.steps.push((name, self.tally.take()));
        for line in answer.headers.get_all("set-cookie") {
            let (cookie, _) = line.to_str().unwrap().split_once(';').unwrap();
            let name = cookie.split_once('=').unwrap().0.to_owned();
            self.cookies.retain(|kept| !kept.starts_with(&format!("{name}=")));
            self.cookies.push(cookie.to_owned());
        }
        answer
    }

    /// From the application to the provider of this connection: the address there.
    async fn leave(&mut self, connection: ConnectionId) -> String {
        let client = self.world.application.to_string();
        let query = form(&[
            ("client_id", &client),
            ("redirect_uri", REDIRECT_URI),
            ("response_type", "code"),
            ("scope", "openid email"),
            ("state", "s"),
            ("nonce", "n"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ]);
        let asked = self.step("authorize", TestRequest::get().uri(&format!("/oauth2/authorize?{query}"))).await;
        let page = location(&asked);
        self.step("address page", TestRequest::get().uri(&page)).await;
        let offered = self.step("address", post(&format!("{page}/email"), &[("email", "ada@acme.test")])).await;
        assert_eq!(offered.status, StatusCode::OK, "several ways in: {}", offered.text());
        let choice = [("connection", connection.to_string())];
        let choice: Vec<(&str, &str)> = choice.iter().map(|(name, value)| (*name, value.as_str())).collect();
        location(&self.step("choice", post(&format!("{page}/connection"), &choice)).await)
    }

    /// From the answer of the provider to the application, which learns who it is.
    async fn arrive(&mut self, answered: &Answer) {
        let arrived = self.step("arrival", TestRequest::get().uri(&location(answered))).await;
        let (client, code) = (self.world.application.to_string(), parameter(&location(&arrived), "code"));
        let redeem = [
            ("grant_type", "authorization_code"),
            ("client_id", client.as_str()),
            ("code", &code),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", VERIFIER),
        ];
        self.cookies.clear();
        let tokens = self.step("token", post("/oauth2/token", &redeem)).await;
        assert_eq!(tokens.status, StatusCode::OK, "{}", tokens.text());
        let bearer = format!("Bearer {}", tokens.json()["access_token"].as_str().unwrap());
        let told = TestRequest::get().uri("/oauth2/userinfo").insert_header(("Authorization", bearer));
        let told = self.step("userinfo", told).await;
        assert_eq!((told.status, &told.json()["email"]), (StatusCode::OK, &json!("ada@acme.test")), "{}", told.text());
    }

    /// One write transaction for each step at most, and none for what only shows.
    fn has_written_sparingly(&self) {
        let writes: Vec<_> = self.steps.iter().map(|(name, work)| (*name, work.writes)).collect();
        let expected = [
            ("authorize", 1),
            ("address page", 0),
            ("address", 1),
            ("choice", 1),
            ("answer", 1),
            ("arrival", 1),
            ("token", 1),
            ("userinfo", 0),
        ];
        assert_eq!(writes, expected, "{}: {:#?}", self.world.engine(), self.steps);
    }
}

/// Acme's connection to a SAML provider whose responses [`signer`] signs.
pub async fn connect_saml(world: &World) -> ConnectionId {
    let (op, organization) = (world.operator(), world.organization);
    let write = world.store().write(move |tx| {
        let idp = IdpMetadata {
            entity_id: IDP.to_owned(),
            sso_redirect_url: "https://idp.test/sso".parse().unwrap(),
            sso_post_url: None,
            logout: None,
            certificates: vec![signer().certificate.clone()],
            valid_until: None,
            cache_seconds: None,
        };
        let settings = Settings::Saml { idp, options: SamlOptions::default() };
        let new = NewConnection { id: op.new_id(), name: "SAML".to_owned(), settings, sealed_secret: None };
        let id = connections::create(tx, &op, organization, &new, &Quota::default()).unwrap().id;
        connection_policy::set(tx, &op, organization, id, LINKING).unwrap();
        Ok::<_, StoreError>(id)
    });
    write.await.unwrap()
}

#[actix_web::test]
async fn each_step_of_a_sign_in_over_saml_is_one_write_transaction_at_most() {
    for world in world().await {
        let connection = connect_saml(&world).await;
        let mut journey = Journey::new(world).await;
        let there = journey.leave(connection).await;
        let id = id_of_request(&parameter(&there, "SAMLRequest"));
        let provider = &journey.context.outside.service_provider;
        let (entity_id, acs_url) = (provider.entity_id(connection), provider.acs_url(connection));
        let response = response_to(&entity_id, &acs_url, &id, journey.world.op().at);
        let response = STANDARD.encode(signer().sign_response(Place::Both, &response));
        let (path, relay_state) = (Url::parse(&acs_url).unwrap().path().to_owned(), parameter(&there, "RelayState"));
        let answer = post(&path, &[("SAMLResponse", &response), ("RelayState", &relay_state)]);
        let answered = journey.step("answer", answer).await;
        journey.arrive(&answered).await;
        journey.has_written_sparingly();
    }
}

#[actix_web::test]
async fn each_step_of_a_sign_in_over_openid_connect_is_one_write_transaction_at_most() {
    for world in world().await {
        let provider = Provider::start(&world, "");
        world.connect_to(&provider.issuer).await;
        let connection = world.connection;
        let mut journey = Journey::new(world).await;
        let there = journey.leave(connection).await;
        provider.script.lock().unwrap().claims["nonce"] = json!(parameter(&there, "nonce"));
        let state = parameter(&there, "state");
        let query = form(&[("code", "c0de"), ("state", &state), ("iss", &provider.issuer)]);
        let callback = format!("/federation/oidc/{connection}/callback?{query}");
        let answered = journey.step("answer", TestRequest::get().uri(&callback)).await;
        journey.arrive(&answered).await;
        journey.has_written_sparingly();
    }
}
