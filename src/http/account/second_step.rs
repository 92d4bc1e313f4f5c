//! The authenticator app of the person: set up by their password and a code of the app that was offered, changed and removed by
//! their password and a code; or each by a passkey, for who has one. What is signed in elsewhere ends; this browser goes on with another session.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Payload;

use super::signed_in::SignedIn;
use super::{passkeys, path, proof};
use crate::access::own_password::standing::has_password;
use crate::access::passkeys::is_there;
use crate::access::passwords::KeepingError;
use crate::access::second_factors::offer::{Offer, Place};
use crate::access::second_factors::{self, Overview};
use crate::flows::second_factors::SecondFactorsError;
use crate::http::page_answer::{Forms, see_other};
use crate::http::sign_in::failure::Failure;
use crate::http::sign_in::second_step::qr_code;
use crate::http::sign_in::visit::Visit;
use crate::pages::account_second_step::AccountSecondStepPage;
use crate::pages::set_up_second_step::SetUpSecondStepPage;
use crate::protocol::totp;
use crate::store::failure::StoreError;
use crate::values::clock::Timestamp;
use crate::values::secret::Secret;

/// `GET /account/second-step`
pub async fn get(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let person = SignedIn::reaching_account(visit).await?;
    match overview(visit, &person).await? {
        Standing::Has(shown) => manage_page(visit, &person, StatusCode::OK, shown, None).await,
        Standing::MayHave => {
            let place = Place::new(person.session.account, person.session.id);
            let offer = Offer::new(&visit.op, &visit.context.outside.sealer, &place).map_err(KeepingError::Sealing)?;
            set_up_page(visit, &person, StatusCode::OK, &offer, None).await
        }
        Standing::HasNoPassword => Ok(see_other(path::SECURITY)),
    }
}

/// `POST /account/second-step/add`
pub async fn add(visit: &Visit<'_>, payload: Payload) -> Result<HttpResponse, Failure> {
    let person = SignedIn::reaching_account(visit).await?;
    let form = person.form(visit, payload).await?;
    let place = Place::new(person.session.account, person.session.id);
    let sealed = form.field("offer").ok_or(Failure::Malformed)?;
    let Some(offer) = Offer::reopen(&visit.op, &visit.context.outside.sealer, &place, sealed) else {
        return Ok(see_other(path::SECOND_STEP));
    };
    let (shown, guess) = proof::read(visit, &person, &form)?;
    let (story, limits) = (visit.context.second_factors(), visit.context.session_limits());
    let code = Secret::from(form.field("code").ok_or(Failure::Malformed)?.to_owned());
    match story.add(&person.op, &person.session, limits, (offer.clone(), code), shown).await {
        Ok((token, codes)) => {
            proof::was_right(guess);
            let answer = match codes.is_empty() {
                true => see_other(path::SECOND_STEP),
                false => proof::codes_page(visit, &codes, path::SECOND_STEP),
            };
            proof::with_session(visit, answer, &token)
        }
        Err(SecondFactorsError::Dead) => Ok(see_other(path::SECOND_STEP)),
        Err(error) => match proof::problem(&error) {
            Some(problem) => set_up_page(visit, &person, StatusCode::UNPROCESSABLE_ENTITY, &offer, Some(problem)).await,
            None => Err(error.into()),
        },
    }
}

/// `POST /account/second-step/remove`
pub async fn remove(visit: &Visit<'_>, payload: Payload) -> Result<HttpResponse, Failure> {
    let person = SignedIn::reaching_account(visit).await?;
    let form = person.form(visit, payload).await?;
    let (shown, guess) = proof::read(visit, &person, &form)?;
    let (story, limits) = (visit.context.second_factors(), visit.context.session_limits());
    match story.remove(&person.op, &person.session, limits, shown).await {
        Ok(token) => {
            proof::was_right(guess);
            proof::with_session(visit, see_other(path::SECURITY), &token)
        }
        Err(error) => not_changed(visit, &person, error).await,
    }
}

