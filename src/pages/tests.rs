use std::collections::BTreeSet;

use askama::Template;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::account_passkeys::AccountPasskeysPage;
use super::account_second_step::AccountSecondStepPage;
use super::account_security::{AccountSecurityPage, Address, OwnPassword, Passkeys, SecondStep};
use super::account_sessions::AccountSessionsPage;
use super::activated::ActivatedPage;
use super::activation::ActivationPage;
use super::choose::{ChoosePage, Way};
use super::confirm_address::ConfirmAddressPage;
use super::create_passkey::CreatePasskeyPage;
use super::email::EmailPage;
use super::error::{ErrorPage, Next, Support};
use super::forgotten::ForgottenPage;
use super::home::{HomePage, Person};
use super::link::LinkPage;
use super::linked::LinkedPage;
use super::mail_sent::MailSentPage;
use super::new_password::NewPasswordPage;
use super::not_found::NotFoundPage;
use super::onward::OnwardPage;
use super::own_credentials::OwnCredentialsPage;
use super::passkey::PasskeyPage;
use super::password::PasswordPage;
use super::password_set::PasswordSetPage;
use super::recovery_codes::RecoveryCodesPage;
use super::saml_message::SamlMessagePage;
use super::second_step::SecondStepPage;
use super::set_up_second_step::SetUpSecondStepPage;
use super::sign_out::SignOutPage;
use super::signed_out::SignedOutPage;
use crate::pages::assets;
use crate::values::clock::Timestamp;

const HOSTILE: &str = "\"><script>alert(1)</script><img src=x onerror='x'>&amp;";

fn samples() -> Vec<(&'static str, String)> {
    let mut samples = vec![
        ("email", EmailPage::sample().render().unwrap()),
        ("email_first", EmailPage { problem: None, address: String::new(), ..EmailPage::sample() }.render().unwrap()),
        ("choose", ChoosePage::sample().render().unwrap()),
        ("choose_with_password", ChoosePage::sample_with_password().render().unwrap()),
        ("error", ErrorPage::sample().render().unwrap()),
        ("error_that_leads_on", {
            let action = "/sign-in/01890a5d-ac96-774b-bcce-b302099a8057/email".to_owned();
            let next = Next::IdentityProvider { action, address: "ada@acme.example".to_owned() };
            ErrorPage { next, ..ErrorPage::sample() }.render().unwrap()
        }),
        ("home", HomePage::sample().render().unwrap()),
        ("home_of_nobody", HomePage { person: None }.render().unwrap()),
        ("sign_out", SignOutPage::sample().render().unwrap()),
        ("saml_message", SamlMessagePage::sample().render().unwrap()),
        ("signed_out_here", SignedOutPage::here().render().unwrap()),
        ("signed_out", SignedOutPage::sample().render().unwrap()),
        ("activation", ActivationPage::sample().render().unwrap()),
        ("link", LinkPage::sample().render().unwrap()),
        ("link_that_asks", LinkPage::sample_that_asks().render().unwrap()),
        ("linked", LinkedPage::sample().render().unwrap()),
        ("activated", ActivatedPage::sample().render().unwrap()),
        (
            "activated_off",
            ActivatedPage { may_sign_in: false, choose: None, ..ActivatedPage::sample() }.render().unwrap(),
        ),
        ("password", PasswordPage::sample().render().unwrap()),
        ("password_first", PasswordPage { problem: None, ..PasswordPage::sample() }.render().unwrap()),
        ("forgotten", ForgottenPage::sample().render().unwrap()),
        ("forgotten_first", ForgottenPage { problem: None, ..ForgottenPage::sample() }.render().unwrap()),
        ("mail_sent", MailSentPage::sample().render().unwrap()),
        ("new_password", NewPasswordPage::sample().render().unwrap()),
        ("new_password_first", NewPasswordPage { problem: None, ..NewPasswordPage::sample() }.render().unwrap()),
        ("password_set", PasswordSetPage::sample().render().unwrap()),
        ("activated_without_password", ActivatedPage { choose: None, ..ActivatedPage::sample() }.render().unwrap()),
        ("account_security", AccountSecurityPage::sample().render().unwrap()),
        ("account_security_to_be_confirmed", security(OwnPassword::NeedsConfirmedAddress)),
        ("account_security_none", security(OwnPassword::None { ask: "/password/forgotten".to_owned() })),
        ("account_security_of_organization", security(OwnPassword::OfOrganization("Acme".to_owned()))),
        ("account_sessions", AccountSessionsPage::sample().render().unwrap()),
        ("account_sessions_of_guest", sessions_of_guest("Globex").render().unwrap()),
        ("confirm_address", ConfirmAddressPage::sample().render().unwrap()),
        ("confirm_address_sent", sent("ada@freelance.example").render().unwrap()),
        (
            "confirm_address_elsewhere",
            ConfirmAddressPage::SignInFirst { address: "a@b.example".to_owned() }.render().unwrap(),
        ),
        ("confirm_address_done", ConfirmAddressPage::Done { address: "a@b.example".to_owned() }.render().unwrap()),
        ("not_found", NotFoundPage::sample().render().unwrap()),
        ("onward", OnwardPage::sample().render().unwrap()),
    ];
    samples.extend(samples_of_second_steps());
    samples.extend(samples_of_passkeys());
    samples
}

