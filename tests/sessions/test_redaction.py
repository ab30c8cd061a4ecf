import random
import string
from collections import Counter

import pytest

from reverie.sessions.redaction import Redactor

# Long random characters, the same in every run, of which the examples take pieces.
LETTERS = "".join(random.Random(4).choices(string.ascii_letters + string.digits, k=62))
DENYLIST = (
    *("api_?key", "auth_?key", "service_?key", "account_?key", "db_?key", "database_?key", "priv_?key", "private_?key"),
    *("client_?key", "db_?pass", "database_?pass", "key_?pass", "password", "passwd", "pwd", "secret", "contraseña"),
)
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5NxXgL0n3I9PlFUP0THsR8U"

# Joined from two halves, so that scanners of this repository find no token in it.
SECRETS = [
    ("ANTHROPIC_KEY", "sk-" + "ant-api03-" + LETTERS[:40]),
    ("OPENAI_KEY", "sk-" + "proj-" + LETTERS[20:62]),
    ("OPENAI_KEY", "sk-" + LETTERS[30:54] + "T3BlbkFJ"),
    ("AWS_KEY", "AK" + "IAIOSFODNN7EXAMPLE"),
    ("GITHUB_TOKEN", "gh" + "p_" + LETTERS[:36]),
    ("GITHUB_TOKEN", "github" + "_pat_" + LETTERS[:22] + "_" + LETTERS),
    ("GITLAB_TOKEN", "gl" + "pat-" + LETTERS[40:60]),
    ("SLACK_TOKEN", "xo" + "xb-123456789012-1234567890123-" + LETTERS[:24]),
    ("SLACK_WEBHOOK", "https://hooks.sl" + "ack.com/services/T00000000/B00000000/" + LETTERS[:24]),
    ("STRIPE_KEY", "sk" + "_live_" + LETTERS[10:34]),
    ("STRIPE_KEY", "sk" + "_live_" + LETTERS + LETTERS[:37]),
    ("STRIPE_KEY", "rk" + "_test_" + LETTERS[10:34]),
    ("GOOGLE_KEY", "AI" + "za" + LETTERS[5:40]),
    ("HUGGINGFACE_TOKEN", "h" + "f_" + LETTERS[:34]),
    ("TWILIO_KEY", "A" + "C" + "0123456789abcdef" * 2),
    ("SENDGRID_KEY", "S" + "G." + LETTERS[:22] + "." + LETTERS[:43]),
    ("NPM_TOKEN", "np" + "m_" + LETTERS[:36]),
    ("PYPI_TOKEN", "py" + "pi-AgEIcHlwaS5vcmc" + LETTERS + LETTERS[:20]),
    ("DISCORD_TOKEN", "MT" + LETTERS[:22] + ".GabcDe." + LETTERS[:27]),
    ("TELEGRAM_TOKEN", "123456789:" + LETTERS[:35]),
    ("MAILCHIMP_KEY", "0123456789abcdef" * 2 + "-us12"),
    ("SQUARE_TOKEN", "sq0" + "csp-" + LETTERS[:43]),
    ("JWT", JWT),
    ("PRIVATE_KEY", "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEow\nIBAAKC+/==\n-----END RSA PRIVATE KEY-----"),
]
PERSONAL = [
    ("EMAIL", "Ada.Lovelace+news@mail.example.co.uk"),
    ("PHONE", "(555) 123-4567"),
    ("PHONE", "555.123.4567"),
    ("PHONE", "139-321-7313"),
    ("PHONE", "(096)889-8954x524"),
    ("PHONE", "1-185-137-1945x409"),
    ("PHONE", "011.193.9081x3186"),
    ("PHONE", "1-800-555-0199 x23"),
    ("PHONE", "555\u2011123\u20114567"),
    ("PHONE", "+44 20 7946 0958"),
    ("PHONE", "+442079460958"),
    ("CARD", "4111 1111 1111 1111"),
    ("CARD", "5500-0000-0000-0004"),
    ("CARD", "3782 822463 10005"),
    ("IBAN", "GB82 WEST 1234 5698 7654 32"),
    ("IBAN", "NL91ABNA0417164300"),
    ("SSN", "123-45-6789"),
    ("IP", "8.8.8.8"),
    ("IP", "203.0.113.9"),
    ("IP", "2606:4700:4700::1111"),
    ("IP", "2a02:8108:8ac0:3a6b:1c2d:5e6f:7a8b:9c0d"),
]
PUTTY = "PuTTY-User-Key-File-2: ssh-rsa\nPrivate-Lines: 1\nAAAAgQC7"
NAMED = [
    ("AZURE_KEY", "Account" + "Key=" + LETTERS + LETTERS[:24] + "==;", LETTERS + LETTERS[:24] + "=="),
    ("PRIVATE_KEY", PUTTY, PUTTY),
    (
        "AWS_SECRET",
        "the aws key is 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    ),
    ("SECRET", "password=hunter2", "hunter2"),
    ("SECRET", "PASSWORD=swordfish", "swordfish"),
    ("SECRET", "db_password: 'correct horse'", "correct horse"),
    ("SECRET", "My password is hunter2.", "hunter2"),
    ("SECRET", "mysql --password hunter2 -e 'SELECT 1'", "hunter2"),
    ("SECRET", 'conn = {"client_secret" : "s3cr3t!"}', "s3cr3t!"),
    ("SECRET", '{\\"password\\": \\"hunter2\\"}', "hunter2"),
    (
        "SECRET",
        "export AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLE",
        "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLE",
    ),
    ("SECRET", "x-api-key: 0123abcd4567efab", "0123abcd4567efab"),
    ("BEARER_TOKEN", "Authorization: Bearer 0123.abcd-4567_efab-89", "0123.abcd-4567_efab-89"),
    ("BASIC_AUTH", "Authorization: Basic YWRhOmh1bnRlcjI0Mg==", "YWRhOmh1bnRlcjI0Mg=="),
    ("URL_PASSWORD", "postgres://ada:hunter2@db.example:5432/shop", "hunter2"),
    (
        "NPM_TOKEN",
        "//registry.example/:_authToken=0123abcd-4567-efab-89cd-0123abcd4567",
        "0123abcd-4567-efab-89cd-0123abcd4567",
    ),
    ("PHONE", "phone: 5551234567", "5551234567"),
    ("PHONE", "her mobile number is 07700 900123", "07700 900123"),
    ("PHONE", "(tel. 01 42 68 53 00)", "01 42 68 53 00"),
]
HARMLESS = [
    "order #W2378156, item 1656367028, reservation 4WQ150, user mia_li_3668, credit_card_4421486, flight HAT139",
    "2024-05-15 10:00:00, 2024-05-15T10:00:00+00:00, 15/05/2024, 1715773800000, phone on 2024-05-15",
    "id 550e8400-e29b-41d4-a716-446655440000 at 59a200c6d575d595120f1cb70fea53cef0632f6b",
    "$1,234.56, 0.4111111111111111, zip 94103-1234, 10 20 30, 100 200 3000 4000, +1234567 lines",
    "SELECT * FROM users WHERE password = ? AND token IS NOT NULL AND primary_key = 12345678",
    "login(user, password=password, token=get_token()); os.environ['API_KEY']; api_key = ${API_KEY}",
    "v1.2.3.4, version 1.2.3.4, 2.7.8 and 2.8.8.1, Chrome/120.0.0.0, 10.0.0.1, 192.168.1.1, ::1, std::vector",
    "Package    Version\nnumpy      2.1.3\nopencv     4.10.0.84\nninja      1.11.1.2",
    "git@github.com:ada/shop.git, @app.route, react@18.2.0, max_tokens: 4096, the secretary: Bob, password: required",
    "The password is incorrect. Token limits: input_tokens=1234567890123456. Your hotel: 1234567 cancelled.",
    '{"Smartphone": "1801728040", "Headphones": 6992792935, "password_changed_at": "2024-05-15"}',
    "see 4.2.1.3 below, pages 100-200-3000, cell: 12345678 rows, order 123-45-6789, part no. 123-45-6789",
    "id 4111111111111111, call 6011000990139424123, session 378282246310005",
    "password is required8; $ pwd: /home/ada/project9, sk-learn-contrib-extensions-2024-beta-release",
    "API_KEY=YOUR_API_KEY1 token: <token> secret=${SECRET1} password=changeme password: xxxxxxxx",
    "4111111111111112 and 123-45-0000 and 666-12-3456 and GB82 WEST 1234 5698 7654 33",
]


@pytest.fixture
def redactor() -> Redactor:
    return Redactor(b"key")


@pytest.mark.parametrize(("kind", "value"), SECRETS + PERSONAL)
def test_a_value_is_replaced_whole_by_its_kind(redactor: Redactor, kind: str, value: str) -> None:
    counts: Counter[str] = Counter()
    before, placeholder, after = redactor.text(f"Take {value}, please.", counts).partition(f"[{kind}:")
    assert (before, after[8:]) == ("Take ", "], please.")
    assert placeholder
    assert counts == {kind: 1}


@pytest.mark.parametrize(("kind", "text", "value"), NAMED)
def test_a_value_is_known_by_what_stands_before_it(redactor: Redactor, kind: str, text: str, value: str) -> None:
    before, _, after = text.partition(value)
    redacted = redactor.text(text, Counter())
    assert redacted.startswith(f"{before}[{kind}:")
    assert redacted.endswith(f"]{after}")


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_like_a_secret_stays(redactor: Redactor, text: str) -> None:
    counts: Counter[str] = Counter()
    assert redactor.text(text, counts) == text
    assert not counts


@pytest.mark.parametrize("word", DENYLIST)
@pytest.mark.parametrize("joint", ["", "_"])
def test_every_usual_name_of_a_secret_is_known(redactor: Redactor, word: str, joint: str) -> None:
    name = word.replace("_?", joint)
    assert "hunter2" not in redactor.text(f'{name} = "hunter2hunter2hunter2"', Counter())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada@Example.com", "ada@example.com"),
        ("(555) 123-4567", "+1 555 123 4567"),
        ("555.123.4567", "phone 5551234567"),
        ("4111 1111 1111 1111", "4111-1111-1111-1111"),
        ("GB82 WEST 1234 5698 7654 32", "GB82WEST12345698765432"),
        ("2606:4700:4700::1111", "2606:4700:4700:0:0:0:0:1111"),
    ],
)
def test_one_value_written_in_two_ways_gets_one_placeholder(redactor: Redactor, one: str, other: str) -> None:
    assert redactor.text(one, Counter()) == redactor.text(other, Counter()).removeprefix("phone ")


