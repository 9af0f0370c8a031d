"""A program that reads the EID through PC/SC and calls a server through an HTTPS proxy, as an LPA of its own would.

Arguments: name of the reader, host of the server.
"""

from __future__ import annotations

import http.client
import json
import os
import ssl
import sys
from urllib.parse import urlsplit

from pytest_euicc.card.channel import Card
from pytest_euicc.card.errors import CardError
from pytest_euicc.card.pcsc import PcscTransport
from pytest_euicc.card.transport import TransportOptions
from pytest_euicc.es10.isdr import Isdr


def read_eid(reader: str) -> str:
    card = Card(PcscTransport(reader, TransportOptions(timeout=10)))
    card.connect()
    try:
        isdr = Isdr(card.open_channel())
        isdr.select()
        return isdr.get_eid()
    except CardError as error:
        return type(error).__name__
    finally:
        card.close()


def called(host: str) -> str:
    """The HTTP status of a call, or what prevented it."""
    proxy = urlsplit(os.environ["https_proxy"])
    trust = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
    connection = http.client.HTTPSConnection(str(proxy.hostname), proxy.port, context=trust, timeout=10)
    connection.set_tunnel(host, 443)
    headers = {"Content-Type": "application/json", "X-Admin-Protocol": "gsma/rsp/v2.2.0"}
    try:
        connection.request("POST", "/gsma/rsp2/es9plus/handleNotification", b"{}", headers)
        return str(connection.getresponse().status)
    except OSError as error:
        return type(error).__name__


print(json.dumps({"code": 0, "eid": read_eid(sys.argv[1]), "status": called(sys.argv[2])}))
