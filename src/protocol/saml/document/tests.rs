use super::Element;
use super::reader::{Comments, Limits, Malformed, check_bytes, parse};

fn read_with(text: &str, limits: Limits, comments: Comments) -> Result<Element, Malformed> {
    parse(check_bytes(text.as_bytes(), &limits, comments)?, &limits, comments)
}

fn read(text: &str) -> Result<Element, Malformed> {
    read_with(text, Limits::RESPONSE, Comments::Refused)
}

#[test]
fn names_are_resolved_and_references_replaced() {
    let root =
        read("<a:r xmlns:a='urn:a' xmlns='urn:d' x='&lt;&#65;&amp;&quot;' a:y='2'><c>1 &amp; &#x32;&gt;</c></a:r>")
            .unwrap();
    assert!(root.is("urn:a", "r"));
    assert_eq!(root.attribute("x"), Some("<A&\""));
    assert_eq!(root.attribute("y"), None, "an attribute in a namespace is not the plain one");
    assert_eq!(root.only("urn:d", "c").and_then(Element::text), Some("1 & 2>"));
}

#[test]
fn white_space_is_normalised_as_libxml_does() {
    let root = read("<r a='1\t2\r\n3&#9;4'>x\r\ny\rz&#13;</r>").unwrap();
    assert_eq!(root.attribute("a"), Some("1 2 3\t4"));
    assert_eq!(root.text(), Some("x\ny\nz\r"));
}

#[test]
fn what_is_not_a_document_is_refused_by_name() {
    let cases = [
        ("<!DOCTYPE r><r/>", Malformed::Doctype),
        ("<r><!-- c --></r>", Malformed::Doctype),
        ("<r><![CDATA[x]]></r>", Malformed::Doctype),
        ("<r><?pi x?></r>", Malformed::ProcessingInstruction),
        (" <?xml version='1.0'?><r/>", Malformed::ProcessingInstruction),
        ("<?xml-stylesheet href='x'?><r/>", Malformed::ProcessingInstruction),
        ("<?xml version='1.0' encoding='UTF-16'?><r/>", Malformed::Encoding),
        ("<?xml version='1.1'?><r/>", Malformed::Encoding),
        ("\u{FEFF}<r/>", Malformed::Character),
        ("<r>\u{0}</r>", Malformed::Character),
        ("<r>\u{FFFE}</r>", Malformed::Character),
        ("<r>]]></r>", Malformed::NotWellFormed),
        ("<r>", Malformed::NotWellFormed),
        ("<r></s>", Malformed::NotWellFormed),
        ("<r/></r>", Malformed::NotWellFormed),
        ("", Malformed::NotWellFormed),
        ("text", Malformed::NotWellFormed),
        ("<r a=1/>", Malformed::NotWellFormed),
        ("<r a/>", Malformed::NotWellFormed),
        ("<r a='<'/>", Malformed::NotWellFormed),
        ("<r/><r/>", Malformed::SeveralRoots),
        ("<r/>junk", Malformed::SeveralRoots),
        ("<r a='1' a='2'/>", Malformed::DuplicateAttribute),
        ("<r xmlns:a='urn:x' xmlns:b='urn:x' a:i='1' b:i='2'/>", Malformed::DuplicateAttribute),
        ("<r xmlns:a='1'/>", Malformed::Namespace),
        ("<r xmlns='../x'/>", Malformed::Namespace),
        ("<r xmlns:a=''/>", Malformed::Namespace),
        ("<r xmlns:a='urn:a&amp;b'/>", Malformed::Namespace),
        ("<1a:r/>", Malformed::Name),
        ("<a:1 xmlns:a='urn:a'/>", Malformed::Name),
        ("<r>&#0;</r>", Malformed::Reference),
        ("<r>&#xFFFE;</r>", Malformed::Reference),
        ("<r a='&#1;'/>", Malformed::Reference),
        ("<r a='&nbsp;'/>", Malformed::Reference),
        ("<r xmlns:xmlns='urn:x'/>", Malformed::Namespace),
        ("<r xmlns:xml='urn:x'/>", Malformed::Namespace),
        ("<a:r/>", Malformed::Namespace),
        ("<r a:x='1'/>", Malformed::Namespace),
        ("<\u{e9}/>", Malformed::Name),
        ("<r:s:t xmlns:r='urn:x'/>", Malformed::Name),
        ("<1r/>", Malformed::Name),
        ("<r 1a='x'/>", Malformed::Name),
        ("<r \u{e9}='x'/>", Malformed::Name),
        ("<r>&nbsp;</r>", Malformed::Reference),
        ("<r a='&e;'/>", Malformed::Reference),
        ("<r>&#0;</r>", Malformed::Reference),
        ("<r>&#x1;</r>", Malformed::Reference),
        ("<r a='&#x1;'/>", Malformed::Reference),
        ("<r>&#+65;</r>", Malformed::Reference),
    ];
    for (text, expected) in cases {
        assert_eq!(read(text), Err(expected), "{text}");
    }
    let utf16: Vec<u8> = "<r/>".encode_utf16().flat_map(u16::to_le_bytes).chain([0xff]).collect();
    assert_eq!(check_bytes(&utf16, &Limits::RESPONSE, Comments::Refused), Err(Malformed::Encoding));
}

