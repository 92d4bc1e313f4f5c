//! The life of codes and tokens, on both engines.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use openidconnect::core::{CoreIdToken, CoreIdTokenVerifier, CoreJsonWebKeySet, CoreJwsSigningAlgorithm};
use openidconnect::{AccessToken, AccessTokenHash, ClientId, IssuerUrl, Nonce};

use super::issuance::Issuance;
use super::standing::{self, Ended};
use super::{Outcome, PresentedCode, Refusal, bearer, redeem, refresh, revoke, userinfo};
use crate::access::attempts::state::Identified;
use crate::access::grants::{self, Lifetimes};
use crate::access::sessions::testing::guest_of_globex;
use crate::access::sessions::{self, Limits, Session};
use crate::access::signing_keys::{self, OidcKeys, SigningKeys};
use crate::access::testing::{REDIRECT_URI, World, by_password, world};
use crate::directory::accounts::{self, ProfileChange};
use crate::directory::applications::{self, Application, ApplicationKind, NewApplication};
use crate::directory::connections;
use crate::directory::domains::proof::{Answer, record_value};
use crate::directory::profile::Profile;
use crate::directory::sso_policy::{self, SsoPolicy};
use crate::keys::purpose::Purpose;
use crate::keys::ring::KeyRing;
use crate::keys::rotation;
use crate::keys::sealing::Sealer;
use crate::protocol::oidc::access_token::AccessTokenClaims;
use crate::protocol::oidc::pkce::CodeVerifier;
use crate::protocol::oidc::scope::ScopeSet;
use crate::protocol::oidc::signing::SigningAlgorithm;
use crate::protocol::oidc::userinfo::UserInfoClaims;
use crate::store::failure::StoreError;
use crate::store::grants::StandingRow;
use crate::store::organizations;
use crate::store::resources::{self, NewResourceRow};
use crate::store::{accounts as account_rows, domains, scratch};
use crate::values::clock::Timestamp;
use crate::values::quota::Quota;
use crate::values::secret::Secret;

const ISSUER: &str = "https://id.test";
const SESSION: Limits = Limits { idle_seconds: 3_600, absolute_seconds: 36_000 };
const LIFETIMES: Lifetimes =
    Lifetimes { code_seconds: 60, access_token_seconds: 600, refresh_token_seconds: 1_209_600 };
// RFC 7636, appendix B: the verifier of the challenge in `World::request`.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

async fn session(world: &World) -> Session {
    session_since(world, Some(world.op().at)).await
}

async fn session_since(world: &World, auth_time: Option<Timestamp>) -> Session {
    let (op, account, organization, connection) = (world.op(), world.ada, world.organization, Some(world.connection));
    let identified = Identified {
        account,
        organization,
        connection,
        session_epoch: 1,
        amr: vec!["pwd".to_owned(), "otp".to_owned()],
        acr: "urn:acme:two".to_owned(),
        auth_time,
        session_expires_at: None,
        upstream_session: None,
    };
    world.store().write(move |tx| sessions::start(tx, &op, &identified, SESSION)).await.unwrap().0
}

async fn application(world: &World) -> Application {
    let id = world.application;
    world.store().read(move |tx| applications::find(tx, id)).await.unwrap().unwrap()
}

async fn other_application(world: &World) -> Application {
    let op = world.operator();
    let new = NewApplication {
        name: "Other".to_owned(),
        kind: ApplicationKind::Confidential,
        id_token_algorithm: SigningAlgorithm::Rs256,
        redirect_uris: vec![REDIRECT_URI.to_owned()],
        post_logout_redirect_uris: vec![],
    };
    world
        .store()
        .write(move |tx| Ok::<_, StoreError>(applications::register(tx, &op, None, &new, &Quota::default()).unwrap().0))
        .await
        .unwrap()
}

async fn code(world: &World, session: &Session, scope: &str) -> Secret {
    let (op, application, session) = (world.op(), application(world).await, session.clone());
    let mut request = world.request();
    request.scope = ScopeSet::parse(scope);
    let issued = world.store().write(move |tx| grants::issue(tx, &op, &request, &application, &session, LIFETIMES));
    issued.await.unwrap().unwrap()
}

