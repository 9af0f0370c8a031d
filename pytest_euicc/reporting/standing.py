"""What every sequence claims, by which source it claims so, and what is unproven: a page of tables."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby

from pytest_euicc.conformance.files.vector import Case, Sequence

READ, RETOLD, INDEPENDENT, OURS = "clause read", "clause retold", "independent implementations", "ours"
_QUOTED_56 = ("5.6.1", "5.6.2", "5.6.3", "5.6.4")
_QUOTED_57 = ("5.7.2", "5.7.6", "5.7.13", "5.7.14", "5.7.16", "5.7.17", "5.7.18")
_SOURCES: dict[str, tuple[str, tuple[str, ...]]] = {
    READ: (
        "the clause is quoted in a public source, or is of a public standard (RFC, ETSI, 3GPP, ISO, GlobalPlatform)",
        ("2.4.5.3", "2.5.5", "5.5.1", "5.5.5", *_QUOTED_56, *_QUOTED_57, "6.5.1"),
    ),
    RETOLD: (
        "a public source retells the clause field by field (SGP.22 v3.1), or the ASN.1 module says it",
        ("2.4a", "2.5.6", "2.9", "4.2", "4.3", "4.5", "4.6", "5.4.1", "5.5", "5.7"),
    ),
    INDEPENDENT: (
        "two implementations that do not know of each other behave so, or SGP.23's sequence exists as TTCN-3",
        ("2.5", "2.6", "3.1", "3.2", "3.3", "3.4", "3.5", "5.4", "5.6", "6.3", "6.5"),
    ),
    OURS: ("read from the whole, and from none of the above: a vendor may argue", ()),
}
_HEAD = """\
# Standing

What each sequence claims, and how well it is founded. Made by `make coverage` from the vectors; a test fails when it is
out of date. The full texts of SGP.22, SGP.23 and SGP.32 were not at hand: each claim rests on one of these. Which one
is decided by the clauses that the claim names, not by reading claim after claim: that a clause is quoted somewhere does
not say that every word of the claim is. A claim that names several clauses has the source of the weakest.

"""
_OPEN = """\
## What is unproven

A sequence below whose last column says so takes more than one answer, because no source decides. Not claimed at all:

- *That a challenge is refused when it is used a second time* (AuthenticateServer 15): SGP.22 5.7.13 and 3.1.5 as far
  as they are known do not say it.
- *That the eUICC verifies the content of a default SM-DP+ address* (SetDefaultDpAddress 06), or compares dpOid
  (ConfigureISDP 08).
- *That a STORE DATA chain survives commands on other channels* (ATR_And_ISDR_Selection 06, StoreData 07 and 08).
- *That sequence numbers have no gaps* (LoadBoundProfilePackage 08): they only grow.
- *That a Downloaded profile is offered a second time although no installation has failed*: 5.6.3 allows 8.2/1.2.
- *That CERT.EUM with path length 1, basicConstraints that is not critical, or no name constraints is refused*: RFC 5280
  accepts the path.
- *Which HTTP status a request gets that is none of the binding*: 4xx, 5xx or a function that failed.
- SGP.23's numbers of AuthenticateClient_RetryCases_Reuse_OTPK: two sources disagree, so the sequences are numbered as
  own.
- SGP.23's split of AuthenticateClientNIST_ErrorCases 01 and 03 into parts a to e is retold by one source.
- Of SGP.23's sequences of 4.3.12 to 4.3.16, those marked TTCN-3 have a test case in osmocom/osmo-ttcn3-hacks
  (smdpp/smdpp_Tests.ttcn, after SGP.23 v1.13 to v1.15). It has none for GetBoundProfilePackageNIST 02 and 05, nor for
  the parts b to e of the error cases 01 and 03. All its test cases of these groups over JSON have a sequence here;
  those of the ASN.1 binding and of ES2+ have none.
- The numbers of eUICC sequences are own throughout; the groups are those of SGP.23 that have their subject. Tables of
  contents of SGP.23 v1 are public and give the groups; no public list gives the sequences in them, and what retells
  SGP.23-1 v3.1 counts those of another document.

