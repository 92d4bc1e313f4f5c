"""A SAML identity provider without pages: it answers each request with a signed assertion. The elements are written in their
canonical form, so that no XML library is needed to sign them."""

import base64
import datetime
import hashlib
import re
import secrets
import urllib.parse
import zlib
from datetime import timezone

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

ENTITY_ID = "https://idp.bench.test/metadata"
SAML, SAMLP = "urn:oasis:names:tc:SAML:2.0:assertion", "urn:oasis:names:tc:SAML:2.0:protocol"
DS, MD = "http://www.w3.org/2000/09/xmldsig#", "urn:oasis:names:tc:SAML:2.0:metadata"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
ADDRESS = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"


class Provider:
    """Its key is made at the first call, and read from `file` at the next ones."""

    def __init__(self, file=None):
        if file and file.exists():
            self.key = serialization.load_pem_private_key(file.read_bytes(), None)
        else:
            self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            if file:
                file.write_bytes(self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                                        serialization.NoEncryption()))
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "idp.bench.test")])
        today = datetime.datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
        build = x509.CertificateBuilder(name, name, self.key.public_key(), 1, today, today + datetime.timedelta(days=365))
        der = build.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
        self.certificate = base64.b64encode(der).decode()

    def metadata(self):
        return (f'<md:EntityDescriptor xmlns:md="{MD}" entityID="{ENTITY_ID}"><md:IDPSSODescriptor '
                f'protocolSupportEnumeration="{SAMLP}"><md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="{DS}"><ds:X509Data>'
                f"<ds:X509Certificate>{self.certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
                f"<md:NameIDFormat>{ADDRESS}</md:NameIDFormat><md:SingleSignOnService "
                'Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.bench.test/sso"/>'
                "</md:IDPSSODescriptor></md:EntityDescriptor>")

    def answer(self, url, address):
        """What the browser posts, and where: the answer to a request that came by redirect."""
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
        request = zlib.decompress(base64.b64decode(query["SAMLRequest"]), -15).decode()
        pick = lambda pattern: re.search(pattern, request).group(1)
        acs, audience = pick(r'AssertionConsumerServiceURL="([^"]+)"'), pick(r"<(?:\w+:)?Issuer[^>]*>([^<]+)<")
        response = self.response(acs, audience, pick(r'\sID="([^"]+)"'), address)
        fields = {"SAMLResponse": base64.b64encode(response.encode()).decode()}
        if "RelayState" in query:
            fields["RelayState"] = query["RelayState"]
        return acs, fields

    def response(self, acs, audience, request, address):
        now = datetime.datetime.now(timezone.utc)
        at = lambda seconds: (now + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
        identifier, issuer = f"_{secrets.token_hex(20)}", f"<saml:Issuer>{ENTITY_ID}</saml:Issuer>"
        start = f'<saml:Assertion xmlns:saml="{SAML}" ID="{identifier}" IssueInstant="{at(0)}" Version="2.0">{issuer}'
        attribute = lambda name, value: (f'<saml:Attribute Name="{name}"><saml:AttributeValue>{value}</saml:AttributeValue>'
                                         "</saml:Attribute>")
        rest = (f'<saml:Subject><saml:NameID Format="{ADDRESS}">{address}</saml:NameID><saml:SubjectConfirmation '
                'Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData '
                f'InResponseTo="{request}" NotOnOrAfter="{at(300)}" Recipient="{acs}"></saml:SubjectConfirmationData>'
                f'</saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="{at(-60)}" NotOnOrAfter="{at(300)}">'
                f"<saml:AudienceRestriction><saml:Audience>{audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions>"
                f'<saml:AuthnStatement AuthnInstant="{at(0)}" SessionIndex="{identifier}"><saml:AuthnContext>'
                "<saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
                "</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement>"
                f"{attribute('email', address)}{attribute('id', address)}{attribute('firstName', 'Bench')}"
                f"{attribute('lastName', address.split('@')[0])}</saml:AttributeStatement></saml:Assertion>")
        assertion = start + self.signature(identifier, start + rest) + rest
        return (f'<samlp:Response xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}" Destination="{acs}" ID="_{secrets.token_hex(20)}" '
                f'InResponseTo="{request}" IssueInstant="{at(0)}" Version="2.0">{issuer}<samlp:Status><samlp:StatusCode '
                f'Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>{assertion}</samlp:Response>')

    def signature(self, identifier, canonical):
        digest = base64.b64encode(hashlib.sha256(canonical.encode()).digest()).decode()
        algorithm = lambda name, uri: f'<ds:{name} Algorithm="{uri}"></ds:{name}>'
        signed = (f'<ds:SignedInfo xmlns:ds="{DS}">{algorithm("CanonicalizationMethod", EXCLUSIVE)}'
                  f'{algorithm("SignatureMethod", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256")}'
                  f'<ds:Reference URI="#{identifier}"><ds:Transforms>{algorithm("Transform", DS + "enveloped-signature")}'
                  f'{algorithm("Transform", EXCLUSIVE)}</ds:Transforms>'
                  f'{algorithm("DigestMethod", "http://www.w3.org/2001/04/xmlenc#sha256")}<ds:DigestValue>{digest}'
                  "</ds:DigestValue></ds:Reference></ds:SignedInfo>")
        value = base64.b64encode(self.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()
        return (f'<ds:Signature xmlns:ds="{DS}">{signed}<ds:SignatureValue>{value}</ds:SignatureValue><ds:KeyInfo><ds:X509Data>'
                f"<ds:X509Certificate>{self.certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>")
