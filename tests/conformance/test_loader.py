"""The loader: every mistake of a vector file, with its place and the mend, all at once and never a traceback."""

import pytest

from pytest_euicc.conformance.reading import loader
from pytest_euicc.document import Document, FileMistakes
from tests.support.mini_card import HEAD

GOOD = (
    HEAD
    + "    given: [isdr_selected]\n    steps: [es10b.get_euicc_challenge: {expect: {euiccChallenge: {octets: 16}}}]\n"
)

MANY = """\
case: TC_Many
title: Many
iut: euic
interface: ES10b
clauses: {sgp22: ["five"], sgp23: "4.2.12"}
origin: own
applicability: O_E_BPR
sequences:
  - id: 03
    titel: A
    title: B
    given: [isdr_selectd, {profile: {state: enable, as: p1, foo: 1}}]
    steps:
      - es10b.get_euicc_chalenge:
      - es10b.get_euicc_challenge:
          expect: {euiccChalenge: {octets: 16}}
      - es10b.get_euicc_challenge:
          expect: {euiccChallenge: {octet: 16, save: first}}
          sw: 90000
      - es10c.enable_profile:
          with: {profileIdentifier: {iccid: $p1.iccid}, refreshFlag: maybe}
          tamper: [{flipp: {at: 1}}, {flip: {at: profileIdentifer, bit: 9}}]
          expect: {enableResult: okay}
      - es10c.enable_profile:
          with: {profileIdentifier: {iccid: $p2}}
          expect: {enableResult: ok}
          expect: {enableResult: ok}
          verify: [derr]
          channel: third
      - isdr.store_data: {dat: "00"}
  - id: "03"
    title: again
    steps: [card.reset]
"""


def mistakes_of(text):
    document = Document.parse(text, "F")
    assert loader.parse(document) is None or not document.mistakes
    return [str(mistake) for mistake in sorted(set(document.mistakes))]


def test_a_good_file_has_none():
    assert mistakes_of(GOOD) == []


def test_many_mistakes_at_once():
    assert mistakes_of(MANY) == [
        "F:3:6: unknown kind of implementation under test (iut) 'euic'; did you mean 'euicc'?",
        'F:5:19: \'five\' is not a clause; write the number, such as "5.7.7" or "ISO 7816-4 7.4"',
        "F:7:16: unknown option 'O_E_BPR'; did you mean 'O_E_BRP'?",
        'F:9:9: id 03 is a number in YAML; write id: "03"',
        "F:10:5: unknown key 'titel'; did you mean 'title'?",
        "F:12:13: unknown state 'isdr_selectd'; did you mean 'isdr_selected'?",
        "F:12:45: 'enable' is not one of 'enabled' or 'disabled'",
        "F:12:61: unknown argument 'foo' (of profile); known: addresses, as, class, icon, notify, ppr, state",
        "F:14:9: unknown action 'es10b.get_euicc_chalenge'; did you mean 'es10b.get_euicc_challenge'?",
        "F:16:20: GetEuiccChallengeResponse has no field 'euiccChalenge'; did you mean 'euiccChallenge'?",
        "F:18:37: unknown operator 'octet'; did you mean 'octets'?",
        "F:19:15: '90000' is not a status word; write four hex digits with x for any, such as \"6Axx\", or error",
        'F:21:70: "maybe" is not a value of refreshFlag (boolean)',
        "F:22:20: unknown operation 'flipp'; did you mean 'flip'?",
        "F:22:50: EnableProfileRequest has no field 'profileIdentifer'; did you mean 'profileIdentifier'?",
        "F:22:73: bit: input should be less than or equal to 7",
        "F:23:34: 'okay' is not a number or name; did you mean 'ok'?",
        "F:25:45: $p2 is not saved before this; known: first, p1",
        "F:27:11: key 'expect' given twice; the first would be lost",
        "F:28:20: unknown check 'derr'; did you mean 'der'?",
        "F:29:20: no channel 'third' is open here; known: isdr",
        "F:30:27: unknown argument 'dat' (of isdr.store_data); did you mean 'data'?",
        "F:31:9: id '03' is that of sequence number 1 already",
    ]


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ("[es10b.get_euicc_challenge: {expect: {euiccChallenge: {octets: many}}}]", "octets: write a number"),
        ("[es10b.get_euicc_challenge: {expect: {euiccChallenge: xyz}}]", "xyz.* is not hex text"),
        ("[es10b.get_euicc_challenge: {expect: {euiccChallenge: {count: 1}}}]", "count is for lists"),
        ("[es10b.get_euicc_challenge: {expect: {only: [a]}}]", "has no field 'a'"),
        ("[es10b.get_euicc_challenge: {expect: {euiccChallenge: {matches: '('}}}]", "not a regular expression"),
        ("[es10b.get_euicc_challenge: {expect: {euiccChallenge: {save: $a}}}]", "without \\$|is not saved"),
        ("[es10b.get_euicc_challenge: {expect: {euiccChallenge: {type: blob}}}]", "type is one of"),
        ("[es10b.get_euicc_challenge: {distinct: [a], repeat: 2}]", "has no field 'a'"),
        ("[es10b.get_euicc_challenge: {distinct: [euiccChallenge]}]", "give repeat: n"),
        ("[es10b.get_euicc_challenge: {sw: error, any_of: [{sw: error}]}]", "any_of holds the choices"),
        ("[es10b.get_euicc_challenge: {any_of: [{swx: error}]}]", "unknown key 'swx'"),
        (
            "[es10b.get_euicc_challenge: {any_of: [{sw: error}, {because: '5.7.7'}]}]",
            "a choice without .* allows every",
        ),
        ("[es10c.enable_profile: {expect: {enableResult: {one_of: [ok, no]}}}]", "'no' is not a number or name"),
        ("[es10c.enable_profile: {with: {profileIdentifier: {iccid: '98', isdpAid: '00'}}}]", "exactly one of"),
        ("[es10c.enable_profile: {with: {profileIdentifier: {iccd: '98'}}}]", "did you mean 'iccid'"),
        ("[es10b.list_notification: {with: {profileManagementOperation: {bits: [notificationInstal]}}}]", "no bit"),
        ("[card.reset: {with: {a: 1}}]", "takes no 'with'"),
        ("[card.atr: {status: success}]", "write sw"),
        ("[card.atr: {any_of: [{status: 8.1/6.1}, {sw: error}]}]", "write sw"),
        ("[card.close_channel: {expect: {a: 1}}]", "no answer, so it takes no expect"),
        ("[card.open_channel: {number: 2}]", "argument 'as' is missing"),
        ("[card.select: {file: 3F}]", "is not a path of files"),
        ("[card.atr: {expect: {octets: '${declaration.snv}'}}]", "did you mean 'svn'"),
        ("[card.atr: {title: 7}]", "'title' must be text"),
        ("[{card.atr: {}, card.reset: {}}]", "only key"),
        ("[]", "'steps' is empty"),
        ("card.atr", "'steps' must be a list"),
    ],
)
def test_one_mistake(steps, message):
    with pytest.raises(AssertionError, match=message):
        assert mistakes_of(f"{HEAD}    given: [isdr_selected]\n    steps: {steps}\n") == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("{nickname: {profile: nobody, value: a}}", "no profile is called 'nobody' here"),
        ("{profile: {as: gold}}, {nickname: {profile: gld, value: a}}", "did you mean 'gold'"),
        ("{proactive_session: {profile: p}}, {profile: {as: p}}", "a state before this makes one"),
        ("{order: {as: first}}, {euiccs: {orders: [first, second]}}", "no order is called 'second' here"),
    ],
)
def test_a_name_that_nothing_made(given, message):
    text = f"{HEAD}    given: [{given}]\n    steps: [card.atr]\n"
    with pytest.raises(AssertionError, match=message):
        assert mistakes_of(text) == []