fn samples_of_passkeys() -> Vec<(&'static str, String)> {
    vec![
        ("passkey", PasskeyPage::sample().render().unwrap()),
        ("passkey_refused", PasskeyPage { options: None, ..PasskeyPage::sample() }.render().unwrap()),
        ("create_passkey", CreatePasskeyPage::sample().render().unwrap()),
        ("account_passkeys", AccountPasskeysPage::sample().render().unwrap()),
        ("account_passkeys_none", {
            let none = AccountPasskeysPage {
                passkeys: vec![],
                codes_left: None,
                options: None,
                ..AccountPasskeysPage::sample()
            };
            AccountPasskeysPage { problem: None, ..none }.render().unwrap()
        }),
        ("account_passkeys_full", {
            let full = AccountPasskeysPage { may_add: false, codes_left: Some(1), ..AccountPasskeysPage::sample() };
            AccountPasskeysPage { has_app: true, ..full }.render().unwrap()
        }),
        ("account_security_with_a_passkey", {
            let passkeys = Some(Passkeys { count: 1, path: "/account/passkeys".to_owned() });
            AccountSecurityPage { passkeys, ..AccountSecurityPage::sample() }.render().unwrap()
        }),
        ("email_without_passkeys", EmailPage { passkey: None, ..EmailPage::sample() }.render().unwrap()),
        ("second_step_without_app", SecondStepPage { has_app: false, ..SecondStepPage::sample() }.render().unwrap()),
        ("set_up_second_step_by_a_passkey", {
            let options = PasskeyPage::sample().options;
            SetUpSecondStepPage { options, ..SetUpSecondStepPage::sample() }.render().unwrap()
        }),
    ]
}

fn samples_of_second_steps() -> Vec<(&'static str, String)> {
    vec![
        ("account_security_with_second_step", {
            let since = Some(Timestamp::from_seconds(1_795_288_500));
            let second_step = Some(SecondStep { since, path: "/account/second-step".to_owned() });
            AccountSecurityPage { second_step, ..AccountSecurityPage::sample() }.render().unwrap()
        }),
        ("second_step", SecondStepPage::sample().render().unwrap()),
        ("second_step_first", SecondStepPage { problem: None, ..SecondStepPage::sample() }.render().unwrap()),
        ("set_up_second_step", SetUpSecondStepPage::sample().render().unwrap()),
        ("set_up_second_step_in_a_sign_in", {
            let page = SetUpSecondStepPage { problem: None, form_token: None, ..SetUpSecondStepPage::sample() };
            page.render().unwrap()
        }),
        ("set_up_second_step_or_a_passkey", SetUpSecondStepPage::sample_in_a_sign_in().render().unwrap()),
        ("create_passkey_in_a_sign_in", {
            CreatePasskeyPage { form_token: None, ..CreatePasskeyPage::sample() }.render().unwrap()
        }),
        ("recovery_codes", RecoveryCodesPage::sample().render().unwrap()),
        (
            "recovery_codes_in_a_sign_in",
            RecoveryCodesPage { is_signing_in: true, ..RecoveryCodesPage::sample() }.render().unwrap(),
        ),
        ("account_second_step", AccountSecondStepPage::sample().render().unwrap()),
        ("account_second_step_last_code", {
            let page = AccountSecondStepPage { codes_left: 1, problem: None, ..AccountSecondStepPage::sample() };
            page.render().unwrap()
        }),
        ("own_credentials", OwnCredentialsPage::sample().render().unwrap()),
        (
            "own_credentials_first",
            OwnCredentialsPage { problem: None, ..OwnCredentialsPage::sample() }.render().unwrap(),
        ),
    ]
}

fn security(password: OwnPassword) -> String {
    AccountSecurityPage { password, problem: None, ..AccountSecurityPage::sample() }.render().unwrap()
}

fn sessions_of_guest(organization: &str) -> AccountSessionsPage {
    AccountSessionsPage { guest_of: Some(organization.to_owned()), security: None, ..AccountSessionsPage::sample() }
}

