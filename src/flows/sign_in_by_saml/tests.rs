use std::collections::HashMap;
use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use url::Url;

use super::landing::{self, LandingError, Stray};
use super::tries::MAX_TRIES;
use super::verifier::{Settings as Verification, Verifier};
use super::{Answer, Outcome, SamlSignInError, finish, prepare};
use crate::access::arrival::{Arrival, ArrivalError, Presented, Terms, arrive};
use crate::access::attempts::departure;
use crate::access::attempts::refusal::Refusal;
use crate::access::attempts::state::{Identified, State};
use crate::access::attempts::{self, Attempt};
use crate::access::grants::Lifetimes;
use crate::access::saml_sessions;
use crate::access::sessions::{self, Limits as SessionLimits, Session};
use crate::access::testing::{LINKING, World, world};
use crate::access::traces;
use crate::directory::accounts;
use crate::directory::connection_policy;
use crate::directory::connections::saml_options::{self, IpsieLevel, Landing, SamlOptions};
use crate::directory::connections::{self, NewConnection, Settings};
use crate::directory::organizations::{self, NewOrganization};
use crate::directory::profile::Profile;
use crate::directory::service_provider::ServiceProvider;
use crate::keys::purpose::Purpose;
use crate::keys::ring::KeyRing;
use crate::keys::rotation;
use crate::keys::sealing::Sealer;
use crate::protocol::oidc::acr;
use crate::protocol::oidc::authorization::AuthorizationRequest;
use crate::protocol::oidc::class_map::ClassMap;
use crate::protocol::saml::assertion::NameId;
use crate::protocol::saml::assertion::rejected::Rejected;
use crate::protocol::saml::attribute_map::Preset;
use crate::protocol::saml::authn_context::SeveralFactors;
use crate::protocol::saml::authn_request::Comparison;
use crate::protocol::saml::idp_metadata::IdpMetadata;
use crate::protocol::saml::names::FORMAT_EMAIL;
use crate::protocol::saml::testing::{Place, Signer, id_of_request, response_to, signer, stranger};
use crate::record::audit;
use crate::store::traces::Wanted;
use crate::store::{Tx, assertions, saml_sessions as saml_session_rows, scratch};
use crate::values::ids::{AttemptId, ConnectionId};
use crate::values::operation::Role;
use crate::values::page::PageRequest;
use crate::values::quota::Quota;
use crate::values::secret::Secret;

const TERMS: Terms = Terms {
    session: SessionLimits { idle_seconds: 3_600, absolute_seconds: 36_000 },
    lifetimes: Lifetimes { code_seconds: 60, access_token_seconds: 600, refresh_token_seconds: 3_600 },
};

struct Stage {
    world: World,
    provider: ServiceProvider,
    verifier: Verifier,
    /// Acme's connections: by the known signer, and by another one.
    connections: [ConnectionId; 2],
}

/// A request on its way.
struct Journey {
    attempt: AttemptId,
    connection: ConnectionId,
    request_id: String,
    relay_state: String,
}

async fn stages() -> Vec<Stage> {
    let mut stages = Vec::new();
    for world in world().await {
        let sealer = Sealer::new(&[Secret::from(STANDARD.encode([1; 32]))]).unwrap();
        let provider = ServiceProvider::new("https://id.test".parse().unwrap(), KeyRing::new(sealer.clone()));
        let op = world.operator();
        let keys = [0, 1].map(|_| rotation::prepare(&op, &sealer, Purpose::Saml).unwrap());
        let organization = world.organization;
        let write = world.store().write(move |tx| {
            rotation::establish(tx, &op, &keys[0], &keys[1]).unwrap();
            let mut connect = |entity_id: &str, signer: &Signer| {
                let idp = IdpMetadata {
                    entity_id: entity_id.to_owned(),
                    sso_redirect_url: "https://idp.test/sso?tenant=1".parse().unwrap(),
                    sso_post_url: None,
                    logout: None,
                    certificates: vec![signer.certificate.clone()],
                    valid_until: None,
                    cache_seconds: None,
                };
                let settings = Settings::Saml { idp, options: SamlOptions::default() };
                let new = NewConnection { id: op.new_id(), name: "IdP".to_owned(), settings, sealed_secret: None };
                let id = connections::create(tx, &op, organization, &new, &Quota::default())?.id;
                connection_policy::set(tx, &op, organization, id, LINKING).unwrap();
                Ok::<_, connections::ConnectionError>(id)
            };
            Ok::<_, connections::ConnectionError>([
                connect("https://idp.test/saml", signer())?,
                connect("https://other.test/saml", stranger())?,
            ])
        });
        let connections = write.await.unwrap();
        stages.push(Stage { world, provider, verifier: Verifier::new(Verification::default()), connections });
    }
    stages
}

impl Stage {
    async fn leave(&self, connection: ConnectionId) -> Journey {
        let url = self.leave_asking(connection, None).await;
        self.journey(&url, connection).await
    }

    /// The address to which somebody is sent whose application asks for `acr_values`.
    async fn leave_asking(&self, connection: ConnectionId, acr_values: Option<&str>) -> String {
        let request = AuthorizationRequest { acr_values: acr_values.map(str::to_owned), ..self.world.request() };
        let attempt = self.world.start_attempt_for(&Secret::from("browser".to_owned()), request).await;
        self.send(attempt, connection).await.unwrap()
    }

    async fn send(&self, attempt: Attempt, connection: ConnectionId) -> Result<String, SamlSignInError> {
        let (op, id) = (self.world.op(), attempt.id);
        let found = self.world.store().read(move |tx| connections::find(tx, connection)).await?.unwrap();
        let departure = prepare(self.world.store(), &self.provider, &op, attempt.errand(), &found).await?;
        let (address, url) = ("ada@acme.test".parse().ok(), departure.url.clone());
        let set_out = move |tx: &mut Tx<'_>| departure::set_out(tx, &op, id, address.as_ref(), &departure);
        self.world.store().write(set_out).await?;
        Ok(url)
    }

