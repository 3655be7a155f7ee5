"""Asks by SOAP with zeep, by its description (WSDL), and prints what came as JSON: each value with its type in Python.

    zeep_client.py WSDL '{"url", "client", "owner", "server", "fields", "cert", "key", "ca"}'

A client is I/C/M or I/C/M/S; without "cert" it asks without TLS.
"""

import base64
import hashlib
import json
import sys

import requests
import zeep
from requests.adapters import HTTPAdapter
from zeep.exceptions import Fault


class Named(HTTPAdapter):
    """telempulld's certificate has one name, wherever the machine is."""

    def init_poolmanager(self, *args, **kwargs):
        super().init_poolmanager(*args, server_hostname="telempulld", assert_hostname="telempulld", **kwargs)


class Transport(zeep.Transport):
    """Keeps what is posted: its hash comes back."""

    def post(self, address, message, headers):
        self.posted, self.sent_headers = message, headers
        self.response = super().post(address, message, headers)
        return self.response


def identifier(text, names, kind):
    return dict(zip(names, text.split("/")), objectType=kind)


MEMBER = ["xRoadInstance", "memberClass", "memberCode"]


def headers(wish):
    is_member = wish["client"].count("/") == 2
    return {
        "client": identifier(wish["client"], MEMBER + ["subsystemCode"], "MEMBER" if is_member else "SUBSYSTEM"),
        "service": dict(identifier(wish["owner"], MEMBER, "SERVICE"), serviceCode="getSecurityServerMetrics"),
        "securityServer": dict(identifier(wish["owner"], MEMBER, "SERVER"), serverCode=wish["server"]),
        "userId": "EE<1>&",
        "id": "5d0c2f6e",
        "protocolVersion": "4.0",
    }


def typed(value):
    """A value of the answer as [type, text], objects as what they hold."""
    if value is None or isinstance(value, list):
        return value and [typed(item) for item in value]
    if hasattr(value, "__values__"):
        return {name: typed(item) for name, item in value.__values__.items()}
    if isinstance(value, dict):
        return {name: typed(item) for name, item in value.items()}
    if isinstance(value, bytes):
        return ["bytes", base64.b64encode(value).decode()]
    return [type(value).__name__, value.isoformat() if hasattr(value, "isoformat") else str(value)]


def main():
    wsdl, wish = sys.argv[1], json.loads(sys.argv[2])
    session = requests.Session()
    session.trust_env = False
    if "cert" in wish:
        session.mount("https://", Named())
        session.cert, session.verify = (wish["cert"], wish["key"]), wish["ca"]
    transport = Transport(session=session, timeout=30, operation_timeout=30)
    client = zeep.Client(wsdl, transport=transport)
    service = client.create_service("{urn:metrics}metrics", wish["url"])
    spec = {"outputSpec": {"outputField": wish["fields"]}} if "fields" in wish else {}
    said = {}
    try:
        answer = service.getSecurityServerMetrics(_soapheaders=headers(wish), **spec)
        said = {"header": typed(answer.header), "metrics": typed(answer.body)}
    except Fault as fault:
        detail = fault.detail.find("faultDetail") if fault.detail is not None else None
        said = {"fault": [fault.code, fault.message, getattr(detail, "text", None)]}
    said["hash"] = base64.b64encode(hashlib.sha512(transport.posted).digest()).decode()
    said["status"] = transport.response.status_code
    json.dump(said, sys.stdout)


main()
