"""A coordinator that called agents in, and rules that held, put into the tables without a model."""

from dataclasses import dataclass

from anthropic import AsyncAnthropic

from reverie.storage.postgres.database import Database

HOSTILE_NAME = '<b>helper</b>"><img src=x>'


@dataclass(frozen=True, slots=True)
class Team:
    """A coordinator, its helper, and three sessions of it: two with helpers, one alone."""

    lead: str
    helper: str
    sessions: tuple[str, ...]


async def make_team(client: AsyncAnthropic, database: Database, name: str = "lead") -> Team:
    """A team whose sessions have rewards 1, 0 and 1; the helper worked in three threads of the first two."""
    place = await client.beta.environments.create(name="room", config={"type": "cloud"})
    helper = await client.beta.agents.create(name=HOSTILE_NAME, model="small")
    roster = {"type": "coordinator", "agents": [helper.id]}
    lead = await client.beta.agents.create(name=name, model="large", multiagent=roster)  # type: ignore[arg-type]
    made = [await client.beta.sessions.create(agent=lead.id, environment_id=place.id) for _ in range(3)]
    team = Team(lead.id, helper.id, tuple(session.id for session in made))
    async with database.connection() as connection:
        for session_id, reward in zip(team.sessions, (1.0, 0.0, 1.0), strict=True):
            await connection.execute("UPDATE sessions SET reward = %s WHERE id = %s", [reward, session_id])
        for number, session_id in enumerate([team.sessions[0], team.sessions[0], team.sessions[1]]):
            await connection.execute(
                """
                INSERT INTO session_threads (id, session_key, agent, status, created_at, updated_at)
                SELECT %s, key, jsonb_build_object('id', %s::text, 'name', %s::text), 'idle', imported_at, imported_at
                FROM sessions WHERE id = %s
                """,
                [f"sthr_{name}_{number}", helper.id, HOSTILE_NAME, session_id],
            )
    return team


async def fire(database: Database, session_id: str, sequence: int, rule: str, verdict: str = "deny") -> None:
    """Have a rule of the workspace hold in a session."""
    async with database.connection() as connection:
        await connection.execute(
            """
            INSERT INTO rule_firings (session_key, sequence, agent_id, rule, version, verdict, enforced)
            SELECT key, %s, '', %s, 1, %s, true FROM sessions WHERE id = %s
            """,
            [sequence, rule, verdict, session_id],
        )


async def draw_tasks(database: Database, team: Team, family: str = "sums") -> None:
    """Have the team's router give the helper a task in each of two scored sessions, and a check end in the first."""
    async with database.connection() as connection:
        for session_id in team.sessions[:2]:
            await connection.execute(
                """
                INSERT INTO delegations (session_key, number, coordinator, to_thread, agent, family, brief_parts,
                    chosen_by, chances, policy_version, status, calls, errors, tokens)
                SELECT key, 0, %(lead)s, 'sthr_0', %(agent)s, %(family)s, '{}', 'router',
                    jsonb_build_object(%(agent)s::text, 0.5, 'another', 0.5), 1, 'reported', 0, 0, 0
                FROM sessions WHERE id = %(session)s
                """,
                {"lead": team.lead, "agent": HOSTILE_NAME, "family": family, "session": session_id},
            )
        await connection.execute(
            """
            INSERT INTO cross_checks (session_key, id, question_sha256, family, members, answers_sha256, agreeing,
                asked, settled_by, models, winner)
            SELECT key, 'sevt_1', '', '', '[]', '{}', 2, 3, 'vote', ARRAY['large', 'small'], 1
            FROM sessions WHERE id = %s
            """,
            [team.sessions[0]],
        )
