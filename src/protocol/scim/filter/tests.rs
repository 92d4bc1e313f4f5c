use serde_json::json;

use super::{ast, evaluate, parse, parse_among};
use crate::protocol::scim::error::{ScimError, ScimType};
use crate::protocol::scim::json::Object;
use crate::protocol::scim::limits::Limits;
use crate::protocol::scim::resource_type::{group, user};
use crate::protocol::scim::tolerance::Profile;
use crate::protocol::scim::validation::Rules;

fn document() -> Object {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "id": "0190a1b2-0000-7000-8000-000000000001",
        "externalId": "Ext-1",
        "userName": "Ada@Acme.test",
        "name": { "familyName": "O'Malley", "givenName": "Ada" },
        "active": true,
        "title": "Vice President",
        "emails": [
            { "value": "ada@acme.test", "type": "work", "primary": true },
            { "value": "ada@home.test", "type": "home" }
        ],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":
            { "employeeNumber": "701984", "manager": { "value": "m-1" } },
        "meta": { "resourceType": "User", "created": "2026-01-01T00:00:00.000Z", "lastModified": "2026-05-13T04:42:34.000Z" }
    })
    .as_object()
    .unwrap()
    .clone()
}

fn filter(text: &str) -> Result<ast::Filter, ScimError> {
    parse(text, user(), &Rules::new(Profile::Standard.tolerance(), Limits::default()))
}

fn holds(text: &str) -> bool {
    evaluate::matches(&filter(text).unwrap_or_else(|error| panic!("{text}: {error}")), &document())
}

#[test]
fn what_the_examples_of_the_rfc_say_holds() {
    for text in [
        r#"userName eq "ada@acme.test""#,
        r#"USERNAME Eq "ADA@ACME.TEST""#,
        r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "ADA""#,
        r#"name.familyName co "O'Malley""#,
        "title pr",
        r#"meta.lastModified gt "2026-05-13T04:42:33Z""#,
        r#"meta.lastModified le "2026-05-13T05:42:34+01:00""#,
        r#"title pr and userType ne "Employee""#,
        r#"title pr or userType eq "Intern""#,
        r#"userName ew ".test" and (emails co "acme.test" or emails.value co "x")"#,
        r#"emails[type eq "work" and value co "@acme.test"]"#,
        r#"emails[type eq "work"].value eq "ADA@acme.test""#,
        r#"emails[type eq "home" and not (primary eq true)]"#,
        "active eq true",
        r#"active eq "True""#,
        r#"externalId eq "Ext-1""#,
        "userType eq null",
        "title ne null",
        "nickName ne \"x\"",
        r#"emails.type ne "work""#,
        r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber eq 701984"#,
        r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager eq "M-1""#,
        "userName eq ada@acme.test",
        r#"userName gt "ABC" and userName lt "b""#,
    ] {
        assert!(holds(text), "{text}");
    }
}

#[test]
fn what_is_not_so_does_not_hold() {
    for text in [
        r#"externalId eq "ext-1""#,
        r#"emails[type eq "home" and value co "@acme.test"]"#,
        r#"emails[type eq "home"].value eq "ada@acme.test""#,
        r#"not (title pr)"#,
        "active eq false",
        r#"nickName co "a""#,
        r#"meta.created gt "2026-05-13T04:42:34Z""#,
        r#"userName eq "" and title pr"#,
    ] {
        assert!(!holds(text), "{text}");
    }
}

