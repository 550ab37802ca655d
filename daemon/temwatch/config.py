"""config.toml, checked whole: every fault at once, with file, line and key. Each room gets its own section."""

import re
import tomllib
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from temwatch.errors import ConfigError

DEFAULT_INCLUDE = ("*.dm3", "*.dm4", "*.mrc", "*.tif", "*.tiff", "*.emd", "*.ser", "*.hspy", "*.bcf")
DEFAULT_CLASSES = ("pore", "crack", "slag_inclusion", "looseness", "particle", "artefact")


def _is_local(address: str) -> bool:
    parts = urlsplit(address)
    if parts.scheme in ("ipc", "inproc"):
        return True
    host = address.removeprefix("tcp://").rpartition(":")[0].strip("[]")
    try:
        return ip_address(host).is_loopback
    except ValueError:  # a name; only one is known to stay on the machine
        return host == "localhost"


def _address(value: str, info: ValidationInfo) -> str:
    if not re.fullmatch(r"tcp://.+:(\d{1,5}|\*)|ipc:///.+", value):
        raise ValueError("an address looks like tcp://127.0.0.1:5560 or ipc:///run/temwatch/events")
    if not _is_local(value) and not (info.context or {}).get("keys"):
        raise ValueError(
            f"{value} can be reached from other machines, and without keys everybody there could give orders:"
            " name a folder in [security] keys and run `temwatch keys create`, or use a loopback or ipc address"
        )
    return value


def _quiet(value: object) -> object:
    if value == "auto" or (isinstance(value, int | float) and not isinstance(value, bool) and value > 0):
        return value
    raise ValueError('seconds without change before a file is read: a number above 0, or "auto"')


def _named(path: Path) -> Path:
    if path == Path():
        raise ValueError("a path is needed")
    return path


