"""User data for EC2: what an instance runs when it starts, with a timer that ends it."""

from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.parser import Parser
from typing import Final

LARGEST: Final = 16_384
"""The most that user data may have, in bytes."""
_WINDOWS: Final = ("<powershell>", "<script>")
_TIMER: Final = """\
#!/bin/sh
# resnb: this instance shuts down, and so terminates, {seconds} s after its first start
timer=/var/lib/cloud/scripts/per-boot/resnb-self-destruct
mkdir -p "${{timer%/*}}"
cat > "$timer" <<END
#!/bin/sh
left=\\$((($(date +%s) + {seconds} - \\$(date +%s) + 59) / 60))
[ "\\$left" -gt 0 ] || left=0
exec shutdown -P "+\\$left"
END
chmod 755 "$timer"
exec "$timer"
"""
"""A reboot drops what `shutdown` has planned, so each one plans it again."""


def with_timer(user_data: str, seconds: int) -> str:
    """User data that also shuts the instance down after so many seconds.

    On Linux that is cloud-init's business, which runs the timer first; on Windows the first line of
    the script in `user_data` sets it, if there is one.
    """
    for tag in _WINDOWS:
        if user_data.lstrip().startswith(tag):
            return user_data.replace(tag, f"{tag}\nshutdown /s /t {seconds}", 1)
    parts = MIMEMultipart()
    parts.attach(MIMEText(_TIMER.format(seconds=seconds), "x-shellscript"))
    if user_data:
        parts.attach(_part(user_data))
    return parts.as_string()


def _part(user_data: str) -> Message:
    """The user's own as a part: cloud-init sees by its first line what it is."""
    head = user_data[:4096].lower()
    is_mime = head.startswith(("content-type:", "mime-version:"))
    return Parser().parsestr(user_data) if is_mime else MIMEText(user_data)
