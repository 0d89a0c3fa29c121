"""Policies for tests, as text and as files."""

import json


def forbid(when, *, action="action", **annotations):
    notes = "".join(
        f"@{key}({json.dumps(text, ensure_ascii=False)}) " for key, text in annotations.items()
    )
    return f"{notes}forbid (principal, {action}, resource) when {{ {when} }};\n"


def write(folder, **files):
    for name, text in files.items():
        (folder / f"{name}.cedar").write_text(text, "utf-8")
    return folder
