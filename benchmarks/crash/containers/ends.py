"""Ends of whole containers, reaper included, and the successors that have to clean up.

The things of these trials live outside the container. One machine can only imitate a *lost node*:
the container is killed, and the next one has another machine id, and another boot id mounted over
the kernel's. It does not show what a network file system does with the locks of a dead machine
(it waits before it releases them).
"""

import shutil
import subprocess
import sys
import time
import uuid
from typing import Final

from benchmarks.crash.fronts import environment_of, python
from benchmarks.crash.scene import Act, End, Scene, sweep
from benchmarks.crash.shared import WARDEN, store_of, url_of
from benchmarks.crash.waiting import pause

from .fronts import Boxed

STOP_WITHIN: Final = 10
"""The seconds that a container is given to stop: Docker's default."""
WARDEN_WITHIN: Final = 90.0
"""What nobody renews for a minute is lost; a warden looks every 10 s, and starts interpreters."""
TWO_LOOKS: Final = 140.0
"""A lock of another machine must be free at two looks that are two minutes apart."""
LITTLE_MEMORY: Final = ("--memory=400m",)
ANOTHER_BOOT: Final = (
    "sh", "-c",
    'mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"',
)  # fmt: skip
EAT: Final = """
os.mkfifo(TRIAL + "/go")
def eat():
    blocks = []
    while True:
        blocks.append(b"x" * 2**26)
armed(TRIAL + "/go", eat)
"""


def killed(scene: Scene) -> None:
    """Kill the container whole."""
    scene.front.box.podman("kill", scene.front.name)


def stopped(scene: Scene) -> None:
    """Stop the container: SIGTERM to its first process, and SIGKILL when its time is up."""
    scene.front.box.podman("stop", "-t", str(STOP_WITHIN), scene.front.name)


def server_eats(scene: Scene) -> None:
    """Let the container's first process take more memory than there is."""
    scene.tell(f"{scene.front.name}-eats")


def home_lost(scene: Scene) -> None:
    """Kill the container, and with it the folder in which kernels had their ledger's logs."""
    killed(scene)
    lose_home(scene)


def culled_and_home_lost(scene: Scene) -> None:
    """Have the hub's culler stop the server, and remove the home."""
    scene.front.hub.cull()
    lose_home(scene)


def lose_home(scene: Scene) -> None:
    """Remove the home of the ended kernels."""
    shutil.rmtree(scene.folder / "home", ignore_errors=True)


# ---- successors


def warden_looks(scene: Scene) -> None:
    """Have a warden of another account look at the shared ledger, until nothing is left there."""
    environment = environment_of(scene.folder, "warden")
    environment["RESNB_LEDGER"] = url_of(scene.folder, WARDEN)
    with (scene.folder / "warden.log").open("w") as log:
        warden = subprocess.Popen(
            [sys.executable, "-m", "resnb", "warden"], env=environment, stdout=log, stderr=log
        )
    scene.note_successor()
    deadline = time.monotonic() + 2 * WARDEN_WITHIN
    while store_of(scene.folder).alive() and time.monotonic() < deadline:
        pause(0.5)  # the trial tells what is left
    warden.terminate()
    warden.wait()


def loaded(scene: Scene) -> None:
    """Load the extension in a kernel of another container, whose server does not have it."""
    _load(scene, Boxed(scene.front.box, environment_of(scene.folder), "next", extension=False))


def loaded_elsewhere(scene: Scene) -> None:
    """Do the same as if the machine had been booted again."""
    boot = scene.folder / "boot"
    boot.write_text(f"{uuid.uuid4()}\n", encoding="ascii")
    another = (*ANOTHER_BOOT, str(boot))
    _load(
        scene,
        Boxed(
            scene.front.box, environment_of(scene.folder), "next",
            options=("--privileged",), extension=False, before=another,
        ),
    )  # fmt: skip


def _load(scene: Scene, front: Boxed) -> None:
    front.begin()
    try:
        scene.note_successor()
        front.run("%load_ext resnb")
    finally:
        front.close()


def served(scene: Scene) -> None:
    """Start a server in another container."""
    Boxed(scene.front.box, environment_of(scene.folder), "next")
    scene.note_successor()


def swept(scene: Scene) -> None:
    """Run ``resnb sweep`` in another container."""
    environment = environment_of(scene.folder)
    own = {key: environment[key] for key in ("RESNB_HOME", "PYTHONPATH")}
    scene.note_successor()
    scene.front.box.start("next", [python(), "-m", "resnb", "sweep"], own)


def logs_in_again(scene: Scene) -> None:
    """Log the hub's user in again, which starts a server in another pod."""
    scene.front.hub.start_server()
    scene.note_successor()


def hub_and_login(scene: Scene) -> None:
    """Start the hub again, and log its user in."""
    scene.front.hub.start()
    logs_in_again(scene)


def _boxed(act: Act, successor: Act | None = None, cleanup: float | None = None) -> End:
    return End(act, front="boxed", successor=successor, cleanup=cleanup)


def _ledger_is_shared(act: Act, front: str = "boxed") -> End:
    """The home is gone, or is another machine's: a warden has to clean up, from the database."""
    return End(act, front=front, successor=warden_looks, within=WARDEN_WITHIN, is_shared=True)


CONTAINER_ENDS: Final[dict[str, End]] = {  # "stopped: 6 s": that is what a clean-up takes
    "container killed then sweep": _boxed(killed, sweep),
    "container stopped: 1 s": _boxed(stopped, cleanup=1.0),
    "container stopped: 6 s": _boxed(stopped, cleanup=6.0),
    "container stopped: 20 s then sweep": _boxed(stopped, swept, cleanup=20.0),
    "pod evicted then %load_ext": _boxed(killed, loaded),
    "pod evicted then server": _boxed(killed, served),
    "pod evicted then sweep": _boxed(killed, swept),
    "node lost then %load_ext": End(
        killed, front="boxed", successor=loaded_elsewhere, within=TWO_LOOKS
    ),
    "kernel out of memory": End(
        lambda scene: scene.tell("go"), front="boxed", armed=EAT, options=LITTLE_MEMORY
    ),
    "container out of memory then server": End(
        server_eats, front="boxed", options=LITTLE_MEMORY, successor=served
    ),
    "hub's pod evicted then login": End(
        lambda scene: scene.front.hub.kill_server(), front="hubbed", successor=logs_in_again
    ),
    "hub culls then login": End(
        lambda scene: scene.front.hub.cull(), front="hubbed", successor=logs_in_again
    ),
    "hub stops server then login": End(
        lambda scene: scene.front.hub.stop_server(), front="hubbed", successor=logs_in_again
    ),
    "hub stops then login": End(
        lambda scene: scene.front.hub.stop(), front="hubbed", successor=hub_and_login
    ),
    "home lost then warden": _ledger_is_shared(home_lost),
    "node lost then warden": _ledger_is_shared(killed),
    "hub culls then warden": _ledger_is_shared(culled_and_home_lost, "hubbed"),
}
