"""What is picked is what is there, however the places lie."""

from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnb.picking import item_picker, picker

CODES = bytes(range(200))
RUN = st.builds(
    lambda first, size: range(first, min(first + size, 200)), *[st.integers(0, 199)] * 2
)
PLACES = st.lists(st.integers(0, 199)) | st.lists(RUN).map(lambda runs: [*chain(*runs)])


@given(PLACES)
def test_what_is_at_the_places_is_picked_in_their_order(places):
    wanted = [CODES[place] for place in places]
    assert picker(places)(CODES) == bytes(wanted)
    assert item_picker(places)(tuple(CODES)) == tuple(wanted)


@pytest.mark.parametrize("places", [[], [7], [0, 1, 2], [*range(20), *range(50, 70)], [5, 3]])
def test_codes_come_as_bytes_and_items_as_a_tuple(places):
    assert type(picker(places)(bytearray(CODES))) is bytes
    assert type(item_picker(places)(tuple(CODES))) is tuple
