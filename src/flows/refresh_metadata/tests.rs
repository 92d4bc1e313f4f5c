use std::sync::{Arc, Mutex};

use actix_web::http::header::{ETAG, IF_NONE_MATCH};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use url::Url;

use super::run;
use crate::access::testing::{World, world};
use crate::directory::connections::metadata::{self, Address, MetadataSource};
use crate::directory::connections::saml_options::SamlOptions;
use crate::directory::connections::{self, Connection, ConnectionError, NewConnection, Settings, certificates};
use crate::flows::connect_identity_provider::{self, Provider};
use crate::flows::sign_in_by_saml::verifier::{self, Verifier};
use crate::flows::testing::outside;
use crate::outbound::address::Reach;
use crate::outbound::http_client::{self, HttpClient};
use crate::outbound::idp::IdpClient;
use crate::protocol::saml::certificate::Certificate;
use crate::protocol::saml::document::reader::Limits;
use crate::protocol::saml::idp_metadata::{self, IdpMetadata};
use crate::protocol::saml::testing::{certificate_until, signer, stranger};
use crate::store::outbox;
use crate::values::ids::ConnectionId;
use crate::values::quota::Quota;

const ENTITY: &str = "https://idp.test/saml";
const DAY_SECONDS: i64 = 24 * 3_600;

/// What the provider's server answers now.
#[derive(Clone)]
struct Published {
    status: u16,
    body: String,
    etag: Option<&'static str>,
}

struct Stage {
    world: World,
    connection: ConnectionId,
    published: Arc<Mutex<Published>>,
    idp: IdpClient,
    verifier: Verifier,
}

fn document(entity: &str, attributes: &str, certificates: &[&Certificate]) -> String {
    let key = |certificate: &&Certificate| {
        format!(
            "<md:KeyDescriptor><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data>\
             </ds:KeyInfo></md:KeyDescriptor>",
            certificate.to_base64()
        )
    };
    format!(
        "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" \
         xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\" ID=\"_m\" entityID=\"{entity}\" {attributes}>\
         <md:IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">{}\
         <md:SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" \
         Location=\"https://idp.test/sso\"/></md:IDPSSODescriptor></md:EntityDescriptor>",
        certificates.iter().map(key).collect::<String>()
    )
}

fn serve(published: &Arc<Mutex<Published>>) -> Url {
    let shared = Arc::clone(published);
    let answer = move |request: HttpRequest| {
        let now = shared.lock().unwrap().clone();
        async move {
            let known = request.headers().get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
            if now.etag.is_some() && known == now.etag {
                return HttpResponse::NotModified().finish();
            }
            let mut answer = HttpResponse::build(now.status.try_into().unwrap());
            if let Some(etag) = now.etag {
                answer.insert_header((ETAG, etag));
            }
            answer.body(now.body)
        }
    };
    let server = HttpServer::new(move || App::new().default_service(web::to(answer.clone())));
    let server = server.workers(1).bind(("127.0.0.1", 0)).unwrap();
    let port = server.addrs()[0].port();
    actix_web::rt::spawn(server.run());
    format!("http://127.0.0.1:{port}/metadata").parse().unwrap()
}

/// Acme with a connection whose metadata has the signer's certificate, and is read again from a server.
async fn stages(pinned: Option<&Certificate>) -> Vec<Stage> {
    let mut stages = Vec::new();
    for world in world().await {
        let first = document(ENTITY, "", &[&signer().certificate]);
        let published = Arc::new(Mutex::new(Published { status: 200, body: first.clone(), etag: None }));
        let address = Address { url: serve(&published), signer: pinned.cloned() };
        let (op, organization) = (world.operator(), world.organization);
        let write = world.store().write(move |tx| {
            let idp = idp_metadata::import(first.as_bytes(), op.at, &Limits::METADATA).unwrap();
            let settings = Settings::Saml { idp, options: SamlOptions::default() };
            let new = NewConnection { id: op.new_id(), name: "IdP".to_owned(), settings, sealed_secret: None };
            let created = connections::create(tx, &op, organization, &new, &Quota::default())?;
            metadata::remember(tx, &op, &created, Some(&address))?;
            Ok::<_, ConnectionError>(created.id)
        });
        let connection = write.await.unwrap();
        let settings = http_client::Settings { reach: Reach::PublicAndLoopback, ..http_client::Settings::default() };
        let idp = IdpClient::new(HttpClient::new(settings).unwrap());
        let verifier = Verifier::new(verifier::Settings::default());
        stages.push(Stage { world, connection, published, idp, verifier });
    }
    stages
}

impl Stage {
    fn publish(&self, status: u16, body: String, etag: Option<&'static str>) {
        *self.published.lock().unwrap() = Published { status, body, etag };
    }

