"""Replicas that misbehave: they count what reaches them, and then end, hang or answer."""

import socket
import threading

ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
    b"X-Request-ID: of-the-service\r\nConnection: close\r\n\r\n{}"
)
ENDS, HANGS, ANSWERS = "ends", "hangs", "answers"


class Replica:
    """``asked`` has the method of each request that has come, in order."""

    def __init__(self, does):
        self.asked = []
        self._does = does
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open = []
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept)

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            if head := connection.recv(65_536):
                self.asked.append(head.split(b" ")[0].decode())
            if self._does == ANSWERS:
                connection.sendall(ANSWER)
            if self._does != HANGS:
                connection.close()

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for each in self._open:
            each.close()