fn presented(code: &Secret) -> PresentedCode {
    let verifier = CodeVerifier::parse(VERIFIER).unwrap();
    PresentedCode { code: code.clone(), redirect_uri: REDIRECT_URI.to_owned(), verifier }
}

async fn present(world: &World, application: Application, presented: PresentedCode) -> Outcome {
    let op = world.op();
    world.store().write(move |tx| redeem(tx, &op, &application, &presented, LIFETIMES)).await.unwrap()
}

async fn rotate(world: &World, token: &Secret, scope: Option<&str>) -> Outcome {
    let (op, application, token) = (world.op(), application(world).await, token.clone());
    let scope = scope.map(ScopeSet::parse);
    world.store().write(move |tx| refresh(tx, &op, &application, &token, scope, LIFETIMES)).await.unwrap()
}

fn issued(outcome: Outcome) -> Issuance {
    match outcome {
        Outcome::Issued(issuance) => *issuance,
        Outcome::Refused(refusal) => panic!("refused: {refusal:?}"),
    }
}

fn refused(outcome: Outcome) -> Refusal {
    match outcome {
        Outcome::Refused(refusal) => refusal,
        Outcome::Issued(_) => panic!("issued"),
    }
}

/// Ada's tokens, fresh from a code.
async fn tokens(world: &World, scope: &str) -> Issuance {
    let session = session(world).await;
    let code = code(world, &session, scope).await;
    issued(present(world, application(world).await, presented(&code)).await)
}

fn access_claims(world: &World, issuance: &Issuance) -> AccessTokenClaims {
    let grant = &issuance.standing.grant;
    AccessTokenClaims {
        iss: ISSUER.to_owned(),
        sub: grant.account_id.to_string(),
        aud: ISSUER.to_owned(),
        client_id: grant.application_id.to_string(),
        exp: world.op().at.seconds() + 600,
        iat: world.op().at.seconds(),
        jti: "j".to_owned(),
        scope: issuance.scope,
        grant: grant.id.to_string(),
        sid: grant.session_id.to_string(),
        sep: grant.session_epoch,
        dc: "us".to_owned(),
        home_dc: "us".to_owned(),
    }
}

async fn who(world: &World, claims: AccessTokenClaims) -> Option<UserInfoClaims> {
    let op = world.op();
    world.store().read(move |tx| userinfo(tx, &op, &claims)).await.unwrap()
}

async fn deactivate(world: &World) {
    let (op, organization, ada) = (world.operator(), world.organization, world.ada);
    world.store().write(move |tx| accounts::deactivate(tx, &op, organization, ada)).await.unwrap();
}

async fn keys(world: &World) -> std::sync::Arc<OidcKeys> {
    let sealer = Sealer::new(&[Secret::from(STANDARD.encode([1; 32]))]).unwrap();
    let keys = SigningKeys::new(KeyRing::new(sealer.clone()));
    for purpose in Purpose::ALL {
        let op = world.op();
        let prepare = || rotation::prepare(&op, &sealer, purpose).unwrap();
        let (active, next) = (prepare(), prepare());
        world.store().write(move |tx| signing_keys::establish(tx, &op, &active, &next)).await.unwrap();
    }
    let at = world.op().at;
    world.store().read(move |tx| keys.oidc(tx, at)).await.unwrap()
}

#[tokio::test]
async fn oidcc_server_a_code_becomes_tokens_that_say_who_and_how() {
    for world in world().await {
        let keys = keys(&world).await;
        let issuance = tokens(&world, "openid email").await;
        let answer = issuance.sign(&world.op(), &keys, ISSUER).unwrap();
        let claims = keys.verification().access_token(&answer.access_token, ISSUER, world.op().at).unwrap();
        assert_eq!(claims.sub, world.ada.to_string(), "{}", world.engine());
        let id_token = answer.id_token.unwrap();
        assert!(keys.verification().id_token_hint(&id_token, ISSUER).is_ok());
        let payload = id_token.split('.').nth(1).unwrap();
        let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap();
        let said: serde_json::Value = serde_json::from_slice(&payload).unwrap();
        let expected = serde_json::json!({
            "iss": ISSUER, "sub": world.ada, "aud": world.application, "nonce": "n",
            "amr": ["pwd", "otp"], "acr": "urn:acme:two", "auth_time": world.op().at.seconds(),
            "org": world.organization, "org_name": "Acme", "membership": "member", "account_kind": "primary",
            "dc": "us", "home_dc": "us", "email": "ada@acme.test",
            "session_expiry": world.op().at.seconds() + SESSION.absolute_seconds,
        });
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&said[name], value, "{name}");
        }
        assert!(said["at_hash"].is_string() && said["sid"].is_string() && said.get("name").is_none());
        assert_eq!((claims.dc.as_str(), claims.home_dc.as_str()), ("us", "us"));
    }
}

