"""HTTP/1.1 on sockets, in one process or several."""
