use std::collections::HashMap;

use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use super::{FinishError, PrepareError, SignInByOidc};
use crate::access::attempts::Attempt;
use crate::access::attempts::departure;
use crate::access::attempts::refusal::Refusal;
use crate::access::attempts::state::State;
use crate::access::identity::Outcome;
use crate::access::testing::{World, world};
use crate::access::traces;
use crate::directory::connection_roles::{self, ConnectionRole};
use crate::directory::connections::oidc_options::OidcOptions;
use crate::directory::connections::saml_options::IpsieLevel;
use crate::directory::connections::{self, Settings};
use crate::directory::memberships;
use crate::directory::relying_party::RelyingParty;
use crate::flows::testing::{Provider, Script};
use crate::keys::purpose::Purpose;
use crate::keys::ring::KeyRing;
use crate::keys::rotation;
use crate::keys::sealing::Sealer;
use crate::outbound::address::Reach;
use crate::outbound::http_client::{self, HttpClient};
use crate::outbound::idp::IdpClient;
use crate::protocol::oidc::acr;
use crate::protocol::oidc::authorization::AuthorizationRequest;
use crate::protocol::oidc::class_map::ClassMap;
use crate::protocol::oidc::client_assertion;
use crate::protocol::oidc::client_keys::ClientKeySet;
use crate::protocol::oidc::pkce::{CodeChallenge, CodeVerifier};
use crate::protocol::oidc::relying_party::authentication::ClientAuthentication;
use crate::protocol::oidc::relying_party::claim_map::ClaimNames;
use crate::protocol::oidc::relying_party::dishonest::{KEYS, OTHER_KEYS};
use crate::protocol::oidc::relying_party::preset::Preset;
use crate::store::Tx;
use crate::store::traces::Wanted;
use crate::values::operation::Role;
use crate::values::page::PageRequest;
use crate::values::secret::Secret;

fn sealer() -> Sealer {
    Sealer::new(&[Secret::from("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".to_owned())]).unwrap()
}

