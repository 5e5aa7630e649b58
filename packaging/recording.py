"""Record a real `mftctl run` in a real terminal as an animated SVG that needs nothing else.

    python packaging/recording.py [--output docs/assets/run.svg]

bash runs in a pseudo-terminal; what it prints goes through a terminal emulator (pyte), and each screen becomes a frame.
The animation is CSS: no script, no font, no request. Who wants no motion sees the last screen.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from xml.sax.saxutils import escape

import pexpect
import pyte

ROOT = Path(__file__).resolve().parents[1]
COLUMNS, ROWS = 100, 17
COMMAND = "mftctl run train.py"
PROMPT = "$ "
FLOW = """\
import time

from metaflow import FlowSpec, Parameter, step


class TrainFlow(FlowSpec):
    rounds = Parameter("rounds", default=3)

    @step
    def start(self):
        self.depths = [2, 3, 5, 8, 13, 21]
        self.next(self.train, foreach="depths")

    @step
    def train(self):
        time.sleep(0.4 + 0.1 * self.input % 1.5)
        self.score = round(1 - abs(8 - self.input) / 20, 2)
        print(f"depth {self.input}: score {self.score}")
        self.next(self.choose)

    @step
    def choose(self, inputs):
        time.sleep(0.6)
        self.best = max(inputs, key=lambda model: model.score).input
        self.next(self.end)

    @step
    def end(self):
        print("best depth:", self.best)


if __name__ == "__main__":
    TrainFlow()
"""
#: Seconds: a command may take, between two keys, between two frames, an idle stretch is cut to, the last screen stays.
LIMIT, KEY, FRAME, IDLE, LAST = 120.0, 0.05, 0.1, 0.8, 5.0
#: Pixels: size of a character's cell, the edge around the screen, the bar above it.
WIDTH, HEIGHT, EDGE, BAR = 8.4, 19.0, 14.0, 30.0
BACKGROUND, FOREGROUND = "#161b22", "#e6edf3"
COLOURS = {
    "black": "#484f58",
    "red": "#ff7b72",
    "green": "#56d364",
    "brown": "#e3b341",
    "blue": "#79c0ff",
    "magenta": "#d2a8ff",
    "cyan": "#56d4dd",
    "white": "#b1bac4",
    "brightblack": "#8b949e",
    "brightred": "#ffa198",
    "brightgreen": "#7ee787",
}

#: A run of characters of one look: column, text, colour, bold.
Run = tuple[int, str, str, bool]
Line = tuple[Run, ...]


@dataclass(frozen=True)
class Frame:
    """A screen, and the second at which it is first seen."""

    at: float
    lines: tuple[Line, ...]


def main() -> None:
    """Record, and say where the picture is and how large."""
    parser = argparse.ArgumentParser(description="Record `mftctl run` as an animated SVG.")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "assets" / "run.svg")
    output: Path = parser.parse_args().output
    picture = draw(record())
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(picture, encoding="utf-8")
    print(f"{output}  {len(picture.encode()) / 1e3:.0f} kB")


def record() -> list[Frame]:
    """The screens of a terminal in which somebody types COMMAND, until the prompt is there again."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "bin").mkdir()
        (home / "bin" / "mftctl").symlink_to(ROOT / "dist" / "mftctl")
        (home / "train.py").write_text(FLOW)
        (home / ".inputrc").write_text("set enable-bracketed-paste off\n")
        environment = {
            "PATH": os.pathsep.join((str(home / "bin"), str(Path(sys.executable).parent), os.defpath)),
            "HOME": str(home),
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "PS1": PROMPT,
            "METAFLOW_USER": "ada",
        }
        # The first start unpacks and compiles, which is not what a user sees every day.
        subprocess.run(COMMAND.split(), cwd=home, env=environment, check=True, stdout=subprocess.DEVNULL)
        terminal = pexpect.spawn(
            "bash",
            ["--norc", "--noprofile", "-i"],
            cwd=folder,
            env=environment,
            encoding="utf-8",
            dimensions=(ROWS, COLUMNS),
            timeout=LIMIT,
        )
        try:
            return _follow(terminal)
        finally:
            terminal.close(force=True)


