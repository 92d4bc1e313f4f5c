//! What a request asks for: what the connection demands of everybody, or several factors where the application asks for them.

use crate::directory::connections::saml_options::SamlOptions;
use crate::protocol::oidc::authorization::AuthorizationRequest;
use crate::protocol::saml::authn_request::Comparison;

/// The classes that a request asks for.
pub(super) struct Asking {
    pub(super) contexts: Vec<String>,
    pub(super) comparison: Comparison,
    /// Because the application asks for several factors, and not the connection for something of its own.
    pub(super) is_for_application: bool,
}

impl Asking {
    pub(super) fn of(options: &SamlOptions, request: &AuthorizationRequest) -> Self {
        let level = request.level_asked();
        let (contexts, comparison) = options.contexts(level);
        let several = options.several_factors();
        let is_for_application = several.is_some_and(|several| !several.map.asks_for(level).is_empty());
        Self { contexts, comparison, is_for_application }
    }
}
