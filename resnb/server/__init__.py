"""The Jupyter server's side: what is alive in every kernel, told to browsers, and commands for it.

All routes lie below the server's base URL. Each asks for the server's authentication, then for its
authorisation of the resource ``resnb`` (*read* to look, *write* to change); what changes something
needs the cross-site token, as with every route of the server. Times are in seconds since the epoch,
durations in seconds; all texts are one line without control characters, cut after 2,000 characters.

``GET resnb/api/version``
    ``{"version": "0.1.0"}``: the Python package's version, in its Python form.

``GET resnb/api/leases``
    A *list* (below). Filters, each an exact text: ``name``, ``state``, ``kernel``, ``notebook``,
    ``session``, ``id``; ``closed=true`` puts those before it that were closed in the last 30 days.

``POST resnb/api/leases/<id>/cleanup``
    No body. Asks that the lease and what depends on it be cleaned up, and does not wait for it.
    ``202`` with the list of those that are still there.

``POST resnb/api/leases/<id>/keep``, ``POST resnb/api/leases/<id>/adopt``
    Body ``{"duration": "30m"}``, or a number of seconds; without a body 30 minutes. *keep* lets a
    lease survive its kernel; *adopt* takes one over whose kernel is gone or out of sight. ``200``
    with the list of that lease.

``GET resnb/api/stream``, a WebSocket
    Each message is a list: the whole state when the stream is opened, and again whenever it has
    changed, at most a few times a second. A reader that is slow misses what is outdated. Nothing
    may be sent to it.

A *list* is ``{"version", "now", "leases", "total", "error"}``: the package's version; the server's
clock; leases, oldest first, the latest 1,000 at most; how many there are; and a line if the ledger
cannot be read now (the leases are then those of the last look), else ``""``.

A *lease* has what ``resnb ls --json`` has:

- texts: ``id``; ``name``; ``state`` (*opening, open, closing, failed, kept*; *closed*; *unknown* if
  its kernel cannot be seen from here); ``kernel`` (*alive, dead, unknown*); ``notebook``, or the
  folder; ``session``; ``unfindable``, ``unprotected``: why what there is of it cannot be cleaned up
  without its kernel during set-up, and once open; ``notice``; ``reason`` of its state;
- numbers: ``created``; ``tries`` (clean-ups begun); or null: ``pid``, ``ended``, ``ttl``,
  ``idle_timeout``, ``keep``, ``keep_until``;
- ``protected``: whether somebody else can clean up what there is of it now;

and beside that ``note``, one line on it for people; ``kernel_id``, this server's id of its kernel,
null if it is none of its kernels that are alive; and five more that are true or false: ``asked``
(to be cleaned up, and not begun), ``kept`` (survives its kernel now), ``orphan`` (its kernel has
ended and it is not kept), ``given_up`` (failed, and not tried again unless asked for),
``ends_with_kernel`` (it lives inside its kernel's process).

An error is ``{"message": "one line"}`` with a status: 400 what was asked for makes no sense, 403
not allowed, 404 no such lease, 409 that cannot be done with this lease, 413 too long, 503 the
ledger does not answer.

How it learns of changes: kernels, reapers and terminals write the ledger, not the server. While a
stream is open it asks SQLite a few times a second whether anybody has written (``pragma
data_version``, which needs no library and works on every file system), and reads only then; without
a stream it does not look at all. WebSockets, since a browser allows six other connections to one
server in all its tabs, and proxies that let kernels through let them through.
"""