/// Ada's primary address becomes this one, which nobody has verified.
async fn provision_address(world: &World, address: &'static str) {
    let (op, organization, ada) = (world.operator(), world.organization, world.ada);
    let write = world.store().write(move |tx| {
        let profile = Profile { addresses: vec![address.parse().unwrap()], ..Profile::default() };
        accounts::update_profile(tx, &op, organization, ada, &profile)
    });
    assert_eq!(write.await.unwrap(), ProfileChange::Written, "{}", world.engine());
}

#[tokio::test]
async fn an_address_is_told_only_when_it_is_verified_or_of_the_organizations_own_domain() {
    for world in world().await {
        let keys = keys(&world).await;
        let told = async || {
            let issuance = tokens(&world, "openid email profile").await;
            let person = who(&world, access_claims(&world, &issuance)).await.unwrap().person;
            let id_token = id_token_of(&world, &keys, &issuance);
            assert_eq!(id_token.get("email").is_some(), person.email.is_some());
            assert_eq!(id_token.get("preferred_username").is_some(), person.preferred_username.is_some());
            (person.email, person.email_verified, person.preferred_username)
        };
        let own = Some("ada@acme.test".to_owned());
        assert_eq!(told().await, (own.clone(), Some(false), own.clone()), "{}", world.engine());
        world.lapse().await;
        assert_eq!(told().await, (None, None, None), "{}: nobody answers for it now", world.engine());
        world.look_up_again(Answer::Records(vec![record_value("")])).await;
        assert_eq!(told().await, (own.clone(), Some(false), own), "{}", world.engine());
        provision_address(&world, "ceo@globex.test").await;
        assert_eq!(told().await, (None, None, None), "{}", world.engine());
        let (ada, at) = (world.ada, world.op().at);
        let verify = world.store().write(move |tx| account_rows::mark_verified(tx, ada, "ceo@globex.test", at));
        verify.await.unwrap();
        let foreign = Some("ceo@globex.test".to_owned());
        assert_eq!(told().await, (foreign.clone(), Some(true), foreign), "{}", world.engine());
    }
}

