"""Where requests may come from: pages that this server itself has sent, under a name that is its own. Pure.

A WebSocket has no same-origin rule, and a name of somebody else's may be made to point at 127.0.0.1; so both the
``Host`` and the ``Origin`` of every request are looked at.
"""

from ipaddress import ip_address
from urllib.parse import urlsplit

# Nothing from another host, no inline script or style, no frame around the page.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


def stays_on_this_machine(host: str) -> bool:
    """Whether a host, as it stands in a configuration or a ``Host`` header, is this machine for itself."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def host_is_ours(host_header: str | None) -> bool:
    """Whether the ``Host`` of a request names this machine, and not a stranger's name that points here."""
    name = urlsplit(f"//{host_header or ''}").hostname
    return name is not None and stays_on_this_machine(name)


def origin_is_ours(origin: str | None, host_header: str | None) -> bool:
    """Whether a request comes from a page of this very server; a browser always says where a page came from."""
    parts = urlsplit(origin or "")
    return parts.scheme in ("http", "https") and parts.netloc.lower() == (host_header or "").lower()
