//! Recovery codes, shown once.

use askama::Template;

/// The page.
#[derive(Debug, Template)]
#[template(path = "recovery_codes.html", config = "src/pages/askama.toml")]
pub struct RecoveryCodesPage {
    /// The codes.
    pub codes: Vec<String>,
    /// Where to go from here.
    pub next: String,
    /// To sign in, which is what they came for.
    pub is_signing_in: bool,
}

impl RecoveryCodesPage {
    /// A page to look at and to test.
    pub fn sample() -> Self {
        let codes = (0..10).map(|n| format!("abcd-efgh-2345-wxy{}", char::from(b'a' + n))).collect();
        Self { codes, next: "/account/second-step".to_owned(), is_signing_in: false }
    }
}
