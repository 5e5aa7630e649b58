"""Who follows a page of docs/tutorial at a terminal, and holds what each command prints against the page."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import console


class Reader:
    """Who follows the pages about a flow, in a home with the session's server.

    A command that keeps its terminal busy leaves the reader with a new one, which begins in the home.
    """

    def __init__(self, home: Any, flow: str, wait_until: Callable[..., None]) -> None:
        self.home = self.place = home
        self.code = 0
        self._flow = flow
        self._wait_until = wait_until

    def follow(self, page: Path, port: int = 8099) -> None:
        """Do all that the page says; ``port`` is in the place of 8099."""
        steps = list(console.read(page))
        for step, following in zip(steps, [*steps[1:], None], strict=True):
            if isinstance(step, console.SavedFile):
                self._path(step.name).write_text(step.text.replace("8099", str(port)))
            elif isinstance(step, console.Edit):
                text = self._path(step.name).read_text()
                assert step.old in text, f"{page.name}: {step.name} has not what the change is of"
                self._path(step.name).write_text(text.replace(step.old, step.new))
            else:
                checked = isinstance(following, console.Command) and following.words == "echo $?"
                self.run(replace(step, words=step.words.replace("8099", str(port))), checked=checked)

    def run(self, command: console.Command, *, checked: bool) -> None:
        """Run a command as the page has it; ``checked``: the page shows its exit code, which may be any."""
        words = command.words
        if words == "echo $?":
            assert command.shown == (str(self.code),), f"{command.where}: it was {self.code}"
        elif words.startswith("cd "):
            self.place = replace(self.place, folder=self._path(words.removeprefix("cd ")))
        elif command.keeps_running and words.endswith("&"):
            self.place.start_command("bash", "-c", f"exec {words.removesuffix('&')}")
        elif command.keeps_running:
            self._occupy_terminal(command)
            self.place = self.home
        elif words.startswith("mftctl "):
            # The latest of this flow: other tests may use the same server.
            words = words.replace("@latest", f"@latest --deployment {self._flow}")
            done = self.place.run(*shlex.split(words)[1:])
            self.code = done.returncode
            assert checked or self.code == 0, f"{command.where}: {self.code}\n{done.stdout}{done.stderr}"
            assert command.missing(done.stdout + done.stderr) == [], (
                f"{command.where}\n{done.stdout}{done.stderr}"
            )
        elif command.shown:  # what another process does meanwhile may be seen a little later
            self._wait_until(
                lambda: command.missing(self.place.command("bash", "-c", words).stdout) == [], command.where
            )
        else:
            done = self.place.command("bash", "-c", words)
            assert done.returncode == 0, f"{command.where}\n{done.stderr}"

    def _path(self, name: str) -> Path:
        return Path(self.place.folder / name.replace("~", self.place.env["HOME"]))

    def _occupy_terminal(self, command: console.Command) -> None:
        if command.words == "mftctl dev":
            return  # the session's server is one
        assert command.words.startswith("mftctl worker "), command.where
        log = self.place.worker(*shlex.split(command.words)[2:])
        self._wait_until(lambda: not command.missing(log.read_text()), command.where)
