//! What a person reads when they are not let in. Plain words, no protocol; the reference on the page leads an
//! administrator to the check that failed.

use crate::access::attempts::refusal::Refusal;

/// A page's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// A few words.
    pub title: String,
    /// A sentence or two.
    pub text: String,
    /// What to do.
    pub advice: Option<String>,
}

/// The words for `refusal`, to somebody whom `organization` sent on the way to `application`.
pub fn words(refusal: &Refusal, organization: &str, application: &str) -> Words {
    let (title, text, advice) = match refusal {
        Refusal::AccountInactive | Refusal::MembershipInactive => (
            "Your access has been switched off".to_owned(),
            format!("{organization} has switched off your account, so you cannot sign in to {application}."),
            "If this is a mistake, the people below can switch it on again.",
        ),
        Refusal::Unknown => (
            "You have no account here yet".to_owned(),
            format!("{organization} has confirmed who you are, but has not given you an account for {application}."),
            "Ask the people below to add you, then sign in again.",
        ),
        Refusal::ForeignAddress => (
            "This address belongs elsewhere".to_owned(),
            format!(
                "The address that {organization} gave us for you is not one of {organization}’s own, so we cannot accept it."
            ),
            "If you have an address at another organization, sign in with that one.",
        ),
        Refusal::NoVerifiedAddress => (
            "Your address is not confirmed".to_owned(),
            format!(
                "{organization}’s sign-in did not confirm your e-mail address, so we cannot find your account by it."
            ),
            "The people below can correct this in their sign-in system.",
        ),
        Refusal::Ambiguous | Refusal::SubjectChanged | Refusal::AddressTaken => (
            "We cannot match your account".to_owned(),
            format!(
                "{organization} has confirmed who you are, but its records and ours do not agree on which account is yours."
            ),
            "Nothing has been changed. The people below can put it right.",
        ),
        Refusal::Declined { .. } => (
            "The sign-in was not completed".to_owned(),
            format!("{organization}’s sign-in did not let you in, or you cancelled it there."),
            "You can try again. If it keeps happening, ask the people below whether you may use this app.",
        ),
        Refusal::Unverified { .. } => (
            "We could not accept the answer".to_owned(),
            format!(
                "{organization}’s sign-in answered, but the answer did not pass our checks. You have done nothing wrong."
            ),
            "Try again. If it keeps happening, pass the reference below on to the people below.",
        ),
        Refusal::Unreachable { .. } => (
            "Your organization’s sign-in cannot be reached".to_owned(),
            format!("{organization}’s sign-in system did not answer us, so we could not finish."),
            "Wait a minute and try again.",
        ),
        Refusal::ConnectionInactive => (
            "This way of signing in is switched off".to_owned(),
            format!("{organization} has switched off the way of signing in that you used."),
            "Try again, or ask the people below.",
        ),
        Refusal::Overtaken => (
            "Please sign in once more".to_owned(),
            format!("Your account at {organization} was changed while you were signing in."),
            "Try again now.",
        ),
        Refusal::ForeignApplication => (
            format!("{application} is for another organization"),
            format!(
                "You are signed in at {organization}, and {application} is only for people of the organization that runs it."
            ),
            "If you have an address at that organization, sign in with that one.",
        ),
    };
    Words { title, text, advice: Some(advice.to_owned()) }
}
