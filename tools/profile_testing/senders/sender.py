"""Sends a large body with urllib, COUNT times: ADDRESS METHOD PATH SIZE HOW COUNT.

urllib closes each connection; nothing else can be said to it.
"""

import sys
import urllib.error
import urllib.request

address, method, path, size, _, count = sys.argv[1:]
statuses = []
for _ in range(int(count)):
    asked = urllib.request.Request(address + path, data=b"a" * int(size), method=method)
    asked.add_header("Content-Type", "application/json")
    for each in (asked, address + "/healthz"):
        try:
            with urllib.request.urlopen(each, timeout=60) as answer:
                statuses.append(str(answer.status))
        except urllib.error.HTTPError as error:
            statuses.append(str(error.code))
            error.read()
        except OSError as error:
            statuses.append(type(error).__name__)
sys.stdout.write(" ".join(statuses) + "\n")