/// What an issuance says in its ID token.
fn id_token_of(world: &World, keys: &OidcKeys, issuance: &Issuance) -> serde_json::Value {
    let id_token = issuance.sign(&world.op(), keys, ISSUER).unwrap().id_token.unwrap();
    let payload = id_token.split('.').nth(1).unwrap();
    let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

/// OpenID Connect Core 2, `auth_time`: "time when the End-User authentication occurred", which nobody told.
#[tokio::test]
async fn a_time_of_the_sign_in_that_the_provider_did_not_tell_is_not_made_up() {
    for world in world().await {
        let session = session_since(&world, None).await;
        let code = code(&world, &session, "openid").await;
        let issuance = issued(present(&world, application(&world).await, presented(&code)).await);
        let keys = keys(&world).await;
        assert_eq!(id_token_of(&world, &keys, &issuance).get("auth_time"), None, "{}", world.engine());
        let claims = who(&world, access_claims(&world, &issuance)).await.unwrap();
        assert_eq!(claims.authentication.auth_time, None);
    }
}

#[tokio::test]
async fn oidcc_codereuse_revokes_what_the_code_had_given() {
    for world in world().await {
        let session = session(&world).await;
        let code = code(&world, &session, "openid").await;
        let first = issued(present(&world, application(&world).await, presented(&code)).await);
        assert!(who(&world, access_claims(&world, &first)).await.is_some());
        let again = present(&world, application(&world).await, presented(&code)).await;
        assert_eq!(refused(again), Refusal::Reused, "{}", world.engine());
        assert!(who(&world, access_claims(&world, &first)).await.is_none());
        let refresh = rotate(&world, &first.refresh_token, None).await;
        assert_eq!(refused(refresh), Refusal::Ended(Ended::Revoked));
        assert_eq!(world.entries("grant.created").await.len(), 1, "{}", world.engine());
        assert_eq!(world.entries("grant.revoked").await[0]["code"], "authorization_code_reused", "{}", world.engine());
    }
}

#[tokio::test]
async fn of_many_who_present_a_code_at_once_one_succeeds_at_most_and_nothing_stays_in_force() {
    for world in world().await {
        let session = session(&world).await;
        let code = code(&world, &session, "openid").await;
        let application = application(&world).await;
        let all = join_all((0..20).map(|_| present(&world, application.clone(), presented(&code)))).await;
        let won: Vec<Issuance> = all.into_iter().filter(|one| matches!(one, Outcome::Issued(_))).map(issued).collect();
        assert!(won.len() <= 1, "{}: {}", world.engine(), won.len());
        for issuance in won {
            assert!(who(&world, access_claims(&world, &issuance)).await.is_none());
        }
    }
}

#[tokio::test]
async fn a_code_is_bound_to_application_redirect_uri_and_verifier_and_one_wrong_use_burns_it() {
    for world in world().await {
        let session = session(&world).await;
        let (own, other) = (application(&world).await, other_application(&world).await);

        let stolen = code(&world, &session, "openid").await;
        assert_eq!(refused(present(&world, other, presented(&stolen)).await), Refusal::Unknown);
        issued(present(&world, own.clone(), presented(&stolen)).await);

        for (wrong, why) in [
            (|right: PresentedCode| PresentedCode { redirect_uri: format!("{REDIRECT_URI}/"), ..right }) as WrongUse,
            |right| PresentedCode { verifier: CodeVerifier::parse(&"v".repeat(43)).unwrap(), ..right },
        ]
        .into_iter()
        .zip([Refusal::RedirectUri, Refusal::Verifier])
        {
            let code = code(&world, &session, "openid").await;
            assert_eq!(refused(present(&world, own.clone(), wrong(presented(&code))).await), why);
            assert_eq!(refused(present(&world, own.clone(), presented(&code)).await), Refusal::Reused);
        }
    }
}

type WrongUse = fn(PresentedCode) -> PresentedCode;

#[tokio::test]
async fn a_code_lives_a_minute() {
    for world in world().await {
        let session = session(&world).await;
        let (in_time, late) = (code(&world, &session, "openid").await, code(&world, &session, "openid").await);
        world.advance(59);
        issued(present(&world, application(&world).await, presented(&in_time)).await);
        world.advance(1);
        assert_eq!(refused(present(&world, application(&world).await, presented(&late)).await), Refusal::Expired);
    }
}

#[tokio::test]
async fn another_spelling_of_a_code_or_token_is_unknown() {
    for world in world().await {
        let session = session(&world).await;
        let code = code(&world, &session, "openid").await;
        let text = code.expose();
        for other in [&text[1..], &text[..text.len() - 1], &text.to_uppercase(), &format!("{text}="), ""] {
            let code = Secret::from((*other).to_owned());
            assert_eq!(refused(present(&world, application(&world).await, presented(&code)).await), Refusal::Unknown);
            assert_eq!(refused(rotate(&world, &code, None).await), Refusal::Unknown);
        }
    }
}

#[tokio::test]
async fn oidcc_refresh_token_is_rotated_and_its_second_use_ends_the_family() {
    for world in world().await {
        let first = tokens(&world, "openid").await;
        let second = issued(rotate(&world, &first.refresh_token, None).await);
        let third = issued(rotate(&world, &second.refresh_token, None).await);
        assert_eq!(third.nonce, None);
        assert_eq!(refused(rotate(&world, &first.refresh_token, None).await), Refusal::Reused);
        let after = rotate(&world, &third.refresh_token, None).await;
        assert_eq!(refused(after), Refusal::Ended(Ended::Revoked), "{}", world.engine());
    }
}

#[tokio::test]
async fn fifty_parallel_refreshes_give_one_success_and_then_the_family_is_revoked() {
    for world in world().await {
        let first = tokens(&world, "openid").await;
        let all = join_all((0..50).map(|_| rotate(&world, &first.refresh_token, None))).await;
        let won: Vec<Issuance> = all.into_iter().filter(|one| matches!(one, Outcome::Issued(_))).map(issued).collect();
        assert_eq!(won.len(), 1, "{}", world.engine());
        for issuance in won {
            let after = rotate(&world, &issuance.refresh_token, None).await;
            assert_eq!(refused(after), Refusal::Ended(Ended::Revoked));
        }
    }
}

#[tokio::test]
async fn a_refresh_may_narrow_the_scope_but_never_widen_it() {
    for world in world().await {
        let first = tokens(&world, "openid email").await;
        let wider = rotate(&world, &first.refresh_token, Some("openid email profile")).await;
        assert_eq!(refused(wider), Refusal::Scope);
        let narrow = issued(rotate(&world, &first.refresh_token, Some("openid")).await);
        assert!(who(&world, access_claims(&world, &narrow)).await.unwrap().person.email.is_none());
        let whole = issued(rotate(&world, &narrow.refresh_token, None).await);
        let person = who(&world, access_claims(&world, &whole)).await.unwrap().person;
        assert_eq!(person.email.as_deref(), Some("ada@acme.test"));
    }
}

#[tokio::test]
async fn deactivation_ends_code_refresh_and_userinfo_at_once_and_reactivation_revives_nothing() {
    for world in world().await {
        let issuance = tokens(&world, "openid offline_access").await;
        let session = session(&world).await;
        let code = code(&world, &session, "openid").await;
        deactivate(&world).await;
        assert!(who(&world, access_claims(&world, &issuance)).await.is_none(), "{}", world.engine());
        let (op, organization, ada) = (world.operator(), world.organization, world.ada);
        world.store().write(move |tx| accounts::reactivate(tx, &op, organization, ada)).await.unwrap();
        assert!(who(&world, access_claims(&world, &issuance)).await.is_none());
        let refresh = rotate(&world, &issuance.refresh_token, None).await;
        assert_eq!(refused(refresh), Refusal::Ended(Ended::SessionEpoch));
        let late = present(&world, application(&world).await, presented(&code)).await;
        assert_eq!(refused(late), Refusal::Ended(Ended::SessionEpoch));
    }
}

#[tokio::test]
async fn signing_out_ends_what_was_not_for_offline_use() {
    for world in world().await {
        let (online, offline) = (tokens(&world, "openid").await, tokens(&world, "openid offline_access").await);
        for issuance in [&online, &offline] {
            let (op, organization, session) = (world.op(), world.organization, issuance.standing.grant.session_id);
            world
                .store()
                .write(move |tx| sessions::end(tx, &op, session, organization, &serde_json::json!({})))
                .await
                .unwrap();
        }
        assert!(who(&world, access_claims(&world, &online)).await.is_none());
        let refresh = rotate(&world, &online.refresh_token, None).await;
        assert_eq!(refused(refresh), Refusal::Ended(Ended::SignedOut));
        issued(rotate(&world, &offline.refresh_token, None).await);
    }
}

#[tokio::test]
async fn a_grant_ends_with_its_session_and_an_offline_one_after_thirty_days() {
    for world in world().await {
        let (online, offline) = (tokens(&world, "openid").await, tokens(&world, "openid offline_access").await);
        world.advance(SESSION.absolute_seconds);
        assert_eq!(refused(rotate(&world, &online.refresh_token, None).await), Refusal::Expired);
        let offline = issued(rotate(&world, &offline.refresh_token, None).await);
        world.advance(LIFETIMES.refresh_token_seconds);
        assert_eq!(refused(rotate(&world, &offline.refresh_token, None).await), Refusal::Expired);
    }
}

#[tokio::test]
async fn an_application_revokes_its_own_tokens_only() {
    for world in world().await {
        let issuance = tokens(&world, "openid").await;
        let (own, other) = (application(&world).await, other_application(&world).await);
        for (application, survives) in [(other, true), (own, false)] {
            let (op, token) = (world.op(), issuance.refresh_token.clone());
            world.store().write(move |tx| revoke(tx, &op, &application, &token)).await.unwrap();
            assert_eq!(who(&world, access_claims(&world, &issuance)).await.is_some(), survives);
        }
    }
}

#[tokio::test]
async fn what_a_connection_opened_ends_with_it_for_offline_use_as_well() {
    for (scope, is_deleted) in [("openid", false), ("openid offline_access", false), ("openid offline_access", true)] {
        for world in world().await {
            let issuance = tokens(&world, scope).await;
            let (op, organization, id) = (world.operator(), world.organization, world.connection);
            let write = world.store().write(move |tx| match is_deleted {
                false => connections::disable(tx, &op, organization, id).map(drop),
                true => connections::delete(tx, &op, organization, id),
            });
            write.await.unwrap();
            assert!(who(&world, access_claims(&world, &issuance)).await.is_none(), "{}: {scope}", world.engine());
            let refresh = refused(rotate(&world, &issuance.refresh_token, None).await);
            assert_eq!(refresh, Refusal::Ended(Ended::Revoked), "{}: {scope}", world.engine());
        }
    }
}

/// Tokens over a session that Ada has opened by a password of her own.
async fn tokens_by_password(world: &World, scope: &str) -> Issuance {
    let (op, ada, organization) = (world.op(), world.ada, world.organization);
    let write = world.store().write(move |tx| {
        let identified = by_password(tx, &op, organization, ada)?;
        sessions::start(tx, &op, &identified, SESSION)
    });
    let code = code(world, &write.await.unwrap().0, scope).await;
    issued(present(world, application(world).await, presented(&code)).await)
}

async fn ask_for_single_sign_on(world: &World, policy: SsoPolicy) {
    let (at, organization) = (world.op().at, world.organization);
    let write = world.store().write(move |tx| {
        let (_, domain) = domains::owner_of(tx, "acme.test", domains::Owned::Trusted)?.unwrap();
        sso_policy::write(tx, organization, domain, policy, at)
    });
    write.await.unwrap();
}

#[tokio::test]
async fn e27_what_own_credentials_gave_ends_when_single_sign_on_is_required_for_offline_use_as_well() {
    for scope in ["openid", "openid offline_access"] {
        for world in world().await {
            let (own, by_connection) = (tokens_by_password(&world, scope).await, tokens(&world, scope).await);
            ask_for_single_sign_on(&world, SsoPolicy::Optional).await;
            assert!(who(&world, access_claims(&world, &own)).await.is_some(), "{}: {scope}", world.engine());
            ask_for_single_sign_on(&world, SsoPolicy::Required).await;
            assert!(who(&world, access_claims(&world, &own)).await.is_none(), "{}: {scope}", world.engine());
            let refresh = refused(rotate(&world, &own.refresh_token, None).await);
            assert_eq!(refresh, Refusal::Ended(Ended::OwnCredentials), "{}: {scope}", world.engine());
            assert!(who(&world, access_claims(&world, &by_connection)).await.is_some(), "{}: {scope}", world.engine());
        }
    }
}

/// Whichever way its session was opened; of an address that is not verified there is one more, which asks whose its domain is.
#[tokio::test]
async fn who_bears_a_token_is_found_out_by_one_query() {
    for world in world().await {
        let (ada, at) = (world.ada, world.op().at);
        let verify = world.store().write(move |tx| account_rows::mark_verified(tx, ada, "ada@acme.test", at));
        verify.await.unwrap();
        for issuance in [tokens(&world, "openid").await, tokens_by_password(&world, "openid").await] {
            let (op, claims) = (world.op(), access_claims(&world, &issuance));
            let count = world.store().read(move |tx| {
                let (bearer, queries) = scratch::count_queries(tx, |tx| bearer(tx, &op, &claims));
                bearer.map(|bearer| (bearer.is_some(), queries))
            });
            assert_eq!(count.await.unwrap(), (true, 1), "{}", world.engine());
        }
    }
}

/// Product rules, section 7, is all that an application learns of somebody who is a guest of its organization.
#[tokio::test]
async fn c13_an_application_of_globex_learns_nothing_of_what_its_guest_is_elsewhere() {
    const SAID: [&str; 27] = [
        "iss",
        "sub",
        "aud",
        "exp",
        "iat",
        "nonce",
        "at_hash",
        "sid",
        "org",
        "org_name",
        "membership",
        "account_kind",
        "dc",
        "home_dc",
        "amr",
        "acr",
        "auth_time",
        "session_expiry",
        "name",
        "given_name",
        "family_name",
        "preferred_username",
        "locale",
        "zoneinfo",
        "updated_at",
        "email",
        "email_verified",
    ];
    for world in world().await {
        let keys = keys(&world).await;
        let acme = world.organization;
        let mapping = serde_json::json!([
            { "claim": "job", "container": null, "attribute": "title", "part": null, "scope": "openid" },
        ]);
        let release =
            world.store().write(move |tx| organizations::set_claim_mappings(tx, acme, Some(&mapping.to_string())));
        release.await.unwrap();
        let guest = guest_of_globex(&world, world.ada).await;
        let code = code(&world, &guest.session, "openid profile email offline_access").await;
        let first = issued(present(&world, application(&world).await, presented(&code)).await);
        let refreshed = issued(rotate(&world, &first.refresh_token, None).await);
        let userinfo = who(&world, access_claims(&world, &refreshed)).await.unwrap();
        let id_tokens = [&first, &refreshed].map(|issuance| id_token_of(&world, &keys, issuance));
        for said in id_tokens.into_iter().chain([serde_json::to_value(userinfo).unwrap()]) {
            let expected = [("org", guest.globex.to_string()), ("org_name", "Globex".to_owned())];
            let expected = expected.into_iter().chain([("membership", "external".to_owned())]);
            for (name, value) in expected {
                assert_eq!(said[name], value, "{}: {said:#}", world.engine());
            }
            let other: Vec<_> =
                said.as_object().unwrap().keys().filter(|name| !SAID.contains(&name.as_str())).collect();
            assert_eq!(other, Vec::<&String>::new(), "{}: {said:#}", world.engine());
            let text = said.to_string().to_lowercase();
            // Her address is not verified, and lies in no domain of Globex.
            for told in [acme.to_string(), world.connection.to_string(), "acme".to_owned()] {
                assert!(!text.contains(&told), "{}: {told} in {said:#}", world.engine());
            }
        }
    }
}

#[tokio::test]
async fn a_token_about_somebody_else_or_of_an_older_epoch_opens_nothing() {
    for world in world().await {
        let issuance = tokens(&world, "openid").await;
        let right = access_claims(&world, &issuance);
        for wrong in [
            AccessTokenClaims { sub: world.organization.to_string(), ..right.clone() },
            AccessTokenClaims { sep: 0, ..right.clone() },
            AccessTokenClaims { grant: world.organization.to_string(), ..right.clone() },
            AccessTokenClaims { grant: "x".to_owned(), ..right.clone() },
        ] {
            assert!(who(&world, wrong.clone()).await.is_none(), "{wrong:?}");
        }
        assert!(who(&world, right).await.is_some());
    }
}

#[tokio::test]
async fn what_an_organization_releases_comes_by_its_scope_in_its_type() {
    for world in world().await {
        let issued = tokens(&world, "openid profile").await;
        let claims = access_claims(&world, &issued);
        assert!(who(&world, claims.clone()).await.unwrap().released.is_empty());
        let (op, organization, ada) = (world.op(), world.organization, world.ada);
        let mappings = serde_json::json!([
            { "claim": "job", "container": null, "attribute": "title", "part": null, "scope": "profile" },
            { "claim": "grade", "container": "urn:a", "attribute": "grade", "part": null, "scope": "openid" },
            { "claim": "phone", "container": null, "attribute": "phoneNumbers", "part": "value", "scope": "email" },
            { "claim": "nothing", "container": null, "attribute": "nickName", "part": null, "scope": "profile" },
        ]);
        let written = world.store().write(move |tx| {
            organizations::set_claim_mappings(tx, organization, Some(&mappings.to_string()))?;
            let row = NewResourceRow {
                id: op.new_id(),
                org_id: organization,
                client_id: None,
                kind: "user".to_owned(),
                account_id: Some(ada),
                user_name_folded: Some("ada".to_owned()),
                external_id: None,
                display: None,
                display_folded: None,
                active: Some(true),
                version: 1,
                created_at: op.at,
                updated_at: op.at,
            };
            let document = r#"{"title":"Countess","urn:a":{"grade":7},"phoneNumbers":[{"value":"1"}]}"#;
            resources::insert(tx, &row, document, &[])?;
            Ok::<_, StoreError>(())
        });
        written.await.unwrap();
        let said = serde_json::to_value(who(&world, claims).await.unwrap()).unwrap();
        assert_eq!((&said["job"], &said["grade"]), (&"Countess".into(), &7.into()));
        assert_eq!((said.get("phone"), said.get("nothing")), (None, None));
        let wider = tokens(&world, "openid email").await;
        let said = serde_json::to_value(who(&world, access_claims(&world, &wider)).await.unwrap()).unwrap();
        assert_eq!((said.get("job"), &said["phone"]), (None, &serde_json::json!(["1"])));
        deactivate(&world).await;
        assert!(who(&world, access_claims(&world, &wider)).await.is_none());
    }
}

#[tokio::test]
async fn whatever_a_grant_rests_on_ends_it_alone() {
    for world in world().await {
        let stands = tokens(&world, "openid").await.standing;
        let now = world.op().at;
        assert_eq!(standing::check(&stands, now), Ok(()), "{}", world.engine());
        let by_password = StandingRow { connection: None, ..stands.clone() };
        assert_eq!(standing::check(&by_password, now), Ok(()), "who needed no connection");
        type End = fn(&mut StandingRow);
        let ends: [(Ended, End); 10] = [
            (Ended::Revoked, |row| row.grant.revoked_at = Some(row.grant.created_at)),
            (Ended::Expired, |row| row.grant.expires_at = row.grant.created_at),
            (Ended::SignedOut, |row| row.session.ended_at = Some(row.grant.created_at)),
            (Ended::Connection, |row| row.connection.as_mut().unwrap().state = "inactive".to_owned()),
            (Ended::OwnCredentials, |row| row.is_own_way_in_question = true),
            (Ended::SessionEpoch, |row| row.account.session_epoch += 1),
            (Ended::Account, |row| row.account.state = "inactive".to_owned()),
            (Ended::Membership, |row| row.membership = None),
            (Ended::Membership, |row| {
                row.membership.iter_mut().for_each(|membership| membership.status = "inactive".to_owned());
            }),
            (Ended::Application, |row| row.application.state = "inactive".to_owned()),
        ];
        for (ended, end) in ends {
            let mut row = stands.clone();
            end(&mut row);
            assert_eq!(standing::check(&row, now), Err(ended), "{}", world.engine());
        }
    }
}

/// What an independent library makes of the answer: it knows the provider by its published keys alone, takes no other
/// algorithm, and computes the hash of the access token itself.
#[tokio::test]
async fn oidcc_idtoken_signature_each_application_gets_the_algorithm_that_it_asks_for() {
    for world in world().await {
        let keys = keys(&world).await;
        let jwks: CoreJsonWebKeySet =
            serde_json::from_value(serde_json::to_value(keys.jwks()).unwrap()).expect("published keys that it reads");
        assert_eq!(jwks.keys().len(), 8, "{}: one that signs and the next, of each algorithm", world.engine());
        for algorithm in SigningAlgorithm::ALL {
            let mut issuance = tokens(&world, "openid email").await;
            algorithm.as_str().clone_into(&mut issuance.standing.application.id_token_algorithm);
            let answer = issuance.sign(&world.op(), &keys, ISSUER).unwrap();
            let token: CoreIdToken = answer.id_token.unwrap().parse().unwrap();
            let expected = match algorithm {
                SigningAlgorithm::Es256 => CoreJwsSigningAlgorithm::EcdsaP256Sha256,
                SigningAlgorithm::Rs256 => CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
                SigningAlgorithm::Ps256 => CoreJwsSigningAlgorithm::RsaSsaPssSha256,
                SigningAlgorithm::EdDsa => CoreJwsSigningAlgorithm::EdDsa,
            };
            let now = world.op().at;
            let verifier = CoreIdTokenVerifier::new_public_client(
                ClientId::new(world.application.to_string()),
                IssuerUrl::new(ISSUER.to_owned()).unwrap(),
                jwks.clone(),
            )
            .set_allowed_algs([expected])
            .set_time_fn(move || now.to_chrono());
            let claims = token
                .claims(&verifier, &Nonce::new("n".to_owned()))
                .unwrap_or_else(|error| panic!("{}: {error}", algorithm.as_str()));
            let key = token.signing_key(&verifier).unwrap();
            let access_token = AccessToken::new(answer.access_token);
            let hash = AccessTokenHash::from_token(&access_token, token.signing_alg().unwrap(), key).unwrap();
            assert_eq!(claims.access_token_hash(), Some(&hash), "{}: {}", world.engine(), algorithm.as_str());
        }
    }
}