#[test]
fn and_binds_tighter_than_or() {
    assert!(holds(r#"title pr or title pr and nickName pr"#));
    assert!(!holds(r#"(title pr or title pr) and nickName pr"#));
    assert!(holds(r#"not (nickName pr) and title pr"#));
}

#[test]
fn what_is_not_a_filter_is_invalid_filter() {
    for text in [
        "",
        " ",
        "userName",
        "userName eq",
        r#"userName is "x""#,
        r#"eq "x""#,
        r#"nope eq "x""#,
        r#"userName eq "x" and"#,
        r#"userName eq "x" userName eq "y""#,
        r#"(userName eq "x""#,
        r#"userName eq "x")"#,
        r#"userName eq "x"#,
        r#"emails[type eq "work""#,
        r#"emails[emails[type pr]]"#,
        r#"userName[type eq "x"]"#,
        r#"emails.type[value eq "x"]"#,
        r#"emails[type[value eq "x"]]"#,
        r#"name eq "x""#,
        "active gt true",
        r#"active co "t""#,
        r#"x509Certificates.value gt "AA==""#,
        r#"meta.created co "2026""#,
        r#"meta.created gt "yesterday""#,
        "userName gt null",
        r#"userName eq "a\u0000b""#,
        "not title pr",
        "${7*7} eq 1",
    ] {
        let found = filter(text).map_err(|error| error.scim_type);
        assert_eq!(found, Err(ScimType::InvalidFilter), "{text}");
    }
}

#[test]
fn a_literal_that_does_not_fit_names_the_whole_path() {
    let error = filter(r#"meta.created gt "yesterday""#).expect_err("no time");
    assert_eq!(error.detail, "the literal does not fit the type of meta.created");
}

#[test]
fn depth_length_and_terms_are_bounded() {
    let many = vec!["title pr"; 65].join(" or ");
    for text in [
        "(".repeat(100_000),
        "not (".repeat(100_000),
        "emails[".repeat(100_000),
        "(".repeat(1_000),
        format!("{}title pr{}", "(".repeat(17), ")".repeat(17)),
        many,
    ] {
        assert_eq!(filter(&text).map_err(|error| error.scim_type), Err(ScimType::InvalidFilter));
    }
    assert!(filter(&format!("{}title pr{}", "(".repeat(15), ")".repeat(15))).is_ok());
}

#[test]
fn a_filter_longer_than_its_limit_is_refused() {
    let limits = Limits { filter_bytes: 8, ..Limits::default() };
    let read = |text| parse(text, user(), &Rules::new(Profile::Standard.tolerance(), limits));
    assert!(read("title pr").is_ok());
    let refused = read("title pr ").unwrap_err();
    assert_eq!(refused.scim_type, ScimType::InvalidFilter);
    assert!(refused.detail.contains("8 bytes"), "{}", refused.detail);
}

#[test]
fn an_attribute_of_an_extension_is_named_with_its_urn_but_by_those_who_never_do() {
    let read =
        |profile: Profile| parse(r#"department eq "R&D""#, user(), &Rules::new(profile.tolerance(), Limits::default()));
    for profile in [Profile::Standard, Profile::Strict] {
        assert_eq!(read(profile).map_err(|error| error.scim_type), Err(ScimType::InvalidFilter));
    }
    assert!(Profile::ALL.into_iter().any(|profile| read(profile).is_ok()));
}

#[test]
fn strict_clients_get_no_bare_or_loosely_typed_literals() {
    let strict = |text| parse(text, user(), &Rules::new(Profile::Strict.tolerance(), Limits::default()));
    assert!(strict("userName eq ada").is_err());
    assert!(strict(r#"active eq "True""#).is_err());
    assert!(strict(r#"userName eq "ada""#).is_ok());
}

#[test]
fn groups_are_searched_by_member() {
    let parsed =
        parse(r#"id eq "g" and members eq "u""#, group(), &Rules::new(Profile::Entra.tolerance(), Limits::default()));
    let ast::Filter::And(terms) = parsed.unwrap() else { panic!("not a conjunction") };
    assert!(matches!(&terms[1], ast::Filter::Compare(target, ..) if target.leaf_path() == "members.value"));
}

/// RFC 7644, section 3.4.2.1: an attribute that is not part of a type is treated "as if there is no attribute value", as long
/// as another type that is searched has it.
#[test]
fn what_only_another_type_has_has_no_value_here() {
    let rules = Rules::new(Profile::Entra.tolerance(), Limits::default());
    let team = json!({ "id": "g", "displayName": "Engineering", "members": [{ "value": "u" }] });
    let team = team.as_object().unwrap();
    let holds = |text: &str| {
        let parsed = parse_among(text, group(), &[user()], &rules).unwrap_or_else(|error| panic!("{text}: {error}"));
        evaluate::matches(&parsed, team)
    };
    for text in [
        r#"displayName eq "Engineering" or userName eq "bjensen""#,
        r#"displayName eq "Engineering" and not (userName pr)"#,
        r#"userName ne "x""#,
        "userName eq null",
        r#"not (emails[type eq "work" and value co "@"])"#,
        r#"urn:ietf:params:scim:schemas:core:2.0:User:userName ne "x""#,
        r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department ne "R&D" and members eq "u""#,
        r#"department ne "R&D""#,
        r#"userName ne "x" and members[value eq "u"]"#,
    ] {
        assert!(holds(text), "{text}");
    }
    for text in [
        "userName pr",
        r#"userName eq "bjensen""#,
        r#"userName co """#,
        "userName ne null",
        r#"emails[type eq "work"].value eq "x" or active eq true"#,
        r#"displayName eq "Engineering" and title sw "a""#,
        r#"meta.created gt "2026-01-01T00:00:00Z" or name.familyName gt "a""#,
    ] {
        assert!(!holds(text), "{text}");
    }
    for wrong in [r#"nope eq "x""#, "active gt true", "userName", r#"emails[nope eq "x"]"#, r#"name eq "x""#] {
        let found = parse_among(wrong, group(), &[user()], &rules).map_err(|error| error.scim_type);
        assert_eq!(found, Err(ScimType::InvalidFilter), "{wrong}");
    }
    let alone = parse(r#"userName ne "x""#, group(), &rules).map_err(|error| error.scim_type);
    assert_eq!(alone, Err(ScimType::InvalidFilter), "where groups alone are searched there is no such attribute");
}

#[test]
fn what_is_only_written_is_sensitive_to_ask_for_whichever_type_has_it() {
    let rules = Rules::new(Profile::Standard.tolerance(), Limits::default());
    for text in [r#"password eq "x""#, "password pr", r#"userName eq "a" and PASSWORD co "x""#] {
        let found = filter(text).map_err(|error| error.scim_type);
        assert_eq!(found, Err(ScimType::Sensitive), "{text}");
    }
    let of_groups = parse_among(r#"password eq "x""#, group(), &[user()], &rules).map_err(|error| error.scim_type);
    assert_eq!(of_groups, Err(ScimType::Sensitive));
}