    async fn source(&self) -> MetadataSource {
        let (organization, connection) = (self.world.organization, self.connection);
        let found = self.world.store().read(move |tx| metadata::sources(tx, organization, &[connection]));
        found.await.unwrap().remove(0)
    }

    async fn refresh(&self) -> MetadataSource {
        let op = self.world.operator();
        run(self.world.store(), &self.idp, &self.verifier, &op, self.source().await).await.unwrap();
        self.source().await
    }

    async fn connection(&self) -> (Connection, IdpMetadata) {
        let connection = self.connection;
        let found = self.world.store().read(move |tx| connections::find(tx, connection)).await.unwrap().unwrap();
        let Settings::Saml { idp, .. } = found.settings.clone() else { panic!("not saml") };
        (found, idp)
    }

    async fn due(&self) -> usize {
        let now = self.world.op().at;
        self.world.store().read(move |tx| metadata::due(tx, now, 10)).await.unwrap().len()
    }

    /// The names of the events that are still to be handed on.
    async fn events(&self) -> Vec<String> {
        let waiting = self.world.store().write(|tx| outbox::oldest_for_update(tx, 100)).await.unwrap();
        waiting.into_iter().map(|row| row.event).collect()
    }
}

#[actix_web::test]
async fn metadata_is_read_again_where_it_was_read_first_until_somebody_brings_it() {
    for stage in stages(None).await {
        let (store, outside) = (stage.world.store(), &outside());
        let (op, organization, address) =
            (stage.world.operator(), stage.world.organization, stage.source().await.address);
        let (name, provider) = ("Read".to_owned(), Provider::SamlMetadataUrl(address.clone()));
        let made =
            connect_identity_provider::create(store, outside, &op, organization, name, provider, Quota::default());
        let connection = made.await.unwrap().id;
        let addresses = async || {
            let found = store.read(move |tx| metadata::sources(tx, organization, &[connection])).await.unwrap();
            found.into_iter().map(|source| source.address).collect::<Vec<_>>()
        };
        assert_eq!(addresses().await, [address], "{}", stage.world.engine());
        let brought = Provider::SamlMetadata(document(ENTITY, "", &[&signer().certificate]).into_bytes());
        connect_identity_provider::replace(store, outside, &op, organization, connection, brought).await.unwrap();
        assert_eq!(addresses().await, [], "{}", stage.world.engine());
    }
}

#[actix_web::test]
async fn a_roll_over_needs_nobody_and_the_administrators_hear_of_it() {
    for stage in stages(None).await {
        assert_eq!(stage.due().await, 0, "it was read just now");
        stage.world.advance(DAY_SECONDS);
        assert_eq!(stage.due().await, 1);
        let both = [&signer().certificate, &stranger().certificate];
        stage.publish(200, document(ENTITY, "", &both), Some("\"2\""));
        let source = stage.refresh().await;
        assert_eq!((source.read_at, source.etag.as_deref()), (stage.world.op().at, Some("\"2\"")));
        assert_eq!((source.failure, stage.due().await), (None, 0));
        let (connection, idp) = stage.connection().await;
        assert_eq!(idp.certificates, both.map(Clone::clone));
        assert_eq!(stage.events().await.last().map(String::as_str), Some("connection_certificates_changed"));
        assert_eq!(stage.world.entries("connection.updated").await.len(), 1);
        // Nothing has changed, by the server's word and then by the document's.
        let announced = stage.events().await.len();
        stage.world.advance(DAY_SECONDS);
        assert_eq!(stage.refresh().await.read_at, stage.world.op().at);
        stage.publish(200, document(ENTITY, "", &both), None);
        assert_eq!(stage.refresh().await.etag, None);
        assert_eq!(stage.connection().await.0.version, connection.version);
        assert_eq!(stage.events().await.len(), announced);
        // The old one goes.
        stage.publish(200, document(ENTITY, "", &both[1..]), None);
        stage.refresh().await;
        assert_eq!(stage.connection().await.1.certificates, [stranger().certificate.clone()]);
    }
}

