//! Stories that need the network: `begin(tx)`, a call, `finish(tx)`. One file per story. There is no network inside a
//! transaction and no transaction across an await.

pub mod add_scim_credential;
pub mod answer_link_request;
pub mod bulk;
pub mod choose_password;
pub mod connect_identity_provider;
pub mod hold_removal;
pub mod keep_request_log;
pub mod leave_for_provider;
pub mod log_out_by_provider;
pub mod notify_administrator;
pub mod outside;
pub mod passwords;
pub mod prove_scim_client;
pub mod recheck_domain;
pub mod refresh_metadata;
pub mod reseal;
pub mod second_factors;
pub mod send_activation;
pub mod send_link_request;
pub mod send_mail_proof;
pub mod set_up_passkey;
pub mod sign_in_by_oidc;
pub mod sign_in_by_passkey;
pub mod sign_in_by_password;
pub mod sign_in_by_saml;
pub mod sign_out_by_saml;
pub mod tell_person;
#[cfg(test)]
pub mod testing;
pub mod try_request_again;
pub mod verify_domain;
