"""A real nginx in front of a service, as a reverse proxy."""

import subprocess
from contextlib import contextmanager

import httpx2

from ports import reserved
from programs import found

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
        _configure(folder, host, port, locations, kept=kept, most=most)
        command = [found("nginx"), "-p", str(folder), "-c", str(folder / "nginx.conf")]
        with subprocess.Popen(command, stderr=subprocess.PIPE) as nginx:
            try:
                yield _once_it_answers(nginx, f"http://127.0.0.1:{port}")
            finally:
                nginx.terminate()
                nginx.communicate(timeout=60)


def _configure(folder, host, port, locations, *, kept, most):
    keep = f"keepalive {kept};" if kept else ""
    limit = f" max_conns={most}" if most else ""
    (folder / "nginx.conf").write_text(
        f"""
        daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
        events {{ worker_connections 512; }}
        http {{
            access_log off; client_max_body_size 0;
            client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
            fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
            upstream service {{ server {host}{limit}; {keep} }}
            server {{ listen 127.0.0.1:{port}; {locations} }}
        }}
        """
    )


def _once_it_answers(nginx, address):
    with httpx2.Client(transport=httpx2.HTTPTransport(retries=8)) as client:  # with growing pauses
        client.get(address, timeout=60)
    assert nginx.poll() is None
    return address
