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
    Words {
        title: title(refusal, application),
        text: text(refusal, organization, application),
        advice: Some(advice(refusal).to_owned()),
    }
}

/// The words where nothing leads into `application`: the organization of the address has no way that works, or none answers for it.
pub fn no_way_in(organization: Option<&str>, application: &str) -> Words {
    let (text, advice) = match organization {
        Some(organization) => (
            format!("{organization} has no working way to sign in to {application} at the moment."),
            "The people below can tell you when it works again.".to_owned(),
        ),
        None => (
            format!("No organization has set up a way to sign in to {application} with this address."),
            format!("Check the address. If it is right, ask whoever gave you access to {application}."),
        ),
    };
    Words { title: "There is no way in with this address".to_owned(), text, advice: Some(advice) }
}

fn title(refusal: &Refusal, application: &str) -> String {
    let title = match refusal {
        Refusal::AccountInactive | Refusal::MembershipInactive => "Your access has been switched off",
        Refusal::Unknown | Refusal::Full => "You have no account here yet",
        Refusal::ForeignAddress => "This address belongs elsewhere",
        Refusal::DomainLapsed => "Nobody new can join with this address",
        Refusal::NoVerifiedAddress => "Your address is not confirmed",
        Refusal::NothingToMatch => "We cannot match your account",
        Refusal::LinkAsked => "Check your mail",
        Refusal::OtherConnection => "This is not your way of signing in",
        Refusal::LinkingOff | Refusal::Ambiguous | Refusal::SubjectChanged | Refusal::AddressTaken => {
            "We cannot match your account"
        }
        Refusal::Declined { .. } => "The sign-in was not completed",
        Refusal::Unverified { .. } => "We could not accept the answer",
        Refusal::Unreachable { .. } => "Your organization’s sign-in cannot be reached",
        Refusal::ConnectionInactive => "This way of signing in is switched off",
        Refusal::ConnectionChanged => "This way of signing in has changed",
        Refusal::Overtaken => "Please sign in once more",
        Refusal::SignedInElsewhere => "Somebody is signed in here already",
        Refusal::SingleSignOnAsked => "Your organization signs you in",
        Refusal::ForeignApplication => return format!("{application} is for another organization"),
    };
    title.to_owned()
}

fn text(refusal: &Refusal, organization: &str, application: &str) -> String {
    match refusal {
        Refusal::AccountInactive | Refusal::MembershipInactive => {
            format!("{organization} has switched off your account, so you cannot sign in to {application}.")
        }
        Refusal::Unknown => {
            format!("{organization} has confirmed who you are, but has not given you an account for {application}.")
        }
        Refusal::Full => {
            format!("{organization} has confirmed who you are, but has no room for another account for {application}.")
        }
        Refusal::ForeignAddress => format!(
            "The address that {organization} gave us for you is not one of {organization}’s own, so we cannot accept it."
        ),
        Refusal::DomainLapsed => format!(
            "{organization} has confirmed who you are, but has to prove again that the domain of your address is its own."
        ),
        Refusal::NoVerifiedAddress => format!(
            "{organization}’s sign-in did not confirm your e-mail address, so we cannot find your account by it."
        ),
        Refusal::NothingToMatch => format!(
            "{organization}’s sign-in did not send us the name that we know you by, so we cannot find your account."
        ),
        Refusal::LinkingOff | Refusal::Ambiguous | Refusal::SubjectChanged | Refusal::AddressTaken => format!(
            "{organization} has confirmed who you are, but its records and ours do not agree on which account is yours."
        ),
        Refusal::LinkAsked => format!(
            "{organization} has confirmed who you are. We have asked you by mail whether the account here is yours."
        ),
        Refusal::OtherConnection => format!(
            "{organization} has confirmed who you are, and wants you to sign in to {application} in another way."
        ),
        Refusal::Declined { .. } => {
            format!("{organization}’s sign-in did not let you in, or you cancelled it there.")
        }
        Refusal::Unverified { .. } => format!(
            "{organization}’s sign-in answered, but the answer did not pass our checks. You have done nothing wrong."
        ),
        Refusal::Unreachable { .. } => {
            format!("{organization}’s sign-in system did not answer us, so we could not finish.")
        }
        Refusal::ConnectionInactive => {
            format!("{organization} has switched off the way of signing in that you used.")
        }
        Refusal::ConnectionChanged => {
            format!("{organization} has changed the way of signing in that you used, while you were signing in.")
        }
        Refusal::Overtaken => format!(
            "While you were signing in, you were signed out at {organization}, or your account there was changed."
        ),
        Refusal::SignedInElsewhere => format!(
            "The link that you followed signs you in for {organization}, and you are signed in for another organization \
             on this browser."
        ),
        Refusal::SingleSignOnAsked => format!(
            "{organization} wants you to use its own sign-in, so your password does not let you in to {application}."
        ),
        Refusal::ForeignApplication => format!(
            "You are signed in at {organization}, and {application} is only for people of the organization that runs it."
        ),
    }
}

fn advice(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::AccountInactive | Refusal::MembershipInactive => {
            "If this is a mistake, the people below can switch it on again."
        }
        Refusal::Unknown => "Ask the people below to add you, then sign in again.",
        Refusal::Full => "Tell the people below. They can ask for more room.",
        Refusal::ForeignAddress => "If you have an address at another organization, sign in with that one.",
        Refusal::DomainLapsed => "The people below can put that right. Then sign in again.",
        Refusal::NoVerifiedAddress | Refusal::NothingToMatch => {
            "The people below can correct this in their sign-in system."
        }
        Refusal::LinkingOff | Refusal::Ambiguous | Refusal::SubjectChanged | Refusal::AddressTaken => {
            "Nothing has been changed. The people below can put it right."
        }
        Refusal::LinkAsked => "Open the link in that mail, then sign in again. It works for an hour.",
        Refusal::OtherConnection => "Sign in again and choose another way. The people below can tell you which.",
        Refusal::Declined { .. } => {
            "You can try again. If it keeps happening, ask the people below whether you may use this app."
        }
        Refusal::Unverified { .. } => {
            "Try again. If it keeps happening, pass the reference below on to the people below."
        }
        Refusal::Unreachable { .. } => "Wait a minute and try again.",
        Refusal::ConnectionInactive | Refusal::ConnectionChanged => "Try again, or ask the people below.",
        Refusal::Overtaken => "Try again now.",
        Refusal::SignedInElsewhere => {
            "Sign out first if you want to change. If you did not ask for this, close the page; you are still signed in."
        }
        Refusal::SingleSignOnAsked => {
            "Go on with your address at that organization and the sign-in of your other work apps."
        }
        Refusal::ForeignApplication => "If you have an address at that organization, sign in with that one.",
    }
}
