"""What the command is given in tests: settings, and files of people."""

import json
import os

from profile_testing.signing import SECRET
from running import TENANT

ISSUERS = json.dumps(
    [
        {
            "issuer": "https://idp.example",
            "audience": "profile",
            "algorithms": ["HS256"],
            "secret": SECRET,
        }
    ]
)
HEADER = "tenant_id,id,email,auth_provider,first_name,last_name,display_name,issuer,subject"


def environment(**settings):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PROFILE_")}
    return kept | {f"PROFILE_{name.upper()}": value for name, value in settings.items()}


def csv(folder, *rows, header=HEADER):
    path = folder / "people.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return str(path)


def person(user_id, email="ada@example.com", provider="local", *rest):
    return ",".join([TENANT, str(user_id), email, provider, *rest, *[""] * (5 - len(rest))])
