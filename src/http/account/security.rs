//! How the person signs in: their password if they may have one, and whether their address is confirmed.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use super::path;
use super::signed_in::SignedIn;
use crate::access::own_password::standing::{self, Standing};
use crate::access::{passkeys, second_factors};
use crate::directory::{accounts, organizations};
use crate::http::page_answer::Forms;
use crate::http::sign_in::failure::Failure;
use crate::http::sign_in::path as sign_in_path;
use crate::http::sign_in::visit::Visit;
use crate::pages::account_security::{AccountSecurityPage, Address, OwnPassword, Passkeys, SecondStep};
use crate::store::failure::StoreError;

/// `GET /account/security`
pub async fn get(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let person = SignedIn::reaching_account(visit).await?;
    page(visit, &person, StatusCode::OK, None).await
}

/// The page, with what was wrong with another password, as a sentence.
pub async fn page(
    visit: &Visit<'_>,
    person: &SignedIn,
    status: StatusCode,
    problem: Option<String>,
) -> Result<HttpResponse, Failure> {
    let (account, organization) = (person.session.account, person.session.organization);
    let read = visit.context.store.read(move |tx| {
        let found = accounts::find(tx, account)?.ok_or(StoreError::Inconsistent("sessions.account_id"))?;
        let standing = standing::find(tx, &found)?;
        let organization = organizations::find(tx, organization)?;
        let factors = (second_factors::overview(tx, account)?, passkeys::list(tx, account)?.len());
        Ok::<_, StoreError>((found, standing, organization, factors))
    });
    let (account, standing, organization, (second_factor, passkeys)) = read.await?;
    let address = account.profile.primary_address().map(|address| Address {
        text: address.as_str().to_owned(),
        is_confirmed: account.address_verified_at.is_some(),
    });
    let password = match standing {
        Standing::MayNot => OwnPassword::OfOrganization(organization.map(|found| found.name).unwrap_or_default()),
        Standing::MayChoose if account.address_verified_at.is_none() => OwnPassword::NeedsConfirmedAddress,
        Standing::MayChoose => OwnPassword::None { ask: sign_in_path::FORGOTTEN.to_owned() },
        Standing::Has { set_at } => OwnPassword::SetAt(set_at),
    };
    let second_step = matches!(password, OwnPassword::SetAt(_)).then(|| SecondStep {
        since: second_factor.and_then(|overview| overview.app_since),
        path: path::SECOND_STEP.to_owned(),
    });
    let can_have_passkeys = visit.has_passkeys() && matches!(password, OwnPassword::SetAt(_));
    let passkeys = can_have_passkeys.then(|| Passkeys { count: passkeys, path: path::PASSKEYS.to_owned() });
    let page = AccountSecurityPage {
        second_step,
        passkeys,
        form_token: person.form_token(),
        address,
        ask_address: path::ASK_ADDRESS.to_owned(),
        password,
        change: path::PASSWORD.to_owned(),
        problem,
        sessions: path::SESSIONS.to_owned(),
    };
    Ok(visit.pages.page(status, &page, Forms::StayHere))
}
