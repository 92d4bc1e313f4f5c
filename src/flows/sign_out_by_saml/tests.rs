use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::Url;

use super::{Message, Parties, SignOutError, answer, begin, finish};
use crate::access::attempts::state::Identified;
use crate::access::sessions::{self, Limits};
use crate::access::sign_outs::{self, Leaving, SignedOut};
use crate::access::testing::{World, world};
use crate::directory::accounts;
use crate::directory::connections::saml_options::SamlOptions;
use crate::directory::connections::{self, NewConnection, Settings};
use crate::directory::service_provider::ServiceProvider;
use crate::flows::sign_in_by_saml::verifier::{self, Verifier};
use crate::keys::purpose::Purpose;
use crate::keys::ring::KeyRing;
use crate::keys::rotation;
use crate::keys::sealing::Sealer;
use crate::protocol::saml::assertion::{NameId, Qualifiers};
use crate::protocol::saml::certificate::Holder;
use crate::protocol::saml::document::Element;
use crate::protocol::saml::document::reader::{Comments, Limits as Bounds, parse};
use crate::protocol::saml::idp_metadata::{Binding, IdpMetadata, LogoutService};
use crate::protocol::saml::logout::LogoutRejected;
use crate::protocol::saml::logout::ours::{Ours, Outgoing, Subject, request_xml, response_xml, send};
use crate::protocol::saml::logout::response::Answer;
use crate::protocol::saml::names::{FORMAT_EMAIL, SAML, SAMLP};
use crate::protocol::saml::redirect_binding::{self, Kind, Received};
use crate::protocol::saml::testing::{IDP, Signer, signer, stranger};
use crate::store::failure::StoreError;
use crate::store::saml_sessions::{self, SamlSessionRow};
use crate::values::clock::Timestamp;
use crate::values::ids::{AttemptId, ConnectionId};
use crate::values::quota::Quota;
use crate::values::secret::Secret;

const LIMITS: Limits = Limits { idle_seconds: 3_600, absolute_seconds: 36_000 };

struct Stage {
    world: World,
    provider: ServiceProvider,
    verifier: Verifier,
    /// Connections to the signer's provider: one that takes messages in addresses, one that takes forms, and one that takes
    /// none.
    connections: [ConnectionId; 3],
}

fn idp(binding: Option<Binding>) -> IdpMetadata {
    IdpMetadata {
        entity_id: IDP.to_owned(),
        sso_redirect_url: "https://idp.test/sso".parse().unwrap(),
        sso_post_url: None,
        logout: binding.map(|binding| LogoutService {
            binding,
            request_url: "https://idp.test/slo".parse().unwrap(),
            response_url: "https://idp.test/slo/answers".parse().unwrap(),
        }),
        certificates: vec![signer().certificate.clone()],
        valid_until: None,
        cache_seconds: None,
    }
}

async fn stages() -> Vec<Stage> {
    let mut stages = Vec::new();
    for world in world().await {
        let sealer = Sealer::new(&[Secret::from(STANDARD.encode([1; 32]))]).unwrap();
        let provider = ServiceProvider::new("https://id.test".parse().unwrap(), KeyRing::new(sealer.clone()));
        let (op, organization) = (world.operator(), world.organization);
        let keys = [0, 1].map(|_| rotation::prepare(&op, &sealer, Purpose::Saml).unwrap());
        let write = world.store().write(move |tx| {
            rotation::establish(tx, &op, &keys[0], &keys[1]).unwrap();
            let mut connect = |binding| {
                let settings = Settings::Saml { idp: idp(binding), options: SamlOptions::default() };
                let new = NewConnection { id: op.new_id(), name: "IdP".to_owned(), settings, sealed_secret: None };
                connections::create(tx, &op, organization, &new, &Quota::default()).map(|connection| connection.id)
            };
            let bindings = [Some(Binding::Redirect), Some(Binding::Post), None];
            Ok::<_, connections::ConnectionError>([connect(bindings[0])?, connect(bindings[1])?, connect(bindings[2])?])
        });
        let connections = write.await.unwrap();
        stages.push(Stage { world, provider, verifier: Verifier::new(verifier::Settings::default()), connections });
    }
    stages
}

