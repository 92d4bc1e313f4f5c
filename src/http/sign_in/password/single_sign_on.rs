//! The page for somebody whose password is right, and of whom single sign-on is asked. It leads to the identity provider, by the
//! address that was typed where that leads there. Nobody else sees it, so nothing is told to who does not know the password.

use ::metrics::counter;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use crate::access::attempts::refusal::Refusal;
use crate::access::realm::{self, Route};
use crate::http::page_answer::Forms;
use crate::http::sign_in::failure::{Failure, support};
use crate::http::sign_in::path;
use crate::http::sign_in::refusal_words::{Words, words};
use crate::http::sign_in::visit::{Begun, Visit};
use crate::pages::error::{ErrorPage, Next};
use crate::telemetry::metrics;
use crate::values::email::EmailAddress;
use crate::values::ids::OrganizationId;

/// The page. The attempt goes on, and the audit entry has the id of this request.
pub async fn answer(
    visit: &Visit<'_>,
    begun: &Begun,
    address: &EmailAddress,
    asked_by: OrganizationId,
) -> Result<HttpResponse, Failure> {
    counter!(metrics::SIGN_INS, "outcome" => "refused").increment(1);
    let organization = visit.place(begun, Some(asked_by)).await?.organization;
    let name = organization.as_ref().map_or("Your organization", |found| found.name.as_str());
    let Words { title, text, advice } = words(&Refusal::SingleSignOnAsked, name, &begun.application.name);
    let page = ErrorPage {
        title,
        text,
        advice,
        next: next(visit, begun, address, asked_by).await?,
        support: organization.as_ref().map(support),
        request: visit.op.request,
        at: visit.op.at,
    };
    Ok(visit.pages.page(StatusCode::FORBIDDEN, &page, Forms::LeadAway))
}

/// On to the identity provider, or to where another address is typed.
async fn next(
    visit: &Visit<'_>,
    begun: &Begun,
    address: &EmailAddress,
    asked_by: OrganizationId,
) -> Result<Next, Failure> {
    let wanted = address.clone();
    let route = visit.context.store.read(move |tx| realm::find_route(tx, &wanted)).await?;
    Ok(match leads_to(&route, asked_by) {
        true => Next::IdentityProvider {
            action: path::submit_email(begun.attempt.id),
            address: address.as_str().to_owned(),
        },
        false => Next::OtherAddress { path: path::email(begun.attempt.id) },
    })
}

/// True when a route leads to an identity provider of this organization, and not to the same password once more.
fn leads_to(route: &Route, asked_by: OrganizationId) -> bool {
    match route {
        Route::Connection { organization, .. } | Route::Choose { organization, .. } => *organization == asked_by,
        Route::OwnPassword | Route::NoWayIn { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::leads_to;
    use crate::access::realm::Route;
    use crate::values::ids::{ConnectionId, OrganizationId};

    #[test]
    fn only_an_address_of_the_organization_that_asks_leads_to_its_provider() {
        let [acme, globex] = [1, 2].map(|n| OrganizationId::from_bytes(&[n; 16]).unwrap());
        let connection = ConnectionId::from_bytes(&[3; 16]).unwrap();
        let one = |organization| Route::Connection { organization, connection };
        let choice =
            |organization| Route::Choose { organization, connections: vec![connection], has_own_password: true };
        for (route, expected) in [
            (one(acme), true),
            (choice(acme), true),
            (one(globex), false),
            (choice(globex), false),
            (Route::OwnPassword, false),
            (Route::NoWayIn { organization: acme }, false),
        ] {
            assert_eq!(leads_to(&route, acme), expected, "{route:?}");
        }
    }
}
