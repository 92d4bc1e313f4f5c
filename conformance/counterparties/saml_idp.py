"""A SAML 2.0 identity provider on pysaml2, with a sign-in page for people.

    saml_idp.py --port PORT --config FILE [--allow-faults]

prints `READY <url>` when it listens. FILE is JSON:

    {"state_dir": "...",                keys and certificates are made here once, and kept
     "title": "Acme IdP",
     "people": [{"email", "password", "name", "given_name", "family_name", "groups": []}],
     "sign": "assertion" | "response" | "both",
     "service_providers": ["https://.../metadata"]}

Routes: GET /metadata; GET /sso (HTTP-Redirect); POST /sso (the sign-in form); POST /admin/service-providers with
{"url": "..."} trusts one more service provider, or reads the metadata of one again; POST /admin/roll-over goes one step on
in a change of the signing key: the next one is announced, then used, then alone; GET and POST /slo (single logout, by
redirect and by form); POST /admin/sign-out with {"login": "...", "binding": "redirect" | "post"} answers with the address
that tells the service provider where that person was signed in last that they have signed out; POST /admin/slo
with {"partial": true, "bindings": ["redirect" | "post"]} says how far a logout comes, and what is taken. With --allow-faults, `&fault=NAME` on
/sso makes the answer dishonest in one way (see FAULTS), still correctly signed; `&sign=...` chooses what is signed, and
`&encrypt=aes256-gcm` (aes128-gcm, tripledes-cbc) encrypts the assertion after it was signed.
"""

import argparse
import datetime
import html
import json
import threading
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT, class_name
from saml2.config import IdPConfig
from saml2.metadata import entity_descriptor
from saml2.saml import NAMEID_FORMAT_EMAILADDRESS, NameID
from saml2.server import Server
from saml2.s_utils import error_status_factory, success_status_factory
from saml2.samlp import STATUS_PARTIAL_LOGOUT, StatusCode, logout_response_from_string, response_from_string
from saml2.sigver import (
    get_pem_wrapped_unwrapped, make_temp, pre_encrypt_assertion, pre_encryption_part, pre_signature_part,
    signed_instance_factory, verify_redirect_signature,
)
from saml2.xmldsig import DIGEST_SHA256, SIG_RSA_SHA256

from sign_in_page import page

BINDINGS = {"redirect": BINDING_HTTP_REDIRECT, "post": BINDING_HTTP_POST}
PASSWORD_CONTEXT = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"


def make_certificate(folder, name):
    """A self-signed RSA key and certificate `name.key`, `name.crt` in `folder`, made once."""
    key_file, certificate_file = folder / f"{name}.key", folder / f"{name}.crt"
    if not certificate_file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.timezone.utc)
        certificate = (
            x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=365)).sign(key, hashes.SHA256())
        )
        key_file.write_bytes(key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()))
        certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return str(key_file), str(certificate_file)


# --- faults: each takes the response before it is signed and makes one statement of it wrong ---

def wrong_audience(response):
    response.assertion.conditions.audience_restriction[0].audience[0].text = "https://somebody-else.example/metadata"


def no_audience(response):
    response.assertion.conditions.audience_restriction = []


def expired(response):
    past = "2020-01-01T00:00:00Z"
    response.assertion.conditions.not_on_or_after = past
    response.assertion.subject.subject_confirmation[0].subject_confirmation_data.not_on_or_after = past


def other_recipient(response):
    response.assertion.subject.subject_confirmation[0].subject_confirmation_data.recipient = "https://other.example/acs"


def other_issuer(response):
    response.assertion.issuer.text = "https://other-idp.example/metadata"


def unsolicited(response):
    response.in_response_to = None
    response.assertion.subject.subject_confirmation[0].subject_confirmation_data.in_response_to = None


FAULTS = {fault.__name__: fault for fault in
          (wrong_audience, no_audience, expired, other_recipient, other_issuer, unsolicited)}
# These are not about what is said but about the signature.
SIGNATURE_FAULTS = {"unsigned", "wrong_key"}


# name -> (algorithm, the library's name of its key)
CIPHERS = {
    "aes256-gcm": ("http://www.w3.org/2009/xmlenc11#aes256-gcm", "aes-256"),
    "aes128-gcm": ("http://www.w3.org/2009/xmlenc11#aes128-gcm", "aes-128"),
    "tripledes-cbc": ("http://www.w3.org/2001/04/xmlenc#tripledes-cbc", "des-192"),
}