fn flow(world: &World) -> SignInByOidc {
    let settings = http_client::Settings { reach: Reach::PublicAndLoopback, ..http_client::Settings::default() };
    SignInByOidc {
        store: world.store().clone(),
        idp: IdpClient::new(HttpClient::new(settings).unwrap()),
        relying_party: RelyingParty::new(Url::parse("https://id.example/").unwrap(), KeyRing::new(sealer())),
        sealer: sealer(),
        clock_skew_seconds: 60,
        most_people: 1_000,
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
        Self::begin_with(world, "", |issuer| Settings::oidc(issuer, "causeway", Preset::Generic, None)).await
    }

    /// The same at a provider whose issuer ends with `place`, over a connection of these settings.
    async fn begin_with(world: World, place: &str, settings: impl FnOnce(&str) -> Settings) -> Self {
        Self::begin_asking(world, place, settings, None).await
    }

    /// The same for an application that asks for `acr_values`.
    async fn begin_asking(
        world: World,
        place: &str,
        settings: impl FnOnce(&str) -> Settings,
        acr_values: Option<&str>,
    ) -> Self {
        let (provider, flow) = (Provider::start(&world, place), flow(&world));
        world.put_settings(world.connection, &settings(&provider.issuer)).await;
        let request = AuthorizationRequest { acr_values: acr_values.map(str::to_owned), ..world.request() };
        let attempt = world.start_attempt_for(&browser(), request).await;
        let id = world.connection;
        let connection = world.store().read(move |tx| connections::find(tx, id)).await.unwrap().unwrap();
        let address = "ada@acme.test".parse().unwrap();
        let (op, id) = (world.op(), attempt.id);
        let departure = flow.prepare(&op, attempt.errand(), &connection, Some(&address)).await.unwrap();
        let url: Url = departure.url.parse().unwrap();
        let set_out = move |tx: &mut Tx<'_>| departure::set_out(tx, &op, id, Some(&address), &departure);
        world.store().write(set_out).await.unwrap();
        assert!(url.as_str().starts_with(&format!("{}/authorize?", provider.issuer)));
        let asked: HashMap<String, String> = url.query_pairs().into_owned().collect();
        provider.script.lock().unwrap().claims["nonce"] = json!(asked["nonce"]);
        Self { world, provider, flow, attempt, asked }
    }

    /// The steps of the one trace there is.
    async fn steps(&self) -> Vec<Value> {
        let (op, organization) = (self.world.operator(), self.world.organization);
        let request = PageRequest::new(None, None).unwrap();
        let page = self.world.store().read(move |tx| traces::page(tx, &op, organization, &Wanted::default(), &request));
        let [trace] = &page.await.unwrap().items[..] else { panic!("not one trace") };
        trace.steps.clone()
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
        self.flow.finish(&self.world.op(), self.world.connection, Some(&browser()), query).await
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
    let lies: [(&str, Lie, Refusal); 10] = [
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
        // Not the provider's code, which is not the same as a provider that cannot be reached.
        (
            "code",
            |s| s.refuses_with = Some("invalid_grant"),
            unverified("the provider refused to redeem the code: invalid_grant"),
        ),
        (
            "client",
            |s| s.refuses_with = Some("invalid_client"),
            Refusal::Unreachable { failure: "the provider refused to redeem the code: invalid_client".to_owned() },
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
async fn oidcc_client_test_signing_key_rotation_and_just_before_signing() {
    for world in world().await {
        let journey = Journey::begin(world).await.dishonest(|script| script.jwks = vec![OTHER_KEYS.ec_jwk("old")]);
        let jwks = Url::parse(&format!("{}/jwks", journey.provider.issuer)).unwrap();
        let known = journey.flow.idp.check_with_keys(&jwks, |_| Ok::<_, ()>(()), |()| false).await;
        assert_eq!(known, Ok(Ok(())));
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
        let swapped = journey.flow.finish(&op, journey.world.connection, Some(&other), &query).await;
        assert!(matches!(swapped, Err(FinishError::NotExpected)));
        let misdirected = journey.flow.finish(&op, journey.world.other_connection, Some(&browser()), &query).await;
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
        let left = flow(&world).prepare(&world.op(), attempt.errand(), &connection, Some(&address)).await;
        assert!(matches!(left, Err(PrepareError::Provider(_))));
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
            let settings = Settings::oidc(&issuer, client_id, Preset::Generic, None);
            journey.world.put_settings(journey.world.connection, &settings).await;
            assert_eq!(journey.refusal().await, Some(Refusal::ConnectionChanged), "{client_id}");
            assert!(journey.provider.script.lock().unwrap().redeemed.is_none());
        }
    }
}

/// What `change` makes of a connection to a provider at `issuer`.
fn settings(issuer: &str, preset: Preset, change: impl FnOnce(&mut OidcOptions)) -> Settings {
    let mut settings = Settings::oidc(issuer, "causeway", preset, None);
    if let Settings::Oidc { options, .. } = &mut settings {
        change(options);
    }
    settings
}

#[actix_web::test]
async fn the_gateway_proves_itself_by_its_own_key_where_the_connection_says_so() {
    for world in world().await {
        let keys = [0, 1].map(|_| rotation::prepare(&world.op(), &sealer(), Purpose::OidcClient).unwrap());
        let op = world.op();
        let establish = world.store().write(move |tx| rotation::establish(tx, &op, &keys[0], &keys[1]));
        establish.await.unwrap();
        let signing = |issuer: &str| {
            Settings::oidc(issuer, "causeway", Preset::Generic, Some(ClientAuthentication::PrivateKeyJwt))
        };
        let journey = Journey::begin_with(world, "", signing).await;
        assert_eq!(journey.refusal().await, None);
        let redeemed = journey.provider.script.lock().unwrap().redeemed.clone().unwrap();
        assert!(!redeemed.contains_key("authorization") && !redeemed.contains_key("client_secret"));
        assert_eq!(redeemed["client_assertion_type"], client_assertion::TYPE);
        let (ours, op) = (journey.flow.relying_party.clone(), journey.world.op());
        let jwks = journey.world.store().read(move |tx| ours.jwks(tx, op.at)).await.unwrap();
        assert_eq!(jwks.keys.len(), 2, "the next one is shown before it signs");
        let keys = ClientKeySet::parse(serde_json::to_string(&jwks).unwrap().as_bytes()).unwrap();
        let expected = client_assertion::Expected {
            issuer: "causeway",
            subject: "causeway",
            audience: client_assertion::ExpectedAudience::Issuer(&journey.provider.issuer),
            now: journey.world.op().at,
            skew_seconds: 0,
            longest_seconds: 60,
        };
        let verified = client_assertion::verify(&redeemed["client_assertion"], &keys, &expected).unwrap();
        assert!(verified.id.is_some_and(|id| id.len() >= 32), "it can be told from any other");
    }
}

#[actix_web::test]
async fn a_secret_is_sent_in_the_way_that_was_chosen() {
    use ClientAuthentication::{ClientSecretBasic, ClientSecretPost};
    for (chosen, in_header) in [(None, true), (Some(ClientSecretBasic), true), (Some(ClientSecretPost), false)] {
        for world in world().await {
            let settings = |issuer: &str| Settings::oidc(issuer, "causeway", Preset::Generic, chosen);
            let journey = Journey::begin_with(world, "", settings).await;
            let (op, organization, id) =
                (journey.world.operator(), journey.world.organization, journey.world.connection);
            let sealed =
                sealer().seal_secret(&Secret::from("s3cret".to_owned()), &connections::secret_place(id)).unwrap();
            let same = settings(&journey.provider.issuer);
            let write = journey.world.store().write(move |tx| {
                connections::provider::replace_settings(tx, &op, organization, id, &same, Some(sealed)).map(|_| ())
            });
            write.await.unwrap();
            assert_eq!(journey.refusal().await, None);
            let redeemed = journey.provider.script.lock().unwrap().redeemed.clone().unwrap();
            assert_eq!(redeemed.contains_key("authorization"), in_header, "{chosen:?}");
            assert_eq!(
                redeemed.get("client_secret").map(String::as_str),
                (!in_header).then_some("s3cret"),
                "{chosen:?}"
            );
        }
    }
}

#[actix_web::test]
async fn a_signed_userinfo_answer_is_checked_as_one() {
    let signed = |journey: Journey, change: fn(&mut Script)| {
        let issuer = journey.provider.issuer.clone();
        journey.dishonest(move |script| {
            script.signs_userinfo = true;
            script.userinfo["iss"] = json!(issuer);
            script.userinfo["aud"] = json!("causeway");
            change(script);
        })
    };
    for engine in 0..world().await.len() {
        let world = async || world().await.swap_remove(engine);
        let honest = signed(Journey::begin(world().await).await, |_| {});
        assert_eq!(honest.refusal().await, None);
        let other = signed(Journey::begin(world().await).await, |script| script.userinfo["aud"] = json!("another"));
        let check = "the signed userinfo answer is of another issuer or for another client".to_owned();
        assert_eq!(other.refusal().await, Some(Refusal::Unverified { check }));
        let another = signed(Journey::begin(world().await).await, |script| script.userinfo["sub"] = json!("u2"));
        let check = "the userinfo answer is about somebody else".to_owned();
        assert_eq!(another.refusal().await, Some(Refusal::Unverified { check }));
    }
}

#[actix_web::test]
async fn oidcc_client_test_form_post_error() {
    // No response mode is asked for, so that an answer comes in the query.
    for world in world().await {
        let journey = Journey::begin(world).await;
        assert!(!journey.asked.contains_key("response_mode"));
        let outcome = journey.finish(&journey.query().replace("code=c0de", "error=server_error")).await.unwrap();
        assert_eq!(outcome.refusal, Some(Refusal::Declined { code: "server_error".to_owned() }));
    }
}

const TENANT: &str = "/9f3d2c1a-0b7e-4a55-8c66-1d2e3f405162/v2.0";

fn of_entra(script: &mut Script) {
    let claims = json!({
        "tid": "9f3d2c1a-0b7e-4a55-8c66-1d2e3f405162", "oid": "00000000-0000-0000-66f3-3332eca7ea81",
        "email": "ada@acme.test", "xms_edov": true,
    });
    script.claims.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
}

// nOAuth, Storm-0558: the tenant and the object are the person, and an address is only what its domain's owner says.
#[actix_web::test]
async fn at_entra_id_the_tenant_and_the_object_are_the_person() {
    type Lie = fn(&mut Script);
    let unverified = |check: &str| Some(Refusal::Unverified { check: check.to_owned() });
    let cases: [(&str, Lie, Option<Refusal>); 4] = [
        ("honest", |_| {}, None),
        ("nobody vouches for the address", |s| s.claims["xms_edov"] = json!(false), Some(Refusal::NoVerifiedAddress)),
        (
            "another tenant",
            |s| s.claims["tid"] = json!("11111111-0b7e-4a55-8c66-1d2e3f405162"),
            unverified("the id token is of another tenant"),
        ),
        (
            "no object",
            |s| s.claims["oid"] = json!(null),
            unverified("the id token does not say who the person is in their tenant"),
        ),
    ];
    for (case, change, refusal) in cases {
        for world in world().await {
            let journey = Journey::begin_with(world, TENANT, |issuer| settings(issuer, Preset::EntraId, |_| {})).await;
            let journey = journey.dishonest(of_entra).dishonest(change);
            assert_eq!(journey.refusal().await, refusal, "{case}");
            let entries = journey.world.entries("identity.linked").await;
            assert_eq!(entries.len(), usize::from(refusal.is_none()), "{case}");
        }
    }
}

#[actix_web::test]
async fn from_google_come_people_of_the_organizations_own_workspaces() {
    for (hosted, is_in) in [(json!("acme.test"), true), (json!("globex.test"), false), (Value::Null, false)] {
        for world in world().await {
            let google = |issuer: &str| settings(issuer, Preset::Google, |_| {});
            let journey = Journey::begin_with(world, "", google).await;
            assert_eq!(journey.asked["hd"], "acme.test");
            let journey = journey.dishonest(|script| {
                script.claims["hd"] = hosted.clone();
                script.claims["email"] = json!("ada@acme.test");
                script.claims["email_verified"] = json!(true);
            });
            assert_eq!(journey.refusal().await.is_none(), is_in, "{hosted}");
        }
    }
}

/// Whoever is known from the workspace goes on; linking brings nobody new by it.
#[actix_web::test]
async fn a_workspace_of_a_domain_that_has_lapsed_still_is_the_organizations() {
    for world in world().await {
        world.lapse().await;
        let journey = Journey::begin_with(world, "", |issuer| settings(issuer, Preset::Google, |_| {})).await;
        let journey = journey.dishonest(|script| {
            script.claims["hd"] = json!("acme.test");
            script.claims["email"] = json!("ada@acme.test");
            script.claims["email_verified"] = json!(true);
        });
        assert_eq!(journey.refusal().await, Some(Refusal::DomainLapsed));
    }
}

#[actix_web::test]
async fn a_connection_may_demand_a_fresh_sign_in_of_a_certain_kind() {
    let demanding = |issuer: &str| {
        settings(issuer, Preset::Generic, |options| {
            options.forces_authentication = true;
            options.acr_values = vec!["phr".to_owned()];
        })
    };
    for (age, acr, check) in [
        (0, "phr", None),
        (120, "phr", Some("the sign-in at the provider is too old")),
        (0, "pwd", Some("the sign-in was in none of the ways that were asked for")),
    ] {
        for world in world().await {
            let journey = Journey::begin_with(world, "", demanding).await;
            assert_eq!((journey.asked["prompt"].as_str(), journey.asked["max_age"].as_str()), ("login", "0"));
            assert_eq!(journey.asked["acr_values"], "phr");
            let at = journey.world.op().at.seconds();
            let journey = journey.dishonest(|script| {
                script.claims["auth_time"] = json!(at - age);
                script.claims["acr"] = json!(acr);
            });
            let refusal = check.map(|check| Refusal::Unverified { check: check.to_owned() });
            assert_eq!(journey.refusal().await, refusal, "{age} {acr}");
        }
    }
}

#[actix_web::test]
async fn ipsie_sl1_a_connection_may_hold_its_provider_to_the_profile() {
    let strict =
        |issuer: &str| settings(issuer, Preset::Generic, |options| options.ipsie_level = Some(IpsieLevel::Sl1));
    for (session_expiry, check) in [(true, None), (false, Some("the id token does not say all that IPSIE demands"))] {
        for world in world().await {
            let journey = Journey::begin_with(world, "", strict).await;
            let at = journey.world.op().at.seconds();
            let journey = journey.dishonest(|script| {
                script.claims["acr"] = json!("phr");
                script.claims["amr"] = json!(["hwk"]);
                script.claims["auth_time"] = json!(at);
                script.claims["session_expiry"] = if session_expiry { json!(at + 600) } else { Value::Null };
            });
            let refusal = check.map(|check| Refusal::Unverified { check: check.to_owned() });
            assert_eq!(journey.refusal().await, refusal, "{session_expiry}");
        }
    }
}

#[actix_web::test]
async fn names_and_groups_are_read_where_the_organization_says() {
    for world in world().await {
        let mapped = |issuer: &str| {
            settings(issuer, Preset::Generic, |options| {
                options.claims = ClaimNames { groups: Some("teams".to_owned()), ..ClaimNames::default() };
            })
        };
        let journey = Journey::begin_with(world, "", mapped).await.dishonest(|script| {
            script.claims["email"] = json!("ada@acme.test");
            script.claims["email_verified"] = json!(true);
            script.userinfo["teams"] = json!(["ops", "dev"]);
            script.userinfo["groups"] = json!(["admins", "ops", "dev"]);
        });
        assert_eq!(journey.refusal().await, None, "userinfo is asked for the teams");
        let (op, organization) = (journey.world.operator(), journey.world.organization);
        let page = PageRequest::new(None, Some(10)).unwrap();
        let read = journey.world.store().read(move |tx| traces::page(tx, &op, organization, &Wanted::default(), &page));
        let found = read.await.unwrap().items;
        let answered = found[0].steps.iter().find(|step| step["step"] == "answered").unwrap();
        assert_eq!(answered["groups"], 2, "{}", journey.world.engine());
    }
}

#[actix_web::test]
async fn the_session_at_the_provider_and_its_end_are_remembered() {
    for world in world().await {
        let ends = world.op().at.plus_seconds(600);
        let journey = Journey::begin(world).await.dishonest(|script| {
            script.claims["sid"] = json!("s1");
            script.claims["session_expiry"] = json!(ends.seconds());
        });
        assert_eq!(journey.refusal().await, None);
        let State::Identified(who) = journey.world.state_of(journey.attempt.id).await else { panic!("not identified") };
        assert_eq!((who.upstream_session.as_deref(), who.session_expires_at), (Some("s1"), Some(ends)));
    }
}

const MFA: &str = "urn:causeway:acr:mfa";

/// What the application asks for goes on to the provider in its own words, and what comes back counts as the connection maps it.
#[actix_web::test]
async fn an_application_that_asks_for_several_factors_has_the_provider_asked_for_them() {
    type Say = fn(&mut Script);
    let cases: [(&str, Say, bool); 4] = [
        ("its class", |s| s.claims["acr"] = json!("urn:okta:loa:2fa:any"), true),
        ("its method", |s| s.claims["amr"] = json!(["pwd", "otp", "mfa"]), true),
        ("less", |s| s.claims["acr"] = json!("urn:okta:loa:1fa:any"), false),
        ("the gateway's own name", |s| s.claims["acr"] = json!(MFA), false),
    ];
    for (what, say, is_met) in cases {
        for world in world().await {
            let okta = |issuer: &str| settings(issuer, Preset::Okta, |_| {});
            let journey = Journey::begin_asking(world, "", okta, Some(MFA)).await;
            assert_eq!(journey.asked["acr_values"], "urn:okta:loa:2fa:any");
            let journey = journey.dishonest(|script| script.claims["amr"] = json!(["pwd"])).dishonest(say);
            assert_eq!(journey.refusal().await, None, "{what}: it is a voluntary request");
            let State::Identified(who) = journey.world.state_of(journey.attempt.id).await else { panic!("{what}") };
            assert_eq!(acr::satisfies(MFA, &who.acr, &who.amr), is_met, "{what}: {who:?}");
            assert_eq!(who.acr == MFA, is_met, "{what}: {who:?}");
            let steps = journey.steps().await;
            assert_eq!((&steps[1]["step"], &steps[1]["several_factors"]), (&json!("asked"), &json!([OKTA])));
            let came = if is_met { "met" } else { "not_met" };
            assert_eq!((&steps[2]["step"], &steps[2]["several_factors"]), (&json!("answered"), &json!(came)), "{what}");
        }
    }
}

const OKTA: &str = "urn:okta:loa:2fa:any";

/// Who asks for nothing asks the provider for nothing; and where nothing is mapped, what was asked for goes no further.
#[actix_web::test]
async fn a_provider_is_asked_for_nothing_that_nobody_asks_for_or_that_it_has_no_word_for() {
    for (preset, acr_values) in [
        (Preset::Okta, None),
        (Preset::Okta, Some("urn:causeway:acr:password")),
        (Preset::Okta, Some("1 urn:causeway:acr:mfa urn:causeway:acr:password")),
        (Preset::Generic, Some(MFA)),
    ] {
        for world in world().await {
            let plain = |issuer: &str| settings(issuer, preset, |_| {});
            let journey = Journey::begin_asking(world, "", plain, acr_values).await;
            assert!(!journey.asked.contains_key("acr_values"), "{preset:?} {acr_values:?}");
            assert_eq!(journey.refusal().await, None);
            let names: Vec<Value> = journey.steps().await.iter().map(|step| step["step"].clone()).collect();
            assert_eq!(names, ["sent", "answered", "identified"], "{preset:?} {acr_values:?}");
        }
    }
}

/// A context of Entra ID's Conditional Access is asked for by a claim, and told in one of its own.
#[actix_web::test]
async fn entra_id_is_asked_for_a_context_and_says_which_were_met() {
    for (acrs, is_met) in [(json!(["c1"]), true), (json!(["c2"]), false), (Value::Null, false)] {
        for world in world().await {
            let mapped = |issuer: &str| {
                settings(issuer, Preset::EntraId, |options| {
                    let words = vec!["c1".to_owned()];
                    options.several_factors = Some(ClassMap { asks_for: words.clone(), met_by: words });
                })
            };
            let journey = Journey::begin_asking(world, TENANT, mapped, Some(MFA)).await;
            assert!(!journey.asked.contains_key("acr_values"));
            let asked = r#"{"id_token":{"auth_time":null,"acrs":{"essential":true,"value":"c1"}}}"#;
            assert_eq!(journey.asked["claims"], asked);
            let journey = journey.dishonest(of_entra).dishonest(|script| script.claims["acrs"] = acrs.clone());
            assert_eq!(journey.refusal().await, None);
            let State::Identified(who) = journey.world.state_of(journey.attempt.id).await else { panic!("{acrs}") };
            // It says `mfa` as well, which is not what this connection believes.
            assert_eq!(acr::satisfies(MFA, &who.acr, &who.amr), is_met, "{acrs}: {who:?}");
            let shown = journey.steps().await[2]["further"].clone();
            assert_eq!(shown, acrs, "{}", journey.world.engine());
        }
    }
}

/// What the connection demands of everybody is refused when it is missing; what an application asks for on top is not.
#[actix_web::test]
async fn what_an_application_asks_for_may_come_where_the_connection_demands_a_class() {
    let demanding = |issuer: &str| {
        settings(issuer, Preset::Okta, |options| options.acr_values = vec!["urn:okta:loa:1fa:any".to_owned()])
    };
    for (acr, is_let_in) in [("urn:okta:loa:1fa:any", true), (OKTA, true), ("urn:okta:loa:0", false)] {
        for world in world().await {
            let journey = Journey::begin_asking(world, "", demanding, Some(MFA)).await;
            let journey = journey.dishonest(|script| script.claims["acr"] = json!(acr));
            assert_eq!(journey.refusal().await.is_none(), is_let_in, "{}: {acr}", journey.world.engine());
        }
    }
}

/// The answer to "why can't I sign in": what came beside what had to come.
#[actix_web::test]
async fn a_trace_says_what_came_where_a_check_of_the_id_token_failed() {
    type Change = fn(&mut Script);
    let cases: [(&str, Change, &str, &str); 4] = [
        ("iss", |script| script.claims["iss"] = json!("https://evil.test/?token=t"), "http", "https://evil.test/…"),
        ("aud", |script| script.claims["aud"] = json!("another-client"), "causeway", "another-client"),
        ("instants", |script| script.claims["exp"] = json!(1_000_000_000), "now ", "exp 2001-09-09T01:46:40.000Z"),
        ("aud", |script| script.claims["aud"] = json!(["causeway", "another"]), "causeway", "causeway"),
    ];
    for (what, change, expected, received) in cases {
        for world in world().await {
            let journey = Journey::begin(world).await.dishonest(change);
            assert!(journey.refusal().await.is_some(), "{what}");
            let steps = journey.steps().await;
            let step = steps.iter().find(|step| step["step"] == "compared").unwrap_or_else(|| panic!("{steps:#?}"));
            assert_eq!((&step["is_verified"], &step["compared"]["what"]), (&json!(false), &json!(what)));
            let first = |side: &str| step["compared"][side][0].as_str().unwrap_or_default().to_owned();
            assert!(first("expected").starts_with(expected), "{step:#}");
            assert_eq!(first("received"), received, "{step:#}");
        }
    }
}

/// Names and groups that the product says at UserInfo alone.
#[actix_web::test]
async fn userinfo_is_asked_for_groups_that_carry_a_role() {
    for world in world().await {
        let (op, organization, id) = (world.operator(), world.organization, world.connection);
        let list = vec![ConnectionRole { group: "it".to_owned(), role: Role::Admin }];
        let carries = world.store().write(move |tx| connection_roles::replace(tx, &op, organization, id, &list));
        carries.await.unwrap();
        let journey = Journey::begin(world).await.dishonest(|script| {
            for (claim, value) in [("email", json!("ada@acme.test")), ("email_verified", json!(true))] {
                script.claims[claim] = value;
            }
            script.claims.as_object_mut().unwrap().remove("groups");
            script.userinfo["groups"] = json!(["it"]);
        });
        assert_eq!(journey.refusal().await, None);
        let (ada, organization) = (journey.world.ada, journey.world.organization);
        let read = journey.world.store().read(move |tx| memberships::find(tx, ada, organization));
        assert_eq!(read.await.unwrap().unwrap().role, Role::Admin, "{}", journey.world.engine());
    }
}