Address = Annotated[str, AfterValidator(_address)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StateSection(_Section):
    """Where temwatch keeps its own files."""

    dir: Path = Path("state")


class RootSection(_Section):
    """One watched folder."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")
    path: Path
    include: tuple[str, ...] = DEFAULT_INCLUDE
    ignore: tuple[str, ...] = ()
    discovery: Literal["auto", "events", "polling"] = "auto"
    quiet_s: Annotated[float | Literal["auto"], BeforeValidator(_quiet)] = "auto"
    give_up_s: float = Field(default=300.0, gt=0)
    nm_per_px: float | None = Field(default=None, gt=0)
    imaging_mode: Literal["auto", "BF", "DF", "HAADF", "HRTEM", "diffraction", "SEM"] = "auto"
    object_size_nm: float | None = Field(default=None, gt=0)
    polarity: Literal["dark", "bright"] | None = None
    zone: str = "B1"


class WorkersSection(_Section):
    """The processes that inspect frames."""

    engine: Literal["local"] = "local"
    count: int = Field(default=0, ge=0, le=256)
    timeout_s: float = Field(default=120.0, gt=0)
    memory_mb: int = Field(default=4096, ge=512)


class PublishSection(_Section):
    """Where dashboards connect."""

    events: Address = "tcp://127.0.0.1:5560"
    commands: Address = "tcp://127.0.0.1:5561"
    keep_days: float = Field(default=30.0, gt=0)


class FinderSection(_Section):
    """How objects are found."""

    method: Literal["learned", "threshold"] = "learned"
    sensitivity: float = Field(default=0.5, ge=0, le=1)
    full_resolution: bool = False
    precision: Literal["int8", "fp32"] = "int8"
    weights: Path | None = None


class RecognizerSection(_Section):
    """How findings are named."""

    method: Literal["kernel_elm", "seeded_kmeans"] = "kernel_elm"
    confidence: float = Field(default=0.90, gt=0.5, lt=1)


class SecuritySection(_Section):
    """Who may listen and give orders. Without `keys`: whoever reaches the sockets, so only this machine does."""

    keys: Annotated[Path, AfterValidator(_named)] | None = None
    key: Annotated[Path, AfterValidator(_named)] | None = None


_DASHBOARD_FILES = ("users", "certificate", "certificate_key")


class DashboardSection(_Section):
    """The web page. Without `users` nobody signs in, so only this machine reaches it."""

    host: str = "127.0.0.1"
    port: int = Field(default=8560, ge=0, le=65535)
    users: Annotated[Path, AfterValidator(_named)] | None = None
    certificate: Annotated[Path, AfterValidator(_named)] | None = None
    certificate_key: Annotated[Path, AfterValidator(_named)] | None = None
    behind_proxy: bool = False

    @model_validator(mode="after")
    def _guarded(self) -> "DashboardSection":
        if (self.certificate is None) != (self.certificate_key is None):
            raise ValueError("certificate and certificate_key belong together")
        if _is_local(f"tcp://{self.host}:{self.port}") and not self.behind_proxy:
            return self
        if self.certificate is None and not self.behind_proxy:
            raise ValueError(
                f"{self.host} can be reached from other machines, and passwords would travel in the clear:"
                " give certificate and certificate_key, or behind_proxy = true where a proxy speaks TLS; or stay at"
                " 127.0.0.1 and come over ssh -L 8560:127.0.0.1:8560 MACHINE"
            )
        if self.users is None:
            raise ValueError(
                "whoever reaches the page could give orders: name a file in users and run"
                " `temwatch dashboard --add-user NAME --role admin`"
            )
        return self


class MetricsSection(_Section):
    """Numbers for Prometheus. Understood; this version serves none."""

    port: int = Field(default=8561, ge=0, le=65535)


def _timetable(cron: str) -> str:
    """Return a line of a timetable, once it is one; empty for never."""
    if cron:
        from apscheduler.triggers.cron import CronTrigger

        CronTrigger.from_crontab(cron)
    return cron


class RetrainSection(_Section):
    """When to learn from labels, and who decides whether the result is used."""

    cron: Annotated[str, AfterValidator(_timetable)] = "0 3 * * *"
    min_new_labels: int = Field(default=20, ge=1)
    promote: Literal["auto", "manual"] = "auto"
    recall_floor: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(
        default_factory=lambda: {"crack": 0.8}
    )
    shadow_labels: int = Field(default=0, ge=0, le=10_000)
    timeout_s: float = Field(default=3600.0, gt=0)
    simulation: bool = True


class AcceptanceSection(_Section):
    """The highest grade that passes, for each class and zone, or "never". Absent: the paper's Table 4."""

    highest_grade: dict[str, dict[str, Literal["I", "II", "III", "IV", "V", "never"]]] | None = None


class Settings(_Section):
    """Everything config.toml can say."""

    state: StateSection = StateSection()
    roots: tuple[RootSection, ...]
    workers: WorkersSection = WorkersSection()
    publish: PublishSection = PublishSection()
    finder: FinderSection = FinderSection()
    recognizer: RecognizerSection = RecognizerSection()
    acceptance: AcceptanceSection = AcceptanceSection()
    security: SecuritySection = SecuritySection()
    dashboard: DashboardSection = DashboardSection()
    metrics: MetricsSection = MetricsSection()
    retrain: RetrainSection = RetrainSection()

    def without_effect(self) -> tuple[str, ...]:
        """Return the sections that are given but that this version does not act upon."""
        return tuple(name for name in ("metrics",) if name in self.model_fields_set)

    @model_validator(mode="after")
    def _roots_differ(self) -> "Settings":
        if not self.roots:
            raise ValueError("at least one [[roots]] is needed: the folder to watch")
        names = [root.name for root in self.roots]
        if len(set(names)) < len(names):
            raise ValueError(f"roots need different names, got {names}")
        for root in self.roots:
            if self.state.dir.is_relative_to(root.path):
                raise ValueError(
                    f"state dir {self.state.dir} lies inside root {root.name!r}, which is never written"
                )
        return self


def load(path: Path, *, state_dir: Path | None = None) -> Settings:
    """Return the checked settings of a config file.

    Parameters
    ----------
    path : Path
        Relative paths inside the file are taken from its folder.
    state_dir : Path, optional
        Takes the place of ``[state] dir`` (systemd's ``$STATE_DIRECTORY``).

    Raises
    ------
    ConfigError
        With every fault, one a line: ``file:line: key: what is wrong (got …)``.
    """
    try:
        text = path.read_text("utf-8")
        tree = tomllib.loads(text)
    except OSError as error:
        raise ConfigError(
            f"{path}: can't be read ({error.strerror})", next_step="`temwatch init DIR` writes one that works"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}", next_step="mend that line") from error
    return check(tree, text, path, state_dir=state_dir)


def check(tree: dict[str, Any], text: str, path: Path, *, state_dir: Path | None = None) -> Settings:
    """Return the settings of a parsed file, or raise `ConfigError` with all its faults."""
    base = path.absolute().parent
    try:
        given = {"keys": _has_keys(tree)}
        Settings.model_validate(tree, context=given)
        return Settings.model_validate(_resolved(tree, base, state_dir), context=given)
    except ValidationError as error:
        lines = key_lines(text)
        faults = sorted(
            (_line_of(lines, fault["loc"]), ".".join(str(part) for part in fault["loc"]), _said(dict(fault)))
            for fault in error.errors(include_url=False)
        )
        raise ConfigError(
            "\n".join(f"{path}:{line}: {key or 'file'}: {what}" for line, key, what in faults),
            next_step=f"{len(faults)} fault{'s' if len(faults) > 1 else ''} to mend",
        ) from error


def _resolved(tree: dict[str, Any], base: Path, state_dir: Path | None) -> dict[str, Any]:
    """Return a sound tree with its paths made absolute."""
    state = tree.get("state", {})
    folder = state_dir or base / state.get("dir", StateSection().dir)
    roots = [{**root, "path": base / root["path"]} for root in tree["roots"]]
    security = {name: base / path for name, path in tree.get("security", {}).items()}
    finder = dict(tree.get("finder", {}))
    if "weights" in finder:
        finder["weights"] = base / finder["weights"]
    state = {**state, "dir": folder}
    dashboard = dict(tree.get("dashboard", {}))
    dashboard |= {name: base / dashboard[name] for name in _DASHBOARD_FILES if name in dashboard}
    resolved = {"state": state, "roots": roots, "finder": finder, "security": security}
    return {**tree, **resolved, **({"dashboard": dashboard} if dashboard else {})}


def _has_keys(tree: dict[str, Any]) -> bool:
    security = tree.get("security")
    return isinstance(security, dict) and bool(security.get("keys"))


def _said(fault: dict[str, Any]) -> str:
    if fault["type"] == "extra_forbidden":
        return "unknown key"
    if fault["type"] == "missing":
        return "missing"
    message = fault["msg"].removeprefix("Value error, ")
    value = fault.get("input")
    shown = "" if isinstance(value, dict | list | BaseModel) else f" (got {value!r})"
    return f"{message}{shown}"


_TABLE = re.compile(r"^\s*\[(\[)?\s*([A-Za-z0-9_.\-\" ]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"^\s*([A-Za-z0-9_\-.\"]+)\s*=")


def key_lines(text: str) -> dict[tuple[str, ...], int]:
    """Return the line number of every table and key of a TOML text, arrays of tables counted from 0."""
    found: dict[tuple[str, ...], int] = {}
    counts: dict[str, int] = {}
    here: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if table := _TABLE.match(line):
            names = tuple(part.strip(' "') for part in table[2].split("."))
            if table[1]:
                index = counts.get(table[2], -1) + 1
                counts[table[2]] = index
                names = (*names, str(index))
            here = names
            found[here] = number
        elif key := _KEY.match(line):
            found[(*here, *(part.strip('"') for part in key[1].split(".")))] = number
    return found


def _line_of(lines: dict[tuple[str, ...], int], loc: tuple[int | str, ...]) -> int:
    """Return the line of a fault's key, or of the nearest table above it; 1 where nothing is nearer."""
    names = tuple(str(part) for part in loc)
    while names:
        if names in lines:
            return lines[names]
        names = names[:-1]
    return 1
