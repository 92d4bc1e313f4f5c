//! Back to the identity provider that has signed the person in, because an application asks for more than they have proved
//! there. Shows nothing: whoever cannot be sent there types their address.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};

use super::failure::Failure;
use super::visit::{Begun, Visit};
use super::{departure, path};
use crate::access::sessions;
use crate::access::sign_in::{Moment, Step, next_step};
use crate::access::step_up::{self, Provider};
use crate::http::context::Context;
use crate::http::cookies::Cookie;
use crate::http::page_answer::see_other;
use crate::store::failure::StoreError;

/// `GET /sign-in/{attempt}/step-up`
pub async fn get(request: HttpRequest, context: Data<Context>, id: Path<String>) -> HttpResponse {
    let visit = Visit::new(&context, &request);
    visit.answer(lead(&visit, &id).await)
}

async fn lead(visit: &Visit<'_>, id: &str) -> Result<HttpResponse, Failure> {
    departure::admit(visit)?;
    let begun = visit.begun(id).await?;
    let found = provider(visit, &begun).await?;
    let on = found.as_ref().map(|found| (found.organization, found.connection));
    let address = found.and_then(|found| found.address);
    match next_step(&begun.attempt.state, begun.attempt.life(visit.op.at), Moment::ForMore(on)) {
        Step::SendTo { organization, connection } => {
            departure::send(visit, &begun, address.as_ref(), (organization, connection)).await
        }
        Step::StartAgain => Err(Failure::Expired(begun.attempt.id)),
        Step::AlreadyFinished => Err(Failure::AlreadyFinished),
        Step::Continue => Ok(see_other(&path::outcome(begun.attempt.id))),
        _ => Ok(see_other(&path::email(begun.attempt.id))),
    }
}