class IdentityProvider:
    """The library's server and the people it knows; rebuilt whenever a service provider is added."""

    def __init__(self, base, config, allow_faults):
        self.base, self.allow_faults = base, allow_faults
        self.title = config.get("title", "SAML identity provider")
        self.sign = config.get("sign", "assertion")
        self.people = {person["email"]: person for person in config["people"]}
        self.state = Path(config["state_dir"])
        self.key, self.certificate = make_certificate(self.state, "idp")
        self.other_certificates, self.steps = [], iter(("announce", "change", "retire"))
        self.lock, self.providers, self.server = threading.Lock(), {}, None
        # Where people are signed in: address -> (service provider, NameID, SessionIndex). What is to be sent to one.
        self.sessions, self.outbox, self.is_partial, self.logout_bindings = {}, None, False, ["redirect", "post"]
        self.rebuild()
        for url in config.get("service_providers", []):
            self.trust(url)

    def settings(self, key, certificate):
        endpoints = {
            "single_sign_on_service": [(f"{self.base}/sso", BINDING_HTTP_REDIRECT)],
            "single_logout_service": [(f"{self.base}/slo", BINDINGS[name]) for name in self.logout_bindings],
        }
        return IdPConfig().load({
            "entityid": f"{self.base}/metadata",
            "xmlsec_binary": "/usr/bin/xmlsec1",
            "key_file": key,
            "cert_file": certificate,
            "additional_cert_files": self.other_certificates,
            "metadata": {"local": list(self.providers.values())} if self.providers else {},
            "signing_algorithm": SIG_RSA_SHA256,
            "digest_algorithm": DIGEST_SHA256,
            "service": {"idp": {
                "name": self.title,
                "endpoints": endpoints,
                "want_authn_requests_signed": True,
                "name_id_format": [NAMEID_FORMAT_EMAILADDRESS],
                "policy": {"default": {"lifetime": {"minutes": 5}, "attribute_restrictions": None}},
            }},
        })

    def rebuild(self):
        self.server = Server(config=self.settings(self.key, self.certificate))

    def metadata(self):
        return str(entity_descriptor(self.server.config))

    def trust(self, url):
        with urllib.request.urlopen(url, timeout=10) as answer:
            document = answer.read()
        with self.lock:
            file = self.providers.setdefault(url, str(self.state / f"service-provider-{len(self.providers)}.xml"))
            Path(file).write_bytes(document)
            self.rebuild()

    def roll_over(self):
        """One step of a change of the signing key; says which."""
        with self.lock:
            step = next(self.steps)
            if step == "announce":
                self.other_certificates = [make_certificate(self.state, "next")[1]]
            elif step == "change":
                self.other_certificates = [self.certificate]
                self.key, self.certificate = make_certificate(self.state, "next")
            else:
                self.other_certificates = []
            self.rebuild()
        return step

    def read_request(self, query):
        """The AuthnRequest, its signature verified; raises when it is not from a trusted service provider."""
        request = self.server.parse_authn_request(
            query["SAMLRequest"], BINDING_HTTP_REDIRECT, relay_state=query.get("RelayState"),
            sigalg=query.get("SigAlg"), signature=query.get("Signature"))
        message = request.message
        return message.id, message.issuer.text, self.server.response_args(message)["destination"]

    def answer(self, request, person, fault, sign, cipher):
        """The signed response, as XML."""
        request_id, service_provider, consumer = request
        attributes = {
            "mail": [person["email"]],
            "givenName": [person.get("given_name", "")],
            "sn": [person.get("family_name", "")],
            "displayName": [person.get("name", person["email"])],
        }
        response = self.server.create_authn_response(
            attributes, in_response_to=request_id, destination=consumer, sp_entity_id=service_provider,
            name_id=NameID(format=NAMEID_FORMAT_EMAILADDRESS, text=person.get("subject", person["email"])),
            authn={"class_ref": PASSWORD_CONTEXT, "authn_auth": self.base},
            sign_assertion=False, sign_response=False)
        assertion = response.assertion
        index = assertion.authn_statement[0].session_index
        self.sessions[person["email"]] = (service_provider, assertion.subject.name_id, index)
        if fault in FAULTS:
            FAULTS[fault](response)
        if fault == "unsigned":
            return str(response)
        if cipher is not None:
            return self.encrypted(response, service_provider, sign, cipher)
        return self.signed(response, fault, sign)

    # --- single logout ---

    def send(self, binding, message, destination, relay_state, response):
        """A signed message on its way: (address, None) or (None, page). By form it carries its signature inside."""
        sent = self.server.apply_binding(
            binding, message, destination, relay_state or "", response=response, sign=binding == BINDING_HTTP_REDIRECT,
            sigalg=SIG_RSA_SHA256)
        return (dict(sent["headers"])["Location"], None) if binding == BINDING_HTTP_REDIRECT else (None, sent["data"])

    def sign_out(self, login, binding):
        """Somebody has signed out here: the request to the service provider where they were signed in last."""
        service_provider, name_id, index = self.sessions.pop(login)
        services = self.server.metadata.single_logout_service(service_provider, binding, "spsso")
        destination = services[0]["location"]
        _, request = self.server.create_logout_request(
            destination, service_provider, name_id=name_id, session_indexes=[index],
            sign=binding == BINDING_HTTP_POST, sign_alg=SIG_RSA_SHA256, digest_alg=DIGEST_SHA256)
        return self.send(binding, request, destination, "their-state", False)

    def asked_to_sign_out(self, query, binding):
        """A service provider's request, its signature verified: the person is signed out, and it is answered."""
        request = self.server.parse_logout_request(
            query["SAMLRequest"], binding, relay_state=query.get("RelayState"),
            sigalg=query.get("SigAlg"), signature=query.get("Signature")).message
        known = [login for login, (_, name_id, index) in self.sessions.items()
                 if name_id.text == request.name_id.text and name_id.format == request.name_id.format
                 and [one.text for one in request.session_index] == [index]]
        for login in known:
            del self.sessions[login]
        status = success_status_factory()
        if self.is_partial:
            status.status_code.status_code = StatusCode(value=STATUS_PARTIAL_LOGOUT)
        if not known:
            status = error_status_factory(("urn:oasis:names:tc:SAML:2.0:status:UnknownPrincipal", "nobody"))
        answer = self.server.create_logout_response(
            request, [binding], status, sign=binding == BINDING_HTTP_POST, sign_alg=SIG_RSA_SHA256,
            digest_alg=DIGEST_SHA256)
        services = self.server.metadata.single_logout_service(request.issuer.text, binding, "spsso")
        return self.send(binding, answer, services[0]["location"], query.get("RelayState"), True)

    def answered_sign_out(self, query, binding):
        """A service provider's answer: (its status, what it brought back), its signature verified."""
        text = query["SAMLResponse"]
        if binding == BINDING_HTTP_REDIRECT:
            issuer = self.server.unravel(text, binding, "logout_response")
            issuer = logout_response_from_string(issuer).issuer.text
            certificates = self.server.metadata.certs(issuer, "spsso", "signing")
            if not any(verify_redirect_signature(query, self.server.sec.sec_backend, cert) for _, cert in certificates):
                raise ValueError("the answer is not signed")
        answer = self.server.parse_logout_request_response(text, binding)
        return answer.response.status.status_code.value, query.get("RelayState")

    def encrypted(self, response, service_provider, sign, cipher):
        """Signed inside, encrypted, and signed again around it, as `sign` says."""
        algorithm, key_type = CIPHERS[cipher]
        _, certificate = self.server.metadata.certs(service_provider, "any", "encryption")[0]
        wrapped, unwrapped = get_pem_wrapped_unwrapped(certificate)
        file = make_temp(wrapped.encode("ascii"), decode=False)
        assertion = response.assertion
        template = pre_encryption_part(msg_enc=algorithm, encrypt_cert=unwrapped)
        parts = []
        if sign != "response":
            assertion.signature = pre_signature_part(
                assertion.id, self.server.sec.my_cert, 1, sign_alg=SIG_RSA_SHA256, digest_alg=DIGEST_SHA256)
            parts.append((class_name(assertion), assertion.id))
        # With its own declarations of prefixes: those around it may be others once the response is written anew.
        tag = assertion._to_element_tree().tag
        response = pre_encrypt_assertion(response)
        text = response.get_xml_string_with_self_contained_assertion_within_encrypted_assertion(tag)
        if parts:
            text = signed_instance_factory(text, self.server.sec, parts)
        text = self.server.sec.encrypt_assertion(text, file.name, template, key_type)
        if sign == "assertion":
            return text
        response = response_from_string(text)
        response.signature = pre_signature_part(
            response.id, self.server.sec.my_cert, 2, sign_alg=SIG_RSA_SHA256, digest_alg=DIGEST_SHA256)
        return signed_instance_factory(response, self.server.sec, [(class_name(response), response.id)])

    def signed(self, response, fault, sign):
        signer = self.server
        if fault == "wrong_key":
            signer = Server(config=self.settings(*make_certificate(self.state, "somebody-else")))
        parts = []
        wanted = ((sign != "response", response.assertion), (sign != "assertion", response))
        for number, (is_wanted, part) in enumerate(wanted, start=1):
            if is_wanted:
                part.signature = pre_signature_part(
                    part.id, signer.sec.my_cert, number, sign_alg=SIG_RSA_SHA256, digest_alg=DIGEST_SHA256)
                parts.append((class_name(part), part.id))
        return signed_instance_factory(response, signer.sec, parts)

    def post_form(self, response, request, relay_state):
        """The page that carries the response to the service provider, as a browser would be given it."""
        return self.server.apply_binding(
            BINDING_HTTP_POST, response, request[2], relay_state or "", response=True)["data"]