fn named(name: &str) -> NameId {
    NameId { value: name.to_owned(), format: FORMAT_EMAIL.to_owned() }
}

fn browser() -> Secret {
    Secret::from("cw_browser_1".to_owned())
}

impl Stage {
    fn parties(&self) -> Parties<'_> {
        Parties { store: self.world.store(), provider: &self.provider, verifier: &self.verifier }
    }

    /// A session of Ada's through this connection, whose provider calls her and it so.
    async fn session(&self, connection: ConnectionId, name: &str, index: Option<&str>) -> Secret {
        let (op, organization, ada) = (self.world.op(), self.world.organization, self.world.ada);
        let (name_id, index) = (named(name), index.map(str::to_owned));
        let write = self.world.store().write(move |tx| {
            let session_epoch = accounts::find(tx, ada)?.unwrap().session_epoch;
            let identified = Identified {
                account: ada,
                organization,
                connection: Some(connection),
                session_epoch,
                amr: vec!["pwd".to_owned()],
                acr: "1".to_owned(),
                auth_time: None,
                session_expires_at: None,
                upstream_session: None,
            };
            let (session, token) = sessions::start(tx, &op, &identified, LIMITS)?;
            let attempt: AttemptId = op.new_id();
            let row = SamlSessionRow {
                attempt_id: attempt,
                org_id: organization,
                connection_id: connection,
                subject: name_id.subject(),
                name: name_id.value,
                format: name_id.format,
                name_qualifier: Some("of the provider".to_owned()),
                sp_name_qualifier: None,
                session_index: index,
                session_id: None,
                expires_at: op.at,
            };
            saml_sessions::insert(tx, &row)?;
            saml_sessions::bind(tx, (attempt, connection), session.id, session.expires_at)?;
            Ok::<_, StoreError>(token)
        });
        write.await.unwrap()
    }

    async fn is_live(&self, token: &Secret) -> bool {
        let (op, token) = (self.world.op(), token.clone());
        self.world.store().read(move |tx| sessions::find_live(tx, &op, &token, LIMITS)).await.unwrap().is_some()
    }

    /// What a provider sends to a connection.
    fn sent(
        &self,
        by: &Signer,
        to: ConnectionId,
        kind: Kind,
        relay_state: &str,
        xml: impl FnOnce(&Ours<'_>) -> String,
    ) -> Message {
        let destination = Url::parse(&self.provider.slo_url(to)).unwrap();
        let id = authn_id(self);
        let ours = Ours { id: &id, issued_at: self.world.op().at, destination: &destination, sp_entity_id: IDP };
        let sent = send(Binding::Redirect, kind, &ours, &xml(&ours), Some(relay_state), &by.signing_key()).unwrap();
        let Outgoing::Redirect(url) = sent else { panic!("{sent:?}") };
        Message::Redirected(received(&url))
    }

    /// What a provider asks of a connection, about Ada.
    fn asked(&self, by: &Signer, of: ConnectionId, index: Option<&str>) -> Message {
        let (name_id, qualifiers) = (named("ada@acme.test"), Qualifiers::default());
        let subject = Subject { name_id: &name_id, qualifiers: &qualifiers, session_index: index };
        self.sent(by, of, Kind::Request, "back", |ours| request_xml(ours, &subject))
    }

    async fn answer(&self, connection: ConnectionId, message: Message) -> Result<Option<Outgoing>, SignOutError> {
        answer(self.parties(), &self.world.op(), connection, message).await
    }

    async fn begin(&self, token: &Secret) -> Option<Outgoing> {
        let leaving = Leaving { binding: browser(), return_url: Some("https://app.test/bye".to_owned()) };
        begin(self.parties(), &self.world.op(), token.clone(), LIMITS, leaving).await.unwrap()
    }

    /// A message of ours, whose signature holds.
    async fn ours(&self, url: &str) -> Element {
        let (provider, at) = (self.provider.clone(), self.world.op().at);
        let key = self.world.store().read(move |tx| provider.signing_key(tx, at)).await.unwrap();
        let holder = Holder { common_name: "h", valid_from: Timestamp::from_seconds(0), serial: &[1; 16] };
        let message = received(url);
        message.verify(&[key.certificate(&holder).unwrap()]).unwrap();
        let text = String::from_utf8(message.document).unwrap();
        parse(&text, &Bounds::RESPONSE, Comments::Refused).unwrap()
    }

    async fn told(&self, handle: &str, browser: Secret) -> Option<SignedOut> {
        let (op, handle) = (self.world.op(), Secret::from(handle.to_owned()));
        self.world.store().read(move |tx| sign_outs::find(tx, &op, &handle, &browser)).await.unwrap()
    }
}

