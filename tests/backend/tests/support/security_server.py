"""A security server of X-Road, as far as one who asks through it can see: what its documents say of it, and nothing of ours.

It takes SOAP by HTTPS from a client whose certificate it knows, checks headers and body as the asking side and the target do,
has telempulld answer at its `pull_local`, compares the requestHash as the asking side does, and answers with HTTP headers of
its own, in chunks. The path of the request says what becomes of it:

    /                    the answer
    /fault/CODE/TEXT     a fault with that code, as any part of X-Road may have one
    /multipart           the answer as an early version sent it: with MIME parts
    /replay              the answer to the request before
    /unhashed            without requestHash
    /page, /cut, /bytes, /doctype, /empty, /gateway   what is no answer

    security_server.py --certificate PEM --key PEM --client-certificate PEM --client I/C/M[/S] --target HOST:PORT

It writes `listening on PORT`, then a line a request: what it found wrong, or `forwarded`.
"""

import argparse
import base64
import hashlib
import http.client
import http.server
import os
import re
import ssl
import sys
import urllib.parse
import uuid
import xml.etree.ElementTree as tree

SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
ROAD = "{http://x-road.eu/xsd/xroad.xsd}"
ID = "{http://x-road.eu/xsd/identifiers}"
MONITORING = "{http://x-road.eu/xsd/monitoring}"
SERVICE = "getSecurityServerMetrics"


class Fault(Exception):
    def __init__(self, code, text):
        super().__init__(text)
        self.code, self.text = code, text


def identifier(header, name, kinds, parts, optional=()):
    """The text of an identifier, whose children have to come in their order."""
    found = header.findall(ROAD + name)
    if len(found) > 1:
        raise Fault("Client.DuplicateHeaderField", f"SOAP header contains duplicate field '{ROAD}{name}'")
    if not found:
        return None
    kind = found[0].get(ID + "objectType")
    if kind not in kinds:
        raise Fault("Client.InvalidXml", f"{name}: objectType {kind}")
    given = [child.tag for child in found[0]]
    wanted = [ID + part for part in parts if part not in optional or ID + part in given]
    if given != wanted or not all((child.text or "").strip() for child in found[0]):
        raise Fault("Client.InvalidXml", f"{name}: {given}, and not {wanted}")
    return kind + ":" + "/".join(child.text for child in found[0])


def check(body, content_type, client):
    """As both sides check a request; the service that it is for."""
    if content_type.split(";")[0].strip().lower() not in ("text/xml", "application/xop+xml"):
        raise Fault("Client.InvalidContentType", f"Invalid content type: {content_type}")
    if b"<!DOCTYPE" in body:
        raise Fault("Client.InvalidXml", "there is a DTD")
    try:
        envelope = tree.fromstring(body)
    except tree.ParseError as error:
        raise Fault("Client.InvalidXml", str(error)) from error
    header, content = envelope.find(SOAP + "Header"), envelope.find(SOAP + "Body")
    if envelope.tag != SOAP + "Envelope" or content is None:
        raise Fault("Client.MissingBody", "Malformed SOAP message: body missing")
    if header is None:
        raise Fault("Client.MissingHeader", "Malformed SOAP message: header missing")
    member = ["xRoadInstance", "memberClass", "memberCode"]
    asks = identifier(header, "client", ("MEMBER", "SUBSYSTEM"), member + ["subsystemCode"], ["subsystemCode"])
    service = identifier(header, "service", ("SERVICE",), member + ["serviceCode"])
    identifier(header, "securityServer", ("SERVER",), member + ["serverCode"])
    if asks is None or service is None:
        raise Fault("Client.MissingHeaderField", "Message header must contain service id")
    for name in ("id", "protocolVersion"):
        if len(header.findall(ROAD + name)) != 1 or not header.findtext(ROAD + name):
            raise Fault("Client.MissingHeaderField", f"Required field '{name}' is missing")
    if not header.findtext(ROAD + "protocolVersion").startswith("4."):
        raise Fault("Client.InvalidProtocolVersion", "the version has to be 4")
    if asks.split(":", 1)[1] != client:
        raise Fault("Server.ClientProxy.UnknownMember", f"Client '{asks}' not found")
    if len(content) != 1:
        raise Fault("Client.InvalidBody", "Malformed SOAP message: body must have exactly one child element")
    if content[0].tag != MONITORING + SERVICE or not service.endswith("/" + SERVICE):
        raise Fault("Client.InconsistentHeaders", f"Malformed SOAP message: {content[0].tag} for {service}")


def hash_of(body):
    return base64.b64encode(hashlib.sha512(body).digest()).decode()