class Door(BaseHTTPRequestHandler):
    """Parses a request, calls the identity provider, renders."""

    idp = None

    def log_message(self, template, *arguments):
        pass

    def send(self, body, kind="text/html; charset=utf-8", status=200):
        raw = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def refuse(self, reason, status=400):
        self.send(page(self.idp.title, f"<h1>Refused</h1><p>{html.escape(reason)}</p>"), status=status)

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        if url.path == "/metadata":
            return self.send(self.idp.metadata(), "application/samlmetadata+xml")
        if url.path == "/sso" and "SAMLRequest" in query:
            return self.show_form(query)
        if url.path == "/slo":
            return self.logout(query, BINDING_HTTP_REDIRECT)
        if url.path == "/outbox":
            return self.send(self.idp.outbox)
        return self.refuse("There is nothing here.", 404)

    def show_form(self, query, complaint=""):
        try:
            self.idp.read_request(query)
        except Exception as reason:  # pysaml2 raises many kinds; each of them means that the request is no good
            return self.refuse(f"The request was not accepted: {type(reason).__name__} {reason}")
        hidden = "".join(f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
                         for name, value in query.items())
        return self.send(page(self.idp.title, f"""
            <h1>Sign in</h1><p class="quiet">{html.escape(self.idp.title)}</p>
            {f'<p class="complaint" role="alert">{html.escape(complaint)}</p>' if complaint else ''}
            <form method="post" action="/sso">{hidden}
              <label>E-mail <input name="login" type="email" autocomplete="username" required autofocus></label>
              <label>Password <input name="password" type="password" autocomplete="current-password" required></label>
              <button>Sign in</button></form>"""))

    def do_POST(self):
        path = urllib.parse.urlsplit(self.path).path
        if path == "/admin/service-providers":
            self.idp.trust(json.loads(self.body())["url"])
            return self.send("{}", "application/json", 201)
        if path == "/admin/roll-over":
            return self.send(json.dumps({"step": self.idp.roll_over()}), "application/json", 201)
        if path == "/admin/sign-out":
            asked = json.loads(self.body())
            address, self.idp.outbox = self.idp.sign_out(asked["login"], BINDINGS[asked["binding"]])
            return self.send(json.dumps({"address": address or f"{self.idp.base}/outbox"}), "application/json", 201)
        if path == "/admin/slo":
            asked = json.loads(self.body())
            self.idp.is_partial, self.idp.logout_bindings = asked["partial"], asked["bindings"]
            self.idp.rebuild()
            return self.send("{}", "application/json", 201)
        if path == "/slo":
            return self.logout(dict(urllib.parse.parse_qsl(self.body())), BINDING_HTTP_POST)
        if path == "/sso":
            return self.sign_in(dict(urllib.parse.parse_qsl(self.body())))
        return self.refuse("There is nothing here.", 404)

    def logout(self, query, binding):
        try:
            with self.idp.lock:
                if "SAMLResponse" in query:
                    status, state = self.idp.answered_sign_out(query, binding)
                    return self.send(page(self.idp.title, f"<h1>Signed out</h1><p>{html.escape(f'{status} {state}')}</p>"))
                address, form = self.idp.asked_to_sign_out(query, binding)
        except Exception as reason:  # as above
            return self.refuse(f"The message was not accepted: {type(reason).__name__} {reason}")
        if form is not None:
            return self.send(form)
        self.send_response(303)
        self.send_header("Location", address)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def sign_in(self, form):
        login, password = form.pop("login", ""), form.pop("password", "")
        person = self.idp.people.get(login)
        if person is None or person["password"] != password:
            return self.show_form(form, "The e-mail address or the password is wrong.")
        asked = form if self.idp.allow_faults else {}
        fault, sign, cipher = asked.get("fault"), asked.get("sign", self.idp.sign), asked.get("encrypt")
        with self.idp.lock:
            request = self.idp.read_request(form)
            response = self.idp.answer(request, person, fault, sign, cipher)
            return self.send(self.idp.post_form(response, request, form.get("RelayState")))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--allow-faults", action="store_true")
    arguments = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", arguments.port), Door)
    base = f"http://127.0.0.1:{server.server_port}"
    Door.idp = IdentityProvider(base, json.loads(arguments.config.read_text()), arguments.allow_faults)
    print(f"READY {base}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
