"""What looks like a secret is not shown."""

import pytest

from resnb.ledger.recipes.secrets import masked


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("{'host': 'a', 'password': 's3', 'n': 1}", "{'host': 'a', 'password': <not shown>, 'n': 1}"),
        ("Conn(host='a', api_key='x y', port=3)", "Conn(host='a', api_key=<not shown>, port=3)"),
        ("postgres://me:pw@host/db", "postgres://me:<not shown>@host/db"),
        ("['run', '--password', 'x', 'y']", "['run', '--password', <not shown>, 'y']"),
        ("run --auth-token x --n 3", "run --auth-token <not shown> --n 3"),
        ("{'token': b'z\\'z'}", "{'token': <not shown>}"),
        ('dbPassword="cut off, whatev', "dbPassword=<not shown>"),
        ("http://host?access_token=abc&n=1", "http://host?access_token=<not shown>&n=1"),
        ("passwords are fine, a token is, too", "passwords are fine, a token is, too"),
        ("{'path': '/tmp/x', 'pid': 3}", "{'path': '/tmp/x', 'pid': 3}"),
    ],
)  # fmt: skip
def test_the_values_of_such_names_are_left_out(text, shown):
    assert masked(text) == shown