fn authn_id(stage: &Stage) -> String {
    crate::protocol::saml::authn_request::new_id(&stage.world.op().entropy)
}

fn received(url: &str) -> Received {
    redirect_binding::read(url.split_once('?').unwrap().1, 10_000).unwrap()
}

fn redirect(outgoing: Option<Outgoing>) -> String {
    match outgoing {
        Some(Outgoing::Redirect(url)) => url,
        other => panic!("no redirect: {other:?}"),
    }
}

#[tokio::test]
async fn a_request_of_the_provider_ends_the_sessions_that_it_names_and_is_answered() {
    for stage in stages().await {
        let [connection, _, other] = stage.connections;
        let named = stage.session(connection, "ada@acme.test", Some("s1")).await;
        let unnamed = stage.session(connection, "ada@acme.test", Some("s2")).await;
        let untold = stage.session(connection, "ada@acme.test", None).await;
        let somebody = stage.session(connection, "eve@acme.test", Some("s1")).await;
        let elsewhere = stage.session(other, "ada@acme.test", Some("s1")).await;
        let asked = stage.asked(signer(), connection, Some("s1"));
        let url = redirect(stage.answer(connection, asked.clone()).await.unwrap());
        assert!(!stage.is_live(&named).await && !stage.is_live(&untold).await);
        for token in [&unnamed, &somebody, &elsewhere] {
            assert!(stage.is_live(token).await, "{}", stage.world.engine());
        }
        let ended = stage.world.entries("session.ended").await;
        assert_eq!(ended.len(), 2, "{}", stage.world.engine());
        assert!(ended.iter().all(|entry| entry["by"] == "provider"), "{ended:?}");
        assert!(url.starts_with("https://idp.test/slo/answers?SAMLResponse="), "{url}");
        assert_eq!(received(&url).relay_state.as_deref(), Some("back"));
        let response = stage.ours(&url).await;
        let Message::Redirected(request) = &asked else { panic!("{asked:?}") };
        let text = String::from_utf8(request.document.clone()).unwrap();
        let request = parse(&text, &Bounds::RESPONSE, Comments::Refused).unwrap();
        assert!(response.is(SAMLP, "LogoutResponse"));
        assert_eq!(response.attribute("InResponseTo"), request.attribute("ID"));
        // Without an index all of that person's end.
        stage.answer(connection, stage.asked(signer(), connection, None)).await.unwrap();
        assert!(!stage.is_live(&unnamed).await && stage.is_live(&somebody).await && stage.is_live(&elsewhere).await);
        // A provider that takes no answers gets none.
        assert_eq!(stage.answer(other, stage.asked(signer(), other, None)).await.unwrap(), None);
        assert!(!stage.is_live(&elsewhere).await);
    }
}