    /// Leaves once more on the same attempt.
    async fn leave_again(&self, journey: &Journey) -> Result<String, SamlSignInError> {
        let id = journey.attempt;
        let attempt = self.world.store().read(move |tx| attempts::find(tx, id)).await?.unwrap();
        self.send(attempt, journey.connection).await
    }

    /// Has a connection demand this.
    async fn demand(&self, connection: ConnectionId, options: &SamlOptions) {
        let (op, organization, options) = (self.world.operator(), self.world.organization, options.clone());
        let write = move |tx: &mut Tx<'_>| saml_options::replace(tx, &op, organization, connection, &options);
        self.world.store().write(write).await.unwrap();
    }

    /// The request in this address, and the attempt that waits for its answer.
    async fn journey(&self, url: &str, connection: ConnectionId) -> Journey {
        let query: HashMap<_, _> = Url::parse(url).unwrap().query_pairs().into_owned().collect();
        let (op, handle) = (self.world.op(), query["RelayState"].clone());
        let sent = self.world.store().read(move |tx| attempts::find_sent(tx, &op, connection, &handle));
        Journey {
            attempt: sent.await.unwrap().unwrap().0.id,
            connection,
            request_id: id_of_request(&query["SAMLRequest"]),
            relay_state: query["RelayState"].clone(),
        }
    }

    /// What the identity provider answers. Each answer has an assertion of its own.
    fn response(&self, journey: &Journey) -> String {
        let entity_id = self.provider.entity_id(journey.connection);
        let acs_url = self.provider.acs_url(journey.connection);
        let xml = response_to(&entity_id, &acs_url, &journey.request_id, self.world.op().at);
        xml.replace("\"_a1\"", &format!("\"_a{}\"", journey.request_id))
    }

    async fn come_back(&self, journey: &Journey, xml: &str) -> Result<Outcome, SamlSignInError> {
        self.post(journey.connection, &journey.relay_state, &signer().sign_response(Place::Both, xml)).await
    }

    async fn post(&self, to: ConnectionId, relay_state: &str, xml: &str) -> Result<Outcome, SamlSignInError> {
        let saml_response = STANDARD.encode(xml);
        let answer = Answer { saml_response, relay_state: relay_state.to_owned(), most_people: 1_000 };
        finish(self.world.store(), &self.provider, &self.verifier, &self.world.op(), to, answer).await
    }

    async fn state(&self, attempt: AttemptId) -> State {
        self.world.store().read(move |tx| attempts::find(tx, attempt)).await.unwrap().unwrap().state
    }

    /// The details of the audit entries about refused sign-ins.
    async fn refusals(&self) -> Vec<Value> {
        let organization = self.world.organization;
        let request = PageRequest::new(None, Some(200)).unwrap();
        let page = self.world.store().read(move |tx| audit::page(tx, organization, &request)).await.unwrap();
        let refused = page.items.into_iter().filter(|entry| entry.action == "sign_in.refused");
        refused.map(|entry| entry.detail).collect()
    }
}

fn unverified(check: &str) -> Option<Refusal> {
    Some(Refusal::Unverified { check: check.to_owned() })
}

#[tokio::test]
async fn an_answer_to_our_request_says_who_signs_in_and_works_once() {
    for stage in stages().await {
        let journey = stage.leave(stage.connections[0]).await;
        let xml = stage.response(&journey);
        let outcome = stage.come_back(&journey, &xml).await.unwrap();
        assert_eq!((outcome.attempt, outcome.refusal), (journey.attempt, None), "{}", stage.world.engine());
        let State::Identified(identified) = stage.state(journey.attempt).await else { panic!("not identified") };
        assert_eq!((identified.account, identified.connection), (stage.world.ada, Some(stage.connections[0])));
        assert_eq!(identified.amr, ["pwd"]);
        assert_eq!(identified.session_expires_at, Some(stage.world.op().at.plus_seconds(3_600)));
        let again = stage.come_back(&journey, &xml).await;
        assert!(matches!(again, Err(SamlSignInError::NotExpected)), "{}: {again:?}", stage.world.engine());
        assert!(stage.refusals().await.is_empty());
    }
}

#[tokio::test]
async fn an_answer_that_does_not_hold_ends_the_attempt_with_one_entry() {
    for stage in stages().await {
        let responder = "urn:oasis:names:tc:SAML:2.0:status:Responder";
        let cases = [
            ("metadata</saml:Audience>", "other</saml:Audience>", unverified("saml_audience")),
            ("NotOnOrAfter=", "Unused=", unverified("saml_confirmation_expired")),
            ("ada@acme.test", "ada@elsewhere.test", Some(Refusal::ForeignAddress)),
            ("ada@acme.test", "nobody@acme.test", Some(Refusal::Unknown)),
            (
                "urn:oasis:names:tc:SAML:2.0:status:Success",
                responder,
                Some(Refusal::Declined { code: "Responder".to_owned() }),
            ),
        ];
        for (number, (from, to, refusal)) in cases.into_iter().enumerate() {
            let journey = stage.leave(stage.connections[0]).await;
            let xml = stage.response(&journey).replace(from, to);
            let outcome = stage.come_back(&journey, &xml).await.unwrap();
            assert_eq!(
                (outcome.attempt, outcome.refusal),
                (journey.attempt, refusal),
                "{}: {from}",
                stage.world.engine()
            );
            assert!(matches!(stage.state(journey.attempt).await, State::Refused(_)));
            assert_eq!(stage.refusals().await.len(), number + 1, "{}", stage.world.engine());
        }
    }
}

