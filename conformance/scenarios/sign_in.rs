//! The steps of a person who signs in, as the stories share them.

use crate::support::browser::{Browser, Page};
use crate::support::counterparties::PASSWORD;

/// Begins at `start`, where an app sends people to the gateway, and types the address; chooses `choice` where the gateway
/// offers several ways. Ends at the identity provider.
pub async fn arrive(browser: &Browser, start: &str, email: &str, choice: Option<&str>) -> Page {
    let page = browser.open(start).await;
    let page = browser.submit(&page, &[("email", email)]).await;
    match choice {
        Some(connection) => browser.submit(&page, &[("connection", connection)]).await,
        None => page,
    }
}

/// Signs in at the identity provider. The SAML one answers with a page whose form carries the response.
pub async fn at_the_identity_provider(browser: &Browser, page: Page, email: &str) -> Page {
    at_the_dishonest_identity_provider(browser, page, email, "").await
}

/// The same at a SAML identity provider that makes its response wrong in the way called `fault`.
pub async fn at_the_dishonest_identity_provider(browser: &Browser, page: Page, email: &str, fault: &str) -> Page {
    let page = browser.submit(&page, &[("login", email), ("password", PASSWORD), ("fault", fault)]).await;
    if page.body.contains("SAMLResponse") { browser.submit(&page, &[]).await } else { page }
}