#[test]
fn each_limit_holds() {
    let limits = Limits {
        bytes: 1_000,
        depth: 3,
        elements: 5,
        attributes_per_element: 2,
        attributes: 4,
        namespaces_in_scope: 2,
    };
    let read = |text: &str| read_with(text, limits, Comments::Refused);
    assert!(read("<a b='' c=''><b><c/></b><d/><e/></a>").is_ok());
    assert_eq!(read(&format!("<a>{}</a>", "x".repeat(1_000))), Err(Malformed::TooLarge));
    assert_eq!(read("<a><b><c><d/></c></b></a>"), Err(Malformed::TooDeep));
    assert_eq!(read("<a><b/><c/><d/><e/><f/></a>"), Err(Malformed::TooManyElements));
    assert_eq!(read("<a b='' c='' d=''/>"), Err(Malformed::TooManyAttributes));
    assert!(read("<a b='' c=''><a b='' c=''/></a>").is_ok());
    assert_eq!(read("<a b='' c=''><a b='' c=''/><a b=''/></a>"), Err(Malformed::TooManyAttributes));
    let two_at_a_time = "<a xmlns:p='urn:p'><b xmlns:q='urn:q'/><b xmlns:r='urn:r'/><b xmlns='urn:s'/></a>";
    assert!(read(two_at_a_time).is_ok());
    let three = "<a xmlns:p='urn:p'><b xmlns:q='urn:q'><c xmlns:r='urn:r'/></b></a>";
    assert_eq!(read(three), Err(Malformed::TooManyNamespaces));
    let declare = |length: usize| read(&format!("<a xmlns='u:{}'/>", "x".repeat(length - 2)));
    assert!(declare(128).is_ok());
    assert_eq!(declare(129), Err(Malformed::Namespace));
}

/// CVE-2025-66568: a namespace is a URI with a scheme.
#[test]
fn a_namespace_that_is_no_absolute_uri_is_refused() {
    for namespace in ["1urn:x", "u_n:x", "urn:", "urn:a b", "urn:a>b"] {
        assert_eq!(read(&format!("<r xmlns='{namespace}'/>")), Err(Malformed::Namespace), "{namespace}");
    }
}

#[test]
fn a_document_may_be_as_long_as_the_limit() {
    let text = format!("<r>{}</r>", "x".repeat(93));
    let limits = Limits { bytes: 100, ..Limits::RESPONSE };
    assert!(read_with(&text, limits, Comments::Refused).is_ok());
    let limits = Limits { bytes: 99, ..limits };
    assert_eq!(read_with(&text, limits, Comments::Refused), Err(Malformed::TooLarge));
}

