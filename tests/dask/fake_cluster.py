"""A Dask cluster whose every step is taken by hand; the workers' own code is the real one."""

import asyncio
import inspect
import pickle
import threading
from functools import partial
from queue import SimpleQueue
from types import SimpleNamespace
from unittest import mock

from dask._task_spec import TaskRef
from distributed import SchedulerPlugin
from distributed.worker import thread_state

from resnb.dask import clusters
from resnb.dask.executor import KERNEL_WORKERS
from resnb.dask.serialization import RemoteBundle
from resnb.run.executors.threads import Workers
from tests.run.parts import PATIENCE


class Loop:
    """The part of a tornado loop that clients use, on a thread of its own."""

    def __init__(self):
        self._loop = asyncio.new_event_loop()
        self._tasks = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fake-loop")
        self._thread.start()

    def add_callback(self, function, *args):
        def call():
            found = function(*args)
            if inspect.isawaitable(found):
                task = self._loop.create_task(found)
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

        self._loop.call_soon_threadsafe(call)

    def call_later(self, delay, function, *args):
        del delay
        self.add_callback(function, *args)  # time flies

    def sync(self, function, *args):
        return asyncio.run_coroutine_threadsafe(function(*args), self._loop).result(PATIENCE)

    def event(self):
        async def made():
            return asyncio.Event()

        return self.sync(made)

    def close(self):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()


class Future:
    """A future that the test completes."""

    def __init__(self, key, when_awaited=None):
        self.key, self.status, self.value = key, "pending", None
        self._callbacks = []
        self._when_awaited = when_awaited
        self._lock = threading.Lock()

    @property
    def type(self):
        return type(self.value)

    def done(self):
        return self.status in ("finished", "error", "cancelled")

    @property
    def _state(self):
        return self

    async def wait(self):
        done, loop = asyncio.Event(), asyncio.get_running_loop()
        with self._lock:
            if self.done():
                return
            self._callbacks.append(lambda: loop.call_soon_threadsafe(done.set))
        self._when_awaited()
        await done.wait()

    def tell(self, status):
        """Those who wait for it hear that it is done."""
        with self._lock:
            self.status = status
            callbacks, self._callbacks = self._callbacks, []
        for function in callbacks:
            function()


class Worker:
    """What the code on a worker uses of it; nothing comes of its timers."""

    def __init__(self, client):
        self._client = client
        self.loop, self.name = self, "fake"
        self.state = SimpleNamespace(tasks={})
        self.plugins = {}

    def add_callback(self, function, *args):
        function(*args)

    def do(self, key, function, call, upstream):
        """Do Dask's task of that key; gives what it returns."""
        with (
            mock.patch("distributed.get_worker", return_value=self),
            mock.patch.object(thread_state, "key", key, create=True),
        ):
            value = function(call, *upstream)
        for plugin in self.plugins.values():
            plugin.transition(key, "executing", "memory")
        return value

    def call_later(self, *_):
        pass

    def log_event(self, topic, message):
        self._client.loop.add_callback(self._client.hear, topic, message)


