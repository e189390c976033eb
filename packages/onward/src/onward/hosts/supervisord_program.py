"""supervisord as Onward runs it: with a loop that does not spin.

supervisord 4.3.0 keeps watching the number of a log's pipe that it has closed. When the next process that it begins has
its input under that number, and closes it as servers do, every poll returns at once and says POLLERR, which nobody
looks at: supervisord takes a whole processor, and works. (supervisor/poller.py: PollPoller.poll, and
supervisor/supervisord.py: Supervisor.runforever, which forgets only what it finds readable.)
"""

import select

from supervisor import poller, supervisord


class ForgettingPoller(poller.PollPoller):  # type: ignore[misc]  # it has no annotations
    """Forgets what is broken and can neither be read nor written; what is still wanted is registered in each turn."""

    def _ignore_invalid(self, fd: int, eventmask: int) -> bool:
        """Whether there is nothing to do for it."""
        if eventmask & select.POLLERR and not eventmask & (self.READ | self.WRITE):
            eventmask = select.POLLNVAL
        return bool(super()._ignore_invalid(fd, eventmask))


if __name__ == "__main__":
    poller.Poller = ForgettingPoller
    supervisord.main()
