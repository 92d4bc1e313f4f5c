//! The table of domains. Kept in step with `migrations` by the tests, as `schema` is.
#![allow(missing_docs)]

diesel::table! {
    domains (id) {
        id -> Binary,
        org_id -> Binary,
        name -> Text,
        state -> Text,
        challenge -> Text,
        challenge_expires_at -> BigInt,
        verified_at -> Nullable<BigInt>,
        last_checked_at -> Nullable<BigInt>,
        last_failure -> Nullable<Text>,
        created_at -> BigInt,
        updated_at -> BigInt,
        at_risk_at -> Nullable<BigInt>,
        lapsed_at -> Nullable<BigInt>,
        risk_notices -> Integer,
        check_at -> BigInt,
        check_failures -> Integer,
    }
}
