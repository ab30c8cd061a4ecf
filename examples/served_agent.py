"""The official SDK's calls against a Reverie server: sessions of an agent of your own, scores, a dream, its lessons."""

import sys
import time
from typing import Any

import reverie

TURN: list[dict[str, Any]] = [
    {"type": "span.model_request_start", "id": "request"},
    {"type": "agent.message", "content": [{"type": "text", "text": "Let me look that up."}]},
    {"type": "agent.tool_use", "id": "call", "name": "look_up", "input": {"order": 7}},
    {"type": "agent.tool_result", "tool_use_id": "call", "content": [{"type": "text", "text": "shipped"}]},
    {"type": "session.status_idle"},
]


def main(url: str, key: str) -> None:
    with reverie.Client(url, key) as client:
        agent = client.beta.agents.create(name="desk", model="any-model", system="Help with orders.")
        environment = client.beta.environments.create(name="local", config={"type": "cloud"})
        store = client.beta.memory_stores.create(name="desk")

        sessions = []
        for number in range(4):
            session = client.beta.sessions.create(
                agent=agent.id,
                environment_id=environment.id,
                resources=[{"type": "memory_store", "memory_store_id": store.id}],
                metadata={"task_id": f"order-{number % 2}"},
            )
            client.beta.sessions.events.send(
                session.id,
                events=[{"type": "user.message", "content": [{"type": "text", "text": "Where is order 7?"}]}],
            )
            client.record(session.id, TURN)  # what your agent did
            client.score(session.id, {"solved": number % 2})
            sessions.append(session.id)

        dream = client.beta.dreams.create(
            model="none",
            inputs=[
                {"type": "memory_store", "memory_store_id": store.id},
                {"type": "sessions", "session_ids": sessions},
            ],
            output_behavior={"type": "update_existing", "memory_store_id": store.id},
        )
        while dream.status in ("pending", "running"):
            time.sleep(0.2)
            dream = client.beta.dreams.retrieve(dream.id)
        print(f"dream {dream.status}")
        result = client.dream_result(dream.id)
        print(result.strata.note if result.strata and result.strata.note else "lessons:")
        for lesson in client.lessons(store.id, status="adopted"):
            print(lesson.statement)


if __name__ == "__main__":
    main(*sys.argv[1:3])
