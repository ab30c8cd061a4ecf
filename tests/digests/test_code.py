"""What code inside tool calls is named."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reverie.digests.code import read_code


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("SHOW TABLES", "sql:show"),
        ("desc singer;", "sql:describe"),
        ("SELECT a FROM t WHERE b IN (SELECT b FROM u)", "sql:select"),
        ("SELECT a FROM t UNION SELECT a FROM u", "sql:select"),
        ("WITH x AS (SELECT 1) SELECT * FROM x", "sql:select"),
        ("SELECT * FROM information_schema.columns WHERE table_name = 't'", "sql:information_schema"),
        ("select name from sqlite_master", "sql:information_schema"),
        ("INSERT INTO t VALUES (1)", "sql:insert"),
        ("SELECT a::int FROM t", "sql:select"),
        ("SELECT a FROM t \nThis query selects a from t", "sql:unparsed"),
        ("Could you tell me the tables?", "sql:unparsed"),
        ("", "sql:unparsed"),
    ],
)
def test_sql_is_named_by_its_statement(query: str, name: str) -> None:
    code = read_code("sql", {"query": query})
    assert code is not None and code.commands.names == (name,)


def test_a_text_of_several_statements_has_several_names() -> None:
    code = read_code("sql", {"query": "USE shop; SHOW TABLES"})
    assert code is not None and code.commands.names == ("sql:use", "sql:show")


@pytest.mark.parametrize("query", ["SHOW COLUMNS FROM t", "DESCRIBE t", "SELECT 1 FROM information_schema.tables"])
def test_reading_the_catalogue_counts_as_inspecting_the_schema(query: str) -> None:
    code = read_code("mysql", {"query": query})
    assert code is not None and code.commands.inspects_schema


def test_sql_constructs_are_found() -> None:
    query = (
        "SELECT DISTINCT COUNT(*) FROM a JOIN b ON a.i = b.i "
        "WHERE c LIKE 'x%' AND d IN (SELECT d FROM e) GROUP BY f LIMIT 1"
    )
    code = read_code("sql", {"query": query})
    assert code is not None
    assert {feature.removeprefix("sql ") for feature in code.commands.features} == {
        *("distinct", "count", "join", "like", "subquery", "group by", "limit")
    }


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("ls -la", ("ls",)),
        ("cd /srv && grep -r x . | sort | uniq -c", ("grep", "cd", "sort", "uniq")),
        ("find . -name '*.java' -exec md5sum {} +", ("find", "md5sum")),
        ("ls | xargs -n 1 grep x", ("ls", "grep")),
        ("sudo apt-get update", ("apt-get",)),
        ("LANG=C /usr/bin/awk '{print $2}' f", ("awk",)),
        ("wc -l $(ls)", ("wc", "ls")),
        ("for f in *; do cat $f; done", ("cat",)),
        ("echo $((1 + 1))", ("echo",)),
        ("The command above is right.", ("unparsed",)),
        ("# nothing but a comment", ("unparsed",)),
        ("", ("unparsed",)),
    ],
)
def test_shell_text_is_named_by_its_commands(command: str, names: tuple[str, ...]) -> None:
    code = read_code("Bash", {"command": command, "description": "x"})
    assert code is not None and code.commands.names == tuple(f"bash:{name}" for name in names)


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ('cd /srv && grep "foo | wc', ("grep", "cd")),
        ("ls -l | sort |", ("ls", "sort")),
        ("for f in *; do md5sum $f done", ("md5sum",)),
        ("if [ -d /srv ]; then", ("test",)),
        ("git add . && git commit -m 'half", ("git",)),
        ("echo $((1 + ", ("echo",)),
        ("Could you (see above) run it?", ("unparsed",)),
    ],
)
def test_broken_shell_text_is_named_by_the_commands_that_can_be_told(command: str, names: tuple[str, ...]) -> None:
    code = read_code("Bash", {"command": command})
    assert code is not None and code.commands.names == tuple(f"bash:{name}" for name in names)


@pytest.mark.parametrize(
    ("command", "names", "feature"),
    [
        ('sed s/a/b/ <<< "$(uname -r)"', ("sed", "uname"), "bash command substitution"),
        ("while read f; do ln $f; done < <(ls -1)", ("read", "ln", "ls"), "bash process substitution"),
        ("until nc -z localhost 80; do sleep 1; done", ("nc", "sleep"), "bash loop"),
        ("if [[ $a =~ b ]]; then ls; fi", ("ls", "test"), "bash if"),
        ("sum=$((1 + 2)); ls >> $sum", ("ls",), "bash redirect"),
        ("python - <<'EOF'\nprint(f(\nEOF", ("python",), None),
    ],
)
def test_commands_are_found_wherever_the_shell_runs_them(
    command: str, names: tuple[str, ...], feature: str | None
) -> None:
    code = read_code("Bash", {"command": command})
    assert code is not None and set(code.commands.names) == {f"bash:{name}" for name in names}
    assert feature is None or feature in code.commands.features


def test_a_shell_text_that_nests_without_end_is_read() -> None:
    code = read_code("Bash", {"command": "echo " + "$(" * 3_000})
    assert code is not None and code.commands.names == ("bash:echo",)


@pytest.mark.parametrize("command", ["make 2>/dev/null", "make 2>&1", "make < in"])
def test_only_what_sends_the_output_to_a_file_is_a_redirect(command: str) -> None:
    code = read_code("Bash", {"command": command})
    assert code is not None and "bash redirect" not in code.commands.features


def test_shell_constructs_are_found() -> None:
    code = read_code("bash", {"command": "find . -exec cat {} + | xargs rm > log"})
    assert code is not None
    assert set(code.commands.features) == {"bash pipe", "bash -exec", "bash xargs", "bash redirect"}


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("import pandas as pd\ndf = pd.read_csv('x')\nprint(df)", "python:pd.read_csv"),
        ("x = 1", "python:statement"),
        ("def broken(:", "python:unparsed"),
    ],
)
def test_python_is_named_by_its_first_call(source: str, name: str) -> None:
    code = read_code("python", {"code": source})
    assert code is not None and code.commands.names == (name,)


_words = st.sampled_from(
    [*"()'\"`#|>;x1={}[:\n*", "SELECT", "FROM", "$(", "$((", "<<", "EOF", "&&", "if", "fi", "def", "import", "--"]
)


@settings(deadline=None)
@given(language=st.sampled_from(["sql", "bash", "python"]), words=st.lists(_words, max_size=12))
def test_no_text_is_too_broken_to_be_named(language: str, words: list[str]) -> None:
    code = read_code(language, {"code": " ".join(words)})
    assert code is not None and code.commands.names[0].startswith(f"{language}:")


def test_markdown_fences_are_noted_and_looked_through() -> None:
    code = read_code("bash", {"command": "```BASH\nls /tmp\n```"})
    assert code is not None and code.fenced and code.commands.names == ("bash:ls",)


@pytest.mark.parametrize(
    ("tool", "arguments", "argument"),
    [
        ("run_query", {"query": "SELECT a FROM t"}, "query"),
        ("mcp__db__runSQL", {"statement": "SELECT 1"}, "statement"),
        ("execute", {"code": "ls", "language": "bash"}, "code"),
        ("search_kb", {"query": "how do I return a parcel"}, None),
        ("apply_coupon", {"code": "SAVE"}, None),
        ("str_replace_editor", {"command": "view", "path": "/a"}, None),
        ("sql", {}, None),
        ("sql", {"query": 3}, None),
    ],
)
def test_only_arguments_that_hold_code_are_read_as_code(
    tool: str, arguments: dict[str, object], argument: str | None
) -> None:
    code = read_code(tool, arguments)
    assert (code.argument if code else None) == argument
