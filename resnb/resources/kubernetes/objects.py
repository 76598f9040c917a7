"""What a manifest says: its objects as plain data, checked, and what each is called."""

import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from resnb.errors import OptionError
from resnb.ledger.recipes.kinds import Shape
from resnb.resources.common import needed

NEEDS: Final = "Kubernetes needs its library"
EXTRA: Final = "kubernetes"
FINISHED_FOR: Final = 7 * 86400
"""For how long Kubernetes keeps a Job that has ended and that nobody has cleaned up, in seconds."""
_VERSION = re.compile(r"(?:[a-z0-9][a-z0-9.-]*/)?v[a-z0-9]+")
_WORD = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._:-]*[A-Za-z0-9])?")
_PATTERNS = {"apiVersion": _VERSION, "kind": _WORD, "namespace": _WORD, "name": _WORD}
REF: Final[dict[str, Shape]] = {**_PATTERNS}
"""What an object is called. The namespace does not count where the kind has none."""


def objects_of(manifest: Any, namespace: str) -> list[dict[str, Any]]:
    """The objects of a manifest, each in a namespace.

    Args:
        manifest: YAML as text, a path of a file with it, the object or list of objects itself.
        namespace: where those go that name none.

    Raises:
        OptionError: it is none.
    """
    is_text = isinstance(manifest, str) and ("\n" in manifest or manifest.lstrip()[:1] in "{[")
    if isinstance(manifest, str | os.PathLike):
        manifest = _parsed(str(manifest) if is_text else _content(Path(manifest)))
    elif hasattr(manifest, "to_dict") or isinstance(manifest, Mapping):
        manifest = [manifest]
    elif not isinstance(manifest, Iterable):
        kind = type(manifest).__name__
        message = f"KubernetesManifest takes YAML, a path or objects, and no {kind}"
        raise OptionError(message)
    found = [
        _checked(one, f"KubernetesManifest: object {number} of the manifest", namespace)
        for number, one in enumerate((part for one in manifest for part in _parts(one)), 1)
    ]
    if not found:
        message = "KubernetesManifest: the manifest has no objects"
        raise OptionError(message)
    return found


def ref_of(one: Mapping[str, Any]) -> dict[str, Any]:
    """What an object is called."""
    metadata = one["metadata"]
    return {name: (one if name in ("apiVersion", "kind") else metadata).get(name) for name in REF}


def described(ref: Mapping[str, Any]) -> str:
    """The same in words."""
    return f"{ref['kind']} {ref['name']!r}"


def limit(one: dict[str, Any], seconds: int | None) -> bool:
    """Have Kubernetes end a Job or a Pod after a time, and remove what it would leave behind.

    Returns:
        Whether the object is one that can have such a limit.
    """
    spec, kind = one.get("spec") or {}, (one["apiVersion"], one["kind"])
    if kind == ("batch/v1", "Job"):
        spec.setdefault("ttlSecondsAfterFinished", FINISHED_FOR)
    if kind == ("apps/v1", "StatefulSet") and spec.get("volumeClaimTemplates"):
        spec.setdefault("persistentVolumeClaimRetentionPolicy", {"whenDeleted": "Delete"})
    if kind not in {("batch/v1", "Job"), ("v1", "Pod")}:
        return False
    if seconds is not None:
        spec.setdefault("activeDeadlineSeconds", seconds)
    return True


def _content(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        message = f"KubernetesManifest: the manifest {str(path)!r} cannot be read: {error.strerror}"
        raise OptionError(message) from None


def _parsed(text: str) -> list[Any]:
    with needed(NEEDS, EXTRA):
        import yaml
    try:
        found = list(yaml.safe_load_all(text))
    except yaml.YAMLError as error:
        message = f"KubernetesManifest: the manifest is no YAML: {' '.join(str(error).split())}"
        raise OptionError(message) from None
    return [part for one in found for part in (one if isinstance(one, list) else [one])]


def _parts(one: Any) -> Iterable[Any]:
    """An object of anybody's; several, if it is a list of such."""
    if hasattr(one, "openapi_types"):  # one of the library's own
        from kubernetes.client import ApiClient

        one = ApiClient().sanitize_for_serialization(one)
    elif hasattr(one, "to_dict"):
        one = one.to_dict()
    if isinstance(one, Mapping) and one.get("kind") == "List":
        return [part for item in one.get("items") or () for part in _parts(item)]
    return [] if one is None else [one]


def _checked(given: Any, where: str, namespace: str) -> dict[str, Any]:
    try:
        one = json.loads(json.dumps(given, allow_nan=False))
    except (TypeError, ValueError) as error:
        message = f"{where} cannot be written as JSON ({error}): dates need quotes"
        raise OptionError(message) from None
    if not isinstance(one, dict) or not isinstance(one.get("metadata"), dict):
        message = f"{where} is no object of Kubernetes: it has no metadata"
        raise OptionError(message)
    one["metadata"].setdefault("namespace", namespace)
    for name, value in ref_of(one).items():
        if not isinstance(value, str) or not _PATTERNS[name].fullmatch(value):
            message = f"{where}: {name}={value!r} is no {name} that it could have"
            raise OptionError(message)
    return one