#[actix_web::test]
async fn a_reading_that_fails_leaves_what_is_known_and_says_so() {
    for stage in stages(None).await {
        let (before, known) = stage.connection().await;
        let good = document(ENTITY, "", &[&stranger().certificate]);
        let ended = document(ENTITY, "validUntil=\"2020-01-01T00:00:00Z\"", &[&stranger().certificate]);
        let cases = [
            (500, good.clone(), "metadata_status"),
            (200, "<r/>".to_owned(), "saml_metadata_root"),
            (200, format!("<!DOCTYPE r>{good}"), "saml_metadata_document"),
            (200, document("https://evil.test", "", &[&stranger().certificate]), "other_provider"),
            (200, document(ENTITY, "", &[]), "saml_metadata_no_certificate"),
            (200, ended, "saml_metadata_expired"),
            (200, "x".repeat(2_000_000), "metadata_unreachable"),
        ];
        for (number, (status, body, code)) in cases.into_iter().enumerate() {
            stage.publish(status, body, None);
            let source = stage.refresh().await;
            let failure = source.failure.unwrap();
            assert_eq!((failure.code.as_str(), failure.at), (code, stage.world.op().at));
            assert_eq!(usize::try_from(failure.count).unwrap(), number + 1, "{code}");
            let pause = source.refresh_at.seconds() - stage.world.op().at.seconds();
            assert_eq!(pause, (600 << number).min(6 * 3_600), "{code}");
            let (now, idp) = stage.connection().await;
            assert_eq!((now.version, &idp), (before.version, &known), "{code}");
        }
        stage.publish(200, good, None);
        assert_eq!(stage.refresh().await.failure, None);
        assert_eq!(stage.connection().await.1.certificates, [stranger().certificate.clone()]);
    }
}

#[actix_web::test]
async fn where_a_key_is_pinned_nothing_else_is_read() {
    for stage in stages(Some(&signer().certificate)).await {
        let unsigned = document(ENTITY, "", &[&stranger().certificate]);
        let template = |by: &crate::protocol::saml::testing::Signer| {
            by.sign(&unsigned.replacen("<md:IDPSSO", &format!("{}<md:IDPSSO", by.template("_m")), 1))
        };
        for (body, code) in
            [(unsigned.clone(), "saml_metadata_unsigned"), (template(stranger()), "saml_metadata_signature")]
        {
            stage.publish(200, body, None);
            assert_eq!(stage.refresh().await.failure.unwrap().code, code);
            assert_eq!(stage.connection().await.1.certificates, [signer().certificate.clone()]);
        }
        stage.publish(200, template(signer()), None);
        assert_eq!(stage.refresh().await.failure, None);
        assert_eq!(stage.connection().await.1.certificates, [stranger().certificate.clone()]);
    }
}

#[actix_web::test]
async fn what_an_administrator_brings_meanwhile_counts() {
    for stage in stages(None).await {
        let source = stage.source().await;
        let (op, organization, id) = (stage.world.operator(), stage.world.organization, stage.connection);
        let replace = stage.world.store().write(move |tx| {
            let connection = connections::find_of(tx, &op, organization, id)?;
            metadata::remember(tx, &op, &connection, None)?;
            Ok::<_, ConnectionError>(())
        });
        replace.await.unwrap();
        stage.publish(200, document(ENTITY, "", &[&stranger().certificate]), None);
        run(stage.world.store(), &stage.idp, &stage.verifier, &stage.world.operator(), source).await.unwrap();
        assert_eq!(stage.connection().await.1.certificates, [signer().certificate.clone()]);
    }
}

#[actix_web::test]
async fn a_document_that_says_so_is_read_again_sooner() {
    for stage in stages(None).await {
        let before = stage.events().await;
        let wait = |source: &MetadataSource| source.refresh_at.seconds() - source.read_at.seconds();
        for (attributes, seconds) in [
            ("", DAY_SECONDS),
            ("cacheDuration=\"PT6H\"", 6 * 3_600),
            ("cacheDuration=\"PT1S\"", 3_600),
            ("cacheDuration=\"P30D\"", DAY_SECONDS),
            // The world's day is 2027-01-15.
            ("validUntil=\"2027-01-15T10:00:00Z\"", 3_600),
        ] {
            stage.publish(200, document(ENTITY, attributes, &[&signer().certificate]), None);
            assert_eq!(wait(&stage.refresh().await), seconds, "{attributes}");
        }
        // How long it is good is no news for anybody.
        assert_eq!(stage.events().await, before);
    }
}

#[actix_web::test]
async fn administrators_are_warned_30_14_and_3_days_before_each_certificate_ends() {
    for stage in stages(None).await {
        let ends_at = stage.world.op().at.plus_seconds(40 * DAY_SECONDS);
        let (first, last) = (certificate_until(ends_at.plus_seconds(-5 * DAY_SECONDS)), certificate_until(ends_at));
        stage.publish(200, document(ENTITY, "", &[&first, &last]), None);
        stage.refresh().await;
        let mut warned = Vec::new();
        for day in 0..=41_i64 {
            for _ in 0..2 {
                let op = stage.world.operator();
                let before = stage.world.entries("connection.certificate_expiry_warned").await.len();
                let write = stage.world.store().write(move |tx| {
                    let last = certificates::warn(tx, &op, None, 1)?;
                    certificates::warn(tx, &op, last, 1)
                });
                assert_eq!(write.await.unwrap(), None);
                let after = stage.world.entries("connection.certificate_expiry_warned").await.len();
                warned.extend((before..after).map(|_| 40 - day));
            }
            stage.world.advance(DAY_SECONDS);
        }
        assert_eq!(warned, [35, 30, 19, 14, 8, 3], "{}", stage.world.engine());
        let told = stage.events().await.into_iter().filter(|event| event == "connection_certificate_expires").count();
        assert_eq!(told, 6);
    }
}

