"""An authoriser for a test's server: a request may do what it says that it may."""

from jupyter_server.auth import Authorizer


class AsItSays(Authorizer):
    def is_authorized(self, handler, user, action, resource):
        return f"{action} {resource}" in handler.request.headers.get("X-May", "")
