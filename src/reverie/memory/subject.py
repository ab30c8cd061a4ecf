"""Whom or what a memory is about, as its path and its own declaration say: what may be compared, and what merged.

Two memories are of one subject only where nothing in their paths tells them apart: not the folder, not the name, not a
number, not a date. Dated notes and journals are history: what one day says is no comment on another.
"""

import re
import unicodedata
from pathlib import PurePosixPath

import msgspec

from reverie.memory.rank import words_of

_MONTH = (
    r"(?:jan|feb|fev|fév|mar|mär|apr|abr|avr|may|mai|mag|jun|juin|giu|jul|juil|lug|aug|ago|aoû|aou|sep|set|oct|okt|ott"
    r"|out|nov|dec|dez|dic|déc|янв|фев|мар|апр|май|мая|июн|июл|авг|сен|окт|ноя|дек)[^\W\d_]*"
)
_DATED = re.compile(
    r"(?<!\d)(?:19|20)\d{2}[-_./ ]?(?:0[1-9]|1[0-2])(?:[-_./ ]?(?:0[1-9]|[12]\d|3[01]))?(?!\d)"  # 2026-01-31, 20260131
    r"|(?<!\d)(?:0?[1-9]|[12]\d|3[01])[-_./ ](?:0?[1-9]|1[0-2])[-_./ ](?:(?:19|20)\d{2}|\d{2})(?!\d)"  # 31.01.2026
    r"|(?<!\d)(?:0?[1-9]|1[0-2])[-_./ ](?:0?[1-9]|[12]\d|3[01])[-_./ ](?:19|20)\d{2}(?!\d)"  # 01-31-2026
    r"|(?<!\d)\d{4}[-_./ ](?:0?[1-9]|1[0-2])(?:[-_./ ](?:0?[1-9]|[12]\d|3[01]))?(?!\d)"  # 2026/1/3
    r"|(?<!\d)(?:19|20)\d{2}(?!\d)"
    r"|(?<!\d)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?!\d)"  # 260131
    r"|(?<![^\W_])(?:january|february|march|april|june|july|august|september|october|november|december)(?![^\W_])"
    r"|\d{4}[-_./ ]?w\d{1,2}(?!\d)"
    r"|(?<![^\W_])(?:kw|w|wk|week|woche|semaine|semana|settimana|неделя|sprint"
    r"|day|tag|jour|dia|día|q)[-_ ]?\d{1,3}(?!\d)"
    rf"|(?<![^\W_])(?:\d{{1,2}}(?:st|nd|rd|th)?[-_. ]*)?{_MONTH}[-_., ]*\d{{1,4}}(?![^\W_])"
    rf"|(?<![^\W_])\d{{1,4}}[-_. ]+{_MONTH}(?![^\W_])"
    r"|\d{1,4}\s*[年月日周週년월일]"
    r"|(?<![^\W_])(?:mon|tues|wednes|thurs|fri|satur|sun)day(?![^\W_])"
    r"|(?<![^\W_])(?:today|yesterday|heute|gestern|hier|hoy|ayer|oggi|ieri)(?![^\W_])",
    re.IGNORECASE,
)
_JOURNALS = frozenset(
    [
        "journal",
        "journals",
        "diary",
        "diaries",
        "log",
        "logs",
        "logbook",
        "changelog",
        "changes",
        "history",
        "timeline",
        "standup",
        "standups",
        "meeting",
        "meetings",
        "minutes",
        "retro",
        "retros",
        "retrospective",
        "daily",
        "weekly",
        "monthly",
        "release",
        "releases",
        "archive",
        "archives",
        "tagebuch",
        "protokoll",
        "protokolle",
        "verlauf",
        "sitzung",
        "sitzungen",
        "besprechung",
        "réunion",
        "reunion",
        "réunions",
        "diario",
        "registro",
        "historial",
        "reunión",
        "riunione",
        "riunioni",
        "verbale",
        "verbali",
        "cronologia",
        "diário",
        "ata",
        "reunião",
        "dagboek",
        "verslag",
        "дневник",
        "журнал",
        "история",
        "протокол",
        "собрание",
        "日记",
        "日記",
        "日志",
        "日誌",
        "会议",
        "会議",
        "周报",
        "週報",
        "日报",
        "日報",
        "议事录",
        "議事録",
        "일기",
        "회의",
    ]
)
_COLLECTIONS = frozenset(
    [
        "people",
        "persons",
        "users",
        "customers",
        "clients",
        "guests",
        "patients",
        "students",
        "employees",
        "staff",
        "team",
        "teams",
        "members",
        "contacts",
        "family",
        "friends",
        "colleagues",
        "partners",
        "vendors",
        "suppliers",
        "leads",
        "accounts",
        "orders",
        "tickets",
        "cases",
        "issues",
        "projects",
        "repos",
        "repositories",
        "services",
        "apps",
        "products",
        "items",
        "sites",
        "shops",
        "stores",
        "hosts",
        "servers",
        "agents",
        "companies",
        "organisations",
        "organizations",
        "tenants",
        "workspaces",
        "channels",
        "rooms",
        "devices",
        "entities",
        "individuals",
        "personas",
        "profiles",
        "kunden",
        "personen",
        "leute",
        "mitarbeiter",
        "projekte",
        "nutzer",
        "benutzer",
        "clients-fr",
        "personnes",
        "utilisateurs",
        "projets",
        "équipe",
        "clientes",
        "personas",
        "usuarios",
        "proyectos",
        "equipo",
        "pessoas",
        "usuários",
        "projetos",
        "persone",
        "utenti",
        "progetti",
        "клиенты",
        "люди",
        "пользователи",
        "проекты",
        "客户",
        "用户",
        "用戶",
        "顧客",
        "人员",
        "项目",
        "項目",
        "プロジェクト",
        "고객",
        "사용자",
    ]
)
# Words of a path that say what sort of note it is, not whom it is about.
_NEUTRAL = frozenset(
    [
        "md",
        "txt",
        "json",
        "yaml",
        "note",
        "notes",
        "memory",
        "memories",
        "fact",
        "facts",
        "doc",
        "docs",
        "document",
        "documents",
        "kb",
        "knowledge",
        "misc",
        "general",
        "info",
        "information",
        "about",
        "news",
        "tip",
        "tips",
        "rule",
        "rules",
        "policy",
        "policies",
        "guide",
        "readme",
        "index",
        "main",
        "default",
        "data",
        "text",
        "file",
        "files",
        "user",
        "me",
        "my",
        "profile",
        "preference",
        "preferences",
        "prefs",
        "pref",
        "like",
        "likes",
        "dislike",
        "dislikes",
        "taste",
        "tastes",
        "food",
        "foods",
        "drink",
        "drinks",
        "hobby",
        "hobbies",
        "interests",
        "habits",
        "home",
        "settings",
        "config",
        "context",
        "summary",
        "latest",
        "current",
        "new",
        "old",
        "older",
        "newer",
        "update",
        "updates",
        "updated",
        "earlier",
        "later",
        "first",
        "second",
        "copy",
        "draft",
        "final",
        "more",
        "other",
        "extra",
        "scratch",
        "temp",
        "tmp",
        "inbox",
        "shared",
        "notizen",
        "notiz",
        "notas",
        "nota",
        "profil",
        "perfil",
        "profilo",
        "preferencias",
        "préférences",
        "einstellungen",
        "vorlieben",
        "заметки",
        "профиль",
        "笔记",
        "筆記",
        "偏好",
        "资料",
        "档案",
        "プロフィール",
        "メモ",
    ]
)
_DECLARED = re.compile(r"\A(?:---[ \t]*\n(?:.*\n)*?)?subject[ \t]*:[ \t]*(?P<subject>\S.*)", re.IGNORECASE)


