"""Sessions as a made-up program writes them: ``{"parley": "7", "said": ["user: hello", "agent: hi"], "mark": 0.5}``."""

from reverie.errors import ImportFormatError
from reverie.sessions.event import text_content
from reverie.sessions.importers import Draft, EventLog, Importer, Keys, RawRecord
from reverie.sessions.importers.json_text import decode_json
from reverie.sessions.session import Session


def parse_parley(record: RawRecord) -> Draft:
    row = decode_json(record.data)
    if not isinstance(row.get("said"), list):
        raise ImportFormatError("said must be a list of lines")
    log = EventLog()
    for number, line in enumerate(row["said"]):
        speaker, _, text = line.partition(": ")
        if speaker == "user":
            log.add("user.message", {"content": text_content(text)})
        elif speaker == "agent":
            log.add("agent.message", {"content": text_content(text)})
        else:
            log.warn(f"said[{number}] is by {speaker!r}, who is not known; it is left out")
    draft = Draft(Session(id=str(row["parley"]), source="parley", agent="parley"), log)
    draft.score("reward", row.get("mark"), "mark")
    return draft


def is_parley(keys: Keys) -> bool:
    return {"parley", "said"} <= keys.top


IMPORTER = Importer("parley", parse_parley, has_keys=is_parley)
