//! How somebody who is signed in proves in a form that it is them: their password and a code, or what their browser answered with
//! a passkey. And what they are shown when it does not count.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::SET_COOKIE;

use super::signed_in::SignedIn;
use crate::access::passkeys::ceremony::Answer;
use crate::flows::second_factors::SecondFactorsError;
use crate::flows::second_factors::proof::{Proof, Typed};
use crate::http::cookies::Cookie;
use crate::http::guesses::{Guess, Whence};
use crate::http::page_answer::Forms;
use crate::http::sign_in::failure::Failure;
use crate::http::sign_in::form::Form;
use crate::http::sign_in::visit::Visit;
use crate::pages::recovery_codes::RecoveryCodesPage;
use crate::values::password::Password;
use crate::values::recovery_code::RecoveryCode;
use crate::values::secret::{Secret, TokenHash};

/// What was shown in a form, as a guess about the account where it was typed: a stolen session is not to be a way to guess.
pub fn read(visit: &Visit<'_>, person: &SignedIn, form: &Form) -> Result<(Proof, Option<Guess>), Failure> {
    if let Some(answer) = form.field("answer").filter(|answer| !answer.is_empty()) {
        let answer = Answer::parse(answer).ok_or(Failure::Malformed)?;
        return Ok((Proof::Passkey(Box::new(answer)), None));
    }
    let password = Password::typed(form.field("current").ok_or(Failure::Malformed)?);
    let code = Secret::from(form.field("code").unwrap_or_default().to_owned());
    let (account, here) = (person.session.account, TokenHash::of(&person.session.id.to_string()));
    visit.context.guesses.admit_owner(account, visit.op.at)?;
    let guess = visit.context.codes.admit(&account.to_string(), Whence::KnownBrowser(here), visit.op.at)?;
    Ok((Proof::Typed(Typed { password, code }), Some(guess)))
}

/// It was right: what went wrong before is forgotten.
pub fn was_right(guess: Option<Guess>) {
    if let Some(guess) = guess {
        guess.was_right();
    }
}

/// What was wrong with what was shown, if that is what happened.
pub fn problem(error: &SecondFactorsError) -> Option<String> {
    let text = match error {
        SecondFactorsError::WrongPassword => "The password is not right.",
        SecondFactorsError::WrongCode => "That code is not right, or was used before.",
        SecondFactorsError::WrongPasskey => {
            "That passkey does not count here. Type your password, and a code if you are asked for one."
        }
        SecondFactorsError::TooManyPasskeys => "You have as many passkeys as an account may have. Remove one first.",
        SecondFactorsError::Dead
        | SecondFactorsError::OutOfReach
        | SecondFactorsError::Busy
        | SecondFactorsError::Store(_)
        | SecondFactorsError::Internal(_) => return None,
    };
    Some(text.to_owned())
}

/// What the browser of this session is asked that proves by a passkey who is there, for a page that offers it.
pub async fn options(visit: &Visit<'_>, person: &SignedIn) -> Result<Option<String>, Failure> {
    Ok(visit.context.second_factors().ask_proof(&person.op, &person.session).await?)
}

/// The answer, with the session as which the one in hand goes on.
pub fn with_session(visit: &Visit<'_>, mut answer: HttpResponse, token: &Secret) -> Result<HttpResponse, Failure> {
    let cookie = visit.cookies.set(Cookie::Session, token);
    answer.headers_mut().append(SET_COOKIE, cookie.map_err(|error| Failure::Internal(error.to_string()))?);
    Ok(answer)
}

/// Recovery codes, which are shown once, and where it goes on.
pub fn codes_page(visit: &Visit<'_>, codes: &[RecoveryCode], next: &str) -> HttpResponse {
    let page = RecoveryCodesPage {
        codes: codes.iter().map(RecoveryCode::shown).collect(),
        next: next.to_owned(),
        is_signing_in: false,
    };
    visit.pages.page(StatusCode::OK, &page, Forms::StayHere)
}
