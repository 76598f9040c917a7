"""What the interface refuses: who may not ask, and what makes no sense. Nothing runs, nothing leaks."""

import http.client
import json
import random
import socket
import urllib.parse
from contextlib import suppress

import pytest
import websocket

from resnb.ledger.store.store import Store
from tests.ledger.worlds import here
from tests.ledger.worlds import lease as made
from tests.server.served import PATIENCE, Served

SECRET = "etl/very-secret"
ROUTES = [
    ("GET", "version"),
    ("GET", "leases"),
    ("GET", "leases?closed=true"),
    ("GET", "stream"),
    ("GET", "nothing"),
    ("POST", "leases/abcd/cleanup"),
    ("POST", "leases/abcd/keep"),
    ("POST", "leases/abcd/adopt"),
    ("POST", "nothing"),
]
HOSTILE = [
    "../", "../../etc/passwd", "..", ".", "%2e%2e%2f", "' or 1=1 --", "abcd'; drop table leases; --",
    '" or ""="', "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "\x00", "\r\nX: y",
    "%s%s%n", "%", "{}", "${HOME}", "$(touch pwned)", "`id`", "é", "\ud7ff", "\u202eabcd", "abcd\n",
    " abcd", "abcd/", "*", "a" * 65, "x" * 40_000, "abc", "ABCD", "abcd1", "0" * 32,
]  # fmt: skip


@pytest.fixture(autouse=True)
def secret(lease):
    lease("abcd", name=SECRET, notebook="/home/me/very-secret.ipynb")


@pytest.fixture(autouse=True)
def untouched(store, secret):
    """Whatever is refused has done nothing."""
    before = store.alive()
    yield
    assert store.alive() == before


def is_one_line(answer):
    message = answer.json["message"]
    return set(answer.json) == {"message"} and message.isprintable() and 0 < len(message) < 300


# ---- who may ask


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "token wrong"}, {"Cookie": "username-x=me"}], ids=str
)
@pytest.mark.parametrize(("method", "path"), ROUTES, ids=str)
def test_a_stranger_is_told_nothing(server, method, path, headers):
    answer = server.ask(method, path, headers=headers)
    assert answer.status == 403
    assert is_one_line(answer)
    assert "secret" not in answer.text
    assert "Location" not in answer.headers


def test_a_wrong_token_in_the_address_opens_nothing(server):
    answer = server.ask("GET", "leases?token=wrong", headers={})
    assert answer.status == 403
    assert "secret" not in answer.text


def test_a_browser_that_has_logged_in_may_ask(server):
    cookies, xsrf = server.cookies()
    answer = server.ask("GET", "leases", headers={"Cookie": cookies})
    assert [one["name"] for one in answer.json["leases"]] == [SECRET]
    token = {"Cookie": cookies, "X-XSRFToken": xsrf}
    assert server.command("nobody", "cleanup", headers=token).status == 404


@pytest.mark.parametrize("xsrf", [None, "", "wrong", "2|00|00|0"])
def test_without_the_cross_site_token_nothing_is_changed(server, xsrf):
    cookies, _ = server.cookies()
    headers = {"Cookie": cookies} | ({} if xsrf is None else {"X-XSRFToken": xsrf})
    for verb in ("cleanup", "keep", "adopt"):
        answer = server.command("abcd", verb, headers=headers)
        assert answer.status == 403
        assert is_one_line(answer)
        assert "XSRF" in answer.text or "_xsrf" in answer.text


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1"])
def test_another_site_is_refused_with_a_users_cookies_and_token(server, origin):
    cookies, xsrf = server.cookies()
    headers = {"Cookie": cookies, "X-XSRFToken": xsrf, "Origin": origin}
    for method, path in (("GET", "leases"), ("POST", "leases/abcd/cleanup")):
        answer = server.ask(method, path, headers=headers)
        assert answer.status in (403, 404)
        assert is_one_line(answer)
        assert "secret" not in answer.text
        assert "Access-Control-Allow-Origin" not in answer.headers
    with (
        pytest.raises(websocket.WebSocketBadStatusException) as refused,
        server.stream({"Cookie": cookies}, origin=origin),
    ):
        pass
    assert refused.value.status_code == 403
    with server.stream({"Cookie": cookies}, origin=f"http://{server.site}") as stream:
        assert json.loads(stream.recv())["total"] == 1


def test_another_name_for_the_server_opens_nothing(server):
    """Against a page whose name somebody makes point here."""
    answer = server.ask("GET", "leases", headers={**server.pass_by_token, "Host": "evil.example"})
    assert (answer.status, is_one_line(answer)) == (403, True)


def test_a_server_without_a_token_is_not_open_to_other_sites(tmp_path):
    open_to_all = Served(tmp_path, "--IdentityProvider.token=")
    try:
        Store(open_to_all.home).add(made("abcd", here(), name=SECRET))
        assert SECRET in open_to_all.ask("GET", "leases", headers={}).text
        evil = {"Origin": "http://evil.example"}
        assert open_to_all.ask("GET", "leases", headers=evil).status == 404
        with (
            pytest.raises(websocket.WebSocketBadStatusException, match="403"),
            open_to_all.stream({}, origin="http://evil.example"),
        ):
            pass
        for headers in ({}, evil, {"Content-Type": "text/plain"}):
            assert open_to_all.command("abcd", "cleanup", headers=headers).status in (403, 404)
        assert Store(open_to_all.home).get("abcd").request == ""
    finally:
        open_to_all.close()


