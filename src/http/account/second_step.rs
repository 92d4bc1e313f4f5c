//! The second step of the person: set up by their password and a code of the app that was offered, changed and removed by their
//! password and a code. What is signed in elsewhere ends; this browser goes on with another session.

use actix_web::http::StatusCode;
use actix_web::http::header::SET_COOKIE;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::path;
use super::signed_in::SignedIn;
use crate::access::own_password;
use crate::access::passwords::KeepingError;
use crate::access::second_factors::offer::{Offer, Place};
use crate::access::second_factors::{self, Overview};
use crate::directory::accounts;
use crate::flows::second_factors::{SecondFactorsError, Typed};
use crate::http::context::Context;
use crate::http::cookies::Cookie;
use crate::http::guesses::{Guess, Whence};
use crate::http::page_answer::{Forms, see_other};
use crate::http::sign_in::failure::Failure;
use crate::http::sign_in::form::Form;
use crate::http::sign_in::second_step::qr_code;
use crate::http::sign_in::visit::Visit;
use crate::pages::account_second_step::AccountSecondStepPage;
use crate::pages::recovery_codes::RecoveryCodesPage;
use crate::pages::set_up_second_step::SetUpSecondStepPage;
use crate::protocol::totp;
use crate::store::failure::StoreError;
use crate::store::passwords;
use crate::values::password::Password;
use crate::values::recovery_code::RecoveryCode;
use crate::values::secret::{Secret, TokenHash};

impl From<SecondFactorsError> for Failure {
    fn from(error: SecondFactorsError) -> Self {
        match error {
            SecondFactorsError::Dead => Self::LinkDead,
            SecondFactorsError::Busy => Self::Busy,
            SecondFactorsError::Store(error) => error.into(),
            SecondFactorsError::WrongPassword | SecondFactorsError::WrongCode | SecondFactorsError::Internal(_) => {
                Self::Internal(error.to_string())
            }
        }
    }
}

/// `GET /account/second-step`
pub async fn get(request: HttpRequest, context: Data<Context>) -> HttpResponse {
    let visit = Visit::new(&context, &request);
    visit.answer(show(&visit).await)
}

/// `POST /account/second-step/add`
pub async fn add(request: HttpRequest, context: Data<Context>, payload: Payload) -> HttpResponse {
    let visit = Visit::new(&context, &request);
    visit.answer(submit_add(&visit, payload).await)
}

/// `POST /account/second-step/remove`
pub async fn remove(request: HttpRequest, context: Data<Context>, payload: Payload) -> HttpResponse {
    let visit = Visit::new(&context, &request);
    visit.answer(submit_remove(&visit, payload).await)
}

/// `POST /account/second-step/codes`
pub async fn renew_codes(request: HttpRequest, context: Data<Context>, payload: Payload) -> HttpResponse {
    let visit = Visit::new(&context, &request);
    visit.answer(submit_codes(&visit, payload).await)
}

async fn show(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let person = SignedIn::of(visit).await?;
    match overview(visit, &person).await? {
        Standing::Has(overview) => Ok(manage_page(visit, &person, StatusCode::OK, overview, None)),
        Standing::MayHave => {
            let place = Place::new(person.session.account, person.session.id);
            let offer = Offer::new(&visit.op, &visit.context.outside.sealer, &place).map_err(KeepingError::Sealing)?;
            set_up_page(visit, &person, StatusCode::OK, &offer, None).await
        }
        Standing::HasNoPassword => Ok(see_other(path::SECURITY)),
    }
}

/// How the person stands.
enum Standing {
    /// They have a second factor.
    Has(Overview),
    /// They have none, and can.
    MayHave,
    /// They have no password beside which there could be one.
    HasNoPassword,
}

async fn overview(visit: &Visit<'_>, person: &SignedIn) -> Result<Standing, Failure> {
    let account = person.session.account;
    let read = visit.context.store.read(move |tx| {
        if let Some(overview) = second_factors::overview(tx, account)? {
            return Ok(Standing::Has(overview));
        }
        let found = accounts::find(tx, account)?.ok_or(StoreError::Inconsistent("sessions.account_id"))?;
        let has_password = passwords::is_there(tx, account)? && own_password::may_have_password(tx, &found)?;
        Ok::<_, StoreError>(if has_password { Standing::MayHave } else { Standing::HasNoPassword })
    });
    Ok(read.await?)
}

/// What somebody typed, as a guess about their account: a stolen session is not to be a way to guess.
fn typed(visit: &Visit<'_>, person: &SignedIn, form: &Form) -> Result<(Typed, Guess), Failure> {
    let password = Password::typed(form.field("current").ok_or(Failure::Malformed)?);
    let code = Secret::from(form.field("code").ok_or(Failure::Malformed)?.to_owned());
    let (account, here) = (person.session.account, TokenHash::of(&person.session.id.to_string()));
    visit.context.guesses.admit_owner(account, visit.op.at)?;
    let guess = visit.context.codes.admit(&account.to_string(), Whence::KnownBrowser(here), visit.op.at)?;
    Ok((Typed { password, code }, guess))
}

