"""Metaflow's own tutorials, with real movie data, as they are."""

import shutil
from pathlib import Path

import metaflow
import pytest

pytestmark = pytest.mark.xdist_group("tutorials")

TUTORIALS = Path(metaflow.__file__).parent / "tutorials"
FLOWS = {
    "00-helloworld/helloworld.py": "HelloFlow is all done.",
    "01-playlist/playlist.py": "Bonus Pick:",
    "02-statistics/stats.py": "Done: run temporal-moviestatsflow-",
    "03-playlist-redux/playlist.py": "Bonus Pick:",
}


def test_tutorials_run_unchanged(lodging):
    """Tutorials 00 to 03 run with `mftctl run`, the last on the results of the one before it."""
    shutil.copytree(TUTORIALS, lodging.folder / "tutorials")
    for flow, said in FLOWS.items():
        done = lodging.run("run", f"tutorials/{flow}")
        assert done.returncode == 0, done.stderr
        assert said in done.stdout


def test_metaflow_shows_logs_and_cards(lodging):
    """`python flow.py logs show` and `card list` read a run as they read a local one."""
    flow = lodging.flow(
        "shown.py",
        "from metaflow import FlowSpec, card, step\n"
        "class Shown(FlowSpec):\n"
        "    @card\n    @step\n    def start(self):\n        print('said in start')\n        self.next(self.end)\n"
        "    @step\n    def end(self):\n        pass\n"
        "if __name__ == '__main__':\n    Shown()\n",
    )
    done = lodging.run("run", flow.name, "--run-id-file", "run-id")
    assert done.returncode == 0, done.stderr
    run_id = (lodging.folder / "run-id").read_text().strip()
    logs = lodging.python(flow.name, "logs", "show", f"{run_id}/start")
    assert "said in start" in logs.stdout, logs.stderr
    cards = lodging.python(flow.name, "card", "list", f"{run_id}/start/temporal-start-0")
    assert "Card Type: default" in cards.stdout + cards.stderr
