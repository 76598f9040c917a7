"""The Jupyter server's side: it shows browsers what is alive in every kernel, and takes commands.

All routes lie below the server's base URL. Each needs the server's authentication and its
authorisation of the resource ``resnb`` (*read* to look, *write* to change); those that change
something need the cross-site token, like every route of the server. Times are in seconds since the
epoch, durations in seconds; all texts are one line without control characters, cut after 2,000
characters, and come from users' code: show them as text.

``GET resnb/api/version``
    ``{"version": "0.1.0"}``: the Python package's version, in its Python form.

``GET resnb/api/leases``
    A list. Filters, each an exact text: ``id``, ``name``, ``state``, ``kernel``, ``notebook``,
    ``path``, ``session``; ``closed=true`` adds those that were closed in the last 30 days, at the
    front.

``POST resnb/api/leases/<id>/cleanup``
    No body. Asks that the lease and what depends on it be cleaned up, and does not wait for it.
    ``202`` with the list of those that are still there.

``POST resnb/api/leases/<id>/keep``, ``POST resnb/api/leases/<id>/adopt``
    Body ``{"duration": "30m"}``, or a number of seconds; without a body 30 minutes. *keep* lets a
    lease survive its kernel; *adopt* takes one over whose kernel is gone or out of sight. ``200``
    with the list of that lease.

``GET resnb/api/stream``, a WebSocket
    Each message is a list: all leases when the stream is opened, and again whenever they have
    changed, at most twice a second. A slow reader misses outdated lists; the connection to one
    that does not answer a ping for 30 s is closed. Clients may not send anything (close code 1008).
    Open the stream again after a pause when it closes; the first message has all that was missed.

A list and an error have the forms `LeaseList` and `Refusal` of `resnb.server.wire`. An error's
status is 400 if the request makes no sense, 403 if it is not allowed, 404 if there is no such lease
or route (or the request comes from another site), 405 if there is no such method, 409 if it cannot
be done with this lease, 413 if it is too long, and 503 if the ledger does not answer or too many
streams are open.

How the server learns of ends: every two seconds it tries the locks in the ledger's folder, of which
each process that owns leases or cleans up holds one, and looks for its own kernels' processes. Some
seconds after one has ended it starts a sweep, unless nothing is left. It reads no ledger for that.

How the server learns of changes: others write to the ledger, namely kernels, reapers and terminals.
While a stream is open, the server checks twice a second whether the ledger's files have changed,
asks SQLite every two seconds whether anybody has written (``pragma data_version``, which works on
every file system), and reads only then; without a stream it does not look at all. The stream is a
WebSocket, since a browser allows all its tabs together six other connections to one server, and
proxies that let kernels through let it through.
"""
