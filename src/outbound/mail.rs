//! Mail: over SMTP, or into a directory for demo and tests.

use std::path::Path;

use lettre::message::{Mailbox, header};
use lettre::transport::file::AsyncFileTransport;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};

use crate::values::email::{EmailAddress, InvalidEmailAddress};
use crate::values::secret::Secret;

/// The sender, and the way out.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The sender.
    pub from: EmailAddress,
    /// The way out.
    pub transport: Transport,
}

/// A way out for mail.
#[derive(Debug, Clone)]
pub enum Transport {
    /// Each mail becomes a file in this directory.
    Directory(String),
    /// An SMTP server, as `smtp://user:password@host:port` or `smtps://...`.
    Smtp(Secret),
}

/// A mail to one person, as plain text.
#[derive(Debug, Clone)]
pub struct Letter {
    /// Whom it goes to.
    pub to: EmailAddress,
    /// One line.
    pub subject: String,
    /// The text.
    pub text: String,
}

/// The mailer could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("mail cannot be set up: {0}")]
pub struct SetUpFailure(String);

/// A mail did not leave; trying again later may help.
#[derive(Debug, thiserror::Error)]
#[error("the mail was not accepted: {0}")]
pub struct SendFailure(String);

/// Says what is wrong with an address that letters are to come from, before anything is set up.
pub fn check_sender(address: &str) -> Result<(), String> {
    let address: EmailAddress = address.parse().map_err(|error: InvalidEmailAddress| error.to_string())?;
    mailbox(&address).map(drop).map_err(|error| format!("cannot be a sender: {error}"))
}

/// Says what is wrong with the URL of an SMTP server, before anything is set up.
pub fn check_server(url: &str) -> Result<(), String> {
    let read = AsyncSmtpTransport::<Tokio1Executor>::from_url(url);
    read.map(drop).map_err(|error| format!("cannot be used: {error}"))
}

/// Sends letters. Clones share connections.
#[derive(Clone)]
pub struct Mailer {
    from: Mailbox,
    way: Way,
}

#[derive(Clone)]
enum Way {
    Directory(AsyncFileTransport<Tokio1Executor>),
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
}

impl Mailer {
    /// A mailer as configured. The directory of the file transport is made when it is missing.
    pub fn new(settings: &Settings) -> Result<Self, SetUpFailure> {
        let from = mailbox(&settings.from).map_err(|error| SetUpFailure(error.to_string()))?;
        let way = match &settings.transport {
            Transport::Directory(directory) => {
                std::fs::create_dir_all(directory).map_err(|error| SetUpFailure(error.to_string()))?;
                Way::Directory(AsyncFileTransport::new(Path::new(directory)))
            }
            Transport::Smtp(url) => Way::Smtp(
                AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose())
                    .map_err(|error| SetUpFailure(error.to_string()))?
                    .timeout(Some(std::time::Duration::from_secs(20)))
                    .build(),
            ),
        };
        Ok(Self { from, way })
    }

    /// Hands a letter over.
    pub async fn send(&self, letter: &Letter) -> Result<(), SendFailure> {
        let failed = |error: &dyn std::fmt::Display| SendFailure(error.to_string());
        let message = Message::builder()
            .from(self.from.clone())
            .to(mailbox(&letter.to).map_err(|error| failed(&error))?)
            .subject(&letter.subject)
            .header(header::ContentType::TEXT_PLAIN)
            .body(letter.text.clone())
            .map_err(|error| failed(&error))?;
        match &self.way {
            Way::Directory(transport) => transport.send(message).await.map(drop).map_err(|error| failed(&error)),
            Way::Smtp(transport) => transport.send(message).await.map(drop).map_err(|error| failed(&error)),
        }
    }
}

fn mailbox(address: &EmailAddress) -> Result<Mailbox, lettre::address::AddressError> {
    Ok(Mailbox::new(None, address.as_str().parse()?))
}

#[cfg(test)]
mod tests {
    use super::{Letter, Mailer, Settings, Transport};

    #[tokio::test]
    async fn a_letter_becomes_a_file_with_its_headers_intact() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("mail");
        let transport = Transport::Directory(path.to_str().unwrap().to_owned());
        let mailer = Mailer::new(&Settings { from: "gateway@acme.test".parse().unwrap(), transport }).unwrap();
        let letter = Letter {
            to: "ada@acme.test".parse().unwrap(),
            subject: "hello\r\nBcc: eve@evil.test".to_owned(),
            text: "a text\nof two lines".to_owned(),
        };
        mailer.send(&letter).await.unwrap();
        let file = std::fs::read_dir(&path).unwrap().next().unwrap().unwrap().path();
        let mail = std::fs::read_to_string(file).unwrap();
        assert!(mail.contains("To: ada@acme.test"), "{mail}");
        assert!(mail.contains("of two lines"), "{mail}");
        assert!(!mail.lines().any(|line| line.starts_with("Bcc:")), "{mail}");
    }
}