/// The reader does not rest on what looks at the bytes before it.
#[test]
fn the_reader_refuses_by_itself_what_the_byte_gate_keeps_from_it() {
    for (text, refused) in [
        ("<r><!-- c --></r>", Malformed::Doctype),
        ("<r><![CDATA[x]]></r>", Malformed::Doctype),
        ("<!DOCTYPE r><r/>", Malformed::Doctype),
        ("<r><?pi x?></r>", Malformed::ProcessingInstruction),
        ("<?xml version='1.1'?><r/>", Malformed::Encoding),
        ("<?xml version='1.0' encoding='UTF-16'?><r/>", Malformed::Encoding),
    ] {
        assert_eq!(parse(text, &Limits::RESPONSE, Comments::Refused), Err(refused), "{text}");
    }
    assert!(parse("<?xml version='1.0' encoding='Utf-8'?> <r/> ", &Limits::RESPONSE, Comments::Refused).is_ok());
}

#[test]
fn attributes_differ_by_name_or_by_namespace() {
    let root = read("<r xmlns:a='urn:a' xmlns:b='urn:b' a:i='1' b:i='2' a:j='3' i='4'/>").unwrap();
    assert_eq!((root.attributes.len(), root.attribute("i")), (4, Some("4")));
}

/// What an administrator hands in may be larger than what comes from a browser, and has bounds of its own.
#[test]
fn metadata_may_be_larger_than_a_response() {
    let text = |length: usize| format!("<r>{}</r>", "x".repeat(length));
    let elements = |count: usize| format!("<r>{}</r>", "<e/>".repeat(count));
    let attributes = |count: usize| format!("<r>{}</r>", "<e a='' b='' c='' d=''/>".repeat(count / 4));
    let namespaces = |count: usize| {
        let declared: String = (0..count).map(|n| format!(" xmlns:n{n}='urn:{n}'")).collect();
        format!("<r><e{declared}/></r>")
    };
    for (passes, is_too_much, refused) in [
        (text(900_000), text(1_100_000), Malformed::TooLarge),
        (elements(19_000), elements(21_000), Malformed::TooManyElements),
        (attributes(40_000), attributes(61_000), Malformed::TooManyAttributes),
        (namespaces(60), namespaces(66), Malformed::TooManyNamespaces),
    ] {
        let metadata = |text: &str| read_with(text, Limits::METADATA, Comments::Skipped).map(|_| ());
        assert_eq!(metadata(&passes), Ok(()), "{refused:?}");
        assert_eq!(read(&passes), Err(refused));
        assert!(metadata(&is_too_much).is_err(), "{refused:?}");
    }
}

#[test]
fn comments_are_skipped_where_people_write_by_hand_but_entities_are_not() {
    let root = read_with("<r>a<!-- x -->b</r>", Limits::METADATA, Comments::Skipped).unwrap();
    assert_eq!(root.text(), Some("ab"));
    for text in ["<!DOCTYPE r [<!ENTITY e 'x'>]><r>&e;</r>", "<r><![CDATA[x]]></r>"] {
        assert_eq!(read_with(text, Limits::METADATA, Comments::Skipped), Err(Malformed::Doctype), "{text}");
    }
}

#[test]
fn taking_an_element_out_joins_the_text_around_it() {
    let whole = read("<r xmlns='urn:r'>a<s/>b<t/></r>").unwrap();
    assert_eq!(whole.without("urn:r", "s"), read("<r xmlns='urn:r'>ab<t/></r>").unwrap());
}

#[test]
fn content_is_equal_whatever_the_prefixes_and_the_order_of_attributes() {
    let left = read("<a:r xmlns:a='urn:a' x='1' y='2'>t</a:r>").unwrap();
    assert_eq!(left, read("<r y='2' x='1' xmlns='urn:a'>t</r>").unwrap());
    assert_ne!(left, read("<r y='2' x='1' xmlns='urn:b'>t</r>").unwrap());
}
