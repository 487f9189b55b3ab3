"""Entry point of a load worker on another machine: waits to be told what to request, and loads."""

import os
import resource
import sys
import time
from math import ceil
from pathlib import Path
from typing import Any

# Locust looks first in the folder it runs in, which may hold another module named `load`.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import gevent
from locust import events
from locust.env import Environment
from locust.runners import WorkerRunner

from load.distributed.master import (
    LACKS,
    LONGEST_SILENCE_S,
    REFUSED,
    SPEC,
    VERSION,
    answer_to_master,
    versions,
)
from load.output import seconds
from load.recorder import Recorder
from load.results import Answers
from load.spec import NEWS_VARIABLE, SPARE_FILES, LoadSpec
from load.users import RequestingUser, user_class

sys.path.pop(0)


class EndpointUser(RequestingUser):
    """Stands here until the master has said what to request: Locust wants to know a user's name at the start."""

    host = "http://not-told-yet.invalid"


def lacks(spec: LoadSpec) -> tuple[str, str] | None:
    """What this machine lacks to send its share, and the remedy; None: nothing."""
    needed = sorted(spec.variables)
    missing = next((name for name in needed if not os.environ.get(name)), None)
    if missing is not None:
        return f"has no value for ${missing}", f"set it there, before bench worker: export {missing}=..."
    files = ceil(spec.users / max(1, spec.load_workers)) + SPARE_FILES
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if allowed != resource.RLIM_INFINITY and files > allowed:
        what = f"allows {allowed} open files, and its share of the users needs {files}"
        return what, f"raise the limit there (ulimit -Hn {files}, as root, in the shell that starts bench worker)"
    return None


class LoadWorker:
    """One load worker, from its connection to the master until that ends the round."""

    def __init__(self, environment: Environment, runner: WorkerRunner) -> None:
        self.environment = environment
        self.runner = runner
        self.recorder = Recorder(environment)
        self.answers = Answers()
        self.heard = time.monotonic()
        self.runner.register_message(SPEC, self.on_spec)
        self.runner.register_message(REFUSED, self.on_refused)
        environment.events.heartbeat_received.add_listener(self.on_heartbeat)
        environment.events.request.add_listener(self.answers.add)
        environment.events.test_start.add_listener(self.on_start)
        environment.events.report_to_master.add_listener(self.on_report)
        answer_to_master(self.runner, lambda: self.recorder.part() | self.answers.told())
        self.runner.send_message(VERSION, versions())
        gevent.spawn(self._watch)

    def say(self, line: str) -> None:
        with Path(os.environ[NEWS_VARIABLE]).open("a", encoding="utf-8") as news:
            news.write(f"{line}\n")

    def on_refused(self, msg: Any, **_: Any) -> None:
        for what, there in msg.data.items():
            self.say(f"refused: this machine has {what} {versions()[what]}, the benchmark {there}; update one of them")

    def on_spec(self, msg: Any, **_: Any) -> None:
        """Become the users that are asked for. Header values are looked up here, in this machine's environment."""
        spec = LoadSpec.of(msg.data)
        lacking = lacks(spec)
        if lacking is not None:
            what, remedy = lacking
            self.say(f"this machine {what}; {remedy}, and start again")
            self.runner.send_message(LACKS, {"what": what, "remedy": remedy})
        else:
            for asked in spec.requests or filter(None, [spec.request]):
                self.say(f"{asked.name}: {asked.method} {asked.path} of {spec.base_url}")
            self.answers.secrets, self.answers.streaming = spec.secrets(), spec.streams
            self.environment.user_classes[:] = [user_class(spec)]

    def on_heartbeat(self, **_: Any) -> None:
        self.heard = time.monotonic()

    def _watch(self) -> None:
        """End when the master is not heard: it has given this worker up, and the app must not be loaded for ever."""
        while time.monotonic() - self.heard < LONGEST_SILENCE_S:
            gevent.sleep(0.5)
        self.say(f"no contact with the benchmark for {LONGEST_SILENCE_S:g} s; stopping")
        self.runner.quit()

    def on_start(self, **_: Any) -> None:
        """Begin to count from here: the master takes this moment for the start of its own clock."""
        self.answers.start_s = self.recorder.started_s
        gevent.spawn(self._note_seconds)

    def on_report(self, data: dict[str, Any], **_: Any) -> None:
        data |= self.answers.told()

    def _note_seconds(self) -> None:
        for second in seconds(self.environment):
            self.answers.seconds.append(second)


def _on_init(environment: Environment, runner: WorkerRunner, **_: Any) -> None:
    LoadWorker(environment, runner)


events.init.add_listener(_on_init)
