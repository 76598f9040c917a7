"""Names that are put back after a cell that raised."""

import pytest

from resnb.notebook.cells.namespace import MISSING, bind, restored_on_error


class Watched(dict):
    """A namespace that knows which names were touched."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.touched = set()

    def __setitem__(self, name, value):
        self.touched.add(name)
        super().__setitem__(name, value)

    def __delitem__(self, name):
        self.touched.add(name)
        super().__delitem__(name)

    def clear(self):
        self.touched |= self.keys()
        super().clear()


def test_names_are_put_back_and_the_others_are_left_alone():
    namespace = Watched(kept=1, changed=2, deleted=3)

    def change():
        namespace["changed"] = 20
        del namespace["deleted"]
        namespace["added"] = 4
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), restored_on_error(namespace):
        change()
    assert namespace == {"kept": 1, "changed": 2, "deleted": 3}
    assert namespace.touched == {"changed", "deleted", "added"}


def test_what_a_block_did_that_succeeded_stays():
    namespace = {"a": 1}
    with restored_on_error(namespace):
        namespace["b"] = 2
    assert namespace == {"a": 1, "b": 2}


def test_values_of_names_that_are_not_bound():
    namespace = {"a": 1}
    namespace["b"] = 2
    bind(namespace, {"a": 1, "b": MISSING})
    bind(namespace, {"b": MISSING})
    assert namespace == {"a": 1}
