"""A temporary Redis server on loopback, without persistence."""

import subprocess
import time

from redis import Redis
from redis.exceptions import ConnectionError as NoConnection

from programs import found


class RedisServer:
    def __init__(self, port, folder):
        self.url = f"redis://127.0.0.1:{port}/0"
        self._arguments = [
            found("redis-server"),
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
        ]
        self._folder = folder
        self._process = None
        self.start()

    def start(self):
        """Returns when it answers; what it knew before is gone."""
        self._process = subprocess.Popen(
            self._arguments, cwd=self._folder, stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 30
        while not self._answers():
            assert time.monotonic() < deadline, "Redis did not start"
            time.sleep(0.02)

    def kill(self):
        self._process.kill()
        self._process.wait()

    def keys(self):
        with Redis.from_url(self.url) as client:
            return client.keys()

    def milliseconds_left(self):
        """How long each key is kept."""
        with Redis.from_url(self.url) as client:
            return [client.pttl(key) for key in client.scan_iter()]

    def move(self, microseconds):
        """Has each key's time lie so much later, as if Redis's clock had gone back as far."""
        with Redis.from_url(self.url) as client:
            for key in client.scan_iter():
                client.incrby(key, microseconds)

    def _answers(self):
        with Redis.from_url(self.url) as client:
            try:
                return client.ping()
            except NoConnection:
                return False
