//! The second step of a sign-in, after a right password: a code of the person's authenticator app or a recovery code; or the
//! app is set up, or a passkey, where somebody needs one and has none. Whoever has not typed a right password in this attempt is shown the
//! e-mail page, so nothing is told about anybody.

pub mod new_passkey;
pub mod passkey;

use ::metrics::counter;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use crate::access::attempts::AttemptError;
use crate::access::attempts::state::{Asked, HalfProved};
use crate::access::devices;
use crate::access::own_password::OwnPasswordError;
use crate::access::own_password::second_step::{self, SetUp, Step as Outcome};
use crate::access::passkeys;
use crate::access::passwords::KeepingError;
use crate::access::second_factors;
use crate::access::second_factors::enrolment::EnrolmentError;
use crate::access::second_factors::offer::{Offer, Place};
use crate::access::sign_in::{Moment, Step, next_step};
use crate::directory::accounts;
use crate::http::client_address::client_address;
use crate::http::context::Context;
use crate::http::cookies::Cookie;
use crate::http::guesses::Whence;
use crate::http::page_answer::{Forms, see_other};
use crate::http::sign_in::failure::Failure;
use crate::http::sign_in::form::Form;
use crate::http::sign_in::visit::{Begun, Visit};
use crate::http::sign_in::{departure, path};
use crate::http::throttle::network;
use crate::pages::qr_code::QrCode;
use crate::pages::recovery_codes::RecoveryCodesPage;
use crate::pages::second_step::SecondStepPage;
use crate::pages::set_up_second_step::{NewPasskey, SetUpSecondStepPage};
use crate::protocol::totp;
use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::telemetry::metrics;
use crate::values::ids::AccountId;
use crate::values::secret::TokenHash;

impl From<OwnPasswordError> for Failure {
    fn from(error: OwnPasswordError) -> Self {
        match error {
            OwnPasswordError::Changed | OwnPasswordError::Attempt(AttemptError::NotAllowed) => Self::AlreadyFinished,
            OwnPasswordError::Attempt(AttemptError::Store(error)) => error.into(),
            OwnPasswordError::Keeping(error) => error.into(),
            OwnPasswordError::Enrolment(EnrolmentError::Keeping(error)) => error.into(),
            OwnPasswordError::Enrolment(
                EnrolmentError::AlreadyThere | EnrolmentError::TooMany | EnrolmentError::NotAllowed,
            ) => Self::AlreadyFinished,
            OwnPasswordError::Enrolment(EnrolmentError::WrongCode) => Self::Internal(error.to_string()),
        }
    }
}

impl From<KeepingError> for Failure {
    fn from(error: KeepingError) -> Self {
        match error {
            KeepingError::Store(error) => error.into(),
            KeepingError::Sealing(error) => Self::Internal(error.to_string()),
        }
    }
}

/// `GET /sign-in/{attempt}/second-step`
pub async fn get(request: HttpRequest, context: Data<Context>, id: Path<String>) -> HttpResponse {
    let visit = Visit::new(&context, &request);
    visit.answer(show(&visit, &id).await)
}

/// `POST /sign-in/{attempt}/second-step`
pub async fn post(request: HttpRequest, context: Data<Context>, id: Path<String>, payload: Payload) -> HttpResponse {
    let visit = Visit::new(&context, &request);
    visit.answer(submit(&visit, &id, payload).await)
}

/// `POST /sign-in/{attempt}/second-step/set-up`
pub async fn set_up(request: HttpRequest, context: Data<Context>, id: Path<String>, payload: Payload) -> HttpResponse {
    let visit = Visit::new(&context, &request);
    visit.answer(submit_set_up(&visit, &id, payload).await)
}

async fn show(visit: &Visit<'_>, id: &str) -> Result<HttpResponse, Failure> {
    let begun = visit.begun(id).await?;
    let half = match asked_for(visit, &begun)? {
        Ok(half) => half,
        Err(elsewhere) => return Ok(elsewhere),
    };
    match half.asked {
        Asked::Factor => page(visit, &begun, &half, StatusCode::OK, None).await,
        Asked::SetUp => set_up_afresh(visit, &begun, &half, Problem::None).await,
    }
}

/// What was wrong with what somebody did who sets a second factor up.
enum Problem {
    None,
    OfCode(String),
    OfPasskey { text: String, typed_name: String },
}