/// Whoever can sign in again and again does not hide a session behind those that came later.
#[tokio::test]
async fn a_request_ends_every_session_that_it_names_however_many_there_are() {
    for stage in stages().await {
        let connection = stage.connections[0];
        let first = stage.session(connection, "ada@acme.test", Some("s1")).await;
        for _ in 0..101 {
            stage.session(connection, "ada@acme.test", Some("s2")).await;
        }
        stage.answer(connection, stage.asked(signer(), connection, None)).await.unwrap();
        assert!(!stage.is_live(&first).await, "{}", stage.world.engine());
    }
}

/// SAML metadata 2.3.1: what is past its `validUntil` is not to be relied on, its keys first of all.
#[tokio::test]
async fn nobody_is_signed_out_by_a_provider_whose_metadata_has_ended() {
    for stage in stages().await {
        let connection = stage.connections[0];
        let token = stage.session(connection, "ada@acme.test", None).await;
        let ended = IdpMetadata { valid_until: Some(stage.world.op().at), ..idp(Some(Binding::Redirect)) };
        let settings = Settings::Saml { idp: ended, options: SamlOptions::default() };
        stage.world.put_settings(connection, &settings).await;
        let answer = stage.answer(connection, stage.asked(signer(), connection, None)).await;
        let is_ended = matches!(answer, Err(SignOutError::Rejected(LogoutRejected::ProviderExpired)));
        assert!(is_ended, "{}: {answer:?}", stage.world.engine());
        assert!(stage.is_live(&token).await, "{}", stage.world.engine());
    }
}

#[tokio::test]
async fn a_request_works_once() {
    for stage in stages().await {
        let connection = stage.connections[0];
        let asked = stage.asked(signer(), connection, None);
        stage.answer(connection, asked.clone()).await.unwrap();
        let later = stage.session(connection, "ada@acme.test", Some("s1")).await;
        let again = stage.answer(connection, asked).await.unwrap_err();
        assert!(
            matches!(&again, SignOutError::Rejected(rejected) if rejected.code() == "saml_logout_replay"),
            "{again}"
        );
        assert!(stage.is_live(&later).await);
    }
}

#[tokio::test]
async fn a_request_that_the_provider_has_not_made_for_us_ends_nothing() {
    for stage in stages().await {
        let [connection, other, _] = stage.connections;
        let session = stage.session(connection, "ada@acme.test", Some("s1")).await;
        let rejected = [
            stage.asked(stranger(), connection, None),
            stage.asked(signer(), other, None),
            Message::Posted { text: STANDARD.encode("<r/>"), relay_state: None },
        ];
        for message in rejected {
            assert!(matches!(stage.answer(connection, message).await, Err(SignOutError::Rejected(_))));
        }
        let openid = stage.world.connection;
        let misdirected = stage.answer(openid, stage.asked(signer(), openid, None)).await;
        assert!(matches!(misdirected, Err(SignOutError::NoConnection)));
        assert!(stage.is_live(&session).await);
        assert!(stage.world.entries("session.ended").await.is_empty());
    }
}

#[tokio::test]
async fn signing_out_here_ends_the_session_and_asks_the_provider_to_end_its_own() {
    for stage in stages().await {
        let [connection, by_form, silent] = stage.connections;
        let session = stage.session(connection, "ada@acme.test", Some("s1")).await;
        let url = redirect(stage.begin(&session).await);
        assert!(!stage.is_live(&session).await);
        assert!(url.starts_with("https://idp.test/slo?SAMLRequest="), "{url}");
        let request = stage.ours(&url).await;
        assert!(request.is(SAMLP, "LogoutRequest"));
        let name_id = request.only(SAML, "NameID").unwrap();
        let said = [name_id.text(), name_id.attribute("Format"), name_id.attribute("NameQualifier")];
        assert_eq!(said, [Some("ada@acme.test"), Some(FORMAT_EMAIL), Some("of the provider")]);
        assert_eq!(request.only(SAMLP, "SessionIndex").unwrap().text(), Some("s1"));
        // Once is enough, and a session that has ended by itself is nobody's wish.
        assert_eq!(stage.begin(&session).await, None);
        let idle = stage.session(connection, "ada@acme.test", None).await;
        stage.world.advance(LIMITS.idle_seconds);
        assert_eq!(stage.begin(&idle).await, None);
        // One takes forms alone, and one is not asked.
        let formal = stage.session(by_form, "ada@acme.test", None).await;
        assert!(matches!(stage.begin(&formal).await, Some(Outgoing::Form { field: "SAMLRequest", .. })));
        let quiet = stage.session(silent, "ada@acme.test", None).await;
        assert_eq!(stage.begin(&quiet).await, None);
        assert!(!stage.is_live(&quiet).await && !stage.is_live(&formal).await);
        assert_eq!(stage.begin(&Secret::from("cw_session_of_nobody".to_owned())).await, None);
    }
}

