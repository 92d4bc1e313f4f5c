//! Why the gate refused a document. One variant per check, each with a stable code.

use crate::protocol::saml::document::reader::Malformed;

/// The check of the gate that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The document itself.
    #[error(transparent)]
    Document(#[from] Malformed),
    /// The root is not `samlp:Response`.
    #[error("root is not a response")]
    Root,
    /// An `ID` that is not an NCName.
    #[error("an id is not a name")]
    IdSyntax,
    /// An id in a namespace (`xml:id`, `wsu:Id`), which some readers take for another element's.
    #[error("an id is in a namespace")]
    IdNamespace,
    /// One id twice, in any spelling of the attribute.
    #[error("an id is used twice")]
    IdRepeated,
    /// An element where the schema has none of its kind, or text between elements.
    #[error("content is where none belongs")]
    Content,
    /// Neither an assertion nor an encrypted one.
    #[error("response has no assertion")]
    NoAssertion,
    /// More than one assertion or encrypted assertion, anywhere.
    #[error("response has more than one assertion")]
    SeveralAssertions,
    /// An assertion, or something named like one, that is not a child of the response.
    #[error("an assertion is not a child of the response")]
    AssertionPlace,
    /// An encrypted assertion with anything in it but ciphertext and the keys to it.
    #[error("an encrypted assertion has an unexpected shape")]
    EncryptionShape,
    /// No signature.
    #[error("response is not signed")]
    Unsigned,
    /// A signature, or a part of one, anywhere but as a child of the response or the assertion.
    #[error("a signature or a part of one is in a wrong place")]
    SignaturePlace,
    /// Two signatures on one element.
    #[error("an element has more than one signature")]
    SeveralSignatures,
    /// The signature's parts are not exactly those expected.
    #[error("a signature has an unexpected shape")]
    SignatureShape,
    /// Not exactly one `SignedInfo`.
    #[error("a signature has not exactly one signed info")]
    SignedInfo,
    /// A `ds:Object`.
    #[error("a signature holds an object")]
    Object,
    /// `KeyInfo` with something other than a certificate, a key name or a key value.
    #[error("a signature's key info has an unexpected part")]
    KeyInfo,
    /// Not exactly one reference.
    #[error("a signature has not exactly one reference")]
    References,
    /// The reference is not to the element that the signature stands in.
    #[error("a signature refers to something else than its parent")]
    ReferenceTarget,
    /// Anything but enveloped signature, then exclusive canonicalization.
    #[error("a signature's transforms are not the two allowed ones")]
    Transforms,
    /// Anything but exclusive canonicalization without comments.
    #[error("a signature's canonicalization is not allowed")]
    Canonicalization,
    /// A list of prefixes that is too long, for so many elements too, names one twice, or names something that is no prefix.
    /// Canonicalization costs prefixes times elements.
    #[error("a signature's list of prefixes is too long or not one")]
    PrefixList,
    /// A signature algorithm that is not on the list (SHA-1, HMAC, DSA ...).
    #[error("a signature's algorithm is not allowed")]
    SignatureAlgorithm,
    /// A parameter of the signature algorithm, `HMACOutputLength` first of all (CVE-2009-0217).
    #[error("a signature's algorithm has a parameter")]
    AlgorithmParameter,
    /// A digest algorithm that is not on the list.
    #[error("a signature's digest algorithm is not allowed")]
    DigestAlgorithm,
}

impl Refusal {
    /// True when the document is not well-formed (XML 1.0, Namespaces in XML), and not only more, or of another kind, than is
    /// accepted.
    pub const fn is_ill_formed(&self) -> bool {
        use Malformed as M;
        let Self::Document(malformed) = self else { return false };
        match malformed {
            M::Encoding | M::Character | M::NotWellFormed | M::SeveralRoots | M::DuplicateAttribute => true,
            M::Name | M::Namespace | M::Reference => true,
            M::TooLarge | M::TooDeep | M::TooManyElements | M::TooManyAttributes | M::TooManyNamespaces => false,
            M::Doctype | M::ProcessingInstruction => false,
        }
    }

    /// The stable code, for the audit log and the connection's diagnostics.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Document(malformed) => document_code(*malformed),
            Self::Root => "saml_gate_root",
            Self::IdSyntax => "saml_gate_id_syntax",
            Self::IdNamespace => "saml_gate_id_namespace",
            Self::IdRepeated => "saml_gate_id_repeated",
            Self::Content => "saml_gate_content",
            Self::NoAssertion => "saml_gate_no_assertion",
            Self::SeveralAssertions => "saml_gate_several_assertions",
            Self::AssertionPlace => "saml_gate_assertion_place",
            Self::EncryptionShape => "saml_gate_encryption_shape",
            Self::Unsigned => "saml_gate_unsigned",
            Self::SignaturePlace => "saml_gate_signature_place",
            Self::SeveralSignatures => "saml_gate_several_signatures",
            Self::SignatureShape => "saml_gate_signature_shape",
            Self::SignedInfo => "saml_gate_signed_info",
            Self::Object => "saml_gate_object",
            Self::KeyInfo => "saml_gate_key_info",
            Self::References => "saml_gate_references",
            Self::ReferenceTarget => "saml_gate_reference_target",
            Self::Transforms => "saml_gate_transforms",
            Self::Canonicalization => "saml_gate_canonicalization",
            Self::PrefixList => "saml_gate_prefix_list",
            Self::SignatureAlgorithm => "saml_gate_signature_algorithm",
            Self::AlgorithmParameter => "saml_gate_algorithm_parameter",
            Self::DigestAlgorithm => "saml_gate_digest_algorithm",
        }
    }
}

const fn document_code(malformed: Malformed) -> &'static str {
    match malformed {
        Malformed::TooLarge => "saml_gate_too_large",
        Malformed::Encoding => "saml_gate_encoding",
        Malformed::Character => "saml_gate_character",
        Malformed::Doctype => "saml_gate_doctype",
        Malformed::ProcessingInstruction => "saml_gate_processing_instruction",
        Malformed::NotWellFormed => "saml_gate_not_well_formed",
        Malformed::SeveralRoots => "saml_gate_several_roots",
        Malformed::TooDeep => "saml_gate_too_deep",
        Malformed::TooManyElements => "saml_gate_too_many_elements",
        Malformed::TooManyAttributes => "saml_gate_too_many_attributes",
        Malformed::TooManyNamespaces => "saml_gate_too_many_namespaces",
        Malformed::DuplicateAttribute => "saml_gate_duplicate_attribute",
        Malformed::Name => "saml_gate_name",
        Malformed::Namespace => "saml_gate_namespace",
        Malformed::Reference => "saml_gate_reference",
    }
}
