"""The result of tests, builds, linters and type checks, off what they print."""

import pytest

from reverie.digests.derived.checks import check_by_name, check_result

PASSED = [
    ("pytest -q", "....\n4 passed in 0.12s", "tests"),
    ("cd app && python -m pytest tests 2>&1 | tail -3", "===== 12 passed, 1 skipped in 3.20s =====", "tests"),
    ("python -m unittest", "....\nRan 4 tests in 0.002s\n\nOK", "tests"),
    ("python manage.py test", "Ran 9 tests in 1.2s\n\nOK (skipped=1)", "tests"),
    ("npx jest", "Tests:       5 passed, 5 total", "tests"),
    ("npm test", "> app@1 test\n> vitest run\n\n      Tests  8 passed (8)", "tests"),
    ("yarn mocha", "  3 passing (12ms)", "tests"),
    ("go test ./...", "ok  \tgithub.com/a/b\t0.012s", "tests"),
    ("cargo test", "test result: ok. 7 passed; 0 failed; 0 ignored", "tests"),
    ("mvn -q test", "[INFO] BUILD SUCCESS", "tests"),
    ("./gradlew test", "BUILD SUCCESSFUL in 3s", "tests"),
    ("dotnet test", "Passed!  - Failed:     0, Passed:     4", "tests"),
    ("vendor/bin/phpunit", "OK (4 tests, 9 assertions)", "tests"),
    ("bundle exec rspec", "5 examples, 0 failures", "tests"),
    ("make test", "running\n\x1b[32m===== 2 passed in 0.10s =====\x1b[0m", "tests"),
    ("docker compose run web bash -c 'pytest -q'", "2 passed in 0.10s", "tests"),
    ("npx tsc --noEmit", "", "types"),
    ("mypy src", "Success: no issues found in 12 source files", "types"),
    ("pyright", "0 errors, 0 warnings, 0 informations", "types"),
    ("ruff check .", "All checks passed!", "lint"),
    ("npx eslint src", "", "lint"),
    ("bundle exec rubocop", "12 files inspected, no offenses detected", "lint"),
    ("npm run build", "✓ built in 1.32s", "build"),
    ("cargo build", "    Finished dev [unoptimized] target(s) in 0.5s", "build"),
    ("mvn package", "[INFO] BUILD SUCCESS", "build"),
    ("dotnet build", "Build succeeded.\n    0 Error(s)", "build"),
    ("make -j4", "", "build"),
]
FAILED = [
    ("pytest", "FAILED tests/test_a.py::test_b - assert 1 == 2\n==== 1 failed, 3 passed in 0.2s ====", "tests"),
    ("pytest", "ERROR collecting tests/test_a.py\n!!!! Interrupted: 1 error during collection !!!!", "tests"),
    ("python -m unittest", "FAILED (failures=1)", "tests"),
    ("npx jest", "Tests:       1 failed, 4 passed, 5 total", "tests"),
    ("pnpm vitest run", "      Tests  1 failed | 7 passed (8)", "tests"),
    ("npx mocha", "  2 passing (9ms)\n  1 failing", "tests"),
    ("go test ./...", "--- FAIL: TestA (0.00s)\nFAIL\tgithub.com/a/b\t0.01s", "tests"),
    ("cargo test", "test result: FAILED. 6 passed; 1 failed", "tests"),
    ("mvn test", "[ERROR] Tests run: 3, Failures: 1, Errors: 0\n[INFO] BUILD FAILURE", "tests"),
    ("gradle test", "FAILURE: Build failed with an exception.", "tests"),
    ("dotnet test", "Failed!  - Failed:     1, Passed:     3", "tests"),
    ("phpunit", "FAILURES!\nTests: 4, Assertions: 9, Failures: 1.", "tests"),
    ("rspec", "5 examples, 2 failures", "tests"),
    ("npx tsc", "src/a.ts(3,5): error TS2322: Type 'string' is not assignable", "types"),
    ("mypy .", "a.py:3: error: Incompatible types\nFound 1 error in 1 file (checked 2 source files)", "types"),
    ("ruff check", "a.py:1:1: F401 unused\nFound 1 error.", "lint"),
    ("eslint .", "  3:5  error  'x' is not defined  no-undef\n\n✖ 1 problem (1 error, 0 warnings)", "lint"),
    ("flake8", "a.py:1:1: F401 'os' imported but unused", "lint"),
    ("npm run build", "Failed to compile.", "build"),
    ("gcc -o a a.c", "a.c:3:1: error: expected ';'", "build"),
    ("make", "make: *** [Makefile:2: all] Error 1", "build"),
]
NO_CHECK = [
    ("cat pytest.log", "4 passed in 0.12s"),
    ("git log | grep pytest", "4 passed in 0.12s"),
    ('git commit -m "let pytest pass"', "1 file changed"),
    ("cat > notes.md <<'EOF'\npytest\nEOF", ""),
    ("pip install pytest", "Successfully installed pytest-8"),
    ("ls", "tests"),
]


@pytest.mark.parametrize(("command", "output", "kind"), PASSED, ids=lambda value: str(value)[:30])
def test_a_check_that_passed_is_seen_to_have_passed(command: str, output: str, kind: str) -> None:
    found = check_result(command, output, None)
    assert found is not None and (found.kind, found.passed) == (kind, True)


@pytest.mark.parametrize(("command", "output", "kind"), FAILED, ids=lambda value: str(value)[:30])
def test_a_check_that_failed_is_seen_to_have_failed_even_where_a_pipe_hides_its_status(
    command: str, output: str, kind: str
) -> None:
    found = check_result(command, output, 0)
    assert found is not None and (found.kind, found.passed) == (kind, False)


@pytest.mark.parametrize(("command", "output"), NO_CHECK)
def test_text_about_checks_is_no_check(command: str, output: str) -> None:
    assert check_result(command, output, 0) is None


def test_where_the_output_says_nothing_the_exit_status_does_unless_a_pipe_swallowed_it() -> None:
    quiet = [check_result(command, "", status) for command, status in (("npm test", 0), ("npm test", 1))]
    assert [found.passed for found in quiet if found] == [True, False]
    assert check_result("pytest | tail -1", "…", 0) is None


def test_a_tool_that_tests_by_its_name_is_a_check_and_a_search_for_tests_is_not() -> None:
    found = check_by_name("run_tests", "3 passed in 0.1s", failed=False)
    assert found is not None and (found.kind, found.passed) == ("tests", True)
    assert check_by_name("search_tests_by_author", "3 passed in 0.1s", failed=False) is None
