"""A real nginx in front of a service, as a reverse proxy."""

import socket
import subprocess
import time
from contextlib import contextmanager, suppress

from profile_testing.ports import reserved

BY_DEFAULT = "location / { proxy_pass http://service; }"
KEEPING_ALIVE = """
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    location / { proxy_pass http://service; }
"""


@contextmanager
def proxied(folder, address, locations=BY_DEFAULT, *, kept=0, most=0):
    """The address of an nginx that passes all on to ``address``: over ``kept`` connections that
    stay open, of at most ``most`` at once, where they are given.
    """
    host = address.removeprefix("http://")
    with reserved() as held:
        port = held.getsockname()[1]
        keep = f"keepalive {kept};" if kept else ""
        limit = f" max_conns={most}" if most else ""
        http = f"""
            access_log off; client_max_body_size 0;
            upstream service {{ server {host}{limit}; {keep} }}
            server {{ listen 127.0.0.1:{port}; {locations} }}
        """
        with serving(folder, http, port):
            yield f"http://127.0.0.1:{port}"


@contextmanager
def serving(folder, http, port):
    """An nginx that is told ``http`` inside of its block of that name, once it listens there."""
    (folder / "nginx.conf").write_text(
        f"""
        daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
        events {{ worker_connections 512; }}
        http {{
            client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
            fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
            {http}
        }}
        """
    )
    command = ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as nginx:
        try:
            until_it_listens(nginx, port)
            yield
        finally:
            nginx.terminate()
            nginx.communicate(timeout=60)


def until_it_listens(process, port):
    """Returns once somebody listens on the port; the process must not have ended."""
    deadline = time.monotonic() + 60  # other programs may keep the machine busy
    while time.monotonic() < deadline:
        assert process.poll() is None, process.stderr.read()
        with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.02)
    raise AssertionError("nobody listens")
