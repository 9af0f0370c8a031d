"""What reports see of an LPA's session: in the thread of the sequence, and no more than a report can hold."""

from __future__ import annotations

import threading

from pytest_euicc.es9.binding import HttpExchange
from pytest_euicc.iut.lpa.evidence import Evidence
from pytest_euicc.peers.lpa.record import Call, Http


def request(answer: bytes) -> Call:
    http = Http("smdp.example.com", "POST", "/gsma/rsp2/es9plus/authenticateClient", {}, b"{}", 200, {}, answer)
    return Call("ES9+.AuthenticateClient", "server", 0.0, 1.0, http=http)


def test_calls_of_other_threads_wait_for_that_of_the_sequence() -> None:
    seen: list[HttpExchange] = []
    evidence = Evidence(lambda: None, lambda: seen.append)
    thread = threading.Thread(target=evidence.crossed, args=(request(b"first"),))
    thread.start()
    thread.join()
    assert not seen
    evidence.crossed(request(b"second"))
    assert [each.reply.octets for each in seen if each.reply] == [b"first", b"second"]


def test_of_an_answer_of_many_megabytes_the_beginning_is_kept() -> None:
    seen: list[HttpExchange] = []
    Evidence(lambda: None, lambda: seen.append).crossed(request(b"a" * (9 << 20)))
    assert seen[0].reply is not None
    assert seen[0].reply.octets.endswith(b"a ... 9437184 octets in all")
    assert len(seen[0].reply.octets) < 1 << 17
