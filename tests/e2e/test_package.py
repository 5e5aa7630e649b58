"""What a deployment's code package brings, and what is said where it lacks something."""

import json
import shutil
from pathlib import Path

FLOW = """
from pathlib import Path
from metaflow import FlowSpec, step

class DataFlow(FlowSpec):
    @step
    def start(self):
        print("read", (Path(__file__).parent / "conf.json").read_text())
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    DataFlow()
"""


def test_a_missing_data_file_is_told_at_deploy_and_by_the_task_and_suffixes_bring_it(served) -> None:
    """In text, in JSON and in the run's failure; with `--package-suffixes` it is packaged and found."""
    shutil.copytree(Path(__file__).parent / "flows" / "place" / "flows", served.folder / "flows")
    file = str(served.flow("flows/data.py", FLOW))
    first = served.run("deploy", file)
    assert "the flow names conf.json, which its code package lacks" in first.stderr
    assert "package\t2 files and " in first.stdout
    served.worker("DataFlow")
    failed = served.run("trigger", "DataFlow", "--wait", "-o", "json")
    assert failed.returncode == 3
    message = json.loads(failed.stdout)["failure"]["message"]
    assert message.startswith("step start failed: FileNotFoundError:")
    assert message.endswith("deploy with --package-suffixes .json)")
    options = ("--package-suffixes", ".json", "--list-package")
    package = json.loads(served.run("deploy", file, *options, "-o", "json").stdout)["package"]
    assert (package["list"], package["missing"]) == (["around.py", "conf.json", "data.py"], [])
    assert (package["files"], package["missing_modules"]) == (3, [])
    assert served.run("trigger", "DataFlow", "--wait").returncode == 0
