"""The flows of the suite, and how each is run: one table."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from .compare import Rules

STRICT = Rules()
FLOWS = Path(__file__).resolve().parent.parent / "flows"


#: A parameter's value: text, or with click's options: values of one given repeatedly, the values of one option, a bare
#: option, or how often it is there.
Value = str | tuple[str, ...] | list[str] | bool | int


@dataclass(frozen=True)
class FlowCase:
    """One way to run one flow file, by `python flow.py run` and by mftctl alike."""

    file: str
    variant: str = ""
    flow: str = ""
    args: dict[str, Value] = field(default_factory=dict, hash=False)
    tags: tuple[str, ...] = ()
    with_: tuple[str, ...] = ()
    configs: tuple[tuple[str, str], ...] = ()
    config_values: tuple[tuple[str, str], ...] = ()
    branch: str = ""
    production: bool = False
    run_options: tuple[str, ...] = ()
    """Only for `python flow.py run`: limits of the local runtime that mftctl does not have."""
    expect_success: bool = True
    marks: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    """Modules that the flow imports beyond metaflow's own needs."""
    since: str = ""
    """The first Metaflow whose own local run gets through the flow, always alike; "": all that mftctl supports."""
    rules: Rules = STRICT

    @property
    def name(self) -> str:
        """The case's name in the test report."""
        stem = self.file.removesuffix(".py")
        return f"{stem}-{self.variant}" if self.variant else stem

    @property
    def flow_name(self) -> str:
        """The name of the flow's class: the file's in CamelCase and `Flow`, unless the case says otherwise."""
        return (
            self.flow or "".join(word.title() for word in self.file.removesuffix(".py").split("_")) + "Flow"
        )

    @property
    def top_options(self) -> tuple[str, ...]:
        """What goes before `run` on the flow's command line."""
        options: list[str] = []
        for name, file in self.configs:
            options += ["--config", name, file]
        for name, value in self.config_values:
            options += ["--config-value", name, value]
        if self.branch:
            options += ["--branch", self.branch]
        return (*options, "--production") if self.production else tuple(options)

    @property
    def run_arguments(self) -> tuple[str, ...]:
        """The parameters for `python flow.py run`."""
        return tuple(word for name, value in self.args.items() for word in _options(f"--{name}", value))

    @property
    def arguments(self) -> tuple[str, ...]:
        """The parameters for `mftctl trigger`."""
        return tuple(
            f"{name}={str(one).lower() if one is True else one}"
            for name, value in self.args.items()
            for one in (value if isinstance(value, (tuple, list)) else (value,))
        )

    @property
    def flags(self) -> tuple[str, ...]:
        """What `run` and `mftctl deploy` understand alike."""
        options: list[str] = []
        for tag in self.tags:
            options += ["--tag", tag]
        for decorator in self.with_:
            options += ["--with", decorator]
        return tuple(options)


def _options(option: str, value: Value) -> tuple[str, ...]:
    match value:
        case str():
            return (f"{option}={value}",)
        case bool():
            return (option,)
        case int():
            return (option,) * value
        case tuple():
            return tuple(f"{option}={one}" for one in value)
        case _:
            return (option, *value)


def _plain(*stems: str) -> tuple[FlowCase, ...]:
    return tuple(FlowCase(f"{stem}.py") for stem in stems)


def _failing(*stems: str) -> tuple[FlowCase, ...]:
    return tuple(FlowCase(f"{stem}.py", expect_success=False) for stem in stems)


GIVEN: dict[str, Value] = {
    "whole": "-7",
    "inferred": "0",
    "ratio": "1e-9",
    "flag": "True",
    "text": "with spaces, 'quotes' and = ünïcode ☃",
    "nothing": "something",
    "no_number": "12",
    "structure": '{"deep": {"list": [1, 2.5, "x", null, true]}}',
    "structure_text": '"just a string"',
    "by_function": "given",
    "number_by_function": "1",
    "learning-rate": "0.25",
    "many": "one",
}

WITH_CLICK: dict[str, Value] = {
    "codes": ("a", "b c"),
    "numbers": ("1", "2.5"),
    "level": "high",
    "shade": "blue",
    "verbose": True,
    "quiet": True,
    "up": True,
    "pair": ["1", "2"],
    "free": ["7", "-8"],
    "my-both": ["y", "2"],
    "size": "5",
    "clamped": "9",
    "share": "1",
    "loud": 2,
    "when": "03.04.2021",
    "place": "/",
    "back": "b",
    "separated": "x,y,z",
}