/// The provider that the person of this browser's session goes back to.
async fn provider(visit: &Visit<'_>, begun: &Begun) -> Result<Option<Provider>, Failure> {
    let Some(token) = visit.cookies.read(visit.request, Cookie::Session) else { return Ok(None) };
    let (op, limits, attempt) = (visit.op.clone(), visit.context.session_limits(), begun.attempt.clone());
    let found = visit.context.store.read(move |tx| match sessions::find_live(tx, &op, &token, limits)? {
        Some(session) => step_up::provider(tx, &attempt, &session),
        None => Ok::<_, StoreError>(None),
    });
    Ok(found.await?)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use serde_json::{Value, json};
    use url::{Url, form_urlencoded};

    use crate::access::sessions;
    use crate::access::sessions::testing::{LIMITS, brought};
    use crate::access::testing::{REDIRECT_URI, World, world};
    use crate::access::traces;
    use crate::directory::connections::{self, Settings};
    use crate::flows::testing::Provider;
    use crate::http::context::Context;
    use crate::http::testing::{Answer, context, send};
    use crate::protocol::oidc::class_map::ClassMap;
    use crate::protocol::oidc::relying_party::preset::Preset;
    use crate::store::scratch::Tally;
    use crate::store::traces::Wanted;
    use crate::values::page::PageRequest;

    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    const MFA: &str = "urn:causeway:acr:mfa";

    fn form(pairs: &[(&str, &str)]) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
    }

    fn location(answer: &Answer) -> String {
        answer.header("location").unwrap_or_else(|| panic!("{}: {}", answer.status, answer.text()))
    }

    fn parameter(url: &str, name: &str) -> Option<String> {
        let url = Url::parse(url).unwrap();
        url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// A browser in which a connection has signed Ada in with one factor.
    struct Browser {
        world: World,
        context: Context,
        tally: Tally,
        provider: Provider,
        cookies: Vec<String>,
    }

    impl Browser {
        /// The provider is asked for `strong`, or has no word for several factors.
        async fn of(world: World, strong: Option<&str>) -> Self {
            let mut context = context(&world, "https://id.example").await;
            let (store, tally) = world.store().counted();
            context.store = store;
            let provider = Provider::start(&world, "");
            let mut settings = Settings::oidc(&provider.issuer, "causeway", Preset::Generic, None);
            if let Settings::Oidc { options, .. } = &mut settings {
                let words: Option<Vec<String>> = strong.map(|word| vec![word.to_owned()]);
                options.several_factors = words.map(|words| ClassMap { asks_for: words.clone(), met_by: words });
            }
            world.put_settings(world.connection, &settings).await;
            let (op, ada, on) = (world.op(), world.ada, (world.organization, world.connection));
            let start = world.store().write(move |tx| {
                let mut identified = brought(tx, &op, ada, on)?;
                identified.amr = vec!["pwd".to_owned()];
                sessions::start(tx, &op, &identified, LIMITS)
            });
            let (_, token) = start.await.unwrap();
            let cookies = vec![format!("__Host-causeway-us-session={}", token.expose())];
            Self { world, context, tally, provider, cookies }
        }

        /// Follows a link; each step is one write transaction at most.
        async fn open(&mut self, path: &str) -> Answer {
            self.tally.take();
            let request = TestRequest::get().uri(path).insert_header(("Cookie", self.cookies.join("; ")));
            let answer = send(&self.context, request).await;
            let writes = self.tally.take().writes;
            assert!(writes <= 1, "{}: {path} wrote {writes} times", self.world.engine());
            for line in answer.headers.get_all("set-cookie") {
                let (cookie, _) = line.to_str().unwrap().split_once(';').unwrap();
                let name = cookie.split_once('=').unwrap().0.to_owned();
                self.cookies.retain(|kept| !kept.starts_with(&format!("{name}=")));
                self.cookies.push(cookie.to_owned());
            }
            answer
        }

        /// An application asks for several factors: where that leads.
        async fn ask(&mut self, extra: &[(&str, &str)]) -> String {
            let client = self.world.application.to_string();
            let asked = [
                ("client_id", client.as_str()),
                ("redirect_uri", REDIRECT_URI),
                ("response_type", "code"),
                ("scope", "openid"),
                ("nonce", "n"),
                ("code_challenge", CHALLENGE),
                ("code_challenge_method", "S256"),
                ("acr_values", MFA),
            ];
            let query = form(&[&asked[..], extra].concat());
            location(&self.open(&format!("/oauth2/authorize?{query}")).await)
        }

        /// The provider answers with these parameters, and what it says of the sign-in: where the browser goes in the end.
        async fn answered(&mut self, there: &str, outcome: (&str, &str), acr: Value) -> String {
            {
                let mut script = self.provider.script.lock().unwrap();
                script.claims["nonce"] = json!(parameter(there, "nonce"));
                script.claims["amr"] = json!(["pwd"]);
                script.claims["acr"] = acr;
            }
            let state = parameter(there, "state").unwrap();
            let query = form(&[outcome, ("state", &state), ("iss", &self.provider.issuer.clone())]);
            let callback = format!("/federation/oidc/{}/callback?{query}", self.world.connection);
            let continued = location(&self.open(&callback).await);
            location(&self.open(&continued).await)
        }

        async fn submit(&mut self, path: &str, pairs: &[(&str, &str)]) -> Answer {
            let request = TestRequest::post().uri(path).set_payload(form(pairs));
            let request = request.insert_header(("Content-Type", "application/x-www-form-urlencoded"));
            send(&self.context, request.insert_header(("Cookie", self.cookies.join("; ")))).await
        }

        /// The provider answers with an error: what the person sees in the end.
        async fn declined(&mut self, there: &str, error: &str) -> Answer {
            let state = parameter(there, "state").unwrap();
            let query = form(&[("error", error), ("state", &state), ("iss", &self.provider.issuer.clone())]);
            let callback = format!("/federation/oidc/{}/callback?{query}", self.world.connection);
            let continued = location(&self.open(&callback).await);
            self.open(&continued).await
        }

        /// What the ID token says of the sign-in.
        async fn redeem(&self, back: &str) -> Value {
            let (client, code) = (self.world.application.to_string(), parameter(back, "code").unwrap());
            let redeem = form(&[
                ("grant_type", "authorization_code"),
                ("client_id", &client),
                ("code", &code),
                ("redirect_uri", REDIRECT_URI),
                ("code_verifier", VERIFIER),
            ]);
            let request = TestRequest::post().uri("/oauth2/token").set_payload(redeem);
            let request = request.insert_header(("Content-Type", "application/x-www-form-urlencoded"));
            let tokens = send(&self.context, request).await.json();
            let payload = tokens["id_token"].as_str().unwrap().split('.').nth(1).unwrap().to_owned();
            let decoded = data_encoding::BASE64URL_NOPAD.decode(payload.as_bytes()).unwrap();
            serde_json::from_slice(&decoded).unwrap()
        }
    }

    /// RFC 9470: who is signed in with less goes back to the provider that signed them in, which is asked for more, without typing
    /// anything here.
    #[actix_web::test]
    async fn a_session_that_was_made_with_less_leads_back_to_the_provider_which_is_asked_for_more() {
        for (acr, is_met) in [("urn:acme:2fa", true), ("urn:acme:1fa", false)] {
            for world in world().await {
                let mut browser = Browser::of(world, Some("urn:acme:2fa")).await;
                let step = browser.ask(&[]).await;
                assert!(step.starts_with("/sign-in/") && step.ends_with("/step-up"), "{step}");
                let there = location(&browser.open(&step).await);
                assert!(there.starts_with(&format!("{}/authorize?", browser.provider.issuer)), "{there}");
                assert_eq!(parameter(&there, "acr_values").as_deref(), Some("urn:acme:2fa"));
                assert_eq!(parameter(&there, "login_hint").as_deref(), Some("ada@acme.test"));
                let back = browser.answered(&there, ("code", "c0de"), json!(acr)).await;
                let claims = browser.redeem(&back).await;
                let (expected, amr) = if is_met { (MFA, json!(["pwd", "mfa"])) } else { (acr, json!(["pwd"])) };
                assert_eq!((&claims["acr"], &claims["amr"]), (&json!(expected), &amr), "{}", browser.world.engine());
                // From now on the session is good for it, or is not.
                let again = browser.ask(&[]).await;
                assert_eq!(again.starts_with(REDIRECT_URI), is_met, "{again}");
            }
        }
    }

    #[actix_web::test]
    async fn where_the_provider_cannot_be_asked_the_person_signs_in_again_as_before() {
        for world in world().await {
            let mut browser = Browser::of(world, None).await;
            let step = browser.ask(&[]).await;
            assert!(step.starts_with("/sign-in/") && !step.ends_with("/step-up"), "{step}");
            // Nor by guessing the way there.
            let led = location(&browser.open(&format!("{step}/step-up")).await);
            assert_eq!(led, step, "{}", browser.world.engine());
            // And what it says that it was never asked for is for the person, who learns whom to ask.
            browser.submit(&format!("{step}/email"), &[("email", "ada@acme.test")]).await;
            let connection = browser.world.connection.to_string();
            let left = browser.submit(&format!("{step}/connection"), &[("connection", &connection)]).await;
            assert_eq!(browser.declined(&location(&left), "unmet_authentication_requirements").await.status, 403);
        }
    }

    #[actix_web::test]
    async fn oidcc_prompt_none_asks_no_provider() {
        for world in world().await {
            let mut browser = Browser::of(world, Some("urn:acme:2fa")).await;
            let back = browser.ask(&[("prompt", "none")]).await;
            assert_eq!(parameter(&back, "error").as_deref(), Some("login_required"), "{}", browser.world.engine());
        }
    }

    /// The page is of the browser that began, and for somebody who is signed in there.
    #[actix_web::test]
    async fn nobody_is_sent_to_a_provider_who_is_not_signed_in() {
        for world in world().await {
            let mut browser = Browser::of(world, Some("urn:acme:2fa")).await;
            let step = browser.ask(&[]).await;
            let attempt = browser.cookies.iter().find(|cookie| cookie.contains("-attempt=")).unwrap().clone();
            let stranger = send(&browser.context, TestRequest::get().uri(&step)).await;
            assert_eq!(stranger.status, 400, "{}", browser.world.engine());
            let signed_out = TestRequest::get().uri(&step).insert_header(("Cookie", attempt));
            let led = location(&send(&browser.context, signed_out).await);
            assert_eq!(format!("{led}/step-up"), step);
            // A connection that is switched off has ended the session.
            let (op, organization, id) =
                (browser.world.operator(), browser.world.organization, browser.world.connection);
            browser.world.store().write(move |tx| connections::disable(tx, &op, organization, id)).await.unwrap();
            let led = location(&browser.open(&step).await);
            assert_eq!(format!("{led}/step-up"), step, "{}", browser.world.engine());
        }
    }

    /// OpenID Connect Core Error Code `unmet_authentication_requirements` 1.0. Any other error is for the person.
    #[actix_web::test]
    async fn a_provider_that_cannot_do_it_has_told_the_application() {
        for world in world().await {
            let mut browser = Browser::of(world, Some("urn:acme:2fa")).await;
            let step = browser.ask(&[]).await;
            let there = location(&browser.open(&step).await);
            let unmet = ("error", "unmet_authentication_requirements");
            let back = browser.answered(&there, unmet, Value::Null).await;
            assert!(back.starts_with(REDIRECT_URI), "{back}");
            assert_eq!(parameter(&back, "error").as_deref(), Some("unmet_authentication_requirements"));
            let (op, organization) = (browser.world.operator(), browser.world.organization);
            let request = PageRequest::new(None, None).unwrap();
            let read =
                browser.world.store().read(move |tx| traces::page(tx, &op, organization, &Wanted::default(), &request));
            let steps = read.await.unwrap().items[0].steps.clone();
            let names: Vec<&Value> = steps.iter().map(|step| &step["step"]).collect();
            assert_eq!(names, ["sent", "asked", "refused"], "{}", browser.world.engine());
            assert_eq!(steps[2]["detail"], "unmet_authentication_requirements");
            // The session that there was is still there, so that the next one leads to the provider again.
            let step = browser.ask(&[]).await;
            let there = location(&browser.open(&step).await);
            assert_eq!(browser.declined(&there, "access_denied").await.status, 403, "{}", browser.world.engine());
        }
    }
}