fn sent(address: &str) -> ConfirmAddressPage {
    ConfirmAddressPage::Sent { address: address.to_owned(), back: "/account/security".to_owned() }
}

#[test]
fn every_page_is_among_the_samples() {
    let names: Vec<&str> = samples().into_iter().map(|(name, _)| name).collect();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/pages");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let pages: Vec<String> = files.filter_map(|name| name.strip_suffix(".html").map(str::to_owned)).collect();
    assert!(pages.len() > 5, "{pages:?}");
    for page in pages.iter().filter(|page| *page != "base") {
        assert!(names.contains(&page.as_str()), "{page} has no sample, so nothing is known of it");
    }
}

/// The start tags of a page as (name, attributes).
fn elements(html: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut reader = Reader::from_str(html);
    let config = reader.config_mut();
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    let mut found = Vec::new();
    loop {
        match reader.read_event().unwrap() {
            Event::Start(tag) | Event::Empty(tag) => found.push(element(&tag)),
            Event::Eof => return found,
            _ => {}
        }
    }
}

fn element(tag: &BytesStart<'_>) -> (String, Vec<(String, String)>) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let attributes = tag.html_attributes().map(|attribute| {
        let attribute = attribute.unwrap();
        (text(attribute.key.as_ref()), text(&attribute.value))
    });
    (text(tag.name().as_ref()), attributes.collect())
}

fn attribute<'a>(element: &'a (String, Vec<(String, String)>), name: &str) -> Option<&'a str> {
    element.1.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

#[test]
fn every_page_has_a_language_a_title_a_viewport_and_one_heading() {
    for (name, html) in samples() {
        let elements = elements(&html);
        let count = |wanted: &str| elements.iter().filter(|element| element.0 == wanted).count();
        assert_eq!((count("h1"), count("main"), count("title")), (1, 1, 1), "{name}");
        let root = elements.iter().find(|element| element.0 == "html").unwrap();
        assert_eq!(attribute(root, "lang"), Some("en"), "{name}");
        assert!(elements.iter().any(|element| attribute(element, "name") == Some("viewport")), "{name}");
        assert!(!html.contains("<title> ·"), "{name} has an empty title");
    }
}

#[test]
fn every_input_has_its_label_and_every_reference_its_target() {
    for (name, html) in samples() {
        let elements = elements(&html);
        let ids: BTreeSet<&str> = elements.iter().filter_map(|element| attribute(element, "id")).collect();
        let labelled: BTreeSet<&str> = elements.iter().filter_map(|element| attribute(element, "for")).collect();
        let is_shown = |element: &&(String, _)| element.0 == "input" && attribute(element, "type") != Some("hidden");
        for input in elements.iter().filter(is_shown) {
            assert!(labelled.contains(attribute(input, "id").unwrap()), "{name}: an input without a label");
        }
        for element in &elements {
            for reference in ["for", "aria-describedby", "aria-labelledby"] {
                for target in attribute(element, reference).into_iter().flat_map(str::split_whitespace) {
                    assert!(ids.contains(target), "{name}: {reference} points at nothing");
                }
            }
            assert!(element.0 != "img" || attribute(element, "alt").is_some(), "{name}: an image without alt");
        }
    }
}

#[test]
fn no_page_carries_inline_script_or_style_or_an_outside_address() {
    for (name, html) in samples() {
        for element in elements(&html) {
            assert!(!["style", "iframe", "object", "embed", "base"].contains(&element.0.as_str()), "{name}");
            if element.0 == "script" {
                let script = assets::passkey_script().path.as_str();
                assert_eq!(attribute(&element, "src"), Some(script), "{name}");
                assert!(html.contains(" defer></script>"), "{name}: nothing stands in it");
            }
            for (key, value) in &element.1 {
                assert!(!key.starts_with("on") && key != "style", "{name}: {key}");
                if ["href", "src", "action"].contains(&key.as_str()) {
                    let is_own = value.starts_with('/') && !value.starts_with("//");
                    // Who signs in goes on to the app; who signs out to their provider, or back to the app.
                    let is_way_on = [("onward", "href"), ("saml_message", "action"), ("signed_out", "href")]
                        .contains(&(name, key.as_str()))
                        && value.starts_with("https://");
                    let is_other = value.starts_with('#') || value.starts_with("mailto:");
                    assert!(is_own || is_way_on || is_other, "{name}: {value}");
                }
            }
        }
    }
}

