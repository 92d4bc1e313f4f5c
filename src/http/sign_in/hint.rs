//! An application that names the person's address in its request (`login_hint`). Where that address has one way in, and it leads
//! to an identity provider, the browser goes there at once (decision 0036); in every other case the e-mail page is next, with the
//! address filled in.

use actix_web::HttpRequest;

use crate::access::attempts::Life;
use crate::access::attempts::state::State;
use crate::access::realm;
use crate::access::sessions;
use crate::access::sign_in::{Moment, Step, next_step};
use crate::directory::connections::{self, Connection, ConnectionState};
use crate::flows::leave_for_provider::{Beginning, NotLeft};
use crate::http::context::Context;
use crate::protocol::oidc::authorization::{AuthorizationRequest, Prompt};
use crate::store::failure::StoreError;
use crate::values::email::EmailAddress;
use crate::values::operation::Operation;
use crate::values::secret::Secret;

/// The address that a request names, unless the person is to choose who they are (`prompt=select_account`).
pub fn address(request: &AuthorizationRequest) -> Option<EmailAddress> {
    let hint = request.login_hint.as_ref().filter(|_| request.prompt != Prompt::SelectAccount)?;
    hint.trim().parse().ok()
}

/// Begins an attempt that leaves at once for where `address` leads; where the browser goes. It counts as an address that was
/// typed. `None`, and nothing has begun, when there is no such place: whoever types the address learns why. Nor does anybody leave
/// at once who is signed in for another organization, here and when they come back: any site can send a browser to us with a
/// hint, and none shall make somebody else of a person behind their back.
pub async fn follow(
    context: &Context,
    request: &HttpRequest,
    op: &Operation,
    mut beginning: Beginning,
    address: EmailAddress,
    session: Option<Secret>,
) -> Result<Option<String>, StoreError> {
    if context.admit(&context.throttles.sign_in, request, op).is_err() {
        return Ok(None);
    }
    let Some(connection) = only_way(context, op, address.clone(), session).await? else { return Ok(None) };
    beginning.request.has_left_at_once = true;
    match context.leave_for_provider().begin(op, beginning, address, &connection).await {
        Ok(url) => Ok(Some(url)),
        Err(NotLeft::Store(error)) => Err(error),
        Err(failure @ (NotLeft::Unreachable(_) | NotLeft::AttemptOver | NotLeft::NotMade(_))) => {
            tracing::info!(connection = %connection.id, %failure, "a hint was not followed");
            Ok(None)
        }
    }
}

