//! The page of an address that leads nowhere.

use askama::Template;

/// No such page.
#[derive(Debug, Template)]
#[template(path = "not_found.html", config = "src/pages/askama.toml")]
pub struct NotFoundPage;

impl NotFoundPage {
    /// A page to look at and to test.
    pub fn sample() -> Self {
        Self
    }
}
