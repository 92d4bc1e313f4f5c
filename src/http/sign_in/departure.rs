//! Following the step that comes after an address or a choice: to an identity provider, to the choice page, or to an
//! explanation.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use url::Url;

use super::failure::Failure;
use super::path;
use super::visit::{Begun, Visit};
use crate::access::attempts;
use crate::access::attempts::refusal::Refusal;
use crate::access::sign_in::Step;
use crate::access::traces;
use crate::directory::connections::{Connection, ConnectionState, Settings};
use crate::flows::leave_for_provider::NotLeft;
use crate::http::page_answer::{Forms, see_other};
use crate::pages::choose::{ChoosePage, Way};
use crate::values::email::EmailAddress;
use crate::values::ids::{ConnectionId, OrganizationId};

/// Lets the form through, or says that this network has to wait.
pub fn admit(visit: &Visit<'_>) -> Result<(), Failure> {
    Ok(visit.context.admit(&visit.context.throttles.sign_in, visit.request, &visit.op)?)
}

/// Does what `step` says for somebody who typed `address`.
pub async fn follow(
    visit: &Visit<'_>,
    begun: &Begun,
    address: &EmailAddress,
    step: Step,
) -> Result<HttpResponse, Failure> {
    let attempt = begun.attempt.id;
    match step {
        Step::SendTo { organization, connection } => {
            send(visit, begun, Some(address), (organization, connection)).await
        }
        Step::Choose { organization, connections, has_own_password } => {
            let own_password = has_own_password.then(|| path::password(attempt));
            choose(visit, begun, address, (organization, connections), own_password).await
        }
        Step::AskPassword => ask_password(visit, begun, address).await,
        Step::ExplainNoWayIn { organization } => Err(Failure::NoWayIn(visit.place(begun, Some(organization)).await?)),
        Step::Continue => Ok(see_other(&path::outcome(attempt))),
        Step::StartAgain => Err(Failure::Expired(attempt)),
        Step::AlreadyFinished => Err(Failure::AlreadyFinished),
        Step::Explain(refusal) | Step::Refuse(_, refusal) => {
            Err(Failure::Refused(visit.place(begun, None).await?, refusal))
        }
        Step::AskMore(_) => Ok(see_other(&path::second_step(attempt))),
        Step::AskOwnCredentials => Ok(see_other(&path::own_credentials(attempt))),
        Step::AskAddress | Step::Finish(_) => Ok(see_other(&path::email(attempt))),
    }
}

/// On to the password page, which knows the address by the attempt.
async fn ask_password(visit: &Visit<'_>, begun: &Begun, address: &EmailAddress) -> Result<HttpResponse, Failure> {
    let (op, attempt, typed) = (visit.op.clone(), begun.attempt.id, address.clone());
    visit.context.store.write(move |tx| attempts::set_address(tx, &op, attempt, &typed)).await?;
    Ok(see_other(&path::password(attempt)))
}

/// On to the identity provider of this connection.
pub async fn send(
    visit: &Visit<'_>,
    begun: &Begun,
    address: Option<&EmailAddress>,
    (organization, connection): (OrganizationId, ConnectionId),
) -> Result<HttpResponse, Failure> {
    let found = visit.connections(vec![connection]).await?;
    let active = found.into_iter().find(|found| found.state == ConnectionState::Active);
    let Some(connection) = active else {
        let place = visit.place(begun, Some(organization)).await?;
        return Err(Failure::Refused(place, Refusal::ConnectionInactive));
    };
    let left = visit.context.leave_for_provider().leave(&visit.op, &begun.attempt, address, &connection).await;
    match left {
        Ok(url) => Ok(see_other(&url)),
        Err(NotLeft::Unreachable(failure)) => {
            tracing::warn!(connection = %connection.id, failure, "an identity provider cannot be used");
            let refusal = Refusal::Unreachable { failure };
            let (op, on, noted) = (visit.op.clone(), (begun.attempt.id, connection.id), refusal.clone());
            visit.context.store.write(move |tx| traces::note_not_sent(tx, &op, on, &noted)).await?;
            Err(Failure::Refused(visit.place(begun, Some(organization)).await?, refusal))
        }
        Err(NotLeft::AttemptOver) => Err(Failure::AlreadyFinished),
        Err(NotLeft::NotMade(reason)) => Err(Failure::Internal(reason)),
        Err(NotLeft::Store(error)) => Err(error.into()),
    }
}

async fn choose(
    visit: &Visit<'_>,
    begun: &Begun,
    address: &EmailAddress,
    (organization, connections): (OrganizationId, Vec<ConnectionId>),
    own_password: Option<String>,
) -> Result<HttpResponse, Failure> {
    let (op, attempt, typed) = (visit.op.clone(), begun.attempt.id, address.clone());
    visit.context.store.write(move |tx| attempts::set_address(tx, &op, attempt, &typed)).await?;
    let place = visit.place(begun, Some(organization)).await?;
    let ways = visit.connections(connections).await?.iter().map(way).collect();
    let page = ChoosePage {
        application: begun.application.name.clone(),
        organization: place.organization.map_or_else(|| "Your organization".to_owned(), |found| found.name),
        address: address.as_str().to_owned(),
        ways,
        own_password,
        action: path::submit_choice(attempt),
        other_address: path::email(attempt),
    };
    Ok(visit.pages.page(StatusCode::OK, &page, Forms::LeadAway))
}

fn way(connection: &Connection) -> Way {
    let url = match &connection.settings {
        Settings::Oidc { issuer, .. } => Url::parse(issuer).ok(),
        Settings::Saml { idp, .. } => Some(idp.sso_redirect_url.clone()),
    };
    let host = url.as_ref().and_then(Url::host_str).unwrap_or_default().to_owned();
    Way { connection: connection.id, name: connection.name.clone(), host }
}
