//! The tables of what people prove themselves with, and of what they are told about it. Kept in step with `migrations` by
//! the tests, as `schema` is.
#![allow(missing_docs)]

diesel::table! {
    passwords (account_id) {
        account_id -> Binary,
        sealed_hash -> Binary,
        set_at -> BigInt,
    }
}

diesel::table! {
    totp_factors (account_id) {
        account_id -> Binary,
        sealed_secret -> Binary,
        last_step -> BigInt,
        confirmed_at -> BigInt,
        wrong_codes -> BigInt,
    }
}

diesel::table! {
    recovery_codes (account_id, code_hash) {
        account_id -> Binary,
        code_hash -> Binary,
        made_at -> BigInt,
    }
}

diesel::table! {
    passkeys (id) {
        id -> Binary,
        account_id -> Binary,
        credential_id -> Binary,
        credential -> Text,
        name -> Text,
        created_at -> BigInt,
        confirmed_at -> BigInt,
        last_used_at -> Nullable<BigInt>,
        wrong_codes -> BigInt,
    }
}

diesel::table! {
    passkey_challenges (place_id, purpose) {
        place_id -> Binary,
        purpose -> Text,
        account_id -> Nullable<Binary>,
        state -> Text,
        name -> Nullable<Text>,
        expires_at -> BigInt,
    }
}

diesel::table! {
    mail_proofs (id) {
        id -> Binary,
        purpose -> Text,
        address -> Text,
        account_id -> Nullable<Binary>,
        token_hash -> Nullable<Binary>,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    devices (account_id, token_hash) {
        account_id -> Binary,
        token_hash -> Binary,
        first_seen_at -> BigInt,
        last_seen_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    former_addresses (id) {
        id -> Binary,
        account_id -> Binary,
        address -> Text,
        expires_at -> BigInt,
    }
}
