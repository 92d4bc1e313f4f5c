//! The URIs that SAML and XML Signature use as names.

/// Namespace of `Assertion` and its parts.
pub const SAML: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
/// Namespace of `Response` and `AuthnRequest`.
pub const SAMLP: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
/// Namespace of metadata.
pub const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
/// Namespace of XInclude.
pub const XINCLUDE: &str = "http://www.w3.org/2001/XInclude";
/// Namespace of XML Signature.
pub const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
/// Namespace of XML Encryption.
pub const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";
/// Namespace of what XML Encryption 1.1 added.
pub const XENC11: &str = "http://www.w3.org/2009/xmlenc11#";
/// Namespace and algorithm of exclusive canonicalization without comments.
pub const EXCLUSIVE_C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
/// The transform that takes the signature out of what it signs.
pub const ENVELOPED_SIGNATURE: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
/// RSASSA-PKCS1-v1_5 with SHA-256, the algorithm of our own signatures.
pub const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";

/// The digest SHA-256.
pub const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";

/// What people are shown of an entity (SAML metadata extensions for login and discovery user interface).
pub const UI: &str = "urn:oasis:names:tc:SAML:metadata:ui";

/// HTTP-Redirect binding.
pub const BINDING_REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
/// HTTP-POST binding.
pub const BINDING_POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";
/// The bearer subject confirmation.
pub const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
/// The status of a response that asserts somebody.
pub const STATUS_SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";

/// The second status of a logout that did not reach everybody.
pub const STATUS_PARTIAL_LOGOUT: &str = "urn:oasis:names:tc:SAML:2.0:status:PartialLogout";

/// The format of an issuer; the default when none is given.
pub const FORMAT_ENTITY: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity";
/// A NameID that stays the same for one person and one service provider.
pub const FORMAT_PERSISTENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
/// A NameID that is another one at each sign-in.
pub const FORMAT_TRANSIENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";
/// A NameID that is an e-mail address.
pub const FORMAT_EMAIL: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";
/// A NameID of a form that the two sides agreed on.
pub const FORMAT_UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified";
