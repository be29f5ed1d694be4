"""Runs statements on the embedded engine as one of the users of deploy/clickhouse/users.d/weir.xml.

`python -m tests.integration.engine_as_user FOLDER USER`, statements as a JSON list of `[sql, parameters]` on stdin,
answers as a JSON list on stdout: `{"rows": […]}` or `{"code": 497, "error": "…"}` for each.

The engine reads a server's configuration files, but lets nobody log in: it works as the user `default`. So the user in
question is given that name, and an empty password; profile, quota, grants and constraints stay as the file has them.
A process of its own, since a process has one engine and that has one configuration.
"""

import json
import re
import shutil
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

from chdb.session import Session

DEPLOYED = Path(__file__).parents[2] / "deploy" / "clickhouse"

IMAGE_USERS = """
<clickhouse>
  <profiles><default/></profiles>
  <users>
    <default><password/><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota>{more}</default>
  </users>
  <quotas><default/></quotas>
</clickhouse>
"""
"""What matters of the users.xml that the server's image brings. An administrator may ask for all users; grants of one's
own and that right exclude each other."""


def configure(folder: Path, user: str) -> Path:
    """Lay out a server's configuration folder; the path of its main file."""
    for part in ("config.d", "users.d"):
        shutil.copytree(DEPLOYED / part, folder / part, dirs_exist_ok=True)
    administers = "<access_management>1</access_management>" if user == "default" else ""
    (folder / "users.xml").write_text(IMAGE_USERS.format(more=administers))
    main = folder / "config.xml"
    main.write_text(
        f"<clickhouse><users_config>{folder}/users.xml</users_config>"
        f"<user_directories><users_xml><path>{folder}/users.xml</path></users_xml></user_directories></clickhouse>"
    )
    if user != "default":
        rename(folder / "users.d" / "weir.xml", user)
    return main


def rename(path: Path, user: str) -> None:
    """Make `user` of a users file the engine's own user."""
    tree = ET.parse(path)
    users = tree.getroot().find("users")
    assert users is not None
    default, chosen = users.find("default"), users.find(user)
    assert default is not None
    assert chosen is not None
    users.remove(default)
    chosen.tag = "default"
    chosen.set("replace", "replace")
    password = chosen.find("password")
    assert password is not None
    password.attrib.clear()
    tree.write(path)


def answer(session: Session, sql: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """The rows of one statement, or its error."""
    try:
        text = str(session.query(sql, "JSONCompactEachRow", params=parameters))  # type: ignore[no-untyped-call]  # chDB's
    except RuntimeError as error:
        code = re.search(r"Code: (\d+)", str(error))
        return {"code": int(code[1]) if code else 0, "error": str(error)[:500]}
    return {"rows": [json.loads(line) for line in text.splitlines()]}


def main(folder: Path, user: str) -> None:
    """Answer what stands on stdin."""
    config = configure(folder / user, user)
    with Session(f"{folder}/data?config-file={config}") as session:  # type: ignore[no-untyped-call]  # chDB's
        answers = [answer(session, sql, parameters) for sql, parameters in json.load(sys.stdin)]
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
