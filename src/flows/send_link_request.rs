//! A person is asked by mail whether a sign-in is theirs. The link is made when the mail is, so the queue never holds a
//! token; a mail that did not leave is made anew, with another link.

use crate::directory::link_requests;
use crate::flows::send_activation::SendError;
use crate::outbound::mail::{Letter, Mailer};
use crate::pages::mails::link_request::LinkRequestMail;
use crate::store::Store;
use crate::values::ids::{LinkRequestId, OrganizationId};
use crate::values::operation::Operation;

/// Writes and sends the mail. A question that was answered or has expired needs none.
pub async fn run(
    store: &Store,
    mailer: &Mailer,
    gateway: &str,
    op: &Operation,
    organization: OrganizationId,
    request: LinkRequestId,
) -> Result<(), SendError> {
    let op = op.clone();
    let write = store.write(move |tx| link_requests::write_letter(tx, &op, organization, request));
    let Some(letter) = write.await? else { return Ok(()) };
    let mail = LinkRequestMail {
        organization: &letter.organization.name,
        connection: &letter.connection,
        address: letter.address.as_str(),
        link: &format!("{gateway}/link?token={}", letter.token.expose()),
        until: &letter.expires_at.to_chrono().format("%-d %b %Y, %H:%M UTC").to_string(),
        support: &format!("{}, {}", letter.organization.support_name, letter.organization.support_email),
        gateway,
    };
    Ok(mailer.send(&Letter { to: letter.address.clone(), subject: mail.subject(), text: mail.text() }).await?)
}