/// In the order in which they are read and reached by keyboard, and without script: buttons of one form, and a link after them.
#[test]
fn a_password_is_offered_after_the_identity_providers() {
    for (page, expected) in
        [(ChoosePage::sample(), vec!["button", "button"]), (ChoosePage::sample_with_password(), vec!["button", "a"])]
    {
        let html = page.render().unwrap();
        let ways = elements(&html).into_iter().filter(|element| attribute(element, "class") == Some("way"));
        let names: Vec<String> = ways.map(|element| element.0).collect();
        assert_eq!(names, expected, "{html}");
    }
}

/// Without script, or where the browser has no passkeys, nobody is shown a button that does nothing.
#[test]
fn what_needs_passkeys_is_hidden_until_the_script_shows_it() {
    let mut seen = 0;
    for (name, html) in samples() {
        let elements = elements(&html);
        for element in &elements {
            if attribute(element, "data-needs-passkeys").is_some() {
                seen += 1;
                assert!(attribute(element, "hidden").is_some(), "{name}: {element:?}");
            }
        }
        let needs = elements.iter().any(|element| element.1.iter().any(|(key, _)| key.starts_with("data-passkey")));
        assert!(!needs || elements.iter().any(|element| element.0 == "script"), "{name} has no script");
    }
    assert!(seen > 5);
}

#[test]
fn every_file_that_a_page_loads_is_served() {
    let served: BTreeSet<&str> = assets::all().iter().map(|asset| asset.path.as_str()).collect();
    for (name, html) in samples() {
        for element in elements(&html).iter().filter(|element| ["link", "img", "script"].contains(&element.0.as_str()))
        {
            let path = attribute(element, "href").or(attribute(element, "src")).unwrap();
            assert!(served.contains(path), "{name}: {path}");
        }
    }
}

fn is_harmless(element: &(String, Vec<(String, String)>)) -> bool {
    let is_ours = attribute(element, "src") == Some(assets::passkey_script().path.as_str());
    (element.0 != "script" || is_ours) && attribute(element, "onerror").is_none()
}

fn hostile_error(support: Support) -> ErrorPage {
    let hostile = || HOSTILE.to_owned();
    ErrorPage {
        title: hostile(),
        text: hostile(),
        advice: Some(hostile()),
        next: Next::IdentityProvider { action: "/".to_owned(), address: hostile() },
        support: Some(support),
        ..ErrorPage::sample()
    }
}

#[test]
fn hostile_names_stay_text() {
    let hostile = || HOSTILE.to_owned();
    let hostile_support = || Support { organization: hostile(), name: hostile(), email: None };
    let pages = [
        EmailPage { application: hostile(), address: hostile(), problem: Some(hostile()), ..EmailPage::sample() }
            .render()
            .unwrap(),
        ChoosePage {
            application: hostile(),
            organization: hostile(),
            address: hostile(),
            ways: vec![Way { name: hostile(), host: hostile(), ..ChoosePage::sample().ways[0].clone() }],
            ..ChoosePage::sample()
        }
        .render()
        .unwrap(),
        hostile_error(hostile_support()).render().unwrap(),
        LinkPage { address: hostile(), connection: hostile(), support: hostile_support(), ..LinkPage::sample() }
            .render()
            .unwrap(),
        LinkedPage { connection: hostile(), support: hostile_support() }.render().unwrap(),
        ActivationPage { address: hostile(), support: hostile_support(), ..ActivationPage::sample() }.render().unwrap(),
        ActivatedPage { support: hostile_support(), ..ActivatedPage::sample() }.render().unwrap(),
        PasswordPage { application: hostile(), address: hostile(), problem: Some(hostile()), ..PasswordPage::sample() }
            .render()
            .unwrap(),
        OwnCredentialsPage { application: hostile(), address: hostile(), ..OwnCredentialsPage::sample() }
            .render()
            .unwrap(),
        SecondStepPage { application: hostile(), ..SecondStepPage::sample() }.render().unwrap(),
        ForgottenPage { address: hostile(), ..ForgottenPage::sample() }.render().unwrap(),
        MailSentPage { address: hostile(), ..MailSentPage::sample() }.render().unwrap(),
        sent(HOSTILE).render().unwrap(),
        security(OwnPassword::OfOrganization(hostile())),
        AccountSecurityPage {
            address: Some(Address { text: hostile(), is_confirmed: true }),
            ..AccountSecurityPage::sample()
        }
        .render()
        .unwrap(),
        NewPasswordPage { address: hostile(), ..NewPasswordPage::sample() }.render().unwrap(),
        HomePage {
            person: Some(Person { name: hostile(), support: hostile_support(), ..HomePage::sample().person.unwrap() }),
        }
        .render()
        .unwrap(),
    ];
    for html in pages {
        assert!(html.contains("&#60;script&#62;"), "the name is shown as text");
        for element in elements(&html) {
            assert!(is_harmless(&element), "{html}");
        }
    }
}
