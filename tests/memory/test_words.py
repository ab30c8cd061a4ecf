import pytest

from reverie.memory.language import language_of
from reverie.memory.passage import passage
from reverie.memory.words import LATIN, cut_words, fold


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The refund is paid to the card", "english"),
        ("Die Erstattung wird auf die Karte gezahlt", "german"),
        ("Los reembolsos se pagan a la tarjeta", "spanish"),
        ("Le remboursement est versé sur la carte", "french"),
        ("O reembolso é pago no cartão", "portuguese"),
        ("Il rimborso viene accreditato sulla carta di credito della cliente", "italian"),
        ("De terugbetaling wordt op het kaartnummer gestort", "dutch"),
        ("Iade ücreti bu kart için ve daha sonra ödenir", "turkish"),
        ("x1 x2 x3", "english"),
    ],
)
def test_the_language_of_a_text_is_told_by_its_commonest_words(text: str, language: str) -> None:
    assert language_of(text.lower().split()) == language


@pytest.mark.parametrize(
    ("text", "stemmer", "words"),
    [
        ("退款政策", "", ["退款", "款政", "政策", "退", "款", "政", "策"]),
        ("カードの", "", ["カー", "ード", "ドの"]),
        ("환불은", "", ["환불", "불은"]),
        ("ที่นี่", "", ["ที่นี่"]),
        ("возвраты", "russian", ["возвраты"]),
        ("استرداد الأموال", "arabic", ["استرداد", "الأموال"]),
        ("हिन्दी में", "hindi", ["हिन्दी", "में"]),
        ("שָׁלוֹם", "", ["שלום"]),
    ],
)
def test_words_of_other_scripts_go_to_their_stemmer_or_are_cut_into_pairs(
    text: str, stemmer: str, words: list[str]
) -> None:
    assert cut_words(text)[stemmer] == words


def test_mixed_text_is_cut_where_the_script_changes() -> None:
    assert cut_words("用API查询订单 W23") == {LATIN: ["api", "w23"], "": ["用", "查询", "询订", "订单", *"查询订单"]}


def test_names_in_one_word_count_as_their_parts_too() -> None:
    assert cut_words("call runSQLQuery")[LATIN] == ["call", "runsqlquery", "run", "sql", "query"]


def test_accents_fold_but_letters_of_their_own_and_vowel_signs_do_not() -> None:
    assert [fold(word) for word in ("café", "straße", "ёлка", "йод", "हिन्दी")] == [
        "cafe",
        "strasse",
        "елка",
        "йод",
        "हिन्दी",
    ]


def test_a_passage_shows_where_most_terms_stand_and_a_short_text_whole() -> None:
    filler = "nothing here " * 40
    found = passage(f"{filler}the refund went to the card {filler}", ["refund", "card"])
    assert "refund went to the card" in found
    assert len(found) <= 240
    assert passage("a\n b", ["x"]) == "a b"


def test_a_passage_of_text_without_spaces_is_cut_to_length() -> None:
    found = passage("其他内容" * 200 + "退款到银行卡" + "其他内容" * 200, ["退款", "银行"])
    assert "退款到银行卡" in found
    assert len(found) == 240
