//! The passkeys of the person. Adding one takes two steps: who is there proves it, then the browser makes the passkey. Removing one
//! takes a proof. What is signed in elsewhere ends; this browser goes on with another session.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Payload;

use super::signed_in::SignedIn;
use super::{path, proof};
use crate::access::own_password::standing::has_password;
use crate::access::passkeys::ceremony::Registration;
use crate::access::passkeys::{self, OwnPasskey};
use crate::access::second_factors::{self, Overview};
use crate::flows::second_factors::SecondFactorsError;
use crate::http::page_answer::{Forms, see_other};
use crate::http::sign_in::failure::Failure;
use crate::http::sign_in::visit::Visit;
use crate::pages::account_passkeys::{AccountPasskeysPage, Passkey};
use crate::pages::create_passkey::CreatePasskeyPage;
use crate::store::failure::StoreError;
use crate::values::ids::PasskeyId;
use crate::values::passkey_name::PasskeyName;

/// `GET /account/passkeys`
pub async fn get(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let person = SignedIn::reaching_account(visit).await?;
    page(visit, &person, StatusCode::OK, String::new(), None).await
}

/// `POST /account/passkeys/add`
pub async fn add(visit: &Visit<'_>, payload: Payload) -> Result<HttpResponse, Failure> {
    let person = SignedIn::reaching_account(visit).await?;
    let form = person.form(visit, payload).await?;
    let typed: String = form.field("name").ok_or(Failure::Malformed)?.chars().take(100).collect();
    let Ok(name) = typed.parse::<PasskeyName>() else {
        let problem = "Give the passkey a name of up to 60 characters.".to_owned();
        return page(visit, &person, StatusCode::UNPROCESSABLE_ENTITY, typed, Some(problem)).await;
    };
    let (shown, guess) = proof::read(visit, &person, &form)?;
    match visit.context.second_factors().ask_passkey(&person.op, &person.session, shown, name).await {
        Ok(options) => {
            proof::was_right(guess);
            let page = CreatePasskeyPage {
                form_token: Some(person.form_token()),
                options,
                action: path::CREATE_PASSKEY.to_owned(),
                back: path::PASSKEYS.to_owned(),
            };
            Ok(visit.pages.page_with_script(StatusCode::OK, &page, Forms::StayHere))
        }
        Err(error) => not_changed(visit, &person, typed, error).await,
    }
}

/// `POST /account/passkeys/create`
pub async fn create(visit: &Visit<'_>, payload: Payload) -> Result<HttpResponse, Failure> {
    let person = SignedIn::reaching_account(visit).await?;
    let form = person.form(visit, payload).await?;
    let answer = form.field("answer").and_then(Registration::parse).ok_or(Failure::Malformed)?;
    let (story, limits) = (visit.context.second_factors(), visit.context.session_limits());
    match story.add_passkey(&person.op, &person.session, limits, answer).await {
        Ok((token, codes)) if codes.is_empty() => proof::with_session(visit, see_other(path::PASSKEYS), &token),
        Ok((token, codes)) => proof::with_session(visit, proof::codes_page(visit, &codes, path::PASSKEYS), &token),
        Err(SecondFactorsError::WrongPasskey) => {
            let problem = "That passkey cannot be used here. Try again, or keep it somewhere else.".to_owned();
            page(visit, &person, StatusCode::UNPROCESSABLE_ENTITY, String::new(), Some(problem)).await
        }
        Err(error) => not_changed(visit, &person, String::new(), error).await,
    }
}

/// `POST /account/passkeys/rename`
pub async fn rename(visit: &Visit<'_>, payload: Payload) -> Result<HttpResponse, Failure> {
    let person = SignedIn::reaching_account(visit).await?;
    let form = person.form(visit, payload).await?;
    let id = form.field("passkey").and_then(|id| id.parse::<PasskeyId>().ok()).ok_or(Failure::Malformed)?;
    let Ok(name) = form.field("name").ok_or(Failure::Malformed)?.parse::<PasskeyName>() else {
        let problem = "Give the passkey a name of up to 60 characters.".to_owned();
        return page(visit, &person, StatusCode::UNPROCESSABLE_ENTITY, String::new(), Some(problem)).await;
    };
    person.write(visit, move |tx, op, session| passkeys::rename(tx, op, session, id, &name)).await?;
    Ok(see_other(path::PASSKEYS))
}

