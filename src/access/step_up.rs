//! A person is signed in, and an application asks for more than they have proved. Whoever signed in by credentials of their own
//! shows more here ([`super::own_password::second_step`]). Whoever came through a connection goes back to its provider, which is
//! asked for it, if it can be (decision 0034).

use super::attempts::Attempt;
use super::own_password::second_step;
use super::sessions::Session;
use crate::directory::accounts;
use crate::directory::connections::{self, Connection, ConnectionState, Settings};
use crate::protocol::oidc::acr::Level;
use crate::protocol::oidc::authorization::AuthorizationRequest;
use crate::store::Tx;
use crate::store::domains::{self, Owned};
use crate::store::failure::StoreError;
use crate::values::email::EmailAddress;
use crate::values::ids::{AttemptId, ConnectionId, OrganizationId};
use crate::values::operation::Operation;

/// Where somebody proves more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Here, by their second factor.
    SecondStep,
    /// At the provider that signed them in.
    Provider,
    /// Nowhere: they sign in again.
    Nowhere,
}

/// The provider that somebody goes back to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Whose connection it is.
    pub organization: OrganizationId,
    /// The connection.
    pub connection: ConnectionId,
    /// By which address it knows them. One in a domain of its own organization or none: it learns of no other.
    pub address: Option<EmailAddress>,
}

/// Where the person of a live session goes on, who has just begun an attempt for this request.
pub fn begin(
    tx: &mut Tx<'_>,
    op: &Operation,
    attempt: AttemptId,
    request: &AuthorizationRequest,
    session: &Session,
) -> Result<Place, StoreError> {
    let place = match asked_connection(tx, request.level_asked(), session.connection)? {
        Some(_) => Place::Provider,
        None if second_step::step_up(tx, op, attempt, session)? => Place::SecondStep,
        None => Place::Nowhere,
    };
    Ok(place)
}

/// The provider that is asked for what the attempt's application wants, on behalf of the person of a live session. `None` when
/// there is none that can be.
pub fn provider(tx: &mut Tx<'_>, attempt: &Attempt, session: &Session) -> Result<Option<Provider>, StoreError> {
    let level = attempt.request.level_asked();
    let Some(found) = asked_connection(tx, level, session.connection)? else { return Ok(None) };
    let address = address_there(tx, session, found.organization)?;
    Ok(Some(Provider { organization: found.organization, connection: found.id, address }))
}

/// True when the provider that the attempt was sent to was asked for what its application wants.
pub fn was_asked(tx: &mut Tx<'_>, attempt: &Attempt) -> Result<bool, StoreError> {
    Ok(asked_connection(tx, attempt.request.level_asked(), attempt.connection)?.is_some())
}

/// The connection, if its provider is asked for `level` in words of its own.
fn asked_connection(
    tx: &mut Tx<'_>,
    level: Option<Level>,
    connection: Option<ConnectionId>,
) -> Result<Option<Connection>, StoreError> {
    let Some(id) = connection else { return Ok(None) };
    let found = connections::find(tx, id)?.filter(|found| found.state == ConnectionState::Active);
    Ok(found.filter(|found| {
        let map = match &found.settings {
            Settings::Saml { options, .. } => options.several_factors().map(|several| several.map),
            Settings::Oidc { preset, options, .. } => options.several_factors(*preset),
        };
        map.is_some_and(|map| !map.asks_for(level).is_empty())
    }))
}

