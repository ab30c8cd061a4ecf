"""The generated corpus, once for each kind, and the named cases with their sisters; values are random characters."""

import importlib.util
import random
import string
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.sessions.event import Event
from reverie.sessions.redaction import Redactor
from reverie.sessions.session import Session, Transcript

REDACTOR = Redactor(b"key")
BASE62 = string.ascii_letters + string.digits
ORDERS = ("order", "Order No.", "order id:", "order_id=", "order #", "Bestellung", "commande", "part no.")


def _corpus() -> ModuleType:
    path = Path(__file__).parents[2] / "evaluation" / "redaction_corpus.py"
    spec = importlib.util.spec_from_file_location("redaction_corpus", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CORPUS = _corpus()
HARMLESS = CORPUS.HARMLESS.replace("\n", "|").strip("|").split("|")


def redact(text: str) -> tuple[str, Counter[str]]:
    counts: Counter[str] = Counter()
    return REDACTOR.text(text, counts), counts


@pytest.mark.parametrize(("kind", "template"), list(CORPUS.secrets()))
def test_every_kind_of_the_corpus_is_gone_under_its_name(kind: str, template: str) -> None:
    text, planted = CORPUS._filled(template, random.Random(3))
    redacted, counts = redact(text)
    assert [value for value in planted if len(value) > 5 and value in redacted] == []
    assert kind in counts


@pytest.mark.parametrize("template", HARMLESS)
def test_every_harmless_text_of_the_corpus_stays(template: str) -> None:
    text, _ = CORPUS._filled(template, random.Random(3))
    assert redact(text)[0] == text


@pytest.mark.parametrize("password", ["a&b1c!d2", "pa(ss)w0rd", "x[1]y{2}z", "q<8>w;e", "aa:bb9cc"])
@pytest.mark.parametrize(
    "form",
    [
        "password=%s",
        "password: %s\nnext",
        "DB_PASSWORD='%s'",
        "Passwort: %s",
        "redis://:%s@h:1",
        "amqp://u:%s@h.example/x",
    ],
)
def test_a_password_with_signs_is_not_cut_short(form: str, password: str) -> None:
    redacted, counts = redact(form % password)
    assert counts == {"URL_PASSWORD" if "://" in form else "SECRET": 1}
    assert Redactor(b"key").text(redacted, Counter()) == redacted
    before, after = form.split("%s")
    assert (redacted.startswith(before + "["), redacted.endswith("]" + after)) == (True, True)


@pytest.mark.parametrize("field", ["&user=ada", ", user=ada", "; user=ada", ")", "|grep x"])
def test_what_follows_a_password_stays(field: str) -> None:
    assert redact(f"password=hunter22{field}")[0].endswith(f"]{field}")


@pytest.mark.parametrize(
    ("kind", "prefix", "first", "second"),
    [
        ("GITHUB_TOKEN", "ghp_", "a8Fk2mQz7Lw3Xt5RbV", "hYbBJcrxQFPpStQnqe"),
        ("AWS_KEY", "AKIA", "CSGRWL24", "7BPXKXEP"),
        ("STRIPE_WEBHOOK_SECRET", "whsec_", "ooFB6vs2iIuYHVkP", "LCVZhrwmdrmRBhuD"),
    ],
)
@pytest.mark.parametrize("joint", ["\n", "\r\n    ", "\\\n"])
def test_a_token_over_two_lines_loses_both_halves(kind: str, prefix: str, first: str, second: str, joint: str) -> None:
    redacted, counts = redact(f"key: {prefix}{first}{joint}{second}\nend")
    assert (first in redacted, second in redacted) == (False, False)
    assert set(counts) == {kind}


@pytest.mark.parametrize("word", ["following", "configuration", "README.md", "ConfigurationFile", "TypeErrorException"])
def test_a_word_on_the_line_after_a_token_stays(word: str) -> None:
    token = "gh" + "p_" + "".join(random.Random(5).choices(BASE62, k=36))
    assert redact(f"{token}\n{word}")[0].endswith(f"]\n{word}")


@pytest.mark.parametrize("text", ["Tel. 030/1234567", "tél : 06.12.34.56.78", "手机 13812345678", "電話：03-1234-5678"])
def test_a_local_phone_number_is_known_by_its_word(text: str) -> None:
    assert redact(text)[1] == {"PHONE": 1}


@pytest.mark.parametrize("word", ORDERS)
def test_the_number_of_an_order_is_no_person(word: str) -> None:
    assert redact(f"{word} 123-45-6789")[0] == f"{word} 123-45-6789"


@pytest.mark.parametrize(
    "text",
    [
        *("p. 100-200-3000", "Seiten 100-200-3000", "cell: 12345678 Zeilen", "java 1.8.0.292", "numpy==1.2.3.4"),
        *('{"order_id": "123-45-6789"}', '{"orderId": "123-45-6789"}', '{"version": "4.2.1.3"}', "pwd=/home/ada8"),
        "find / -type d -name mysql -print 2>/dev/null",
    ],
)
def test_versions_pages_and_counts_stay(text: str) -> None:
    assert redact(text)[0] == text


def test_hardly_any_long_id_is_taken_for_a_card() -> None:
    chance = random.Random(11)
    ids = ["".join(chance.choices(string.digits, k=length)) for length in (16, 19) for _ in range(2000)]
    assert sum(redact(f"row {value} of 7")[0] != f"row {value} of 7" for value in ids) <= len(ids) // 1000


@pytest.mark.parametrize(
    "field",
    ["id", "session_id", "task_id", "event_id", "thread_id", "tool_use_id", "tool_call_id", "session_thread_id"],
)
def test_the_ids_of_a_session_stay(field: str) -> None:
    value = "gh" + "p_" + "".join(random.Random(5).choices(BASE62, k=36))
    event = Event("agent.tool_use", {field: value, "input": {}})
    transcript, counts = REDACTOR.transcript(Transcript(Session("sesn_1", "chat"), (event,)))
    assert (transcript.events, counts) == ((event,), {})


anything = st.text(st.characters(exclude_categories=()), max_size=80)
runs = st.tuples(st.sampled_from(["0", "a", "A8", "-", "[", "\x00", "\\", "+1 ", "ghp_", '"']), st.integers(1, 3000))


@given(anything, runs.map(lambda run: run[0] * run[1]), anything)
def test_any_text_is_redacted_once_and_for_all(before: str, run: str, after: str) -> None:
    once, _ = redact(before + run + after)
    assert redact(once) == (once, Counter())