def test_names_that_states_made_may_be_used():
    given = "{profile: {as: gold}}, {nickname: {profile: gold, value: a}}, {order: {as: b}}, {euiccs: {orders: [b]}}"
    text = f"{HEAD}    given: [{given}]\n    steps: [{{euicc.switch: {{to: b}}}}]\n"
    assert mistakes_of(text) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "F:1:1: the file is empty"),
        ("- 1", "F:1:1: a vector file must be a mapping that starts with case:"),
        ("# held\nprofiles: []", r"F:2:1: an inventory is no vector; .* the declaration that names it"),
        ("case: [", "F:2:1: not YAML"),
        ("case: &a [*a]", "F:1:7: not YAML: the alias contains itself"),
        ("a: " + "[" * 5000, "not YAML|nested too deep"),
        ("a: " + "[" * 80 + "]" * 80, "nested over 60 levels"),
        ("a: \x00", "not YAML"),
        ("a: 1\n---\nb: 1", "expected a single document"),
        ("a: !!python/object:os.system {}", "key 'case' is missing"),
        ("[1]: 2\ncase: x", "F:1:1: a key is text"),
        (
            "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
            + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 10)}]\n" for n in range(8)),
            "aliases multiply",
        ),
    ],
    ids=lambda value: value[:12],
)
def test_hostile_files_give_one_message(text, message):
    with pytest.raises(AssertionError, match=message):
        assert mistakes_of(text) == []


def test_binary_large_and_missing_files(tmp_path):
    binary, large = tmp_path / "binary.yaml", tmp_path / "large.yaml"
    binary.write_bytes(b"case: x\n\xff\xfe\x00")
    large.write_bytes(b"#" * 3_000_000)
    found = loader.lint([tmp_path, tmp_path / "missing.yaml"])
    assert [mistake.message.split(";")[0] for mistake in found] == [
        "not UTF-8 text (octet 8)",
        "3000000 octets",
        "cannot be read: No such file or directory",
    ]
    assert found[0].line == 2


def test_folders_without_declarations_and_names_over_all_files(tmp_path):
    (tmp_path / "declarations").mkdir()
    (tmp_path / "declarations" / "card.yaml").write_text("name: card\n")
    (tmp_path / "a.yaml").write_text(GOOD)
    assert [case.case for case in loader.load([tmp_path])] == ["TC_Mini"]
    (tmp_path / "b.yaml").write_text(GOOD)
    with pytest.raises(FileMistakes, match=r"b.yaml:2:7: case 'TC_Mini' is in .*a.yaml already"):
        loader.load([tmp_path])


def test_aliases_and_merges_are_fine():
    text = "x-common: &step {expect: {euiccChallenge: {octets: 16}}}\n" + GOOD.replace(
        "{expect: {euiccChallenge: {octets: 16}}}", "{<<: *step, title: T}"
    )
    document = Document.parse(text, "F")
    case = loader.parse(document)
    assert document.mistakes == []
    assert case
    assert case.sequences[0].steps[0].expect == {"euiccChallenge": {"octets": 16}}


def test_scalars_stay_what_is_written():
    data = Document.parse("[0011, 11, no, 2.10, true, '11', null, 1_0, 12:30, 0x80]").data
    assert data == ["0011", 11, "no", "2.10", True, "11", None, "1_0", "12:30", "0x80"]
