"""One request: the script, or what is cheap to refuse first, then its events into the stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from collector import answers, counts, limits
from collector.answers import RefusedError
from collector.origins import Origins
from collector.page_events import PageEvents, Sender
from collector.requests import Request, parse_json
from collector.server_events import ServerEvents
from collector.stream_writes import make_records
from collector.token_bucket import TokenBucket
from collector.visitors import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from collector.answers import Answer
    from collector.counts import Counts
    from collector.event_form import EventForm
    from collector.script_files import ScriptFiles
    from collector.secret_values import SecretValue
    from collector.stream_writes import StreamWriter
    from collector.visitors import Visitors
    from shared.config import CollectorSettings
    from shared.logs import Log

_BEARER: Final = "bearer "
_COUNTRY_LETTERS: Final = 2
_DEFAULT_SECONDS: Final = 10.0

Events = list[tuple[str, dict[str, Any]] | None]


class Collector:
    """Takes the requests of one pipeline's pages and servers."""

    def __init__(
        self,
        settings: CollectorSettings,
        form: EventForm,
        writer: StreamWriter,
        *,
        scripts: ScriptFiles,
        visitors: Visitors | None,
        tokens: SecretValue | None,
        edge: SecretValue | None,
        counted: Counts,
        log: Log,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        make_id: Callable[[], str],
    ) -> None:
        """Args: `tokens` of servers and of the `edge` in front, None for what is not in use."""
        self._settings = settings
        self._writer = writer
        self._scripts = scripts
        self._tokens = tokens
        self._edge = edge
        self._counts = counted
        self._log = log
        self._clock = clock
        self._origins = Origins(settings.allowed_origins)
        self._pages = PageEvents(settings, form, self._origins, visitors, make_id)
        self._servers = ServerEvents(form, settings.consent, make_id)
        self._picture_path = f"{settings.path.removesuffix('.js')}.gif"
        self._event_bucket = TokenBucket(limits.EVENTS_PER_SECOND, limits.EVENTS_AT_ONCE, monotonic)
        self._byte_bucket = TokenBucket(limits.BYTES_PER_SECOND, limits.BYTES_AT_ONCE, monotonic)

    def answer(self, event: Mapping[str, Any], context: object) -> Answer:
        """Return the answer to one event of a function URL. Never raises.

        What goes wrong unexpectedly is logged by the name of its class alone, because its text may
        hold what a visitor sent, and answered with 500.
        """
        try:
            return self._take(Request.of(event), _seconds_left(context))
        except RefusedError as refusal:
            self._counts.add(counts.REFUSED, reason=refusal.reason)
            return refusal.answer()
        except Exception as error:  # noqa: BLE001 - see above
            self._log.write("ERROR", "a request failed", error=_place_of(error))
            self._counts.add(counts.LOST, reason="error")
            return RefusedError(500, "error", "", "send it again later").answer()
        finally:
            self._counts.write()

    def _take(self, request: Request, seconds_left: Callable[[], float]) -> Answer:
        behind_edge = self._check_edge(request)
        if request.method == "GET" and request.path == self._picture_path:
            return self._take_picture(request, seconds_left, behind_edge=behind_edge)
        if request.method in ("GET", "HEAD"):
            script = self._scripts.answer(request)
            if script is not None:
                return script
        if request.path != "/" and not self._scripts.has(request.path):
            raise RefusedError(404, "other_path", "path", "send events to the path of the script")
        if request.method != "POST":
            raise RefusedError(405, "other_method", "method", "send events by POST")
        authorization = request.headers.get("authorization", "")
        if authorization:
            return self._take_batch(request, authorization, seconds_left)
        return self._take_page(request, seconds_left, behind_edge=behind_edge)

    def _take_page(
        self, request: Request, seconds_left: Callable[[], float], *, behind_edge: bool
    ) -> Answer:
        origin = self._origins.sender(request)
        if self._objects(request):
            return answers.nothing()
        data = request.body(limits.PAGE_BODY_BYTES)
        self._spend(self._byte_bucket, len(data))
        body = parse_json(data)
        if not self._pages.consents(body):
            self._counts.add(counts.UNWANTED, reason="no_consent")
            return answers.nothing()
        sender = self._sender(request, origin, behind_edge=behind_edge)
        session, events = self._pages.of_script(body, sender)
        return self._put([(session, event) for event in events], seconds_left)

    def _take_picture(
        self, request: Request, seconds_left: Callable[[], float], *, behind_edge: bool
    ) -> Answer:
        origin = self._origins.sender(request)
        parameters = request.parameters()
        # A picture has no members: its page writes consent=true into the address.
        consents = not self._settings.consent or parameters.get("consent") == "true"
        if self._objects(request):
            return answers.pixel()
        if not consents:
            self._counts.add(counts.UNWANTED, reason="no_consent")
            return answers.pixel()
        self._spend(self._byte_bucket, len(request.query))
        sender = self._sender(request, origin, behind_edge=behind_edge)
        session, events = self._pages.of_picture(parameters, origin, sender)
        answer = self._put([(session, event) for event in events], seconds_left)
        return answers.pixel() if answer["statusCode"] == 200 else answer  # noqa: PLR2004 - OK

    def _take_batch(
        self, request: Request, authorization: str, seconds_left: Callable[[], float]
    ) -> Answer:
        if self._tokens is None:
            raise RefusedError(
                401, "token", "Authorization", "set spec.collector.tokensSecretArn to use tokens"
            )
        is_bearer = authorization[: len(_BEARER)].lower() == _BEARER
        token = authorization[len(_BEARER) :].strip() if is_bearer else ""
        if not token or not self._known(self._tokens, token):
            raise RefusedError(
                401, "token", "Authorization", "send Bearer and a token of the secret"
            )
        data = request.body(limits.SERVER_BODY_BYTES)
        self._spend(self._byte_bucket, len(data))
        events = self._servers.read(data, round(self._clock() * 1000))
        unwanted = events.count(None)
        if unwanted:
            self._counts.add(counts.UNWANTED, unwanted, "no_consent")
        return self._put(events, seconds_left)

    def _put(self, events: Events, seconds_left: Callable[[], float]) -> Answer:
        records = make_records(events)
        number = sum(len(record.indexes) for record in records)
        if not number:
            return answers.nothing()
        self._spend(self._event_bucket, number)
        taken, code = self._writer.put(records, seconds_left)
        indexes = sorted(index for record in taken for index in record.indexes)
        self._counts.add(counts.TAKEN, len(indexes))
        if len(indexes) == number:
            return answers.taken(number)
        self._counts.add(counts.LOST, reason=f"stream_{code}")
        return answers.partly_taken(indexes)

    def _check_edge(self, request: Request) -> bool:
        """Return whether the request came through the edge.

        Raises:
            RefusedError: it did not, and only those are taken.
        """
        if self._edge is None:
            return False
        header = self._settings.origin_header
        if not self._known(self._edge, request.headers.get(header, "")):
            raise RefusedError(403, "not_the_edge", header, "send it through the edge in front")
        return True

    def _known(self, secret: SecretValue, value: str) -> bool:
        try:
            return secret.has(value)
        except (ClientError, BotoCoreError) as error:
            response = getattr(error, "response", {})
            code = str(response.get("Error", {}).get("Code", type(error).__name__))
            self._log.write("ERROR", "a secret can't be read", code=code)
            raise RefusedError(503, "secret", "", "send it again later", retry_after=10) from error

    def _objects(self, request: Request) -> bool:
        """Return whether the browser objects by Global Privacy Control (W3C, "GPC": `Sec-GPC`)."""
        respects = self._settings.respect_global_privacy_control
        if respects and request.headers.get("sec-gpc", "").strip() == "1":
            self._counts.add(counts.UNWANTED, reason="global_privacy_control")
            return True
        return False

    def _spend(self, bucket: TokenBucket, tokens: int) -> None:
        if not bucket.take(tokens):
            raise RefusedError(429, "too_many", "", "send it again later", retry_after=1)

    def _sender(self, request: Request, origin: str, *, behind_edge: bool) -> Sender:
        headers = request.headers
        country = headers.get("cloudfront-viewer-country", "") if behind_edge else ""
        is_country = len(country) == _COUNTRY_LETTERS and country.isalpha()
        client = Client(
            site=origin.partition("://")[2],
            address=request.address(behind_edge=behind_edge),
            agent=headers.get("user-agent", "")[: limits.AGENT_CHARACTERS],
            hints=headers.get("sec-ch-ua", "")[: limits.AGENT_CHARACTERS],
            country=country.upper() if is_country else "",
        )
        return Sender(client, round(self._clock() * 1000))


def _seconds_left(context: object) -> Callable[[], float]:
    left = getattr(context, "get_remaining_time_in_millis", None)
    return (lambda: left() / 1000) if left else (lambda: _DEFAULT_SECONDS)


def _place_of(error: BaseException) -> str:
    """Return class, module and line of an error, without its text."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}" if trace else ""
    return f"{type(error).__name__} at {place}"