/// SAML core 2.2.2: the format is a part of the identifier.
#[tokio::test]
async fn one_text_in_two_formats_is_two_subjects() {
    for stage in stages().await {
        let email = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";
        for (format, refusal) in [
            (email, None),
            ("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent", Some(Refusal::SubjectChanged)),
            ("urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified", Some(Refusal::SubjectChanged)),
            (email, None),
        ] {
            let journey = stage.leave(stage.connections[0]).await;
            let xml = stage.response(&journey).replace(email, format);
            let outcome = stage.come_back(&journey, &xml).await.unwrap();
            assert_eq!(outcome.refusal, refusal, "{}: {format}", stage.world.engine());
        }
    }
}

#[tokio::test]
async fn an_assertion_that_was_used_before_is_refused() {
    for stage in stages().await {
        let journey = stage.leave(stage.connections[0]).await;
        let (connection, id) = (journey.connection, format!("_a{}", journey.request_id));
        let until = stage.world.op().at.plus_seconds(60);
        let used = stage.world.store().write(move |tx| assertions::consume(tx, connection, &id, until));
        assert!(used.await.unwrap());
        let outcome = stage.come_back(&journey, &stage.response(&journey)).await.unwrap();
        assert_eq!(outcome.refusal, unverified("saml_replay"), "{}", stage.world.engine());
        assert_eq!(stage.refusals().await.len(), 1, "{}", stage.world.engine());
    }
}

#[tokio::test]
async fn an_answer_of_or_at_another_connection_is_refused() {
    for stage in stages().await {
        let [ours, other] = stage.connections;
        let journey = stage.leave(ours).await;
        let xml = signer().sign_response(Place::Both, &stage.response(&journey));
        let misdirected = stage.post(other, &journey.relay_state, &xml).await;
        assert!(matches!(misdirected, Err(SamlSignInError::NotExpected)), "{misdirected:?}");
        assert!(matches!(stage.state(journey.attempt).await, State::Sent(_)), "nothing was consumed");
        // The other provider's own answer, sent to us with our request's id.
        let foreign = stage.response(&journey).replace("https://idp.test/saml", "https://other.test/saml");
        let foreign = stranger().sign_response(Place::Both, &foreign);
        let outcome = stage.post(ours, &journey.relay_state, &foreign).await.unwrap();
        assert_eq!(outcome.refusal, unverified("saml_issuer"), "{}", stage.world.engine());
        // An answer to another attempt's request.
        let (first, second) = (stage.leave(ours).await, stage.leave(ours).await);
        let xml = signer().sign_response(Place::Both, &stage.response(&first));
        let outcome = stage.post(ours, &second.relay_state, &xml).await.unwrap();
        assert_eq!(outcome.refusal, unverified("saml_in_response_to"), "{}", stage.world.engine());
    }
}

#[tokio::test]
async fn an_answer_that_is_not_decided_may_be_sent_again_a_few_times_only() {
    for mut stage in stages().await {
        let deadline = std::time::Duration::from_millis(50);
        let occupied = Verifier::new(Verification { threads: 1, deadline, ..Verification::default() });
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let stuck = occupied.run(stage.world.organization, move || {
            let _ = wait.recv();
            Err(Rejected::Signature)
        });
        assert!(stuck.await.is_err(), "it overruns, and keeps the only slot");
        stage.verifier = occupied;
        let journey = stage.leave(stage.connections[0]).await;
        let xml = stage.response(&journey);
        for _ in 0..MAX_TRIES {
            let outcome = stage.come_back(&journey, &xml).await;
            assert!(matches!(outcome, Err(SamlSignInError::NotVerified(_))), "{outcome:?}");
        }
        drop(release);
        let spent = stage.come_back(&journey, &xml).await;
        assert!(matches!(spent, Err(SamlSignInError::NotExpected)), "{}: {spent:?}", stage.world.engine());
        stage.leave_again(&journey).await.unwrap();
        assert!(matches!(stage.state(journey.attempt).await, State::Sent(_)), "leaving again begins anew");
    }
}

#[tokio::test]
async fn an_answer_that_nobody_waits_for_leaves_no_trace() {
    for stage in stages().await {
        let journey = stage.leave(stage.connections[0]).await;
        let xml = signer().sign_response(Place::Both, &stage.response(&journey));
        for relay_state in ["", "x", &journey.relay_state[1..], &journey.relay_state.to_uppercase()] {
            let outcome = stage.post(journey.connection, relay_state, &xml).await;
            assert!(matches!(outcome, Err(SamlSignInError::NotExpected)), "{relay_state}: {outcome:?}");
        }
        let unknown = ConnectionId::from_bytes(&[9; 16]).unwrap();
        let outcome = stage.post(unknown, &journey.relay_state, &xml).await;
        assert!(matches!(outcome, Err(SamlSignInError::NoConnection)), "{outcome:?}");
        stage.world.advance(900);
        let late = stage.post(journey.connection, &journey.relay_state, &xml).await;
        assert!(matches!(late, Err(SamlSignInError::NotExpected)), "{late:?}");
        assert!(stage.refusals().await.is_empty());
    }
}

/// CVE-2026-9098: the connection is switched off while the person is at the identity provider.
#[tokio::test]
async fn a_connection_that_was_switched_off_meanwhile_lets_nobody_in() {
    for stage in stages().await {
        let journey = stage.leave(stage.connections[0]).await;
        let (op, organization, connection) = (stage.world.operator(), stage.world.organization, journey.connection);
        let disable = stage.world.store().write(move |tx| connections::disable(tx, &op, organization, connection));
        disable.await.unwrap();
        let outcome = stage.come_back(&journey, &stage.response(&journey)).await.unwrap();
        assert_eq!(outcome.refusal, Some(Refusal::ConnectionInactive), "{}", stage.world.engine());
        let again = stage.leave_again(&journey).await;
        assert!(matches!(again, Err(SamlSignInError::NoConnection)), "{again:?}");
    }
}

impl Stage {
    /// What the connection knows of its provider, changed behind a person's back.
    async fn change_provider(&self, connection: ConnectionId, change: impl FnOnce(&mut IdpMetadata)) {
        let found = self.world.store().read(move |tx| connections::find(tx, connection)).await.unwrap().unwrap();
        let Settings::Saml { mut idp, options } = found.settings else { panic!("not saml") };
        change(&mut idp);
        self.world.put_settings(connection, &Settings::Saml { idp, options }).await;
    }
}

