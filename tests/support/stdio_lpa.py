"""A program that passes APDUs and HTTP requests on over its standard streams as lpac does; argument 1 says what."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import Any

ISDR = os.environ.get("AID", "A0000005591010FFFFFFFF8900000100")


def ask(kind: str, **payload: Any) -> dict[str, Any]:
    print(json.dumps({"type": kind, "payload": payload}), flush=True)
    found: dict[str, Any] = json.loads(sys.stdin.readline())["payload"]
    return found


def apdu(function: str, parameter: str | None = None) -> dict[str, Any]:
    return ask("apdu", func=function, param=parameter)


def tell(code: int, message: str, data: Any = None) -> None:
    print(json.dumps({"type": "lpa", "payload": {"code": code, "message": message, "data": data}}), flush=True)


def eid() -> None:
    apdu("connect")
    channel = apdu("logic_channel_open", ISDR)["ecode"]
    answer = apdu("transmit", f"8{channel}E2910006BF3E035C015A")["data"]
    if answer[:2] == "61":
        answer = apdu("transmit", f"0{channel}C00000{answer[2:4]}")["data"]
    apdu("logic_channel_close", f"{channel:02X}")
    tell(0, "success", {"eidValue": answer[10:42]})


def main() -> None:
    match sys.argv[1]:
        case "eid":
            eid()
        case "ask":
            print('{"type":"progress","payload":{"message":"preview"}}', flush=True)
            answer = sys.stdin.read(1)
            tell(0 if answer == "y" else -1, f"the user said {answer}")
        case "http":
            headers = ["Content-Type: application/json", "X-Admin-Protocol: gsma/rsp/v2.2.0"]
            url = f"https://{sys.argv[2]}/gsma/rsp2/es9plus/handleNotification"
            answer = ask("http", url=url, tx=b"{}".hex(), headers=headers)
            tell(0 if answer.get("rcode") == 204 else -1, str(answer))
        case "abortable":
            try:
                ask("http", url="https://smdp.example.com/", tx="", headers=[])
                tell(0, "went on")
            except KeyboardInterrupt:
                tell(-1, "aborted")
        case "deaf":
            print('{"type":"http","payload":{"url":"https://smdp.example.com/","tx":""}}', flush=True)
            time.sleep(60)
        case "hang":
            time.sleep(60)
        case "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "object":
            print('INFO: ready\n{\n  "application": 1\n}\n' + sys.argv[2] + "\n")
        case "nothing":
            sys.exit(3)


main()