def _follow(terminal: pexpect.spawn[str]) -> list[Frame]:
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.Stream(screen)
    keys = iter([*COMMAND, "\r"])
    frames, clock, seen = [Frame(0.0, _read(screen))], 0.0, time.monotonic()
    whole = ""
    while "Done: run" not in whole or not whole.endswith(PROMPT):
        if time.monotonic() - seen > LIMIT:
            raise TimeoutError(f"it has not ended:\n{whole}")
        if PROMPT in whole and (key := next(keys, "")):
            terminal.send(key)
            time.sleep(KEY)
        try:
            text = terminal.read_nonblocking(size=65536, timeout=FRAME)
        except pexpect.TIMEOUT:
            continue
        whole += text
        # The emulator knows no faint text; grey is what most terminals make of it.
        stream.feed(text.replace("\x1b[2m", "\x1b[90m"))
        now = time.monotonic()
        clock, seen = clock + min(now - seen, IDLE), now
        if (lines := _read(screen)) != frames[-1].lines:
            if clock - frames[-1].at < FRAME and len(frames) > 1:
                clock = frames.pop().at
            frames.append(Frame(clock, lines))
    return frames


def _read(screen: pyte.Screen) -> tuple[Line, ...]:
    """The lines of a screen, as runs of one look."""
    return tuple(
        tuple(
            (cells[0][0], "".join(char.data for _, char in cells), *look)
            for look, group in groupby(
                enumerate(screen.buffer[row][column] for column in range(COLUMNS)),
                key=lambda cell: (cell[1].fg, cell[1].bold),
            )
            if (cells := list(group)) and any(char.data != " " for _, char in cells)
        )
        for row in range(ROWS)
    )


def draw(frames: list[Frame]) -> str:
    """The picture: a film strip of all frames, which jumps from one to the next."""
    width, height = COLUMNS * WIDTH + 2 * EDGE, ROWS * HEIGHT + BAR + EDGE
    total = frames[-1].at + LAST
    names: dict[Line, str] = {}
    strip = []
    for number, frame in enumerate(frames):
        uses = []
        for row, line in enumerate(frame.lines):
            if line:
                name = names.setdefault(line, f"l{len(names)}")
                uses.append(f'<use href="#{name}" y="{number * ROWS * HEIGHT + row * HEIGHT:g}"/>')
        strip.append("".join(uses))
    lines = "".join(f'<g id="{name}">{_draw_line(line)}</g>' for line, name in names.items())
    steps = "".join(
        f"{100 * frame.at / total:.2f}%{{transform:translateY({-number * ROWS * HEIGHT:g}px)}}"
        for number, frame in enumerate(frames)
    )
    last = -(len(frames) - 1) * ROWS * HEIGHT
    style = (
        f"text{{font:14px ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:{FOREGROUND};white-space:pre}}"
        f".b{{font-weight:bold}}#film{{transform:translateY({last:g}px)}}"
        "@media (prefers-reduced-motion:no-preference){"
        f"#film{{animation:film {total:.2f}s step-end infinite}}}}@keyframes film{{{steps}}}"
    )
    dots = "".join(
        f'<circle cx="{EDGE + 6 + 18 * number}" cy="{BAR / 2}" r="5" fill="#484f58"/>' for number in range(3)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" role="img">'
        f"<title>{escape(COMMAND)} in a terminal</title><style>{style}</style>"
        f'<rect x=".5" y=".5" width="{width - 1:g}" height="{height - 1:g}" rx="8"'
        f' fill="{BACKGROUND}" stroke="#30363d"/>'
        f'{dots}<svg x="{EDGE:g}" y="{BAR:g}" width="{COLUMNS * WIDTH:g}" height="{ROWS * HEIGHT:g}">'
        f'<defs>{lines}</defs><g id="film">{"".join(strip)}</g></svg></svg>\n'
    )


def _draw_line(line: Line) -> str:
    # With its length named, each run fills its cells in whatever font there is.
    return "".join(
        f'<text x="{column * WIDTH:g}" y="14" textLength="{len(text) * WIDTH:g}"'
        f"{_attributes(colour, bold=bold)}>{escape(text)}</text>"
        for column, text, colour, bold in map(_trim, line)
    )


def _trim(run: Run) -> Run:
    column, text, colour, bold = run
    return column + len(text) - len(text.lstrip()), text.strip(), colour, bold


def _attributes(colour: str, *, bold: bool) -> str:
    fill = COLOURS.get(colour, f"#{colour}" if len(colour) == 6 else "")
    return (f' style="fill:{fill}"' if fill else "") + (' class="b"' if bold else "")


if __name__ == "__main__":
    main()