/// The page on which a second factor is set up, with another secret for an app.
async fn set_up_afresh(
    visit: &Visit<'_>,
    begun: &Begun,
    half: &HalfProved,
    problem: Problem,
) -> Result<HttpResponse, Failure> {
    let place = Place::new(half.identified.account, begun.attempt.id);
    let offer = Offer::new(&visit.op, &visit.context.outside.sealer, &place).map_err(KeepingError::Sealing)?;
    set_up_page(visit, begun, half, &offer, problem).await
}

/// What is asked for, or where else the attempt goes on.
fn asked_for(visit: &Visit<'_>, begun: &Begun) -> Result<Result<HalfProved, HttpResponse>, Failure> {
    let attempt = &begun.attempt;
    match next_step(&attempt.state, attempt.life(visit.op.at), Moment::AtSecondStep) {
        Step::AskMore(half) => Ok(Ok(half)),
        Step::StartAgain => Err(Failure::Expired(attempt.id)),
        Step::AlreadyFinished => Err(Failure::AlreadyFinished),
        Step::Continue => Ok(Err(see_other(&path::outcome(attempt.id)))),
        _ => Ok(Err(see_other(&path::email(attempt.id)))),
    }
}

async fn submit(visit: &Visit<'_>, id: &str, payload: Payload) -> Result<HttpResponse, Failure> {
    departure::admit(visit)?;
    let form = Form::read(visit.request, payload, visit.context.config.limits.form_bytes).await?;
    let begun = visit.begun(id).await?;
    let half = match asked_for(visit, &begun)? {
        Ok(half) => half,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let typed = form.field("code").ok_or(Failure::Malformed)?.to_owned();
    let account = half.identified.account;
    let guess = visit.context.codes.admit(&account.to_string(), whence(visit, account).await?, visit.op.at);
    let guess = guess.inspect_err(|_| count("limited"))?;
    let (op, sealer, attempt) = (visit.op.clone(), visit.context.outside.sealer.clone(), begun.attempt.clone());
    let proved = half.clone();
    let write =
        visit.context.store.write(move |tx| second_step::prove(tx, &op, &sealer, &attempt, &half, &typed)).await?;
    match write {
        Outcome::Right(arrival) => {
            guess.was_right();
            count("right");
            Ok(see_other(&path::arrival(begun.attempt.id, &arrival)))
        }
        Outcome::Wrong => {
            count("wrong");
            let problem = "That code is not right, or was used before.".to_owned();
            page(visit, &begun, &proved, StatusCode::UNPROCESSABLE_ENTITY, Some(problem)).await
        }
        Outcome::WrongTooOften => {
            count("wrong");
            Ok(see_other(&path::email(begun.attempt.id)))
        }
    }
}

async fn submit_set_up(visit: &Visit<'_>, id: &str, payload: Payload) -> Result<HttpResponse, Failure> {
    departure::admit(visit)?;
    let form = Form::read(visit.request, payload, visit.context.config.limits.form_bytes).await?;
    let begun = visit.begun(id).await?;
    let half = match asked_for(visit, &begun)? {
        Ok(half) if half.asked == Asked::SetUp => half,
        Ok(_) => return Ok(see_other(&path::second_step(begun.attempt.id))),
        Err(elsewhere) => return Ok(elsewhere),
    };
    let typed = form.field("code").ok_or(Failure::Malformed)?.to_owned();
    let sealer = visit.context.outside.sealer.clone();
    let place = Place::new(half.identified.account, begun.attempt.id);
    let sealed = form.field("offer").ok_or(Failure::Malformed)?;
    let Some(offer) = Offer::reopen(&visit.op, &sealer, &place, sealed) else {
        // Left open for too long: another secret.
        return Ok(see_other(&path::second_step(begun.attempt.id)));
    };
    let (op, attempt, for_write, taken) = (visit.op.clone(), begun.attempt.clone(), half.clone(), offer.clone());
    let write = visit
        .context
        .store
        .write(move |tx| second_step::set_up(tx, &op, &sealer, &attempt, &for_write, (&taken, &typed)));
    match write.await {
        Ok(set_up) => Ok(codes_page(visit, &begun, &set_up)),
        Err(OwnPasswordError::Enrolment(EnrolmentError::WrongCode)) => {
            let problem = "That code is not right. Type the one that the app shows now.".to_owned();
            set_up_page(visit, &begun, &half, &offer, Problem::OfCode(problem)).await
        }
        Err(error) => Err(error.into()),
    }
}

/// The recovery codes that came with the first second factor; the sign-in goes on from there.
fn codes_page(visit: &Visit<'_>, begun: &Begun, SetUp { arrival, codes }: &SetUp) -> HttpResponse {
    let page = RecoveryCodesPage {
        codes: codes.iter().map(|code| code.shown()).collect(),
        next: path::arrival(begun.attempt.id, arrival),
        is_signing_in: true,
    };
    visit.pages.page(StatusCode::OK, &page, Forms::StayHere)
}

/// Where the code is typed: in a browser that the account knows, or somewhere in a network.
async fn whence(visit: &Visit<'_>, account: AccountId) -> Result<Whence, Failure> {
    if let Some(token) = visit.cookies.read(visit.request, Cookie::Device) {
        let (hash, now) = (TokenHash::of(token.expose()), visit.op.at);
        if visit.context.store.read(move |tx| devices::is_known(tx, account, &hash, now)).await? {
            return Ok(Whence::KnownBrowser(hash));
        }
    }
    Ok(Whence::Network(network(client_address(visit.request, &visit.context.config.trusted_proxies))))
}

fn count(outcome: &'static str) {
    counter!(metrics::CODES, "outcome" => outcome).increment(1);
}

async fn page(
    visit: &Visit<'_>,
    begun: &Begun,
    half: &HalfProved,
    status: StatusCode,
    problem: Option<String>,
) -> Result<HttpResponse, Failure> {
    let account = half.identified.account;
    let read = move |tx: &mut Tx<'_>| {
        let overview = second_factors::overview(tx, account)?;
        Ok::<_, StoreError>((overview.is_some_and(|found| found.app_since.is_some()), passkeys::is_there(tx, account)?))
    };
    let (has_app, has_passkey) = visit.context.store.read(read).await?;
    let page = SecondStepPage {
        has_app,
        passkey: (has_passkey && visit.has_passkeys()).then(|| path::second_passkey(begun.attempt.id)),
        application: begun.application.name.clone(),
        action: path::second_step(begun.attempt.id),
        problem,
        start_over: path::email(begun.attempt.id),
    };
    Ok(visit.page_with_ways(status, &page, Forms::StayHere))
}