#[tokio::test]
async fn an_answer_counts_only_if_the_connection_still_is_to_the_provider_that_was_asked() {
    for stage in stages().await {
        let journey = stage.leave(stage.connections[0]).await;
        stage.change_provider(journey.connection, |idp| idp.entity_id = "https://new.test/saml".to_owned()).await;
        let xml = stage.response(&journey).replace("https://idp.test/saml", "https://new.test/saml");
        let outcome = stage.come_back(&journey, &xml).await.unwrap();
        assert_eq!(outcome.refusal, Some(Refusal::ConnectionChanged), "{}", stage.world.engine());
        assert_eq!(stage.refusals().await[0]["code"], "connection_changed");
    }
}

/// SAML metadata 2.3.1.
#[tokio::test]
async fn a_provider_past_its_end_of_validity_lets_nobody_in() {
    for stage in stages().await {
        let until = stage.world.op().at.plus_seconds(30);
        stage.change_provider(stage.connections[0], |idp| idp.valid_until = Some(until)).await;
        let journey = stage.leave(stage.connections[0]).await;
        assert_eq!(stage.come_back(&journey, &stage.response(&journey)).await.unwrap().refusal, None);
        let journey = stage.leave(stage.connections[0]).await;
        stage.world.advance(30);
        let outcome = stage.come_back(&journey, &stage.response(&journey)).await.unwrap();
        assert_eq!(outcome.refusal, unverified("saml_provider_expired"), "{}", stage.world.engine());
    }
}

fn landing_at(stage: &Stage, url: &str) -> SamlOptions {
    let landing = Landing { application: stage.world.application, url: url.parse().unwrap() };
    SamlOptions { landing: Some(landing), ..SamlOptions::default() }
}

impl Stage {
    /// What the connection demands, put there behind everybody's back.
    async fn put_options(&self, connection: ConnectionId, options: SamlOptions) {
        let idp = self.provider_of(connection).await;
        self.world.put_settings(connection, &Settings::Saml { idp, options }).await;
    }

    /// A response about Ada that nobody has asked for.
    fn unsolicited(&self, connection: ConnectionId) -> String {
        let (entity_id, acs_url) = (self.provider.entity_id(connection), self.provider.acs_url(connection));
        let xml = response_to(&entity_id, &acs_url, "_none", self.world.op().at);
        signer().sign_response(Place::Both, &xml.replace(" InResponseTo=\"_none\"", ""))
    }

    async fn is_wish(&self, connection: ConnectionId, xml: &str) -> bool {
        self.stray(connection, &STANDARD.encode(xml)).await == Stray::Wish
    }

    async fn stray(&self, connection: ConnectionId, posted: &str) -> Stray {
        landing::stray(self.world.store(), &self.verifier, connection, posted.to_owned()).await.unwrap()
    }

    async fn start(&self, connection: ConnectionId) -> Result<String, LandingError> {
        self.start_with(connection, None).await
    }

    async fn start_with(&self, connection: ConnectionId, session: Option<Secret>) -> Result<String, LandingError> {
        let binding = Secret::from("browser".to_owned());
        let leaving = landing::Leaving { binding, session, limits: TERMS.session, ttl_seconds: 900 };
        landing::begin(self.world.store(), &self.provider, &self.world.op(), connection, leaving).await
    }

    /// A session of Ada's, on behalf of Acme.
    async fn session(&self) -> Secret {
        let (op, organization, ada) = (self.world.op(), self.world.organization, self.world.ada);
        let write = self.world.store().write(move |tx| {
            let identified = Identified {
                account: ada,
                organization,
                connection: None,
                session_epoch: accounts::find(tx, ada)?.unwrap().session_epoch,
                amr: vec!["pwd".to_owned()],
                acr: "1".to_owned(),
                auth_time: None,
                session_expires_at: None,
                upstream_session: None,
            };
            sessions::start(tx, &op, &identified, TERMS.session)
        });
        write.await.unwrap().1
    }

    /// A connection of another organization, whose people land at the same app.
    async fn foreign(&self) -> ConnectionId {
        let (op, options) = (self.world.operator(), landing_at(self, "https://app.example/start"));
        let idp = self.provider_of(self.connections[1]).await;
        let write = self.world.store().write(move |tx| {
            let new = NewOrganization {
                slug: "globex".parse().unwrap(),
                name: "Globex".to_owned(),
                support_name: None,
                support_email: None,
                owner: "owner@globex.test".parse().unwrap(),
            };
            let (globex, _) = organizations::create(tx, &op, &new).unwrap();
            let settings = Settings::Saml { idp, options };
            let new = NewConnection { id: op.new_id(), name: "IdP".to_owned(), settings, sealed_secret: None };
            connections::create(tx, &op, globex.id, &new, &Quota::default()).map(|connection| connection.id)
        });
        write.await.unwrap()
    }

    async fn provider_of(&self, connection: ConnectionId) -> IdpMetadata {
        let found = self.world.store().read(move |tx| connections::find(tx, connection)).await.unwrap().unwrap();
        let Settings::Saml { idp, .. } = found.settings else { panic!("not saml") };
        idp
    }
}

fn is_unexpected(outcome: &Result<String, LandingError>) -> bool {
    matches!(outcome, Err(LandingError::SignIn(SamlSignInError::NotExpected)))
}

