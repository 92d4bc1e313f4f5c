//! Confirming the own address by mail: the link is asked for by who is signed in, and works where the same person is. Following it
//! asks; only the form confirms, so that no mail scanner can.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Payload;

use super::path;
use super::signed_in::SignedIn;
use crate::access::mail_proofs::{self, Purpose};
use crate::access::own_address::{self, ConfirmError};
use crate::directory::accounts;
use crate::http::page_answer::Forms;
use crate::http::sign_in::activation::token;
use crate::http::sign_in::failure::Failure;
use crate::http::sign_in::visit::Visit;
use crate::pages::confirm_address::ConfirmAddressPage;
use crate::values::secret::TokenHash;

/// `POST /account/address/ask`
pub async fn ask(visit: &Visit<'_>, payload: Payload) -> Result<HttpResponse, Failure> {
    let person = SignedIn::reaching_account(visit).await?;
    person.form(visit, payload).await?;
    let account = person.session.account;
    let found = visit.context.store.read(move |tx| accounts::find(tx, account)).await?;
    let address = found.and_then(|found| found.profile.primary_address().cloned()).ok_or(Failure::NotFound)?;
    visit.context.throttles.mails.admit(TokenHash::of(address.as_str()), visit.op.at)?;
    let wanted = address.clone();
    person.write(visit, move |tx, op, session| own_address::ask(tx, op, session, &wanted)).await?;
    let page = ConfirmAddressPage::Sent { address: address.as_str().to_owned(), back: path::SECURITY.to_owned() };
    Ok(visit.pages.page(StatusCode::OK, &page, Forms::StayHere))
}

/// `GET /account/address?token=...`: asks.
pub async fn get(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let token = token(visit, Failure::LinkDead)?;
    let (op, shown) = (visit.op.clone(), token.clone());
    let read = visit.context.store.read(move |tx| mail_proofs::look(tx, &op, Purpose::Address, &shown));
    let opened = read.await.map_err(ConfirmError::from)?;
    let address = opened.address.as_str().to_owned();
    let page = match SignedIn::reaching_account(visit).await {
        Ok(person) if person.session.account == opened.account => {
            ConfirmAddressPage::Ask { address, action: path::address(&token), form_token: person.form_token() }
        }
        Ok(_) | Err(Failure::NotSignedIn) => ConfirmAddressPage::SignInFirst { address },
        Err(failure) => return Err(failure),
    };
    Ok(visit.pages.page(StatusCode::OK, &page, Forms::StayHere))
}

/// `POST /account/address?token=...`: confirms.
pub async fn post(visit: &Visit<'_>, payload: Payload) -> Result<HttpResponse, Failure> {
    let person = SignedIn::reaching_account(visit).await?;
    person.form(visit, payload).await?;
    let token = token(visit, Failure::LinkDead)?;
    let address = person.write(visit, move |tx, op, session| own_address::confirm(tx, op, session, &token)).await?;
    let page = ConfirmAddressPage::Done { address: address.as_str().to_owned() };
    Ok(visit.pages.page(StatusCode::OK, &page, Forms::StayHere))
}
