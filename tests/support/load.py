"""Somebody who reads and writes all the time, by whichever replica answers."""

import threading
from collections import Counter
from contextlib import contextmanager
from itertools import count

import httpx2

from running import ME


class Load:
    """``statuses`` counts the answers. A connection that is refused or lost is no answer: the
    request goes to the next of ``addresses`` then, as a proxy sends it.
    """

    def __init__(self, addresses, headers):
        self.addresses = addresses
        self.headers = headers
        self.statuses = Counter()
        self._answered = threading.Condition()
        self._ended = threading.Event()

    def wait_for(self, answers):
        """Until so many more have come."""
        with self._answered:
            until = self.statuses.total() + answers
            assert self._answered.wait_for(lambda: self.statuses.total() >= until, timeout=120)

    def run(self):
        for number in count():
            for address in self.addresses:
                if self._ended.is_set():
                    return
                self._ask(address, {"display_name": f"Number {number}"})

    def _ask(self, address, body):
        try:
            read = httpx2.get(address + ME, headers=self.headers, timeout=60)
            written = httpx2.put(address + ME, headers=self.headers, json=body, timeout=60)
        except httpx2.TransportError:
            return
        with self._answered:
            self.statuses.update([read.status_code, written.status_code])
            self._answered.notify_all()

    def end(self):
        self._ended.set()


@contextmanager
def under_load(addresses, headers):
    load = Load(addresses, headers)
    thread = threading.Thread(target=load.run)
    thread.start()
    try:
        yield load
    finally:
        load.end()
        thread.join(120)
