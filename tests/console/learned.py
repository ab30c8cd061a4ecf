"""A store that a dream has written to, planted without dreaming: the support desk of the report's tests."""

from html.parser import HTMLParser

import msgspec

from reverie.dreams.dream import DreamRequest, DreamResult
from reverie.ids import event_id, new_id
from reverie.lessons.document import lesson_document, lesson_path
from reverie.lessons.lesson import Lesson
from reverie.memory.change import Change
from reverie.memory.memory import Edit
from reverie.storage.learning.dreams import complete_dream, insert_dream, set_running, write_lessons
from reverie.storage.learning.served_dreams import finalize_dream
from reverie.storage.memory.memories import apply_edits
from reverie.storage.memory.stores import create_store
from tests.api.conftest import Server
from tests.reports.dream_samples import PROVING, support_desk

ATTACK = (
    '"><img src=x onerror=alert(1)><script>alert(1)</script> javascript:alert(1) {{ 7 * 7 }} 漢字 Prüfungs\u202eordnung'
)
NOTE = "The desk opens at nine.\n"


class Learned(msgspec.Struct, frozen=True):
    """What was planted: a note in revision 1, the lessons of a dream in revision 2."""

    store_id: str
    dream_id: str
    lessons: tuple[Lesson, ...]

    @property
    def store(self) -> str:
        """The page of the store."""
        return f"/console/memory/{self.store_id}"

    @property
    def dream(self) -> str:
        """The page of the dream."""
        return f"/console/dreams/{self.dream_id}"

    def lesson(self, number: int = 0) -> str:
        """The page of a lesson."""
        return f"/console/lessons/{self.lessons[number].id}"


async def plant(server: Server, attack: str = "", name: str = "support") -> Learned:
    """Plant it; ``attack`` stands at the end of whatever people and agents may have written."""
    service = server.service
    now, note = service.clock.now(), [Edit("/notes/hours.md", NOTE + attack, f"a note{attack}")]
    result = _result(attack)
    async with service.database.connection() as connection:
        store = await create_store(connection, name + attack[:200], f"What the desk knows{attack}", {}, now)
        await apply_edits(connection, store.id, note, act="write", actor="user", reason=f"a note{attack}", now=now)
        dream_id = new_id("drm", now)
        request = DreamRequest(store.id, where="task_category = 'refund'", instructions=f"Mind the hours.{attack}")
        await insert_dream(connection, dream_id, store.id, request, now, served=True)
        await set_running(connection, dream_id)
        kept = [lesson for lesson in result.lessons if lesson.status == "adopted"]
        await apply_edits(
            connection,
            store.id,
            [Edit(lesson_path(x), lesson_document(x), x.reason, lesson_id=x.id) for x in kept],
            act="dream",
            actor=dream_id,
            reason=f"3 lessons hold{attack}",
            source_session_ids=[e.session_id for e in kept[0].evidence],
            now=now,
        )
        await write_lessons(connection, store.id, dream_id, result.lessons)
        changes = tuple(Change("add", lesson_path(x), x.reason) for x in kept)
        done = msgspec.structs.replace(result, dream_id=dream_id, store=store.name, revision=2, changes=changes)
        await complete_dream(connection, done, now)
        await finalize_dream(connection, dream_id)
    return Learned(store.id, dream_id, result.lessons)


def _result(attack: str) -> DreamResult:
    result, _ = support_desk()
    lessons = []
    for lesson in result.lessons:
        scope = msgspec.structs.replace(lesson.scope, agent=f"{lesson.scope.agent or 'desk'}{attack}")
        evidence = tuple(msgspec.structs.replace(e, session_id=e.session_id + attack) for e in lesson.evidence)
        against = tuple(
            msgspec.structs.replace(e, event_id=event_id(e.session_id, PROVING)) for e in lesson.counter_examples
        )
        words = {name: getattr(lesson, name) + attack for name in ("do", "numbers", "reason")}
        lessons.append(
            msgspec.structs.replace(
                lesson, scope=scope, evidence=evidence, counter_examples=against, instead_of=attack, **words
            )
        )
    return msgspec.structs.replace(result, lessons=tuple(lessons), notes=(f"A note.{attack}",))


class Shape(HTMLParser):
    """What a page is made of, whatever it says."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.scripts: list[str | None] = []
        self.handlers: list[str] = []
        self.images: list[str] = []
        self.links: list[str] = []
        self.styles: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        if tag == "script":
            self.scripts.append(known.get("src"))
        if tag == "img":
            self.images.append(str(known))
        if tag == "style" or "style" in known:
            self.styles.append(str(known))
        self.handlers += [name for name in known if name.startswith("on")]
        self.links += [known[name] or "" for name in ("href", "action", "src", "formaction") if name in known]

    def check(self) -> None:
        """Raise if anything in the page could run, or leads elsewhere."""
        assert [src for src in self.scripts if not (src or "").startswith("/console/static/")] == []
        assert (self.handlers, self.images, self.styles) == ([], [], [])
        assert [link for link in self.links if not link.startswith(("/", "#"))] == []