/// `POST /account/second-step/codes`
pub async fn renew_codes(visit: &Visit<'_>, payload: Payload) -> Result<HttpResponse, Failure> {
    let person = SignedIn::reaching_account(visit).await?;
    let form = person.form(visit, payload).await?;
    let (shown, guess) = proof::read(visit, &person, &form)?;
    match visit.context.second_factors().renew_codes(&person.op, &person.session, shown).await {
        Ok(codes) => {
            proof::was_right(guess);
            Ok(proof::codes_page(visit, &codes, path::SECURITY))
        }
        Err(error) => not_changed(visit, &person, error).await,
    }
}

/// How the person stands.
enum Standing {
    /// They have an app.
    Has(Shown),
    /// They have none, and can.
    MayHave,
    /// They have no password beside which there could be one.
    HasNoPassword,
}

/// What there is of an app.
#[derive(Clone, Copy)]
struct Shown {
    since: Timestamp,
    codes_left: i64,
}

async fn overview(visit: &Visit<'_>, person: &SignedIn) -> Result<Standing, Failure> {
    let account = person.session.account;
    let read = visit.context.store.read(move |tx| {
        if let Some(Overview { app_since: Some(since), codes_left }) = second_factors::overview(tx, account)? {
            return Ok(Standing::Has(Shown { since, codes_left }));
        }
        Ok::<_, StoreError>(if has_password(tx, account)? { Standing::MayHave } else { Standing::HasNoPassword })
    });
    Ok(read.await?)
}

async fn not_changed(visit: &Visit<'_>, person: &SignedIn, error: SecondFactorsError) -> Result<HttpResponse, Failure> {
    match (proof::problem(&error), overview(visit, person).await?) {
        (Some(problem), Standing::Has(shown)) => {
            manage_page(visit, person, StatusCode::UNPROCESSABLE_ENTITY, shown, Some(problem)).await
        }
        // Whoever has no app was on the page of their passkeys, if they have any.
        (Some(_), Standing::MayHave | Standing::HasNoPassword) if has_passkey(visit, person).await? => {
            passkeys::not_changed(visit, person, String::new(), error).await
        }
        (Some(_), Standing::MayHave | Standing::HasNoPassword) => Ok(see_other(path::SECOND_STEP)),
        (None, _) if matches!(error, SecondFactorsError::Dead) => Ok(see_other(path::SECOND_STEP)),
        (None, _) => Err(error.into()),
    }
}

async fn has_passkey(visit: &Visit<'_>, person: &SignedIn) -> Result<bool, Failure> {
    let account = person.session.account;
    Ok(visit.context.store.read(move |tx| is_there(tx, account)).await?)
}

async fn manage_page(
    visit: &Visit<'_>,
    person: &SignedIn,
    status: StatusCode,
    shown: Shown,
    problem: Option<String>,
) -> Result<HttpResponse, Failure> {
    let page = AccountSecondStepPage {
        form_token: person.form_token(),
        since: shown.since,
        codes_left: shown.codes_left,
        options: proof::options(visit, person).await?,
        problem,
        renew_codes: path::RENEW_CODES.to_owned(),
        remove: path::REMOVE_SECOND_STEP.to_owned(),
        security: path::SECURITY.to_owned(),
    };
    Ok(visit.page_with_ways(status, &page, Forms::StayHere))
}

async fn set_up_page(
    visit: &Visit<'_>,
    person: &SignedIn,
    status: StatusCode,
    offer: &Offer,
    problem: Option<String>,
) -> Result<HttpResponse, Failure> {
    let page = SetUpSecondStepPage {
        action: path::ADD_SECOND_STEP.to_owned(),
        qr_code: qr_code(visit, person.session.account, offer).await?,
        secret: totp::spelled(offer.secret()).to_string(),
        offer: offer.sealed().to_owned(),
        form_token: Some(person.form_token()),
        options: proof::options(visit, person).await?,
        passkey: None,
        problem,
        back: path::SECURITY.to_owned(),
    };
    Ok(visit.page_with_ways(status, &page, Forms::StayHere))
}