fn address_there(
    tx: &mut Tx<'_>,
    session: &Session,
    organization: OrganizationId,
) -> Result<Option<EmailAddress>, StoreError> {
    let Some(account) = accounts::find(tx, session.account)? else { return Ok(None) };
    match account.profile.primary_address() {
        Some(address) if domains::is_owner(tx, organization, address.domain().as_str(), Owned::OrLapsed)? => {
            Ok(Some(address.clone()))
        }
        Some(_) | None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, Provider, begin, provider};
    use crate::access::sessions::testing::{LIMITS, brought, guest_of_globex};
    use crate::access::sessions::{self, Session};
    use crate::access::testing::{World, world};
    use crate::directory::connections::oidc_options::OidcOptions;
    use crate::directory::connections::{self, Settings};
    use crate::protocol::oidc::class_map::ClassMap;
    use crate::protocol::oidc::relying_party::preset::Preset;
    use crate::store::failure::StoreError;
    use crate::values::ids::ConnectionId;
    use crate::values::secret::Secret;

    const MFA: &str = "urn:causeway:acr:mfa";

    async fn map(world: &World, connection: ConnectionId, asks_for: &[&str]) {
        let mut settings = Settings::oidc("https://idp.acme.test", "causeway", Preset::Generic, None);
        if let Settings::Oidc { options, .. } = &mut settings {
            let asks_for = asks_for.iter().map(|word| (*word).to_owned()).collect();
            let map = ClassMap { asks_for, met_by: vec!["strong".to_owned()] };
            *options = OidcOptions { several_factors: Some(map), ..OidcOptions::default() };
        }
        world.put_settings(connection, &settings).await;
    }

    /// Where the person of `session` goes for an application that asks for `acr_values`, and to which provider.
    async fn place(world: &World, session: &Session, acr_values: Option<&str>) -> (Place, Option<Provider>) {
        let mut attempt = world.start_attempt(&Secret::from("browser".to_owned())).await;
        attempt.request.acr_values = acr_values.map(str::to_owned);
        let (op, session) = (world.op(), session.clone());
        let write = world.store().write(move |tx| {
            let found = provider(tx, &attempt, &session)?;
            Ok::<_, StoreError>((begin(tx, &op, attempt.id, &attempt.request, &session)?, found))
        });
        write.await.unwrap()
    }

    /// Ada's session, which the world's connection has opened.
    async fn brought_by_the_connection(world: &World) -> Session {
        let (op, ada, on) = (world.op(), world.ada, (world.organization, world.connection));
        let write = world.store().write(move |tx| {
            let identified = brought(tx, &op, ada, on)?;
            sessions::start(tx, &op, &identified, LIMITS)
        });
        write.await.unwrap().0
    }

    #[tokio::test]
    async fn who_came_through_a_connection_goes_back_to_its_provider_if_that_can_be_asked() {
        for world in world().await {
            let session = brought_by_the_connection(&world).await;
            assert_eq!(place(&world, &session, Some(MFA)).await, (Place::Nowhere, None), "nothing is mapped");
            map(&world, world.connection, &[]).await;
            assert_eq!(place(&world, &session, Some(MFA)).await, (Place::Nowhere, None), "there is nothing to ask for");
            map(&world, world.connection, &["strong"]).await;
            let there = Provider {
                organization: world.organization,
                connection: world.connection,
                address: "ada@acme.test".parse().ok(),
            };
            assert_eq!(place(&world, &session, Some(MFA)).await, (Place::Provider, Some(there)), "{}", world.engine());
            for other in [None, Some("urn:causeway:acr:password"), Some("1")] {
                assert_eq!(place(&world, &session, other).await, (Place::Nowhere, None), "{other:?}");
            }
            let own = Session { connection: None, ..session.clone() };
            assert_eq!(place(&world, &own, Some(MFA)).await, (Place::Nowhere, None), "no second factor, no connection");
            let (op, organization, id) = (world.operator(), world.organization, world.connection);
            world.store().write(move |tx| connections::disable(tx, &op, organization, id)).await.unwrap();
            assert_eq!(place(&world, &session, Some(MFA)).await, (Place::Nowhere, None), "{}", world.engine());
        }
    }

    /// B9: what belongs to somebody elsewhere is not told to a provider whose guest they are.
    #[tokio::test]
    async fn b9_a_provider_learns_of_no_address_outside_its_own_organization() {
        for world in world().await {
            let guest = guest_of_globex(&world, world.ada).await;
            map(&world, guest.connection, &["strong"]).await;
            let (place, provider) = place(&world, &guest.session, Some(MFA)).await;
            let there = Provider { organization: guest.globex, connection: guest.connection, address: None };
            assert_eq!((place, provider), (Place::Provider, Some(there)), "{}", world.engine());
        }
    }
}