/// Login CSRF: the link is of somebody who has an organization, and a provider, of their own.
#[tokio::test]
async fn a_link_of_another_organization_does_not_take_the_place_of_a_session() {
    for stage in stages().await {
        let (session, foreign, ours) = (stage.session().await, stage.foreign().await, stage.connections[0]);
        stage.put_options(ours, landing_at(&stage, "https://app.example/start")).await;
        let taken = stage.start_with(foreign, Some(session.clone())).await;
        assert!(matches!(taken, Err(LandingError::SignedInElsewhere)), "{}: {taken:?}", stage.world.engine());
        assert!(stage.start_with(ours, Some(session.clone())).await.is_ok());
        stage.world.advance(TERMS.session.idle_seconds);
        assert!(stage.start_with(foreign, Some(session)).await.is_ok(), "nobody is signed in any more");
    }
}

impl Stage {
    /// A session of somebody of another organization.
    async fn session_elsewhere(&self) -> Secret {
        let (op, foreign) = (self.world.operator(), self.foreign().await);
        let write = self.world.store().write(move |tx| {
            let globex = connections::find(tx, foreign)?.unwrap().organization;
            let profile = Profile { addresses: vec!["gus@globex.test".parse().unwrap()], ..Profile::default() };
            let account = accounts::create(tx, &op, globex, &profile, Role::Member)?;
            let identified = Identified {
                account,
                organization: globex,
                connection: None,
                session_epoch: accounts::find(tx, account)?.unwrap().session_epoch,
                amr: vec!["pwd".to_owned()],
                acr: "1".to_owned(),
                auth_time: None,
                session_expires_at: None,
                upstream_session: None,
            };
            sessions::start(tx, &op, &identified, TERMS.session)
        });
        write.await.unwrap().1
    }

    /// The browser that brought the answer comes back, with the session that it has meanwhile.
    async fn arrive(&self, outcome: &Outcome, session: Option<&Secret>) -> Arrival {
        let (op, id, presented) = (self.world.op(), outcome.attempt, bringing(outcome, session));
        self.world.store().write(move |tx| arrive(tx, &op, id, &presented, TERMS)).await.unwrap()
    }

    async fn live(&self, token: &Secret) -> Option<Session> {
        let (op, token) = (self.world.op(), token.clone());
        self.world.store().read(move |tx| sessions::find_live(tx, &op, &token, TERMS.session)).await.unwrap()
    }
}

/// The browser that brought the answer, with the session that it has.
fn bringing(outcome: &Outcome, session: Option<&Secret>) -> Presented {
    Presented {
        binding: Secret::from("browser".to_owned()),
        session: session.cloned(),
        arrival: Some(outcome.arrival.clone()),
        device: None,
    }
}

/// The person of `response_to`, as the connection's provider names her.
fn ada() -> NameId {
    NameId { value: "ada@acme.test".to_owned(), format: FORMAT_EMAIL.to_owned() }
}

impl Stage {
    /// The provider of a connection says that Ada has signed out there, of these sessions or of all.
    async fn end(&self, connection: ConnectionId, indexes: &[&str]) {
        let (op, organization) = (self.world.op(), self.world.organization);
        let indexes: Vec<String> = indexes.iter().map(|index| (*index).to_owned()).collect();
        let write = self
            .world
            .store()
            .write(move |tx| saml_sessions::end(tx, &op, (organization, connection), &ada(), &indexes));
        write.await.unwrap();
    }

    async fn deactivate_ada(&self) {
        let (op, organization, ada) = (self.world.operator(), self.world.organization, self.world.ada);
        self.world.store().write(move |tx| accounts::deactivate(tx, &op, organization, ada)).await.unwrap();
    }

    async fn reactivate_ada(&self) {
        let (op, organization, ada) = (self.world.operator(), self.world.organization, self.world.ada);
        self.world.store().write(move |tx| accounts::reactivate(tx, &op, organization, ada)).await.unwrap();
    }
}

#[tokio::test]
async fn what_a_provider_said_before_a_refusal_is_of_no_session_that_another_one_opens() {
    for stage in stages().await {
        let connection = stage.connections[0];
        let journey = stage.leave(connection).await;
        let outcome = stage.come_back(&journey, &stage.response(&journey)).await.unwrap();
        stage.deactivate_ada().await;
        let refused = stage.arrive(&outcome, None).await;
        assert!(matches!(refused, Arrival::Refused { refusal: Refusal::AccountInactive, .. }), "{refused:?}");
        stage.reactivate_ada().await;
        let attempt = stage.world.store().read(move |tx| attempts::find(tx, journey.attempt)).await.unwrap().unwrap();
        let arrival = stage.world.answer(&attempt, "ada@acme.test").await;
        let arrived = stage.arrive(&Outcome { arrival, ..outcome }, None).await;
        let Arrival::SignedIn { session_token, .. } = arrived else { panic!("not signed in: {arrived:?}") };
        let session = stage.live(&session_token).await.unwrap();
        assert_eq!(session.connection, Some(stage.world.connection));
        let known = stage.world.store().read(move |tx| saml_sessions::find(tx, session.id)).await.unwrap();
        assert_eq!(known, None, "{}", stage.world.engine());
        // Nothing is left that could be.
        let bind = stage.world.store().write(move |tx| {
            saml_session_rows::bind(tx, (journey.attempt, connection), session.id, session.expires_at)?;
            saml_sessions::find(tx, session.id)
        });
        assert_eq!(bind.await.unwrap(), None, "{}", stage.world.engine());
        stage.end(connection, &[]).await;
        assert!(stage.live(&session_token).await.is_some(), "{}", stage.world.engine());
    }
}