async fn only_way(
    context: &Context,
    op: &Operation,
    address: EmailAddress,
    session: Option<Secret>,
) -> Result<Option<Connection>, StoreError> {
    let (op, limits) = (op.clone(), context.session_limits());
    let found = context.store.read(move |tx| {
        let route = realm::find_route(tx, &address)?;
        let Step::SendTo { organization, connection } = next_step(&State::Started, Life::Running, Moment::Typed(route))
        else {
            return Ok(None);
        };
        if let Some(token) = session
            && sessions::find_live(tx, &op, &token, limits)?.is_some_and(|live| live.organization != organization)
        {
            return Ok(None);
        }
        connections::find(tx, connection)
    });
    Ok(found.await?.filter(|connection| connection.state == ConnectionState::Active))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use url::{Url, form_urlencoded};

    use crate::access::attempts;
    use crate::access::attempts::state::State;
    use crate::access::sessions;
    use crate::access::sessions::testing::LIMITS;
    use crate::access::testing::{REDIRECT_URI, World, by_password, world};
    use crate::directory::organizations::{self, NewOrganization};
    use crate::directory::profile::Profile;
    use crate::directory::sso_policy::SsoPolicy;
    use crate::directory::{accounts, connections};
    use crate::http::federation::journey::connect_saml;
    use crate::http::testing::{Answer, context, send};
    use crate::http::throttle::{Rate, Throttle};
    use crate::store::failure::StoreError;
    use crate::values::ids::{AttemptId, ConnectionId};
    use crate::values::operation::Role;

    /// Leaves one way in to Acme's people: a SAML connection.
    async fn one_way_in(world: &World) -> ConnectionId {
        let saml = connect_saml(world).await;
        for id in [world.connection, world.other_connection] {
            let (op, organization) = (world.operator(), world.organization);
            world.store().write(move |tx| connections::disable(tx, &op, organization, id)).await.unwrap();
        }
        saml
    }

    fn asking(world: &World, more: &[(&str, &str)]) -> TestRequest {
        let client = world.application.to_string();
        let pairs = [
            ("client_id", client.as_str()),
            ("redirect_uri", REDIRECT_URI),
            ("response_type", "code"),
            ("scope", "openid"),
            ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            ("code_challenge_method", "S256"),
        ];
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).extend_pairs(more).finish();
        TestRequest::get().uri(&format!("/oauth2/authorize?{query}"))
    }

    fn place(answer: &Answer) -> String {
        assert_eq!(answer.status.as_u16(), 303, "{}", answer.text());
        answer.header("location").unwrap()
    }

    #[actix_web::test]
    async fn an_address_with_one_way_in_leads_there_at_once_in_one_write_transaction() {
        for world in world().await {
            let connection = one_way_in(&world).await;
            let mut context = context(&world, "https://id.example").await;
            let (store, tally) = world.store().counted();
            context.store = store;
            tally.take();
            let answer = send(&context, asking(&world, &[("login_hint", "ada@acme.test")])).await;
            assert_eq!(tally.take().writes, 1, "{}", world.engine());
            let url = Url::parse(&place(&answer)).unwrap();
            assert_eq!((url.host_str(), url.path()), (Some("idp.test"), "/sso"), "{}", world.engine());
            let binding = answer.header("set-cookie").unwrap();
            assert!(binding.starts_with("__Host-causeway-us-attempt="), "{binding}");
            let handle = url.query_pairs().find(|(key, _)| key == "RelayState").unwrap().1.into_owned();
            let op = world.op();
            let waiting = world.store().read(move |tx| attempts::find_sent(tx, &op, connection, &handle));
            let (attempt, _) = waiting.await.unwrap().unwrap();
            assert_eq!(attempt.address.unwrap().as_str(), "ada@acme.test");
        }
    }

    #[actix_web::test]
    async fn whoever_has_a_choice_or_no_way_in_comes_to_the_page_with_the_address_filled_in() {
        for world in world().await {
            let context = context(&world, "https://id.example").await;
            let page = async |more: &[(&str, &str)]| {
                let answer = send(&context, asking(&world, more)).await;
                let cookie = answer.header("set-cookie").unwrap();
                let place = place(&answer);
                let id: AttemptId =
                    place.strip_prefix("/sign-in/").unwrap_or_else(|| panic!("{place}")).parse().unwrap();
                assert_eq!(world.state_of(id).await, State::Started);
                let cookie = cookie.split(';').next().unwrap().to_owned();
                send(&context, TestRequest::get().uri(&place).insert_header(("Cookie", cookie))).await.text().to_owned()
            };
            let ada = ("login_hint", "ada@acme.test");
            assert!(page(&[ada]).await.contains("ada@acme.test"), "{}: two ways in", world.engine());
            one_way_in(&world).await;
            assert!(page(&[ada, ("prompt", "select_account")]).await.contains("ada@acme.test"));
            assert!(page(&[("login_hint", "bea@other.test")]).await.contains("bea@other.test"));
            assert!(!page(&[("login_hint", "ada")]).await.contains("value=\"ada\""));
            world.set_policy(SsoPolicy::Optional).await;
            assert!(page(&[ada]).await.contains("ada@acme.test"), "{}: a password as well", world.engine());
        }
    }

    #[actix_web::test]
    async fn a_provider_that_cannot_be_used_is_explained_to_whoever_types_the_address() {
        for world in world().await {
            world.connect_to("http://127.0.0.1:1").await;
            let (op, organization, other) = (world.operator(), world.organization, world.other_connection);
            world.store().write(move |tx| connections::disable(tx, &op, organization, other)).await.unwrap();
            let context = context(&world, "https://id.example").await;
            let answer = send(&context, asking(&world, &[("login_hint", "ada@acme.test")])).await;
            assert!(place(&answer).starts_with("/sign-in/"), "{}", world.engine());
        }
    }

    #[actix_web::test]
    async fn nobody_leaves_at_once_who_is_signed_in_for_another_organization() {
        for world in world().await {
            one_way_in(&world).await;
            let context = context(&world, "https://id.example").await;
            let (op, acme, ada) = (world.operator(), world.organization, world.ada);
            let write = world.store().write(move |tx| {
                let globex = NewOrganization {
                    slug: "globex".parse().unwrap(),
                    name: "Globex".to_owned(),
                    support_name: None,
                    support_email: None,
                    owner: "gus@globex.test".parse().unwrap(),
                };
                let globex = organizations::create(tx, &op, &globex).unwrap().0.id;
                let profile = Profile { addresses: vec!["eve@globex.test".parse().unwrap()], ..Profile::default() };
                let eve = accounts::create(tx, &op, globex, &profile, Role::Member)?;
                let mut start = |organization, account| {
                    let identified = by_password(tx, &op, organization, account)?;
                    Ok::<_, StoreError>(sessions::start(tx, &op, &identified, LIMITS)?.1)
                };
                Ok::<_, StoreError>([start(globex, eve)?, start(acme, ada)?])
            });
            let [elsewhere, here] = write.await.unwrap();
            for (token, beginning) in [(elsewhere, "/sign-in/"), (here, "https://idp.test/")] {
                let cookie = format!("__Host-causeway-us-session={}", token.expose());
                let request = asking(&world, &[("login_hint", "ada@acme.test"), ("prompt", "login")]);
                let place = place(&send(&context, request.insert_header(("Cookie", cookie))).await);
                assert!(place.starts_with(beginning), "{}: {place}", world.engine());
            }
        }
    }

    #[actix_web::test]
    async fn a_network_that_has_typed_enough_addresses_is_led_nowhere_by_hints() {
        for world in world().await {
            one_way_in(&world).await;
            let mut context = context(&world, "https://id.example").await;
            context.throttles.sign_in = Throttle::new(Rate::per_minute(1));
            let ask = async || place(&send(&context, asking(&world, &[("login_hint", "ada@acme.test")])).await);
            assert!(ask().await.starts_with("https://idp.test/"), "{}", world.engine());
            assert!(ask().await.starts_with("/sign-in/"), "{}", world.engine());
        }
    }
}