#[actix_web::test]
async fn what_is_gone_or_switched_off_is_not_read() {
    for stage in stages(None).await {
        stage.world.advance(DAY_SECONDS);
        let (op, organization, id) = (stage.world.operator(), stage.world.organization, stage.connection);
        let disable = stage.world.store().write(move |tx| connections::disable(tx, &op, organization, id));
        disable.await.unwrap();
        assert_eq!(stage.due().await, 0);
        let op = stage.world.operator();
        let delete = stage.world.store().write(move |tx| {
            connections::delete(tx, &op, organization, id)?;
            Ok::<_, ConnectionError>(metadata::sources(tx, organization, &[id])?)
        });
        assert_eq!(delete.await.unwrap(), []);
    }
}

impl Stage {
    /// The days before `ends_at` on which something was told, by how many actions of this name.
    async fn told_daily(&self, action: &'static str, days: i64) -> Vec<i64> {
        let mut told = Vec::new();
        for left in (-1..=days).rev() {
            for _ in 0..2 {
                let (op, before) = (self.world.operator(), self.world.entries(action).await.len());
                self.world.store().write(move |tx| certificates::warn(tx, &op, None, 10)).await.unwrap();
                let after = self.world.entries(action).await.len();
                told.extend((before..after).map(|_| left));
            }
            self.world.advance(DAY_SECONDS);
        }
        told
    }

    async fn bring(&self, attributes: String) {
        let (op, organization, id) = (self.world.operator(), self.world.organization, self.connection);
        let text = document(ENTITY, &attributes, &[&signer().certificate]);
        let write = self.world.store().write(move |tx| {
            let idp = idp_metadata::import(text.as_bytes(), op.at, &Limits::METADATA).unwrap();
            let settings = Settings::Saml { idp, options: SamlOptions::default() };
            let connection = connections::provider::replace_settings(tx, &op, organization, id, &settings, None)?;
            Ok::<_, ConnectionError>(metadata::remember(tx, &op, &connection, None)?)
        });
        write.await.unwrap();
    }
}

/// The end of a description ends sign-in, and nobody reads it again.
#[actix_web::test]
async fn administrators_are_warned_30_14_and_3_days_before_a_description_ends_that_nobody_reads_again() {
    for stage in stages(None).await {
        let until = stage.world.op().at.plus_seconds(33 * DAY_SECONDS);
        stage.bring(format!("validUntil=\"{}\"", until.to_rfc3339())).await;
        let told = stage.told_daily("connection.metadata_expiry_warned", 33).await;
        assert_eq!(told, [30, 14, 3], "{}", stage.world.engine());
        let events = stage.events().await;
        assert_eq!(events.iter().filter(|event| *event == "connection_metadata_expires").count(), 3, "{events:?}");
    }
}

/// A description that is read again each day is good for a few days, always.
#[actix_web::test]
async fn a_description_that_is_read_again_is_warned_of_only_when_that_fails_for_days() {
    for stage in stages(None).await {
        let good_for = |days: i64| {
            let until = stage.world.op().at.plus_seconds(days * DAY_SECONDS);
            document(ENTITY, &format!("validUntil=\"{}\"", until.to_rfc3339()), &[&signer().certificate])
        };
        stage.publish(200, good_for(10), None);
        stage.refresh().await;
        let warn = async || {
            let op = stage.world.operator();
            stage.world.store().write(move |tx| certificates::warn(tx, &op, None, 10)).await.unwrap();
            let unread = stage.world.entries("connection.metadata_unread_warned").await.len();
            (stage.world.entries("connection.metadata_expiry_warned").await.len(), unread)
        };
        assert_eq!(warn().await, (0, 0), "{}", stage.world.engine());
        stage.publish(500, String::new(), None);
        stage.world.advance(DAY_SECONDS);
        stage.refresh().await;
        assert_eq!(warn().await, (1, 0), "{}: it ends within 14 days, and one reading failed", stage.world.engine());
        stage.world.advance(DAY_SECONDS);
        stage.refresh().await;
        for _ in 0..2 {
            assert_eq!(warn().await, (1, 1), "{}: two days, told once", stage.world.engine());
        }
        stage.publish(200, good_for(10), None);
        stage.refresh().await;
        stage.publish(500, String::new(), None);
        stage.world.advance(2 * DAY_SECONDS);
        stage.refresh().await;
        assert_eq!(warn().await, (2, 2), "{}: it could be read in between", stage.world.engine());
        assert!(stage.events().await.contains(&"connection_metadata_unread".to_owned()));
    }
}
