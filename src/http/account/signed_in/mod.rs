//! Who asks for an account page: the live session of the browser's cookie, and the token that its forms carry.

use actix_web::web::Payload;

use crate::access::sessions::reach;
use crate::access::sessions::{self, Session};
use crate::http::cookies::Cookie;
use crate::http::sign_in::failure::Failure;
use crate::http::sign_in::form::Form;
use crate::http::sign_in::visit::Visit;
use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::values::operation::{Actor, Operation};
use crate::values::secret::{Secret, TokenHash, is_equal};

/// The form field with the token.
pub const FORM_TOKEN: &str = "form_token";

/// Somebody who is signed in in this browser.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// Their session.
    pub session: Session,
    /// This request as theirs.
    pub op: Operation,
    token: Secret,
}

impl SignedIn {
    /// The person of the session cookie. Its use is written down once a minute.
    pub async fn of(visit: &Visit<'_>) -> Result<Self, Failure> {
        let token = visit.cookies.read(visit.request, Cookie::Session).ok_or(Failure::NotSignedIn)?;
        let (op, limits, presented) = (visit.op.clone(), visit.context.session_limits(), token.clone());
        let read = visit.context.store.read(move |tx| sessions::find_live(tx, &op, &presented, limits));
        let session = read.await?.ok_or(Failure::NotSignedIn)?;
        if session.is_touch_due(visit.op.at) {
            let (op, used) = (visit.op.clone(), session.clone());
            visit.context.store.write(move |tx| sessions::touch(tx, &op, &used)).await?;
        }
        let op = visit.op.by(Actor::Person { account: session.account });
        Ok(Self { session, op, token })
    }

    /// The same, if their session reaches their account: for every page that is about more than sessions.
    pub async fn reaching_account(visit: &Visit<'_>) -> Result<Self, Failure> {
        let person = Self::of(visit).await?;
        let session = person.session.clone();
        visit.context.store.read(move |tx| reach::require_account(tx, &session)).await?;
        Ok(person)
    }

    /// What the forms of this session carry: made of its secret, which it does not tell.
    pub fn form_token(&self) -> String {
        let hash = TokenHash::of(&format!("form token of {}", self.token.expose()));
        hash.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Reads a form of this session. One without its token is none of ours.
    pub async fn form(&self, visit: &Visit<'_>, payload: Payload) -> Result<Form, Failure> {
        visit.context.admit(&visit.context.throttles.sign_in, visit.request, &visit.op)?;
        let form = Form::read(visit.request, payload, visit.context.config.limits.form_bytes).await?;
        let shown = form.field(FORM_TOKEN).unwrap_or_default();
        if is_equal(shown.as_bytes(), self.form_token().as_bytes()) { Ok(form) } else { Err(Failure::Malformed) }
    }

    /// Runs `write` in a transaction in which the session is still live.
    pub async fn write<T: Send + 'static, E>(
        &self,
        visit: &Visit<'_>,
        write: impl FnOnce(&mut Tx<'_>, &Operation, &Session) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Failure>
    where
        E: From<StoreError> + Send + 'static,
        Failure: From<E>,
    {
        let (op, token, limits) = (self.op.clone(), self.token.clone(), visit.context.session_limits());
        let done = visit.context.store.write(move |tx| match sessions::find_live(tx, &op, &token, limits)? {
            Some(session) => write(tx, &op, &session).map(Some),
            None => Ok(None),
        });
        done.await?.ok_or(Failure::NotSignedIn)
    }
}

#[cfg(test)]
mod tests;
