import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from reverie.errors import SettingsError
from reverie.settings import Secret, Settings, load_settings
from reverie.storage.postgres.secret_box import KEY_FILE, SecretBox, open_secret_box


def test_a_key_is_made_at_first_use_for_its_owner_alone(tmp_path: Path) -> None:
    sealed = open_secret_box(Settings(home=tmp_path)).seal({"token": "t"})
    assert open_secret_box(Settings(home=tmp_path)).open(sealed) == {"token": "t"}
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [KEY_FILE]


def test_an_external_database_needs_a_key_that_all_servers_share(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="REVERIE_SECRET_KEY"):
        open_secret_box(Settings(home=tmp_path, database_url="postgresql://elsewhere/reverie"))


def test_after_a_rotation_old_secrets_open_and_new_ones_need_the_new_key() -> None:
    old, new = (Fernet.generate_key().decode() for _ in range(2))
    both = SecretBox((new, old))
    assert both.open(SecretBox((old,)).seal("kept")) == "kept"
    with pytest.raises(SettingsError, match="REVERIE_SECRET_KEY"):
        SecretBox((old,)).open(both.seal("fresh"))


def test_sealed_text_does_not_show_what_it_holds() -> None:
    box = SecretBox((Fernet.generate_key().decode(),))
    assert "hunter2" not in box.seal({"token": "hunter2"})
    assert box.seal("same") != box.seal("same")


def test_keys_are_read_from_the_environment_in_order() -> None:
    first, second = (Fernet.generate_key().decode() for _ in range(2))
    assert load_settings({"REVERIE_SECRET_KEY": f"{first}, {second}"}).secret_keys == (Secret(first), Secret(second))


@pytest.mark.parametrize("text", ["short", "not base64 at all, really", "====", "c2hvcnQ="])
def test_a_malformed_key_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(SettingsError, match="key 1") as refused:
        load_settings({"REVERIE_SECRET_KEY": text})
    assert text not in str(refused.value)