CASES: tuple[FlowCase, ...] = (
    # The graph.
    *_plain(
        "linear",
        "branch",
        "branch_nested",
        "foreach_nested",
        "foreach_deep",
        "foreach_between",
    ),
    *_plain(
        "foreach_in_branch",
        "branch_in_foreach",
        "merge_artifacts",
    ),
    # Metaflow gave a join of more than four splits its inputs in no order.
    FlowCase("foreach_simple.py", since="2.19.23"),
    FlowCase("foreach_values.py", since="2.19.23"),
    # Metaflow had the names of the first and last step fixed.
    FlowCase("custom_names.py", since="2.19.23"),
    FlowCase("single_step.py", since="2.19.23"),
    FlowCase("foreach_wide.py", run_options=("--max-num-splits", "500"), marks=("wide",), since="2.19.23"),
    FlowCase("switch_linear.py"),
    FlowCase("switch_linear.py", variant="fast", args={"way": "fast"}),
    FlowCase("switch_linear.py", variant="straight", args={"way": "none"}),
    *_plain("switch_in_branch", "switch_in_foreach", "switch_in_foreach_converging", "switch_converging"),
    *_plain("switch_nested", "recursive", "recursive_in_foreach", "recursive_in_branch"),
    FlowCase("parallel_nodes.py", rules=Rules(unordered_logs=("train",))),
    FlowCase("parallel_retry.py", rules=Rules(unordered_logs=("train",))),
    FlowCase("unbounded_foreach.py", rules=Rules(free_logs=("body",))),
    # Parameters, files and configuration.
    FlowCase("parameters_all.py"),
    FlowCase("parameters_all.py", variant="given", args=GIVEN),
    FlowCase("parameters_click.py"),
    FlowCase("parameters_click.py", variant="given", args=WITH_CLICK),
    FlowCase("parameters_required.py", args={"alpha": "0.5", "name-of-it": "it"}),
    FlowCase("include_file.py"),
    FlowCase(
        "include_file.py", variant="given", args={"note": "data/settings.json", "absent": "data/note.txt"}
    ),
    # Metaflow did not find its own way with a Config that has no value.
    FlowCase("config_values.py", since="2.19.14"),
    FlowCase("config_values.py", variant="file", configs=(("settings", "data/other.json"),), since="2.19.14"),
    FlowCase(
        "config_values.py",
        variant="value",
        config_values=(("inline", '{"times": 1, "name": "by value"}'),),
        since="2.19.14",
    ),
    FlowCase("mutators.py"),
    FlowCase("mutators.py", variant="given", config_values=(("extra", '{"added": "no", "number": 0}'),)),
    *_plain("user_decorators"),
    # Attempts, errors and how a run ends.
    *_plain(
        "retry_second",
        "retry_process_dies",
        "catch_error",
        "catch_retry",
        "catch_process_dies",
        "timeout_caught",
    ),
    *_failing("retry_exhausted", "exit_disallow_retry", "fails", "fails_no_splits", "fails_unpicklable"),
    *_failing("fails_wrong_next", "merge_conflict", "switch_no_case"),
    FlowCase("fails_in_branch.py", expect_success=False, rules=Rules(racy_steps=("good", "after_good"))),
    FlowCase("exit_hooks.py"),
    *_failing("exit_hooks_error"),
    FlowCase(
        "linear.py", variant="with", with_=("retry:times=1,minutes_between_retries=0", "catch:var=caught")
    ),
    FlowCase("fails.py", variant="with-catch", with_=("catch:var=caught,print_exception=False",)),
    # Decorators and the run's surroundings.
    *_plain(
        "resources_asked",
        "environment_vars",
        "secrets_inline",
        "card_default",
        "card_refresh",
        "project_branch",
    ),
    FlowCase("project_branch.py", variant="branch", branch="feature_x"),
    FlowCase("project_branch.py", variant="production", production=True),
    FlowCase("tags_added.py", tags=("given", "team:ml", "ünïcode")),
    FlowCase("current_values.py"),
    FlowCase("current_values.py", variant="tagged", tags=("a:b",)),
    # Logs and artifacts.
    *_plain("logs_shapes", "logs_big", "artifacts_large", "artifacts_many", "own_classes"),
    # What the import of a flow leaves in a process.
    FlowCase("numpy_unseeded.py", needs=("numpy",)),
    FlowCase("numpy_seeded.py", needs=("numpy",)),
    *_plain(
        "random_at_import", "import_tempdir", "import_thread", "import_socket", "import_child", "import_state"
    ),
    *_plain("process_view", "helper_package", "inherited"),
    FlowCase("imported_flow.py", flow="WholeFlow"),
)
