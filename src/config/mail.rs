//! `[mail]`: the sender, and the way out.

use url::Url;

use super::reader::Reader;
use crate::values::email::EmailAddress;
use crate::values::loopback::is_loopback;
use crate::values::secret::Secret;

/// How mail leaves.
#[derive(Debug, Clone)]
pub struct Mail {
    /// The sender.
    pub from: EmailAddress,
    /// The way out.
    pub transport: MailTransport,
}

/// A way out for mail.
#[derive(Debug, Clone)]
pub enum MailTransport {
    /// Each mail becomes a file in this directory: for demo and tests.
    Directory(String),
    /// An SMTP server, as `smtp://user:password@host:port` or `smtps://...`.
    Smtp(Secret),
}

impl Mail {
    /// What is worth a warning: mail that goes nowhere, or that others can read on its way.
    pub(super) fn warning(&self) -> Option<String> {
        match &self.transport {
            MailTransport::Directory(directory) => Some(format!("mail is not sent but written to {directory}")),
            MailTransport::Smtp(url) => {
                let url = Url::parse(url.expose()).ok()?;
                let is_tls = |(key, value): (_, _)| key == "tls" && value == "required";
                let is_encrypted = url.scheme() == "smtps" || url.query_pairs().any(is_tls) || is_on_this_machine(&url);
                (!is_encrypted).then(|| PLAIN.to_owned())
            }
        }
    }
}

/// Addresses are only read as such where the scheme is one of the web's (WHATWG URL, opaque hosts).
fn is_on_this_machine(url: &Url) -> bool {
    let on_the_web = url.host_str().and_then(|host| Url::parse(&format!("http://{host}")).ok());
    on_the_web.is_some_and(|url| is_loopback(&url))
}

const PLAIN: &str = "mail.smtp_url does not require TLS: the links in mails, and the password of the server, can be read on their \
                     way. Use smtps://, or smtp:// with ?tls=required";

/// Reads the table.
pub(super) fn read(reader: &mut Reader) -> Option<Mail> {
    let from = reader.require("mail.from");
    let directory = reader.text("mail.directory");
    let smtp = reader.text("mail.smtp_url");
    let transport = match (directory, smtp) {
        (Some(directory), None) => MailTransport::Directory(directory),
        (None, Some(url)) => {
            if !is_smtp_url(&url) {
                reader.fault("mail.smtp_url", "is not smtp:// or smtps:// with a host");
            }
            MailTransport::Smtp(Secret::from(url))
        }
        (None, None) | (Some(_), Some(_)) => {
            reader.fault("mail", "needs either smtp_url or directory");
            return None;
        }
    };
    Some(Mail { from: from?, transport })
}

fn is_smtp_url(text: &str) -> bool {
    let is_smtp =
        |url: Url| matches!(url.scheme(), "smtp" | "smtps") && url.host_str().is_some_and(|host| !host.is_empty());
    Url::parse(text).is_ok_and(is_smtp)
}
