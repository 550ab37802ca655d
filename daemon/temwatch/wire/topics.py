"""Topics end in a slash, so that a prefix subscription matches whole names only."""

RESULT = "tw1/result/"
FRAME = "tw1/frame/"
LABEL = "tw1/label/"
MODEL = "tw1/model/"
SERIES = "tw1/series/"
STATUS = "tw1/status/"
HEARTBEAT = "tw1/heartbeat/"
CLASSES = (RESULT, FRAME, LABEL, MODEL, SERIES, STATUS, HEARTBEAT)


def result(root: str) -> str:
    """Return the topic of a root's reports."""
    return f"{RESULT}{root}/"


def frame(root: str) -> str:
    """Return the topic of what else happens to a root's frames (accepted, set aside, gone)."""
    return f"{FRAME}{root}/"


def topic_class(topic: str) -> str:
    """Return the class a topic belongs to, e.g. ``tw1/result/`` for ``tw1/result/titan/``."""
    return "/".join(topic.split("/")[:2]) + "/"
