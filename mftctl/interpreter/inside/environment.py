"""Environment and search path of a flow's code: those of its package, after the interpreter's own."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.machinery
import os
import sys
import types
from typing import Optional

from ...model.codec import from_json
from ...model.manifest import Launch, Package
from . import SHIM, metaflow_config

#: Variable of tasks that run the user's own files: where the code package made of them is unpacked. Empty elsewhere.
IN_PLACE = "MFTCTL_IN_PLACE"
_BORROWED: list[str] = []
_CODE_FOLDER, _META_FOLDER = ".mf_code", ".mf_meta"
#: What the worker's environment may say of the Configs of some flow; Metaflow would hold it against any flow.
_CONFIG_VARIABLES = ("METAFLOW_FLOW_CONFIG", "METAFLOW_FLOW_CONFIG_VALUE")
#: Settings that say how a machine reaches a service, not what is kept where.
_MACHINE = (
    "METAFLOW_SERVICE_URL",
    "METAFLOW_S3_ENDPOINT_URL",
    "METAFLOW_AZURE_STORAGE_BLOB_SERVICE_ENDPOINT",
)
_GIT_KEYS = ("repo_url", "branch_name", "commit_sha", "has_uncommitted_changes")


def package_folder(cache: str, package: Package) -> str:
    """Where a code package is unpacked on this machine."""
    return os.path.join(cache, "packages", package.sha)


def work_folder(folder: str, launch: Launch) -> str:
    """A folder to run a deployment's tasks in, made when it is not there: it shows the package unpacked in ``folder``.

    Files that tasks read beside their code are there, and what they write does not change the package. Metaflow keeps
    local cards in the `.metaflow` of the working folder, wherever the datastore is, so that is a link to the datastore.
    """
    place = hashlib.sha256(launch.datastore_root.encode()).hexdigest()[:12]
    made = os.path.join(os.path.dirname(os.path.dirname(folder)), "work", f"{launch.package.sha}-{place}")
    os.makedirs(made, exist_ok=True)
    links = {name: os.path.join(folder, name) for name in os.listdir(folder) if not name.startswith(".mf_")}
    if launch.datastore == "local":
        links[".metaflow"] = launch.datastore_root
    for name, target in links.items():
        with contextlib.suppress(FileExistsError):
            os.symlink(target, os.path.join(made, name))
    return made


def variables(launch: Launch, folder: str, in_place: bool = False) -> dict[str, str]:
    """What Metaflow's own orchestrators set for a task (``argo_workflows.py``), with the code package in ``folder``.

    Tasks that run the user's own files (``in_place``) are told of no extracted package, as those of `run` are not.
    """
    place = {IN_PLACE: folder} if in_place else {IN_PLACE: "", "METAFLOW_EXTRACTED_ROOT": folder}
    return {
        **settings(launch),
        **place,
        "METAFLOW_CODE_METADATA": launch.package.metadata,
        "METAFLOW_CODE_SHA": launch.package.sha,
        "METAFLOW_CODE_URL": launch.package.url,
        "METAFLOW_CODE_DS": launch.datastore,
        "PYTHONUNBUFFERED": "x",
    }


def settings(launch: Launch) -> dict[str, str]:
    """Variables of the deployment, but for those that this machine has better ones of.

    How services are reached is for each machine to know: what its environment, or its Metaflow configuration, says of
    that goes before what the deployer's said.
    """
    own = _own_settings()
    return {name: value for name, value in launch.env.items() if not (name in _MACHINE and name in own)}


def _own_settings() -> set[str]:
    """Names of the settings that Metaflow finds on this machine."""
    return {name for name, value in (*os.environ.items(), *metaflow_config.settings().items()) if value}


def package_root() -> str:
    """Where the code package of this process's flow is unpacked; empty in a process that serves no flow."""
    return os.environ.get(IN_PLACE) or os.environ.get("METAFLOW_EXTRACTED_ROOT", "")


def borrow(bundle: Optional[str]) -> None:
    """Put the packages that mftctl brings along behind all that the interpreter has."""
    if bundle is not None:
        _hide_second_extension()
        sys.path.append(bundle)
        _BORROWED.append(bundle)


