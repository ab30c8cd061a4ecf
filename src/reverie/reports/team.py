"""Where the lessons of a joint dream went, as its report tells it."""

import msgspec

from reverie.dreams.dream import DreamResult, PlacedLesson
from reverie.lessons.lesson import Lesson


class PlacedRow(msgspec.Struct, frozen=True):
    """A lesson, its place, and the name of the store."""

    lesson: Lesson
    place: PlacedLesson
    store: str


def placed_rows(result: DreamResult) -> list[PlacedRow]:
    """The lessons that were not refused, in the order of the stores and of the result."""
    names = {store.memory_store_id: store.name for store in result.stores}
    lessons = {lesson.id: lesson for lesson in result.lessons if lesson.status != "refused"}
    return [
        PlacedRow(lessons[place.lesson_id], place, names.get(place.memory_store_id, place.memory_store_id))
        for place in result.placed
        if place.lesson_id in lessons
    ]