"""
_TTCN3_GROUPS = ("4.3.12", "4.3.13", "4.3.14", "4.3.15", "4.3.16")
_NOT_IN_TTCN3 = {
    "TC_SM-DP+_ES9+.GetBoundProfilePackageNIST": {"02", "05"},
    "TC_SM-DP+_ES9+.AuthenticateClientNIST_ErrorCases": {f"0{n}{part}" for n in (1, 3) for part in "bcde"},
}
"""SGP.23's sequences of these groups for which osmocom/osmo-ttcn3-hacks (smdpp/smdpp_Tests.ttcn) has no test case."""
_CLAUSE = re.compile(r"(?<![\w.])(\d+(?:\.\d+[a-z]?)+|\d+\.\d+[a-z])")
_PUBLIC = re.compile(r"\b(?:RFC|ETSI|ISO|3GPP|GlobalPlatform|TCA)\b")


def page(cases: Iterable[Case]) -> str:
    """The standing of all sequences as Markdown."""
    ordered = sorted(cases, key=lambda case: (case.iut, case.case))
    counts = Counter(source(case, sequence) for case in ordered for sequence in case.sequences)
    rows = [f"| {name} | {text} | {counts[name]} |" for name, (text, _) in _SOURCES.items()]
    parts = [_HEAD, "| source | what it means | sequences |\n| --- | --- | ---: |\n", "\n".join(rows), "\n\n", _OPEN]
    for _, of_case in groupby(ordered, key=lambda case: case.case):
        for case in of_case:
            parts.append(f"## {case.case}\n\n| id | claim | source |\n| --- | --- | --- |\n")
            parts += [f"{line}\n" for line in _rows(case)]
            parts.append("\n")
    return "".join(parts).rstrip("\n") + "\n"


def _rows(case: Case) -> Iterator[str]:
    for sequence in case.sequences:
        claim = (case.requirement_of(sequence) or sequence.title).replace("|", "\\|")
        several = any(step.any_of or "success" in (step.status or ())[1:] for step in sequence.steps)
        open_ = " (more than one answer)" if several else ""
        ttcn3 = "; TTCN-3" if in_ttcn3(case, sequence) else ""
        yield f"| {sequence.id} | {claim} | {source(case, sequence)}{ttcn3}{open_} |"


def in_ttcn3(case: Case, sequence: Sequence) -> bool:
    """Whether SGP.23's sequence exists as a TTCN-3 test case that does not know of this project."""
    theirs = case.iut == "smdp" and case.origin_of(sequence) == "sgp23" and case.clauses.sgp23 in _TTCN3_GROUPS
    return theirs and sequence.id not in _NOT_IN_TTCN3.get(case.case, ())


def source(case: Case, sequence: Sequence) -> str:
    """The source of the clauses that a sequence names: those in its requirement, else its own, else the case's.

    Of several the weakest: the claim needs all of them.
    """
    said = case.requirement_of(sequence) or ""
    cited = said[said.rfind("(") :] if "(" in said else ""
    # A public standard is cited with its clauses, up to the next comma.
    parts = [part for part in cited.split(",") if not _PUBLIC.search(part)]
    clauses = [clause for part in parts for clause in _CLAUSE.findall(part)]
    if not clauses and _PUBLIC.search(cited):
        return READ
    found = {_source_of(clause) for clause in clauses or sequence.clauses or case.clauses.sgp22} or {OURS}
    weakest = next(name for name in reversed(_SOURCES) if name in found)
    return INDEPENDENT if weakest == OURS and in_ttcn3(case, sequence) else weakest


def _source_of(clause: str) -> str:
    return next((name for name in (READ, RETOLD, INDEPENDENT) if _within(clause, name)), OURS)


def _within(clause: str, name: str) -> bool:
    return any(clause == known or clause.startswith(f"{known}.") for known in _SOURCES[name][1])