/// `POST /account/passkeys/remove`
pub async fn remove(visit: &Visit<'_>, payload: Payload) -> Result<HttpResponse, Failure> {
    let person = SignedIn::reaching_account(visit).await?;
    let form = person.form(visit, payload).await?;
    let id = form.field("passkey").and_then(|id| id.parse::<PasskeyId>().ok()).ok_or(Failure::Malformed)?;
    let (shown, guess) = proof::read(visit, &person, &form)?;
    let (story, limits) = (visit.context.second_factors(), visit.context.session_limits());
    match story.remove_passkey(&person.op, &person.session, limits, id, shown).await {
        Ok(token) => {
            proof::was_right(guess);
            proof::with_session(visit, see_other(path::PASSKEYS), &token)
        }
        Err(error) => not_changed(visit, &person, String::new(), error).await,
    }
}

/// How the person stands.
struct Standing {
    passkeys: Vec<OwnPasskey>,
    overview: Option<Overview>,
    may_have: bool,
}

async fn standing(visit: &Visit<'_>, person: &SignedIn) -> Result<Standing, Failure> {
    let account = person.session.account;
    let read = visit.context.store.read(move |tx| {
        let may_have = has_password(tx, account)?;
        let (passkeys, overview) = (passkeys::list(tx, account)?, second_factors::overview(tx, account)?);
        Ok::<_, StoreError>(Standing { passkeys, overview, may_have })
    });
    Ok(read.await?)
}

/// The page with what was wrong, or where it goes on.
pub async fn not_changed(
    visit: &Visit<'_>,
    person: &SignedIn,
    typed: String,
    error: SecondFactorsError,
) -> Result<HttpResponse, Failure> {
    match proof::problem(&error) {
        Some(problem) => page(visit, person, StatusCode::UNPROCESSABLE_ENTITY, typed, Some(problem)).await,
        None if matches!(error, SecondFactorsError::Dead) => Ok(see_other(path::PASSKEYS)),
        None => Err(error.into()),
    }
}

async fn page(
    visit: &Visit<'_>,
    person: &SignedIn,
    status: StatusCode,
    typed_name: String,
    problem: Option<String>,
) -> Result<HttpResponse, Failure> {
    let Standing { passkeys, overview, may_have } = standing(visit, person).await?;
    if !visit.has_passkeys() || (passkeys.is_empty() && !may_have) {
        return Ok(see_other(path::SECURITY));
    }
    let most = usize::try_from(visit.context.config.limits.passkeys_per_account).unwrap_or(usize::MAX);
    let page = AccountPasskeysPage {
        form_token: person.form_token(),
        may_add: may_have && passkeys.len() < most,
        has_app: overview.is_some_and(|overview| overview.app_since.is_some()),
        codes_left: overview.map(|overview| overview.codes_left),
        passkeys: passkeys.into_iter().map(shown).collect(),
        options: proof::options(visit, person).await?,
        typed_name,
        problem,
        add: path::ADD_PASSKEY.to_owned(),
        rename: path::RENAME_PASSKEY.to_owned(),
        remove: path::REMOVE_PASSKEY.to_owned(),
        renew_codes: path::RENEW_CODES.to_owned(),
        security: path::SECURITY.to_owned(),
    };
    Ok(visit.pages.page_with_script(status, &page, Forms::StayHere))
}

fn shown(own: OwnPasskey) -> Passkey {
    Passkey { id: own.id, name: own.name, since: own.since, last_used_at: own.last_used_at }
}

#[cfg(test)]
mod tests;
