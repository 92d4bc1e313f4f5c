//! The tables about SAML providers beside their connections. Kept in step with `migrations` by the tests, as `schema` is.
#![allow(missing_docs)]

diesel::table! {
    metadata_sources (connection_id) {
        connection_id -> Binary,
        org_id -> Binary,
        url -> Text,
        signer -> Nullable<Text>,
        etag -> Nullable<Text>,
        read_at -> BigInt,
        refresh_at -> BigInt,
        failed_at -> Nullable<BigInt>,
        failure -> Nullable<Text>,
        failures -> Integer,
    }
}