class Subject(msgspec.Struct, frozen=True):
    """What a memory is about, as far as it says."""

    folder: tuple[str, ...]
    """Its folders, lower-case."""
    name: frozenset[str]
    """The words of its file name that do not only say what sort of note it is."""
    numbers: tuple[str, ...]
    """The numbers in its file name."""
    dated: bool
    """Whether its path holds a date, or names a journal: such notes are history."""
    declared: tuple[str, ...]
    """The words after ``Subject:`` in its front matter or first line; empty where nothing is declared."""

    @property
    def about(self) -> tuple[str, ...]:
        """The folders that tell subjects apart."""
        return tuple(folder for folder in self.folder if not _NEUTRAL.issuperset(words_of(folder)))

    @property
    def in_collection(self) -> bool:
        """Whether each file of its folder is about somebody or something of its own."""
        return bool(self.folder) and not _COLLECTIONS.isdisjoint({self.folder[-1], *words_of(self.folder[-1])})


def subject_of(path: str, content: str = "") -> Subject:
    """The subject of the memory at a path."""
    plain = unicodedata.normalize("NFKC", path)
    location = PurePosixPath(plain.lower())
    words = words_of(_split_case(PurePosixPath(plain).name))
    declared = _DECLARED.match(content)
    return Subject(
        folder=location.parts[1:-1],
        name=frozenset(word for word in words if word not in _NEUTRAL and not word.isdigit() and len(word) > 1),
        numbers=tuple(str(int(number)) for number in re.findall(r"\d+", location.stem) if number.isascii()),
        dated=is_dated(plain) or any(not _JOURNALS.isdisjoint(words_of(part)) for part in location.parts),
        declared=tuple(words_of(declared["subject"])) if declared else (),
    )


def is_dated(text: str) -> bool:
    """Whether a path or heading holds a date, a week, a day or a month of a year, in any usual form."""
    return _DATED.search(text) is not None


def merge_key(subject: Subject) -> tuple[object, ...] | None:
    """What two memories have in common when one text may stand for both; None where no other text may.

    Equal keys mean that nothing at all tells the subjects apart. A name that is nothing but a number counts notes.
    """
    if subject.dated:
        return None
    counted = not (subject.name or subject.about or subject.in_collection)
    return subject.folder, subject.name, () if counted else subject.numbers, subject.declared


def may_supersede(first: Subject, second: Subject) -> bool:
    """Whether a value of one may replace the other's: only where both declare the same subject."""
    return bool(first.declared) and not first.dated and merge_key(first) == merge_key(second)


def may_contradict(first: Subject, second: Subject, *, record: bool) -> bool:
    """Whether what one says can be about what the other says; ``record`` where it is a field, as every record has."""
    if first.dated or second.dated or first.about != second.about or not _same_numbers(first, second):
        return False
    if first.declared and second.declared:
        return first.declared == second.declared
    if first.name <= second.name or second.name <= first.name:
        return first.name == second.name or not (first.in_collection or second.in_collection)
    return bool(first.about) and first.folder == second.folder and not first.in_collection and not record


def _same_numbers(first: Subject, second: Subject) -> bool:
    """Numbers tell records apart; where a name is nothing but a number, in no collection, it only counts notes."""
    if first.numbers == second.numbers:
        return True
    if first.in_collection or first.name or second.name:
        return not (first.in_collection or (first.numbers and second.numbers))
    return not first.about


def _split_case(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
