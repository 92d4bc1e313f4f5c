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

diesel::table! {
    saml_sessions (attempt_id) {
        attempt_id -> Binary,
        org_id -> Binary,
        connection_id -> Binary,
        subject -> Text,
        name -> Text,
        format -> Text,
        name_qualifier -> Nullable<Text>,
        sp_name_qualifier -> Nullable<Text>,
        session_index -> Nullable<Text>,
        session_id -> Nullable<Binary>,
        expires_at -> BigInt,
    }
}

diesel::table! {
    sign_outs (handle_hash) {
        handle_hash -> Binary,
        org_id -> Binary,
        connection_id -> Binary,
        request_id -> Text,
        binding_hash -> Binary,
        return_url -> Nullable<Text>,
        answer -> Nullable<Text>,
        expires_at -> BigInt,
    }
}
