# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Slow senders, and Apache with a thread for each of them."""
import select
import socket
import threading

from . import place, processes

BODIES = 300  # at once; the handler has 256 places
PLACES = 256
THREADS = """
<IfModule mpm_event_module>
StartServers 16
ServerLimit 16
ThreadsPerChild 25
MaxRequestWorkers 400
MaxSpareThreads 400
</IfModule>
"""


def ended(sockets):
    """Those that were answered or closed."""
    poll = select.poll()
    for s in sockets:
        poll.register(s, select.POLLIN)
    found = {number for number, _ in poll.poll(0)}
    return [s for s in sockets if s.fileno() in found]


class Trickle:
    """Sockets that each get a byte more, again and again, until stop()."""

    def __init__(self, sockets, byte, pause=1):
        self.sockets = list(sockets)
        self.byte = byte
        self.pause = pause
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.stopped.wait(self.pause):
            for s in list(self.sockets):
                try:
                    s.send(self.byte)
                except OSError:
                    pass  # the other end has closed it

    def ended(self):
        return len(ended(self.sockets))

    def stop(self):
        self.stopped.set()
        self.thread.join()
        for s in self.sockets:
            s.close()


class Bodies(Trickle):
    """BODIES slow bodies through Apache, which passes bodies on as they come:
    an anonymous sender decides how fast."""

    def __init__(self, folder, configuration, path, headers):
        self.server = processes.Apache(folder, configuration, more=THREADS)
        self.head = (f"POST {path} HTTP/1.1\r\n" + "".join(
            f"{name}: {value}\r\n" for name, value in headers.items()) +
            "Content-Length: 100000\r\n\r\n{").encode()
        super().__init__([], b" ", 0.1)
        for _ in range(BODIES):
            self.open()

    def open(self):
        s = socket.create_connection(("127.0.0.1", self.server.port))
        s.sendall(self.head)
        self.sockets.append(s)

    def wait_for(self, ended):
        """Waits until this many have ended: the others have all places."""
        return place.wait_for(lambda: self.ended() >= ended)

    def stop(self):
        super().stop()
        self.server.close()