def test_a_placeholder_depends_on_the_value_and_on_the_key() -> None:
    values = ["ada@example.com", "bob@example.com"]
    placeholders = {Redactor(key).text(value, Counter()) for key in (b"one", b"two") for value in values}
    assert len(placeholders) == 4


def test_either_group_can_be_switched_off() -> None:
    text = "ada@example.com password=hunter2"
    assert Redactor(b"key", secrets=False).text(text, Counter()).endswith(" password=hunter2")
    assert Redactor(b"key", personal=False).text(text, Counter()).startswith("ada@example.com password=[SECRET:")
    assert Redactor(b"key", secrets=False, personal=False).text(text, Counter()) == text


def test_a_secret_wins_over_the_address_it_is_part_of(redactor: Redactor) -> None:
    redacted = redactor.text("https://ada:hunter2@mail.example.com/inbox", Counter())
    assert redacted.startswith("https://ada:[URL_PASSWORD:")
    assert redacted.endswith("]@mail.example.com/inbox")


def test_a_private_key_that_is_cut_off_is_replaced_to_its_end(redactor: Redactor) -> None:
    redacted = redactor.text("-----BEGIN EC " + "PRIVATE KEY-----\nMHcCAQEEIIG\nAwEHoUQDQgAE", Counter())
    assert redacted.startswith("[PRIVATE_KEY:")
    assert len(redacted) == len("[PRIVATE_KEY:01234567]")


def test_values_that_stand_beside_each_other_are_all_replaced(redactor: Redactor) -> None:
    counts: Counter[str] = Counter()
    redactor.text("ada@example.com,555-123-4567,8.8.8.8;4111 1111 1111 1111 +44 20 7946 0958 2 tickets", counts)
    assert counts == {"EMAIL": 1, "PHONE": 2, "IP": 1, "CARD": 1}