/// What was wrong with what was typed, if that is what happened.
fn problem(error: &SecondFactorsError) -> Option<String> {
    let text = match error {
        SecondFactorsError::WrongPassword => "The password is not right.",
        SecondFactorsError::WrongCode => "That code is not right, or was used before.",
        SecondFactorsError::Dead
        | SecondFactorsError::Busy
        | SecondFactorsError::Store(_)
        | SecondFactorsError::Internal(_) => return None,
    };
    Some(text.to_owned())
}

async fn submit_add(visit: &Visit<'_>, payload: Payload) -> Result<HttpResponse, Failure> {
    let person = SignedIn::of(visit).await?;
    let form = person.form(visit, payload).await?;
    let place = Place::new(person.session.account, person.session.id);
    let sealed = form.field("offer").ok_or(Failure::Malformed)?;
    let Some(offer) = Offer::reopen(&visit.op, &visit.context.outside.sealer, &place, sealed) else {
        return Ok(see_other(path::SECOND_STEP));
    };
    let (typed, guess) = typed(visit, &person, &form)?;
    let (story, limits) = (visit.context.second_factors(), visit.context.session_limits());
    match story.add(&person.op, &person.session, limits, offer.clone(), typed).await {
        Ok((token, codes)) => {
            guess.was_right();
            with_session(visit, codes_page(visit, &codes), &token)
        }
        Err(SecondFactorsError::Dead) => Ok(see_other(path::SECOND_STEP)),
        Err(error) => match problem(&error) {
            Some(problem) => set_up_page(visit, &person, StatusCode::UNPROCESSABLE_ENTITY, &offer, Some(problem)).await,
            None => Err(error.into()),
        },
    }
}

async fn submit_remove(visit: &Visit<'_>, payload: Payload) -> Result<HttpResponse, Failure> {
    let person = SignedIn::of(visit).await?;
    let form = person.form(visit, payload).await?;
    let (typed, guess) = typed(visit, &person, &form)?;
    let (story, limits) = (visit.context.second_factors(), visit.context.session_limits());
    match story.remove(&person.op, &person.session, limits, typed).await {
        Ok(token) => {
            guess.was_right();
            with_session(visit, see_other(path::SECURITY), &token)
        }
        Err(error) => not_changed(visit, &person, error).await,
    }
}

async fn submit_codes(visit: &Visit<'_>, payload: Payload) -> Result<HttpResponse, Failure> {
    let person = SignedIn::of(visit).await?;
    let form = person.form(visit, payload).await?;
    let (typed, guess) = typed(visit, &person, &form)?;
    match visit.context.second_factors().renew_codes(&person.op, &person.session, typed).await {
        Ok(codes) => {
            guess.was_right();
            Ok(codes_page(visit, &codes))
        }
        Err(error) => not_changed(visit, &person, error).await,
    }
}

async fn not_changed(visit: &Visit<'_>, person: &SignedIn, error: SecondFactorsError) -> Result<HttpResponse, Failure> {
    match (problem(&error), overview(visit, person).await?) {
        (Some(problem), Standing::Has(overview)) => {
            Ok(manage_page(visit, person, StatusCode::UNPROCESSABLE_ENTITY, overview, Some(problem)))
        }
        (Some(_), Standing::MayHave | Standing::HasNoPassword) => Ok(see_other(path::SECOND_STEP)),
        (None, _) if matches!(error, SecondFactorsError::Dead) => Ok(see_other(path::SECOND_STEP)),
        (None, _) => Err(error.into()),
    }
}

fn with_session(visit: &Visit<'_>, mut answer: HttpResponse, token: &Secret) -> Result<HttpResponse, Failure> {
    let cookie = visit.cookies.set(Cookie::Session, token);
    answer.headers_mut().append(SET_COOKIE, cookie.map_err(|error| Failure::Internal(error.to_string()))?);
    Ok(answer)
}

fn codes_page(visit: &Visit<'_>, codes: &[RecoveryCode]) -> HttpResponse {
    let page = RecoveryCodesPage {
        codes: codes.iter().map(RecoveryCode::shown).collect(),
        next: path::SECOND_STEP.to_owned(),
        is_signing_in: false,
    };
    visit.pages.page(StatusCode::OK, &page, Forms::StayHere)
}

fn manage_page(
    visit: &Visit<'_>,
    person: &SignedIn,
    status: StatusCode,
    overview: Overview,
    problem: Option<String>,
) -> HttpResponse {
    let page = AccountSecondStepPage {
        form_token: person.form_token(),
        since: overview.since,
        codes_left: overview.codes_left,
        problem,
        renew_codes: path::RENEW_CODES.to_owned(),
        remove: path::REMOVE_SECOND_STEP.to_owned(),
        security: path::SECURITY.to_owned(),
    };
    visit.pages.page(status, &page, Forms::StayHere)
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
        problem,
        back: path::SECURITY.to_owned(),
    };
    Ok(visit.pages.page(status, &page, Forms::StayHere))
}
