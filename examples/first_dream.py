"""Import sessions, dream, recall: the library in a dozen lines."""

import sys

import reverie


def main(path: str) -> None:
    with reverie.open() as home:
        imported = home.import_sessions([path])
        print(f"{imported.sessions.created} sessions imported")

        result = home.dream(store="desk")
        for lesson in result.lessons:
            if lesson.status == "adopted":
                print(f"{lesson.effect.estimate:+.2f}  {lesson.statement}")

        for hit in home.recall("desk", "what should I do before I act?"):
            print(hit.path)


if __name__ == "__main__":
    main(sys.argv[1])
