use super::{Decision, decide, is_application_open, oldest_sign_in};
use crate::access::sessions::Session;
use crate::directory::applications::{Application, ApplicationKind};
use crate::protocol::oidc::authorization::{AuthorizationRequest, Prompt};
use crate::protocol::oidc::error::ErrorCode;
use crate::protocol::oidc::parameters::Parameters;
use crate::protocol::oidc::signing::SigningAlgorithm;
use crate::values::clock::Timestamp;
use crate::values::ids::{AccountId, Id, OrganizationId};

const NOW: i64 = 1_800_000_000;

fn id<K>(n: u8) -> Id<K> {
    Id::from_bytes(&[n; 16]).unwrap()
}

fn request(extra: &str) -> AuthorizationRequest {
    let query = format!(
        "client_id=c&redirect_uri=https://app.test/cb&response_type=code&scope=openid\
         &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256{extra}"
    );
    AuthorizationRequest::parse(&Parameters::parse(&query).unwrap()).unwrap()
}

fn application(owner: Option<u8>) -> Application {
    Application {
        id: id(1),
        organization: owner.map(id),
        name: "App".to_owned(),
        kind: ApplicationKind::Public,
        secret_hash: None,
        id_token_algorithm: SigningAlgorithm::Es256,
        redirect_uris: vec!["https://app.test/cb".to_owned()],
        post_logout_redirect_uris: vec![],
        created_at: Timestamp::from_seconds(NOW),
    }
}

/// A session of account 2 in organization 3, signed in 100 seconds ago.
fn session() -> Session {
    Session {
        id: id(9),
        account: id(2),
        organization: id(3),
        connection: Some(id(4)),
        session_epoch: 1,
        amr: vec!["pwd".to_owned()],
        acr: "1".to_owned(),
        auth_time: Some(Timestamp::from_seconds(NOW - 100)),
        created_at: Timestamp::from_seconds(NOW - 100),
        last_seen_at: Timestamp::from_seconds(NOW),
        expires_at: Timestamp::from_seconds(NOW + 3600),
    }
}

fn decided(extra: &str, session: Option<&Session>) -> Decision {
    decide(&request(extra), &application(None), session, None, Timestamp::from_seconds(NOW))
}

fn is_login_required(decision: &Decision) -> bool {
    matches!(decision, Decision::Refuse(error) if error.code == ErrorCode::LoginRequired)
}

#[test]
fn a_live_session_is_enough_unless_more_is_asked_for() {
    let session = session();
    for (extra, expected) in [
        ("", Decision::Issue),
        ("&prompt=none", Decision::Issue),
        ("&prompt=consent", Decision::Issue),
        ("&max_age=10000", Decision::Issue),
        ("&max_age=100", Decision::Issue),
        ("&max_age=99", Decision::SignIn),
        ("&max_age=0", Decision::SignIn),
        ("&prompt=login", Decision::SignIn),
        ("&prompt=select_account", Decision::SignIn),
    ] {
        assert_eq!(decided(extra, Some(&session)), expected, "{extra}");
    }
    assert_eq!(decided("", None), Decision::SignIn);
}

/// RFC 9470: a session that was made with less is not enough, whoever made it.
#[test]
fn an_application_that_asks_for_more_than_the_session_has_leads_to_more() {
    const MFA: &str = "&acr_values=urn%3Acauseway%3Aacr%3Amfa";
    let own = Session { connection: None, acr: "urn:causeway:acr:password".to_owned(), ..session() };
    let amr = ["pwd", "otp", "mfa"].map(str::to_owned).to_vec();
    let strong = Session { acr: "urn:causeway:acr:mfa".to_owned(), amr: amr.clone(), ..own.clone() };
    let silent = format!("{MFA}&prompt=none");
    for (what, extra, session, expected) in [
        ("a password", MFA, &own, Decision::StepUp),
        ("a password, asked for nothing that is known", "&acr_values=1", &own, Decision::Issue),
        ("several factors", MFA, &strong, Decision::Issue),
        ("a password, which has to be typed again anyway", &format!("{MFA}&prompt=login"), &own, Decision::SignIn),
        ("a password that is too long ago", &format!("{MFA}&max_age=5"), &own, Decision::SignIn),
        ("an identity provider that said nothing of it", MFA, &session(), Decision::StepUp),
        ("an identity provider that did", MFA, &Session { amr, ..session() }, Decision::Issue),
        ("several factors, silently", &silent, &strong, Decision::Issue),
    ] {
        assert_eq!(decided(extra, Some(session)), expected, "{what}");
    }
    assert!(is_login_required(&decided(&silent, Some(&own))));
}

/// OpenID Connect Core 3.1.2.1, `max_age`.
#[test]
fn a_session_of_unknown_age_is_not_young_enough_for_any_max_age() {
    let unknown = Session { auth_time: None, ..session() };
    assert_eq!(decided("", Some(&unknown)), Decision::Issue);
    assert_eq!(decided("&max_age=10000", Some(&unknown)), Decision::SignIn);
    assert!(is_login_required(&decided("&prompt=none&max_age=10000", Some(&unknown))));
}

#[test]
fn oidcc_prompt_none_never_leads_to_a_page() {
    assert!(is_login_required(&decided("&prompt=none", None)));
    assert!(is_login_required(&decided("&prompt=none&max_age=1", Some(&session()))));
}

#[test]
fn oidcc_id_token_hint_must_name_the_person_who_is_signed_in() {
    let decide_for = |hinted: Option<AccountId>, extra| {
        decide(&request(extra), &application(None), Some(&session()), Some(hinted), Timestamp::from_seconds(NOW))
    };
    assert_eq!(decide_for(Some(id(2)), "&prompt=none"), Decision::Issue);
    for other in [Some(id(5)), None] {
        assert!(is_login_required(&decide_for(other, "&prompt=none")), "{other:?}");
        assert_eq!(decide_for(other, ""), Decision::SignIn);
    }
}

#[test]
fn an_organizations_application_is_for_its_people() {
    let own: OrganizationId = id(3);
    assert_eq!(session().organization, own);
    assert!(is_application_open(None, own));
    assert!(is_application_open(Some(own), own));
    assert!(!is_application_open(Some(id(8)), own));
    let now = Timestamp::from_seconds(NOW);
    assert_eq!(decide(&request(""), &application(Some(8)), Some(&session()), None, now), Decision::SignIn);
}

#[test]
fn a_forced_sign_in_must_happen_after_it_was_asked_for() {
    let asked_at = Timestamp::from_seconds(NOW);
    assert_eq!(request("&prompt=login").prompt, Prompt::Login);
    assert_eq!(oldest_sign_in(&request("&prompt=login"), asked_at), Some(asked_at));
    assert_eq!(oldest_sign_in(&request("&max_age=0"), asked_at), Some(asked_at));
    assert_eq!(oldest_sign_in(&request("&max_age=60"), asked_at), Some(asked_at.plus_seconds(-60)));
    assert_eq!(oldest_sign_in(&request(""), asked_at), None);
}