/// A new token, after a password was changed for one.
#[tokio::test]
async fn a_session_that_goes_on_as_another_one_is_still_its_providers() {
    for stage in stages().await {
        let connection = stage.connections[0];
        let before = stage.session(connection, "ada@acme.test", Some("s1")).await;
        let op = stage.world.op();
        let write = stage.world.store().write(move |tx| {
            let session = sessions::find_live(tx, &op, &before, LIMITS)?.unwrap();
            sessions::go_on(tx, &op, &session, session.session_epoch, LIMITS)
        });
        let after = write.await.unwrap().unwrap();
        stage.answer(connection, stage.asked(signer(), connection, Some("s1"))).await.unwrap();
        assert!(!stage.is_live(&after).await, "{}", stage.world.engine());
    }
}

#[tokio::test]
async fn the_answer_of_the_provider_is_for_the_request_and_the_browser_that_left_with_it() {
    for stage in stages().await {
        let [connection, other, _] = stage.connections;
        let session = stage.session(connection, "ada@acme.test", Some("s1")).await;
        let url = redirect(stage.begin(&session).await);
        let handle = received(&url).relay_state.unwrap();
        let request = stage.ours(&url).await.attribute("ID").unwrap().to_owned();
        let answered = |by: &Signer, to: ConnectionId, state: &str, id: &str, partial: bool| {
            stage.sent(by, to, Kind::Response, state, |ours| {
                let xml = response_xml(ours, id);
                let code = "<samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:PartialLogout\"/>";
                let nested = format!("Success\">{code}</samlp:StatusCode>");
                if partial { xml.replace("Success\"/>", &nested) } else { xml }
            })
        };
        let finish = async |to: ConnectionId, message| finish(stage.parties(), &stage.world.op(), to, message).await;
        let forged = finish(connection, answered(stranger(), connection, &handle, &request, false)).await;
        assert!(matches!(forged, Err(SignOutError::Rejected(_))));
        for (to, state, id) in [
            (connection, handle.as_str(), "_another"),
            (connection, "another", request.as_str()),
            (other, handle.as_str(), request.as_str()),
        ] {
            let stray = finish(to, answered(signer(), to, state, id, false)).await;
            assert!(matches!(stray, Err(SignOutError::NotExpected)), "{state} {id}");
        }
        assert_eq!(stage.told(&handle, browser()).await, None, "nobody has answered");
        let genuine = answered(signer(), connection, &handle, &request, true);
        assert_eq!(finish(connection, genuine.clone()).await.unwrap().expose(), handle);
        assert!(matches!(finish(connection, genuine).await, Err(SignOutError::NotExpected)), "an answer works once");
        let back = Some("https://app.test/bye".to_owned());
        assert_eq!(stage.told(&handle, browser()).await, Some(SignedOut { answer: Answer::Partial, return_url: back }));
        assert_eq!(stage.told(&handle, Secret::from("cw_browser_2".to_owned())).await, None);
        stage.world.advance(600);
        assert_eq!(stage.told(&handle, browser()).await, None);
    }
}