async fn set_up_page(
    visit: &Visit<'_>,
    begun: &Begun,
    half: &HalfProved,
    offer: &Offer,
    problem: Problem,
) -> Result<HttpResponse, Failure> {
    let status = match problem {
        Problem::None => StatusCode::OK,
        Problem::OfCode(_) | Problem::OfPasskey { .. } => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let (problem, of_passkey, typed_name) = match problem {
        Problem::None => (None, None, String::new()),
        Problem::OfCode(text) => (Some(text), None, String::new()),
        Problem::OfPasskey { text, typed_name } => (None, Some(text), typed_name),
    };
    let action = path::set_up_passkey(begun.attempt.id);
    let page = SetUpSecondStepPage {
        passkey: visit.has_passkeys().then_some(NewPasskey { action, typed_name, problem: of_passkey }),
        action: path::set_up_second_step(begun.attempt.id),
        qr_code: qr_code(visit, half.identified.account, offer).await?,
        secret: totp::spelled(offer.secret()).to_string(),
        offer: offer.sealed().to_owned(),
        form_token: None,
        options: None,
        problem,
        back: path::email(begun.attempt.id),
    };
    Ok(visit.page_with_ways(status, &page, Forms::StayHere))
}

/// What an app reads: this gateway's name, and the person's address.
pub async fn qr_code(visit: &Visit<'_>, account: AccountId, offer: &Offer) -> Result<Option<QrCode>, Failure> {
    let found = visit.context.store.read(move |tx| accounts::find(tx, account)).await?;
    let address = found.and_then(|found| found.profile.primary_address().map(|address| address.as_str().to_owned()));
    let issuer = visit.context.config.public_url.host_str().unwrap_or_default();
    let uri = totp::enrolment_uri(offer.secret(), issuer, &address.unwrap_or_else(|| account.to_string()));
    Ok(QrCode::of(&uri))
}

#[cfg(test)]
mod tests;