def step_aside() -> None:
    """Take what mftctl brings along from sys.path, once metaflow is loaded and before the flow's own code is.

    A flow has the packages that its interpreter has, and so have processes that it starts: `multiprocessing` gives them
    its sys.path, on which Metaflow would find mftctl's extension twice. Our own modules are found without it. It stays
    where the interpreter has no metaflow: the one of the bundle needs the others of it.
    """
    if not _BORROWED or _lacks_metaflow():
        return
    import metaflow  # noqa: F401

    extensions = sys.modules.get("metaflow_extensions")
    if extensions is not None:
        _pin(extensions, list(extensions.__path__))
    sys.path[:] = [place for place in sys.path if place not in _BORROWED]


def forget_configs() -> None:
    """Leave the values of Configs to the code package, which holds those of the deploy (`config_options`)."""
    for name in _CONFIG_VARIABLES:
        os.environ.pop(name, None)


def is_borrowed(module: types.ModuleType) -> bool:
    """Whether a module is one that mftctl brings along, and not the interpreter's own."""
    return any(str(module.__file__).startswith(os.path.join(place, "")) for place in _BORROWED)


def settle() -> None:
    """Let this process see its code package: modules beside the flow's folder, and the git state it was made from.

    To be called before metaflow is imported. The interpreter's metaflow is used, unless the package carries extensions
    of Metaflow that the interpreter lacks: then it is the package's, with all its extensions, as on Argo. A flow in
    place needs no module of its package: it has them where the compiler found them.
    """
    in_place = bool(os.environ.get(IN_PLACE))
    root = "" if in_place else package_root()
    code = os.path.join(root, _CODE_FOLDER) if root else ""
    if root and _lacks_extensions(os.path.join(code, "metaflow_extensions")):
        sys.path.insert(0, code)
        _tell_children(code)
        return
    if _lacks_metaflow():
        # The bundle's is used. Pythons that a task starts (@card, @parallel) must find it too, after their own.
        _tell_children(SHIM)
    if in_place or root:
        _tell_git_info(os.path.join(package_root(), _META_FOLDER, "INFO"))
    if root:
        # Metaflow is imported by now: its copy in the package is not found before it, nor taken for an extension.
        sys.path.insert(len(sys.path) - len(_BORROWED), code)


def config_options(launch: Launch, folder: str) -> tuple[str, ...]:
    """Where tasks read the values of the flow's Configs, as the native runtime tells its tasks."""
    file = os.path.join(folder, _META_FOLDER, "CONFIG")
    return (
        (f"--local-config-file={file}",)
        if "--config-value" in launch.options and os.path.exists(file)
        else ()
    )


def _hide_second_extension() -> None:
    """Where the interpreter has mftctl's extension of Metaflow, the bundle's is not seen: Metaflow takes no two."""
    folders = [os.path.join(place, "metaflow_extensions") for place in sys.path]
    own = [folder for folder in folders if os.path.isdir(folder)]
    if any(os.path.isdir(os.path.join(folder, "temporal")) for folder in own):
        module = types.ModuleType("metaflow_extensions")
        module.__spec__ = importlib.machinery.ModuleSpec(module.__name__, None, is_package=True)
        _pin(module, own)
        sys.modules[module.__name__] = module


def _pin(module: types.ModuleType, folders: list[str]) -> None:
    """Give a namespace package its folders as a list: its own would change with sys.path."""
    module.__path__ = folders
    if module.__spec__ is not None:
        module.__spec__.submodule_search_locations = folders


def _lacks_extensions(packaged: str) -> bool:
    if not os.path.isdir(packaged):
        return False
    names = [
        entry.name for entry in os.scandir(packaged) if entry.is_dir() and not entry.name.startswith("_")
    ]
    folders = [os.path.join(place, "metaflow_extensions") for place in sys.path]
    return not all(any(os.path.isdir(os.path.join(folder, name)) for folder in folders) for name in names)


def _lacks_metaflow() -> bool:
    packaged = os.path.join(package_root(), _CODE_FOLDER)
    own = [place for place in sys.path if place not in (*_BORROWED, packaged)]
    return bool(_BORROWED) and importlib.machinery.PathFinder.find_spec("metaflow", own) is None


def _tell_children(folder: str) -> None:
    paths = [folder, *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)


def _tell_git_info(info_file: str) -> None:
    """Tasks record the git state that their package was made from, and need not ask git: a package is no repository."""
    try:
        with open(info_file, encoding="utf-8") as file:
            info = from_json(file.read())
        from metaflow import metaflow_git
    except (OSError, ValueError, ImportError):  # an older metaflow records no git state
        return
    metaflow_git._git_info_cache = {key: info[key] for key in _GIT_KEYS if key in info}
