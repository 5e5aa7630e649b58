"""The hosts of a worker: one for each ``Launch`` apart from its tags, started when first needed."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from ..interpreter.client import Client, ProcessEnded, environment, interpreter_of
from ..interpreter.compilation import PreparedHost
from ..interpreter.inside.environment import variables
from ..interpreter.inside.package_cache import package_folder
from ..interpreter.inside.protocol import UNFORKABLE
from ..model.codec import to_plain
from ..model.errors import MftctlError
from ..model.manifest import Launch
from .flow_host import Host, Supervisor
from .freshness import Freshness
from .host_memory import memory_limit, memory_of
from .worker_settings import Settings

#: Seconds a host may take to import its flow, which may import half the world.
START_TIMEOUT = 600.0
#: Seconds for which a flow that could not be imported is not imported again.
BROKEN_FOR = 10.0
#: Errors of a machine that lacks descriptors or memory; of others, the host has ended.
_SCARCE = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS)
#: Idle supervisors of all hosts that are kept at least: each is a process and a descriptor.
MIN_IDLE = 32
#: Seconds between two looks at all hosts, whether they have expired.
LOOK_EVERY = 60.0


@dataclass(frozen=True)
class HostUsage:
    """The hosts that run: their number, the bytes that they take, and those above which idle ones are ended."""

    count: int
    memory: int
    limit: int


class HostPool:
    """Gives each attempt a supervisor in the right host; ``report`` gets, once a flow, why its tasks are not forked.

    A host is used for ``host_max_age`` seconds, and only as long as the files that it has imported do not change. Hosts
    are kept while all together take no more memory than ``memory`` bytes.
    """

    def __init__(self, settings: Settings, report: Callable[[str], None], memory: int | None = None) -> None:
        self._settings = settings
        self._report = report
        self._hosts: dict[tuple[str, str], asyncio.Task[Host]] = {}
        self._unforkable: set[str] = set()
        self._memory = memory_limit() if memory is None else memory
        self._retired: list[Host] = []
        self._looked = time.monotonic()
        self._prepared: PreparedHost | None = None
        #: A key for each request that waits for its host.
        self._awaited: list[tuple[str, str]] = []

    async def supervisor(self, launch: Launch, *, started: bool = False) -> Supervisor:
        """An idle supervisor for a task of ``launch``; MftctlError when its flow cannot be loaded here.

        ``started``: for a task that runs the step command, and nothing before it.
        """
        launch = replace(launch, python=interpreter_of(launch, self._settings.python))
        # Runs of a deployment share a host, whatever their tags.
        key = json.dumps(to_plain(replace(launch, tags=())), sort_keys=True)
        for _ in range(3):
            isolation = "spawn" if key in self._unforkable else self._settings.isolation
            host = await self._host(key, launch, isolation)
            if host is None:
                continue
            try:
                return await host.supervisor(started=started)
            except OSError as error:
                if error.errno in _SCARCE:
                    if await self._make_room():
                        continue
                    raise MftctlError(
                        f"no process of {launch.flow} can be started: {error}", code="host.lost"
                    ) from error
                self._forget((key, isolation), host)
        raise MftctlError(f"the host of {launch.flow} ended as soon as it was started", code="host.lost")

    def prepare(self, process: PreparedHost) -> None:
        """Use the process of a compilation for the first host."""
        self._prepared = process

    def file(self, launch: Launch) -> str:
        """Path of the flow's file that its tasks execute here."""
        return self._settings.source or os.path.join(self._folder(launch), launch.file)

    async def warm(self, launch: Launch) -> None:
        """Start the host of ``launch`` and supervisors before the first tasks need them."""
        for started in (False, True):
            (await self.supervisor(launch, started=started)).release()

    def usage(self) -> HostUsage:
        """What the hosts take now, also those that are ended once their tasks have."""
        started = [host.result() for host in self._hosts.values() if _has_started(host)]
        alive = [host for host in (*started, *self._retired) if host.alive]
        return HostUsage(len(alive), sum(memory_of(host.pid) for host in alive), self._memory)

    async def close(self) -> None:
        """End all hosts, also those that are starting."""
        for starting in self._hosts.values():
            starting.cancel()
        started = await asyncio.gather(*self._hosts.values(), return_exceptions=True)
        self._hosts.clear()
        hosts = [*self._retired, *(host for host in started if isinstance(host, Host))]
        unused = [] if self._prepared is None else [self._prepared.client.end()]
        await asyncio.gather(*(host.close() for host in hosts), *unused)

    async def _host(self, key: str, launch: Launch, isolation: str) -> Host | None:
        known = self._hosts.get((key, isolation))
        if known is not None and known.done():
            if known.cancelled() or known.exception() is not None:
                known = None
            elif not known.result().alive or known.result().stale:
                self._retire(known.result())
                known = None
        if known is None:
            known = asyncio.create_task(self._start(launch, isolation))
        # In the order of their last use: the first is evicted when they take too much memory.
        self._hosts.pop((key, isolation), None)
        self._hosts[key, isolation] = known
        self._awaited.append((key, isolation))
        try:
            host = await asyncio.shield(known)
        except _Unforkable as why:
            if key not in self._unforkable:
                self._unforkable.add(key)
                self._report(f"{launch.flow}: its import leaves {why}; each task gets a new process")
            return None
        finally:
            self._awaited.remove((key, isolation))
        self._evict(host)
        return host

    def _retire(self, host: Host) -> None:
        self._retired = [earlier for earlier in self._retired if earlier.alive]
        self._retired.append(host)
        host.retire()

    def _forget(self, key: tuple[str, str], host: Host) -> None:
        known = self._hosts.get(key)
        if known is not None and known.done() and known.exception() is None and known.result() is host:
            del self._hosts[key]
            self._retire(host)

    def _evict(self, wanted: Host) -> None:
        """Retire least recently used idle hosts, but not ``wanted``, while all together take too much memory."""
        for key in [
            key
            for key, starting in self._hosts.items()
            if starting.done() and (starting.cancelled() or starting.exception())
        ]:
            del self._hosts[key]
        started = {key: starting.result() for key, starting in self._hosts.items() if starting.done()}
        for key in [key for key, host in started.items() if not host.alive]:  # such as for lack of memory
            del self._hosts[key]
            self._retire(started.pop(key))
        self._trim(max(MIN_IDLE, self._settings.concurrency))
        if time.monotonic() - self._looked >= LOOK_EVERY:
            self._looked = time.monotonic()
            for key in [
                key
                for key, host in started.items()
                if host is not wanted and not host.busy and key not in self._awaited and host.stale
            ]:
                # Nobody may ever ask for it again: that of an earlier version of a deployment.
                del self._hosts[key]
                self._retire(started.pop(key))
        taken = sum(host.memory for host in started.values())
        for key, host in started.items():
            if taken <= self._memory:
                return
            if host is not wanted and not host.busy and key not in self._awaited:
                del self._hosts[key]
                taken -= host.memory
                self._retire(host)

    async def _make_room(self) -> bool:
        """End all idle supervisors; whether there were any."""
        found = self._trim(0)
        await asyncio.sleep(0)  # asyncio closes their sockets in its next turn
        return found

    def _trim(self, most: int) -> bool:
        """End idle supervisors of the least recently used hosts until ``most`` are left; whether there were more."""
        hosts = [host.result() for host in self._hosts.values() if _has_started(host)]
        over = excess = sum(host.spare for host in hosts) - most
        for host in hosts:
            if excess > 0:
                spare = host.spare
                host.trim(excess)
                excess -= min(spare, excess)
        return over > 0

    def _folder(self, launch: Launch) -> str:
        return package_folder(str(self._settings.cache), launch.package)

    async def _start(self, launch: Launch, isolation: str) -> Host:
        folder, source = self._folder(launch), self._settings.source
        if source is None:
            launch = _without_lost_folder(launch)
        env = variables(launch, folder, in_place=source is not None)
        fields = {"launch": to_plain(launch), "folder": folder, "isolation": isolation, "file": source}
        if self._prepared is not None:
            prepared, self._prepared = self._prepared, None
            client = prepared.client
            fields["environment"] = _changed(prepared.environment, environment(launch.python, env))
        else:
            client = await self._start_process(launch, env)
        try:
            answer = await client.request("load", fields, timeout=START_TIMEOUT)
        except TimeoutError:
            client.kill()
            problem = f"it takes longer than {START_TIMEOUT:.0f} s"
        except ProcessEnded:
            problem = f"the flow's interpreter {launch.python} {await client.end_reason()}"
        except MftctlError as error:
            await client.end()
            if error.code == UNFORKABLE:
                raise _Unforkable(error.message) from None
            problem = error.message
        except BaseException:
            client.kill()
            raise
        else:
            max_age = self._settings.host_max_age
            max_age = min(max_age, BROKEN_FOR) if answer["broken"] else max_age
            freshness = Freshness(answer["files"], max_age)
            return Host(client, freshness, memory_of(client.pid), startable=answer["startable"])
        raise MftctlError(f"{launch.flow} cannot be loaded: {problem}", code="flow.import")

    async def _start_process(self, launch: Launch, env: dict[str, str]) -> Client:
        try:
            return Client.start(launch.python, "host", env, cwd=launch.cwd)
        except OSError as error:  # such as too many open files
            if error.errno in _SCARCE and await self._make_room():
                return await self._start_process(launch, env)
            raise MftctlError(
                f"no process of {launch.flow} can be started: {error}", code="host.lost"
            ) from error


def _changed(before: Mapping[str, str], now: Mapping[str, str]) -> dict[str, str | None]:
    """What has changed between two environments, None for what is gone."""
    gone = dict.fromkeys(before.keys() - now.keys())
    return {**gone, **{name: value for name, value in now.items() if before.get(name) != value}}


def _has_started(host: asyncio.Task[Host]) -> bool:
    return host.done() and not host.cancelled() and host.exception() is None


def _without_lost_folder(launch: Launch) -> Launch:
    """A run that `run` started in a folder that does not exist here is resumed like a run of a deployment."""
    lost = launch.cwd is not None and not os.path.isdir(launch.cwd)
    return replace(launch, cwd=None) if lost else launch


class _Unforkable(Exception):
    """The flow's import left something that a fork does not take over."""
