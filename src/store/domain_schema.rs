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
    }
}
