"""Declarations and the applicability expressions over them."""

from collections.abc import Mapping

import pytest

from pytest_euicc.conformance.files.applicability import ExpressionError, parse
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.document import FileMistakes

VALUES: Mapping[str, bool | tuple[int, int, int] | None]
VALUES = {
    "O_E_CRL": True,
    "O_E_BRP": False,
    "version": (2, 4, 0),
    "svn": None,
}


@pytest.mark.parametrize(
    ("expression", "applies"),
    [
        ("O_E_CRL", True),
        ("O_E_BRP", False),
        ("O_E_NIST", False),
        ("not O_E_BRP", True),
        ("O_E_CRL and O_E_BRP", False),
        ("O_E_CRL or O_E_BRP and O_E_BRP", True),
        ("(O_E_CRL or O_E_BRP) and O_E_BRP", False),
        ("not O_E_BRP and O_E_CRL", True),
        ("version >= 2.4", True),
        ("version > 2.4", False),
        ("version >= 2.10", False),
        ("version < 2.10", True),
        ("version == 2.4.0", True),
        ("version != 2", True),
        ("2.3 <= version", True),
        ("svn >= 2.0", False),
    ],
)
def test_expression(expression, applies):
    assert parse(expression).evaluate(VALUES).applies is applies


def test_the_reason_shows_every_value():
    outcome = parse("O_E_BRP and version >= 2.6").evaluate(VALUES)
    assert str(outcome) == "requires O_E_BRP and version >= 2.6; declared: O_E_BRP = false, version = 2.4.0"


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("O_E_BPR", "did you mean 'O_E_BRP'"),
        ("O_E_CRL O_E_BRP", "join parts with"),
        ("O_E_CRL and", "ends too early"),
        ("(O_E_CRL", "closing parenthesis"),
        ("version", "must be compared"),
        ("O_E_CRL >= 2.4", "only versions"),
        ("version >= 2.4.0.1", "not a version"),
        ("O_E_CRL & O_E_BRP", "unexpected '&'"),
        ("", "ends too early"),
        ("__import__('os')", "unexpected"),
        ("(" * 1900 + "O_E_CRL", "too deep"),
    ],
)
def test_bad_expression(expression, message):
    with pytest.raises(ExpressionError, match=message):
        parse(expression)


def write(tmp_path, text):
    path = tmp_path / "declaration.yaml"
    path.write_text(text)
    return path


def test_declaration_file(tmp_path):
    declaration = Declaration.load(
        write(
            tmp_path,
            'name: card\nversion: 2.4\noptions: [O_E_CRL]\nsvn: "2.4.0"\neid: 89044045118427484800000000011628\n'
            "ci_signing: [f54172bd]\nrestore: [80F2000000]\nsettings: {colour: blue}\n",
        )
    )
    assert declaration.version == "2.4.0"
    assert declaration.eid == "89044045118427484800000000011628"
    assert declaration.ci_signing == ["F54172BD"]
    assert declaration.restore == ["80F2000000"]
    assert declaration.applies("O_E_CRL and version < 2.6").applies
    assert "default_address" not in declaration.declared()


def test_all_mistakes_with_their_places(tmp_path):
    path = write(tmp_path, "name: card\noptions:\n  - O_E_CRLL\nsnv: 2.4.0\neid: 8904\nrestore: [8]\n")
    with pytest.raises(FileMistakes) as caught:
        Declaration.load(path)
    assert str(caught.value).replace(str(path), "F").splitlines() == [
        "F:1:1: key 'version' is missing; write the version of SGP.22 that it follows, 2.2 to 2.7",
        "F:3:5: unknown option 'O_E_CRLL'; did you mean 'O_E_CRL'?",
        "F:4:1: unknown key 'snv'; did you mean 'svn'?",
        "F:5:6: '8904' is not an EID; it has 32 digits",
        "F:6:11: '8' is not hex text; write an even number of hex digits, such as \"A000\"",
    ]


def test_no_such_file(tmp_path):
    with pytest.raises(FileMistakes, match="cannot be read: No such file"):
        Declaration.load(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("options", "curve"),
    [
        ([], "nist"),
        (["O_E_BRP"], "brainpool"),
        (["O_E_BRP", "O_E_NIST"], "nist"),
        ({"O_E_NIST": False}, "brainpool"),
        ({"O_E_NIST": True, "O_E_BRP": True}, "nist"),
        ({"O_E_NIST": False, "O_E_BRP": True}, "brainpool"),
    ],
)
def test_the_curve_of_sessions(options, curve):
    assert Declaration(options=options).curve == curve
