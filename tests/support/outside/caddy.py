"""A real Caddy in front of a service, as a reverse proxy."""

import os
import subprocess
from contextlib import contextmanager

from profile_testing import ports
from profile_testing.nginx import until_it_listens
from programs import found


@contextmanager
def serving(folder, site, port):
    """A Caddy with this site on the port, once it listens there; its files are the folder's."""
    with ports.reserved() as plain:
        (folder / "Caddyfile").write_text(
            f"{{\n\tadmin off\n\tdefault_bind 127.0.0.1\n\tskip_install_trust\n"
            f"\thttps_port {port}\n\thttp_port {plain.getsockname()[1]}\n}}\n{site}"
        )
        kept = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        command = [found("caddy"), "run", "--config", "Caddyfile", "--adapter", "caddyfile"]
        with (
            (folder / "log").open("w") as log,
            subprocess.Popen(command, cwd=folder, env=os.environ | kept, stderr=log) as caddy,
        ):
            try:
                until_it_listens(caddy, port)
                yield
            finally:
                caddy.terminate()
                caddy.wait(60)