def test_no_page_may_show_or_guess_an_answer(server):
    headers = server.ask("GET", "leases").headers
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in headers["Content-Security-Policy"]


# ---- what is asked


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:20]))
def test_what_is_no_leases_id_is_refused_in_a_line(server, text):
    for verb in ("cleanup", "keep", "adopt"):
        answer = server.command(text, verb)
        assert answer.status in (400, 404)
        assert is_one_line(answer)


def test_an_id_of_a_megabyte_holds_up_nobody(server):
    with suppress(ConnectionError, http.client.BadStatusLine):  # it hangs up on such a line
        assert server.command("x" * 1_000_000, "cleanup").status in (400, 404, 414, 431)
    assert server.ask("GET", "version").status == 200


@pytest.mark.parametrize(
    ("verb", "body", "status", "said"),
    [
        ("keep", "x" * 1_000_000, 413, "more than 10,000 bytes"),
        ("cleanup", "x" * 1_000_000, 413, "more than 10,000 bytes"),
        ("keep", "[" * 9000, 400, "no JSON"),
        ("keep", b"\xff\xfe", 400, "no JSON"),
        ("keep", "{", 400, "no JSON"),
        ("keep", "[]", 400, "no JSON object"),
        ("keep", "null", 400, "no JSON object"),
        ("keep", {"duration": "soon"}, 400, "'soon' is no duration"),
        ("keep", {"duration": "9" * 100}, 400, "duration is a text such as"),
        ("keep", '{"duration": 1' + "0" * 400 + "}", 400, "duration is a text such as"),
        ("keep", '{"duration": ' + "9" * 5000 + "}", 400, "no JSON"),
        ("keep", '{"duration": NaN}', 400, "no duration"),
        ("keep", '{"duration": 1e999}', 400, "no duration"),
        ("keep", {"duration": -1}, 400, "no duration"),
        ("keep", {"duration": True}, 400, "no duration"),
        ("keep", {"duration": "1000d"}, 400, "366 days at most"),
        ("keep", {"duration": {"seconds": 5}}, 400, "duration is a text such as"),
        ("keep", {"duration": "\x1b[31m\n5"}, 400, "no duration"),
        ("adopt", {"duration": None}, 400, "duration is a text such as"),
        ("keep", {"duration": "5m", "recipe": "x"}, 400, "not 'recipe'"),
        ("cleanup", {"<script>": 1}, 400, "nothing else is asked for, not '<script>'"),
    ],
    ids=lambda one: ascii(one)[:30],
)
def test_a_body_that_makes_no_sense_is_refused_in_a_line(server, verb, body, status, said):
    answer = server.command("abcd", verb, body)
    assert (answer.status, is_one_line(answer)) == (status, True)
    assert said in answer.json["message"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("x=1", "there is no filter 'x'; there are: id, name, state"),
        ("%00=1", "there is no filter"),
        ("<script>=1", "there is no filter '<script>'"),
        ("state=gone", "state is one of opening, open"),
        ("kernel=%27%20or%201=1", "kernel is one of alive"),
        ("closed=yes", "closed is one of true, false"),
        ("name=a&name=b", "give name once"),
        ("name=" + "x" * 2000, "at most 1000 characters"),
        ("name=%ff", "Invalid unicode"),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused_in_a_line(server, query, said):
    answer = server.ask("GET", f"leases?{query}")
    assert (answer.status, is_one_line(answer)) == (400, True)
    assert said in answer.json["message"]


def test_values_of_filters_are_compared_and_nothing_else(server):
    for text in HOSTILE:
        if len(text) < 1000 and "\ud7ff" not in text:
            answer = server.ask("GET", f"leases?{urllib.parse.urlencode({'name': text})}")
            assert (answer.status, answer.json["leases"]) == (200, [])


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_other_methods_do_nothing(server, method):
    for path in ("leases", "leases/abcd/cleanup", "stream", "nothing"):
        answer = server.ask(method, path)
        assert (answer.status, is_one_line(answer)) == (405, True)


def test_what_is_no_route_is_said_to_be_none(server):
    for path in ("", "lease", "leases/", "leases/abcd", "leases/abcd/forget", "leases/a/b/keep"):
        answer = server.ask("GET", path)
        assert (answer.status, is_one_line(answer)) in ((404, True), (405, True))


def test_nonsense_on_the_line_is_no_end_of_the_server(server):
    chance = random.Random(5)
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as line:
            line.sendall(b"POST /resnb/api/leases/" + chance.randbytes(200) + b"\r\n\r\n")
            line.shutdown(socket.SHUT_WR)
            while line.recv(4096):
                pass
    assert server.ask("GET", "version").status == 200
    assert "Traceback" not in server.log()
