"""A Dask cluster whose every step is taken by hand; the workers' own code is the real one."""

import asyncio
import inspect
import pickle
import threading
from queue import SimpleQueue
from types import SimpleNamespace
from unittest import mock

from dask._task_spec import TaskRef
from distributed import SchedulerPlugin

from resnb.dask import clusters
from resnb.dask.executor import KERNEL_WORKERS
from resnb.dask.workers import performing as worker
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

    def call_later(self, delay, function):
        del delay
        self.add_callback(function)  # time flies

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

    def __init__(self, key):
        self.key, self.status, self.value = key, "pending", None
        self._callbacks = []
        self._lock = threading.Lock()

    @property
    def type(self):
        return type(self.value)

    def done(self):
        return self.status in ("finished", "error", "cancelled")

    def add_done_callback(self, function):
        with self._lock:  # the test may be told that it was sent before anybody waits for it
            if self.status == "pending":
                self._callbacks.append(function)
                return
        function(self)

    @property
    def _state(self):
        return self

    async def wait(self):
        done, loop = asyncio.Event(), asyncio.get_running_loop()
        with self._lock:
            if not self.done():
                self._callbacks.append(lambda _: loop.call_soon_threadsafe(done.set))
            else:
                done.set()
        await done.wait()

    def tell(self, status):
        """Those who wait for it hear that it is done."""
        with self._lock:
            self.status = status
            callbacks, self._callbacks = self._callbacks, []
        for function in callbacks:
            function(self)


class Worker:
    """What the code on a worker uses of it; nothing comes of its timers."""

    def __init__(self, client):
        self._client = client
        self.loop, self.name = self, "fake"
        self.state = SimpleNamespace(tasks={})

    def add_callback(self, *_):
        pass

    def call_later(self, *_):
        pass

    def log_event(self, topic, message):
        self._client.loop.add_callback(self._client.hear, topic, message)


class Client:
    """A client, the scheduler and two workers; nothing runs before the test says so."""

    def __init__(self):
        self.status, self.id = "running", "client"
        self.loop = Loop()
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
        self._untouched = {}  # what no worker has begun with, in order

    # ---- what lanes call

    def scheduler_info(self):
        return {"id": "fake", "workers": {"address": {"name": "fake", "nthreads": 1}}}

    def subscribe_topic(self, topic, handler):
        self._handlers[topic] = handler

    def unsubscribe_topic(self, topic):
        del self._handlers[topic]

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
            future = self.futures[key] = Future(key)
            calls = pickle.loads(sent) if isinstance(sent, bytes) else [sent]
            self._calls[key] = sent, [one.key for one in upstream if isinstance(one, TaskRef)]
            self._untouched[key] = None
            for call in calls:
                self._names.setdefault(call.name, []).append(key)
                self._sent.put(call.name)
            found.append(future)
        return found

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
        self.loop.sync(self._handlers["all"], ("", event))

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
        """Wait until the tasks of those names were given to the cluster, in any order."""
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
        call, upstream = self._calls[key]
        future = self.futures[key]
        self._untouched.pop(key, None)
        with mock.patch("distributed.get_worker", return_value=self.workers[on]):
            function = worker.perform_all if isinstance(call, bytes) else worker.perform
            future.value = function(call, *[self.futures[one].value for one in upstream])
        return future

    def perform_the_rest(self):
        """Let every worker do what none has done yet, as if it came to it only now."""
        for one in self.workers:
            values = {key: future.value for key, future in self.futures.items()}
            for key in [*self._untouched]:
                call, upstream = self._calls[key]
                with mock.patch("distributed.get_worker", return_value=one):
                    function = worker.perform_all if isinstance(call, bytes) else worker.perform
                    values[key] = function(call, *[values[up] for up in upstream])

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


class Executor:
    """Runs tasks on a fake cluster."""

    def __init__(self, client):
        self.client = client

    def start(self, engine):
        engine.execution.remote = clusters.Clusters(engine, self.client)
        return Workers(engine, KERNEL_WORKERS)


__all__ = ["Client", "Executor"]
