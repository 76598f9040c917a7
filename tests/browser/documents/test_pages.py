"""What `make docs` looks for on the pages that it has built: each of these has one fault, or none."""

from tools import axe

PAGE = """<!doctype html>
<html lang="en"><head><meta name="viewport" content="width=device-width"><title>A page</title>
<meta name="color-scheme" content="light dark"><style>{style}</style></head>
<body><main><h1>A page</h1>{body}</main></body></html>"""
LOOKS = [f"{scheme}, {width} pixels wide" for scheme, width in axe.LOOKS]
DIM = "@media (prefers-color-scheme: dark) { p { color: #444; background: #333 } }"
AWAY = "<script src='https://elsewhere.invalid/a.js'></script><img alt='A' src='gone.png'>"
PAGES = {
    "away.html": ("", AWAY, [], ""),
    "dim.html": (DIM, "<p>Text</p>", [LOOKS[1], LOOKS[3]], "color-contrast: <p>Text</p>"),
    "index.html": ("", "<script src='large.js'></script>", LOOKS, "loads 9,"),
    "nameless.html": ("", '<a href="#"></a>', LOOKS, 'link-name: <a href="#"></a>'),
    "plain.html": ("", "<p>Text</p><script src='large.js'></script>", [], ""),
    "wide.html": ("p { width: 500px }", "<p>Text</p>", LOOKS[2:], "is 148 pixels wider"),
}


def test_each_fault_is_found_where_it_shows(browser, tmp_path):
    for name, (style, body, _, _) in PAGES.items():
        (tmp_path / name).write_text(PAGE.format(style=style, body=body), encoding="utf-8")
    (tmp_path / "large.js").write_text(9_000 * "/", encoding="utf-8")
    found = list(axe.faults(browser, tmp_path, 9_000))
    away = [one for one in found if one.startswith("something loads ")]
    assert {(one, away.count(one)) for one in away} == {
        ("something loads https://elsewhere.invalid/a.js, which is not there", len(LOOKS)),
        (f"something loads {axe.HOST}/gone.png, which is not there", len(LOOKS)),
    }
    for name, (_, _, looks, words) in PAGES.items():
        of_page = [one for one in found if one.startswith(f"{name}, ")]
        assert [one.split(": ")[0] for one in of_page] == [f"{name}, {look}" for look in looks]
        assert all(f": {words}" in one for one in of_page)