#[tokio::test]
async fn who_signs_out_at_the_provider_on_the_way_back_from_it_does_not_arrive_and_nobody_else_is_kept() {
    for stage in stages().await {
        let [connection, other] = stage.connections;
        let cases = [
            (connection, &[] as &[&str], false),
            (connection, &["s0", "s1"], false),
            (connection, &["s2"], true),
            (other, &[], true),
        ];
        for (ended, indexes, is_let_in) in cases {
            let journey = stage.leave(connection).await;
            let outcome = stage.come_back(&journey, &stage.response(&journey)).await.unwrap();
            stage.end(ended, indexes).await;
            match stage.arrive(&outcome, None).await {
                Arrival::SignedIn { .. } => assert!(is_let_in, "{}: {indexes:?}", stage.world.engine()),
                Arrival::Refused { refusal: Refusal::Overtaken, .. } => {
                    assert!(!is_let_in, "{}: {indexes:?}", stage.world.engine());
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(stage.world.entries("sign_in.succeeded").await.len(), 2, "{}", stage.world.engine());
        assert_eq!(stage.refusals().await[0]["code"], "overtaken");
    }
}

/// On PostgreSQL: neither sees what the other is about to write.
#[tokio::test]
async fn an_arrival_beside_a_request_to_sign_out_makes_no_session_that_outlives_it() {
    for stage in stages().await {
        let journey = stage.leave(stage.connections[0]).await;
        let outcome = stage.come_back(&journey, &stage.response(&journey)).await.unwrap();
        let (op, presented) = (stage.world.op(), bringing(&outcome, None));
        let arriving = move |tx: &mut Tx<'_>| Ok(arrive(tx, &op, outcome.attempt, &presented, TERMS).unwrap());
        let (arrived, ()) =
            scratch::overlap(stage.world.store(), arriving, stage.end(journey.connection, &["s1"])).await;
        let Arrival::SignedIn { session_token, .. } = arrived else { panic!("not signed in: {arrived:?}") };
        assert!(stage.live(&session_token).await.is_none(), "{}", stage.world.engine());
    }
}

#[tokio::test]
async fn a_request_to_sign_out_beside_an_arrival_keeps_it_out() {
    for stage in stages().await {
        let journey = stage.leave(stage.connections[0]).await;
        let outcome = stage.come_back(&journey, &stage.response(&journey)).await.unwrap();
        let (op, on) = (stage.world.op(), (stage.world.organization, journey.connection));
        let ending = move |tx: &mut Tx<'_>| saml_sessions::end(tx, &op, on, &ada(), &["s1".to_owned()]);
        let ((), arrived) = scratch::overlap(stage.world.store(), ending, stage.arrive(&outcome, None)).await;
        let is_refused = matches!(arrived, Arrival::Refused { refusal: Refusal::Overtaken, .. });
        assert!(is_refused, "{}: {arrived:?}", stage.world.engine());
    }
}

/// Login CSRF: the person signs in elsewhere between the link and the answer, which somebody has held back.
#[tokio::test]
async fn a_browser_that_left_at_once_takes_the_place_of_no_session_of_another_organization() {
    for stage in stages().await {
        let (connection, elsewhere) = (stage.connections[0], stage.session_elsewhere().await);
        let request = AuthorizationRequest { has_left_at_once: true, ..stage.world.request() };
        let attempt = stage.world.start_attempt_for(&Secret::from("browser".to_owned()), request).await;
        let journey = stage.journey(&stage.send(attempt, connection).await.unwrap(), connection).await;
        let outcome = stage.come_back(&journey, &stage.response(&journey)).await.unwrap();
        let arrived = stage.arrive(&outcome, Some(&elsewhere)).await;
        let is_refused = matches!(arrived, Arrival::Refused { refusal: Refusal::SignedInElsewhere, .. });
        assert!(is_refused, "{}: {arrived:?}", stage.world.engine());
        assert!(stage.live(&elsewhere).await.is_some(), "{}", stage.world.engine());
    }
}

#[tokio::test]
async fn a_link_of_another_organization_does_not_take_the_place_of_a_session_that_came_after_it_was_followed() {
    for stage in stages().await {
        let connection = stage.connections[0];
        stage.put_options(connection, landing_at(&stage, "https://app.example/start")).await;
        let (elsewhere, here) = (stage.session_elsewhere().await, stage.session().await);
        let answered = async || {
            let journey = stage.journey(&stage.start(connection).await.unwrap(), connection).await;
            stage.come_back(&journey, &stage.response(&journey)).await.unwrap()
        };
        let outcome = answered().await;
        let arrived = stage.arrive(&outcome, Some(&elsewhere)).await;
        let is_refused = matches!(arrived, Arrival::Refused { refusal: Refusal::SignedInElsewhere, .. });
        assert!(is_refused, "{}: {arrived:?}", stage.world.engine());
        assert!(stage.live(&elsewhere).await.is_some(), "{}", stage.world.engine());
        assert!(matches!(stage.state(outcome.attempt).await, State::Refused(Refusal::SignedInElsewhere)));
        assert_eq!(stage.refusals().await[0]["code"], "signed_in_elsewhere");
        assert!(stage.world.entries("sign_in.succeeded").await.is_empty());
        // A session of the same organization gives way, and so does any to a sign-in that an application began.
        assert!(matches!(stage.arrive(&answered().await, Some(&here)).await, Arrival::Landed { .. }));
        assert!(stage.live(&here).await.is_none(), "{}", stage.world.engine());
        let journey = stage.leave(connection).await;
        let outcome = stage.come_back(&journey, &stage.response(&journey)).await.unwrap();
        assert!(matches!(stage.arrive(&outcome, Some(&elsewhere)).await, Arrival::SignedIn { .. }));
        // One that has ended stands in nobody's way.
        assert!(matches!(stage.arrive(&answered().await, Some(&elsewhere)).await, Arrival::Landed { .. }));
    }
}

#[tokio::test]
async fn sign_in_that_begins_at_the_provider_is_a_round_trip_that_begins_here() {
    const PLACE: &str = "https://app.example/start";
    for stage in stages().await {
        let connection = stage.connections[0];
        stage.put_options(connection, landing_at(&stage, PLACE)).await;
        let xml = stage.unsolicited(connection);
        assert!(stage.is_wish(connection, &xml).await);
        assert!(
            matches!(stage.post(connection, "", &xml).await, Err(SamlSignInError::NotExpected)),
            "and nothing more"
        );
        let url = stage.start(connection).await.unwrap();
        let journey = stage.journey(&url, connection).await;
        let attempt = stage.world.store().read(move |tx| attempts::find(tx, journey.attempt)).await.unwrap().unwrap();
        assert_eq!((attempt.landing.as_deref(), &attempt.address), (Some(PLACE), &None));
        let outcome = stage.come_back(&journey, &stage.response(&journey)).await.unwrap();
        assert_eq!(outcome.refusal, None);
        let presented = |browser: &str| Presented {
            binding: Secret::from(browser.to_owned()),
            session: None,
            arrival: Some(outcome.arrival.clone()),
            device: None,
        };
        let arrived = async |presented: Presented| {
            let (op, id) = (stage.world.op(), journey.attempt);
            stage.world.store().write(move |tx| arrive(tx, &op, id, &presented, TERMS)).await
        };
        assert!(matches!(arrived(presented("another")).await, Err(ArrivalError::NotFound)), "another browser");
        let Ok(Arrival::Landed { place, .. }) = arrived(presented("browser")).await else { panic!("not landed") };
        assert_eq!(place, PLACE);
        assert_eq!(stage.world.entries("sign_in.succeeded").await.len(), 1, "{}", stage.world.engine());
    }
}

#[tokio::test]
async fn nothing_begins_at_the_provider_unless_the_connection_says_where_it_ends() {
    for stage in stages().await {
        let [connection, other] = stage.connections;
        let xml = stage.unsolicited(connection);
        let refused = async |what: &str| {
            assert!(!stage.is_wish(connection, &xml).await, "{what}");
            assert!(is_unexpected(&stage.start(connection).await), "{what}");
        };
        refused("it is off").await;
        let strict = SamlOptions { ipsie_level: Some(IpsieLevel::Sl2), ..landing_at(&stage, "https://app.example/") };
        stage.put_options(connection, strict).await;
        refused("a level forbids it").await;
        stage.put_options(connection, landing_at(&stage, "https://app.example/")).await;
        let journey = stage.leave(connection).await;
        let answer = signer().sign_response(Place::Both, &stage.response(&journey));
        assert!(!stage.is_wish(connection, &answer).await, "it answers a request");
        assert!(!stage.is_wish(other, &xml).await, "of another connection");
        stage.put_options(connection, landing_at(&stage, "https://app.example.evil.test/")).await;
        assert!(is_unexpected(&stage.start(connection).await), "no place of the app");
        // Nor does it get so far.
        let (op, organization) = (stage.world.operator(), stage.world.organization);
        let evil = landing_at(&stage, "https://app.example.evil.test/");
        let replace = stage
            .world
            .store()
            .write(move |tx| saml_options::replace(tx, &op, organization, connection, &evil).map(drop));
        assert!(matches!(replace.await, Err(connections::ConnectionError::InvalidOptions(_))));
    }
}

const MFA: &str = "urn:causeway:acr:mfa";
const CLASS: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:Password";

/// The document of the request in this address.
fn document(url: &str) -> String {
    let query: HashMap<_, _> = Url::parse(url).unwrap().query_pairs().into_owned().collect();
    let deflated = STANDARD.decode(&query["SAMLRequest"]).unwrap();
    let mut xml = String::new();
    flate2::read::DeflateDecoder::new(deflated.as_slice()).read_to_string(&mut xml).unwrap();
    xml
}

fn strong(asks_for: &[&str], met_by: &[&str]) -> SamlOptions {
    let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
    let map = ClassMap { asks_for: words(asks_for), met_by: words(met_by) };
    let several_factors = Some(SeveralFactors { map, comparison: Comparison::Minimum });
    SamlOptions { several_factors, ..SamlOptions::default() }
}

/// What the application asks for goes on to the provider in its own words, and what comes back counts as the connection maps it.
#[tokio::test]
async fn an_application_that_asks_for_several_factors_has_the_provider_asked_for_them() {
    const ASKED: &str = "<samlp:RequestedAuthnContext Comparison=\"minimum\"><saml:AuthnContextClassRef>urn:acme:2fa</";
    for stage in stages().await {
        let connection = stage.connections[0];
        stage.demand(connection, &strong(&["urn:acme:2fa"], &["urn:acme:2fa", "urn:acme:3fa"])).await;
        for other in [None, Some("urn:causeway:acr:password")] {
            let xml = document(&stage.leave_asking(connection, other).await);
            assert!(!xml.contains("RequestedAuthnContext"), "{other:?}: {xml}");
        }
        let mut came = Vec::new();
        for (class, is_met) in [
            ("urn:acme:3fa", true),
            ("urn:acme:1fa", false),
            // Known everywhere, and not what this connection believes.
            ("https://refeds.org/profile/mfa", false),
            (MFA, false),
        ] {
            let url = stage.leave_asking(connection, Some(MFA)).await;
            assert!(document(&url).contains(ASKED), "{}", document(&url));
            let journey = stage.journey(&url, connection).await;
            let outcome = stage.come_back(&journey, &stage.response(&journey).replace(CLASS, class)).await.unwrap();
            assert_eq!(outcome.refusal, None, "{class}: it is a voluntary request");
            let State::Identified(who) = stage.state(journey.attempt).await else { panic!("not identified") };
            assert_eq!(acr::satisfies(MFA, &who.acr, &who.amr), is_met, "{}: {class}: {who:?}", stage.world.engine());
            came.push(journey.attempt);
        }
        let (op, organization) = (stage.world.operator(), stage.world.organization);
        let request = PageRequest::new(None, None).unwrap();
        let read = move |tx: &mut Tx<'_>| traces::page(tx, &op, organization, &Wanted::default(), &request);
        let page = stage.world.store().read(read).await.unwrap();
        let of = |attempt| page.items.iter().find(|trace| trace.attempt == Some(attempt)).unwrap().steps.clone();
        for (attempt, verdict) in came.into_iter().zip(["met", "not_met", "not_met", "not_met"]) {
            let steps = of(attempt);
            assert_eq!((&steps[1]["step"], &steps[1]["several_factors"]), (&json!("asked"), &json!(["urn:acme:2fa"])));
            assert_eq!((&steps[2]["step"], &steps[2]["several_factors"]), (&json!("answered"), &json!(verdict)));
        }
    }
}

/// Microsoft's products say in an attribute how somebody proved themselves, beside a class that says less.
#[tokio::test]
async fn what_a_provider_lists_beside_its_class_counts_where_the_connection_maps_it() {
    const LISTED: &str = "<saml:Attribute Name=\"http://schemas.microsoft.com/claims/authnmethodsreferences\">\
        <saml:AttributeValue>urn:a</saml:AttributeValue>\
        <saml:AttributeValue>http://schemas.microsoft.com/claims/multipleauthn</saml:AttributeValue></saml:Attribute>";
    let entra = SamlOptions { preset: Preset::EntraId, ..SamlOptions::default() };
    for stage in stages().await {
        let connection = stage.connections[0];
        for (options, listed, is_met) in [
            (&entra, LISTED, true),
            (&entra, "", false),
            (&strong(&[], &["urn:b"]), LISTED, false),
            (&strong(&[], &["urn:a"]), LISTED, true),
            (&SamlOptions::default(), LISTED, false),
        ] {
            stage.demand(connection, options).await;
            let url = stage.leave_asking(connection, Some(MFA)).await;
            assert!(!document(&url).contains("RequestedAuthnContext"), "{options:?}");
            let journey = stage.journey(&url, connection).await;
            let xml = stage.response(&journey);
            let xml = xml.replace("<saml:AttributeStatement>", &format!("<saml:AttributeStatement>{listed}"));
            assert_eq!(stage.come_back(&journey, &xml).await.unwrap().refusal, None);
            let State::Identified(who) = stage.state(journey.attempt).await else { panic!("not identified") };
            assert_eq!(acr::satisfies(MFA, &who.acr, &who.amr), is_met, "{}: {options:?}", stage.world.engine());
        }
    }
}

/// What the connection demands of everybody is refused when it is missing; what an application asks for on top is not.
#[tokio::test]
async fn what_an_application_asks_for_may_come_where_the_connection_demands_a_class() {
    for stage in stages().await {
        let connection = stage.connections[0];
        let options = SamlOptions {
            authn_contexts: vec!["urn:acme:1fa".to_owned()],
            ..strong(&["urn:acme:2fa"], &["urn:acme:2fa"])
        };
        stage.demand(connection, &options).await;
        for (acr_values, class, is_let_in) in [
            (None, "urn:acme:1fa", true),
            (None, "urn:acme:2fa", false),
            (Some(MFA), "urn:acme:1fa", true),
            (Some(MFA), "urn:acme:2fa", true),
            (Some(MFA), "urn:acme:3fa", false),
        ] {
            let journey = stage.journey(&stage.leave_asking(connection, acr_values).await, connection).await;
            let outcome = stage.come_back(&journey, &stage.response(&journey).replace(CLASS, class)).await.unwrap();
            let refusal = if is_let_in { None } else { unverified("saml_authn_context") };
            assert_eq!(outcome.refusal, refusal, "{}: {acr_values:?} {class}", stage.world.engine());
        }
    }
}

/// The answer to "why can't I sign in": what came beside what had to come.
#[tokio::test]
async fn a_trace_says_what_came_where_a_check_of_a_response_failed() {
    type Change = fn(String) -> String;
    let cases: [(&str, Change, &str); 5] = [
        ("audience", |xml| xml.replace("metadata</saml:Audience>", "other</saml:Audience>"), "/other"),
        (
            "destination",
            |xml| xml.replace("Destination=\"https", "Destination=\"https://evil.test/?t=secret#https"),
            "…",
        ),
        ("recipient", |xml| xml.replace("Recipient=\"https", "Recipient=\"http"), "/acs"),
        ("issuer", |xml| xml.replace("</saml:Issuer>", "/old</saml:Issuer>"), "/old"),
        ("instants", |xml| xml.replace(" NotOnOrAfter=\"2", " NotOnOrAfter=\"1"), "Z"),
    ];
    for stage in stages().await {
        for (what, change, ends_with) in cases {
            let journey = stage.leave(stage.connections[0]).await;
            let xml = change(stage.response(&journey));
            assert!(stage.come_back(&journey, &xml).await.unwrap().refusal.is_some(), "{what}");
            let compared = stage.compared(journey.attempt).await;
            assert_eq!((&compared["what"], stage.world.engine()), (&json!(what), stage.world.engine()));
            let received = compared["received"][0].as_str().unwrap_or_default();
            assert!(received.ends_with(ends_with) && !received.contains("secret"), "{what}: {compared:#}");
            assert_ne!(compared["expected"], compared["received"], "{what}");
        }
        let journey = stage.leave(stage.connections[0]).await;
        let xml = stranger().sign_response(Place::Both, &stage.response(&journey));
        stage.post(journey.connection, &journey.relay_state, &xml).await.unwrap();
        let compared = stage.compared(journey.attempt).await;
        assert_eq!(
            (&compared["what"], &compared["expected"]),
            (&json!("signer"), &json!([signer().certificate.fingerprint()]))
        );
    }
}

impl Stage {
    /// What the trace of an attempt says was compared.
    async fn compared(&self, attempt: AttemptId) -> Value {
        let (op, organization) = (self.world.operator(), self.world.organization);
        let request = PageRequest::new(None, None).unwrap();
        let read = move |tx: &mut Tx<'_>| traces::page(tx, &op, organization, &Wanted::default(), &request);
        let page = self.world.store().read(read).await.unwrap();
        let trace = page.items.into_iter().find(|trace| trace.attempt == Some(attempt)).unwrap();
        let step = trace.steps.iter().find(|step| step["step"] == "compared");
        let step = step.unwrap_or_else(|| panic!("{:#?}", trace.steps));
        assert_eq!(step["is_verified"], json!(false));
        step["compared"].clone()
    }
}