class Client:
    """A client, the scheduler and two workers; nothing runs before the test says so."""

    def __init__(self):
        self.status, self.id, self._scheduler_identity = "running", "client", {}
        self.loop, self.scheduler = Loop(), self
        self.workers = [Worker(self), Worker(self)]
        self.futures = {}
        self._calls = {}
        self._plugins = {}
        self._sent = SimpleQueue()
        self._asked = SimpleQueue()
        self._forgotten = SimpleQueue()
        self._held = {}
        self._names = {}
        self._handlers = {}
        self._events = []
        self._untouched = {}  # what no worker has begun with, in order

    @property
    def topics(self):
        """What the kernel listens to."""
        return [*self._handlers]

    # ---- what lanes call

    def scheduler_info(self, n_workers):
        assert n_workers == -1
        return {"id": "fake", "workers": {"address": {"name": "fake", "nthreads": 1}}}

    def subscribe_topic(self, topic, handler):
        self._handlers[topic] = handler

    def unsubscribe_topic(self, topic):
        del self._handlers[topic]

    async def events(self, topic):
        assert topic == "all"
        return self._events

    async def nthreads(self):
        return dict.fromkeys(self.workers, 1)

    def get(self, graph, keys, *, sync, fifo_timeout):
        assert not sync
        assert not fifo_timeout
        if "get" in self._held:
            self.loop.sync(self._passes, "get")
        found = []
        for key in keys:
            sent, *upstream = graph[key].args
            given = pickle.loads(sent)
            calls = given.calls if isinstance(given, RemoteBundle) else [given]
            names = [one.name for one in calls]
            future = self.futures[key] = Future(key, partial(self._note_sent, names))
            needed = [one.key for one in upstream if isinstance(one, TaskRef)]
            self._calls[key] = graph[key].func, sent, needed
            self._untouched[key] = None
            for name in names:
                self._names.setdefault(name, []).append(key)
            found.append(future)
        return found

    def _note_sent(self, names):
        for name in names:
            self._sent.put(name)

    def submit(self, function, *args, pure):
        """What is asked of values that are there is known at once."""
        assert not pure
        future = Future(f"{function.__name__}-{len(self.futures)}")
        future.value = function(
            *[[one.value for one in arg] if isinstance(arg, list) else arg for arg in args]
        )
        future.status = "finished"
        return future

    def sync(self, function, *args):
        return self.loop.sync(function, *args)

    async def gather(self, futures):
        await self._passes("gather")
        return [one.value for one in futures]

    async def run(self, function, *args, on_error):
        del on_error
        workers = [*self.workers]
        await self._passes("run")
        if self.status != "running":
            raise OSError("the scheduler is gone")
        return {i: function(*args, dask_worker=one) for i, one in enumerate(workers)}

    async def register_plugin(self, plugin, name):
        if isinstance(plugin, SchedulerPlugin):
            return
        await self._passes("register")
        self._plugins[name] = plugin
        for one in self.workers:
            plugin.setup(one)

    async def unregister_worker_plugin(self, name):
        del self._plugins[name]

    async def run_on_scheduler(self, function, topic):
        del function
        self._forgotten.put(topic)

    async def cancel(self, futures, *, force):
        assert force
        for one in futures:
            one.status = "cancelled"
            self._untouched.pop(one.key, None)

    def hear(self, topic, message):
        """A worker reports."""
        if topic in self._handlers:
            self._handlers[topic](("", message))

    # ---- what tests call

    def tell(self, **event):
        """The scheduler says what has happened."""
        self._events.append(("", event))
        self.loop.sync(self._handlers["all"], self._events[-1])

    def hold(self, what):
        """Let no ``run``, ``gather``, ``register`` or ``get`` through until it is let go."""
        self._held[what] = self.loop.event()

    def let_go(self, what):
        self.loop.add_callback(self._held.pop(what).set)

    async def _passes(self, what):
        held = self._held.get(what)
        self._asked.put(what)
        if held is not None:
            await held.wait()

    def await_asked(self, what):
        """Wait until the client is asked for a ``run``, ``gather``, ``register`` or held ``get``."""
        while self._asked.get(timeout=PATIENCE) != what:
            pass

    def await_sent(self, *names):
        """Wait until what becomes of the tasks of those names is awaited, in any order."""
        awaited = {*names}
        while awaited:
            awaited.discard(self._sent.get(timeout=PATIENCE))

    def await_forgotten(self):
        """Wait until the scheduler has been asked to forget a run."""
        assert self._forgotten.get(timeout=PATIENCE)

    def tries(self, name):
        """How many times the task of that name was given to the cluster."""
        return len(self._names.get(name, ()))

    def perform(self, name, on=0, number=-1):
        """Let a worker do a try of the task of that name; gives its future, which knows nothing."""
        key = self._names[name][number]
        function, calls, upstream = self._calls[key]
        future = self.futures[key]
        self._untouched.pop(key, None)
        values = [self.futures[one].value for one in upstream]
        future.value = self.workers[on].do(key, function, calls, values)
        self.loop.sync(_no_op)  # what it reports comes before word that Dask is done
        return future

    def perform_the_rest(self):
        """Let every worker do what none has done yet, as if it came to it only now."""
        for one in self.workers:
            values = {key: future.value for key, future in self.futures.items()}
            for key in [*self._untouched]:
                function, calls, upstream = self._calls[key]
                values[key] = one.do(key, function, calls, [values[up] for up in upstream])

    def add_worker(self):
        """A worker joins the cluster."""
        one = Worker(self)
        for plugin in self._plugins.values():
            plugin.setup(one)
        self.workers.append(one)

    def close(self):
        for what in [*self._held]:
            self.let_go(what)
        self.loop.close()


async def _no_op():
    """Who waits for this has waited for what was begun before."""


class Executor:
    """Runs tasks on a fake cluster."""

    def __init__(self, client):
        self.client = client

    def start(self, engine):
        engine.execution.remote = clusters.Clusters(engine, self.client)
        return Workers(engine, KERNEL_WORKERS)


__all__ = ["Client", "Executor"]