def fault_text(code, text):
    escaped = text.replace("&", "&amp;").replace("<", "&lt;")
    return (
        '<?xml version="1.0" encoding="UTF-8"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/">'
        "<SOAP-ENV:Header/><SOAP-ENV:Body><SOAP-ENV:Fault><faultcode>" + code + "</faultcode><faultstring>" + escaped +
        "</faultstring><faultactor/><detail><faultDetail>" + str(uuid.uuid4()) +
        "</faultDetail></detail></SOAP-ENV:Fault></SOAP-ENV:Body></SOAP-ENV:Envelope>"
    ).encode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "nginx", ""
    timeout = 60
    before = {}

    def log_message(self, *_):
        pass

    def note(self, text):
        sys.stderr.write(f"{self.path} {text}\n")
        sys.stderr.flush()

    def forwarded(self, body):
        """What telempulld answers, compared as the asking side does."""
        host, port = self.server.options.target.rsplit(":", 1)
        link = http.client.HTTPConnection(host, int(port), timeout=10)
        try:
            link.request("POST", "/", body, {"Content-Type": "text/xml; charset=UTF-8"})
            answer = link.getresponse()
            text, kind = answer.read(), answer.getheader("Content-Type", "")
        except OSError as error:
            raise Fault("Server.ClientProxy.NetworkError", f"Could not connect to any target host: {error}") from error
        if answer.status != 200 or not kind.startswith("text/xml"):
            raise Fault("Server.ServerProxy.ServiceFailed.HttpError", f"Server responded with error {answer.status}: {kind}")
        envelope = tree.fromstring(text)
        if envelope.find(SOAP + "Body").find(SOAP + "Fault") is None:
            given = envelope.find(SOAP + "Header").findtext(ROAD + "requestHash")
            if given != hash_of(body):
                raise Fault("Server.ClientProxy.InconsistentResponse", f"Request message hash does not match: {given}")
        self.note("forwarded")
        return text

    def send(self, body, kind="text/xml; charset=UTF-8", status=200):
        self.send_response(status)
        for name, value in (
            ("Content-Type", kind), ("Transfer-Encoding", "chunked"), ("x-road-id", str(uuid.uuid4())),
            ("X-Frame-Options", "DENY"), ("Connection", "close"),
        ):
            self.send_header(name, value)
        self.end_headers()
        for part in [body[at:at + 1000] for at in range(0, len(body), 1000)]:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")

    def do_GET(self):
        self.send(fault_text("Client.InvalidHttpMethod", "Must use POST request method instead of GET"))

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.close_connection = True
        try:
            if not self.connection.getpeercert(True):
                raise Fault("Server.ClientProxy.SslAuthenticationFailed", "Client did not supply TLS certificate")
            check(body, self.headers.get("Content-Type", ""), self.server.options.client)
            self.answer(body)
        except Fault as fault:
            self.note(f"{fault.code}: {fault.text}")
            self.send(fault_text(fault.code, fault.text))

    def answer(self, body):
        mode, *rest = self.path.strip("/").split("/")
        rest = [urllib.parse.unquote(part) for part in rest]
        if mode == "fault":
            self.send(fault_text(rest[0], rest[1]))
        elif mode == "page":
            self.send(b"<html><body>Sign in</body></html>", "text/html; charset=utf-8")
        elif mode == "gateway":
            self.send(b"<html><h1>502 Bad Gateway</h1></html>", "text/html", 502)
        elif mode == "bytes":
            self.send(os.urandom(5000))
        elif mode == "empty":
            self.send(b"")
        else:
            self.of_answer(mode, self.forwarded(body))

    def of_answer(self, mode, text):
        if mode == "":
            self.send(text)
        elif mode == "multipart":
            head = b"--jetty\r\nContent-Type:text/xml; charset=UTF-8\r\n\r\n"
            self.send(head + text + b"\r\n--jetty--\r\n", 'multipart/related; type="text/xml"; charset=UTF-8; boundary=jetty')
        elif mode == "cut":
            self.send(text[: len(text) // 2])
        elif mode == "doctype":
            entities = b"".join(b'<!ENTITY e%d "%s">' % (n, b"&e%d;" % (n - 1) * 10 if n else b"ha") for n in range(9))
            declaration, rest = text.split(b"?>", 1)
            self.send(declaration + b"?><!DOCTYPE x [" + entities + b"]>" + rest)
        elif mode == "unhashed":
            self.send(re.sub(rb"<[^<>]*requestHash.*?requestHash>", b"", text, flags=re.DOTALL))
        elif mode == "replay":
            self.send(Handler.before.setdefault(self.path, text))
        else:
            raise Fault("Client.InvalidRequest", f"no such path: {self.path}")


def main():
    parser = argparse.ArgumentParser()
    for name in ("certificate", "key", "client-certificate", "client", "target"):
        parser.add_argument("--" + name, required=True)
    options = parser.parse_args()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # As those of X-Road do.
    tls.maximum_version = ssl.TLSVersion.TLSv1_2
    tls.load_cert_chain(options.certificate, options.key)
    tls.load_verify_locations(options.client_certificate)
    tls.verify_mode = ssl.CERT_REQUIRED
    tls.verify_flags |= 0x80000  # X509_V_FLAG_PARTIAL_CHAIN: the certificate itself is trusted.
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.options = options
    # Each connection shakes hands on its own thread, at its first read.
    server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    print(f"listening on {server.server_address[1]}", flush=True)
    server.serve_forever()


main()
