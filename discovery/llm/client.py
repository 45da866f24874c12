"""One question to one server, whatever the server does: bounded in time and size, repeated where that may help."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from discovery.config import ModelConfig
from discovery.llm.keys import read_key, without_key
from discovery.llm.prompts import Message

if TYPE_CHECKING:
    from openai import AsyncOpenAI

MAX_REPLY = 2**20
"""Bytes that are read of a reply: a rule with all that surrounds it takes a tenth of this."""
_MAX_COMPLAINT = 2_000
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_AGAIN = (408, 409, 425, 429)
_MOST_TOKENS = 10_000_000
_PER_TOKEN = 4
"""Characters of a token, about; where a server does not count."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model wrote.

    Attributes:
        text: As it came, without the key.
        prompt_tokens: As the server counts, or by length where it does not.
        answer_tokens: Likewise.
        cut: Whether it ended at the longest answer allowed, and not of itself.
    """

    text: str
    prompt_tokens: int
    answer_tokens: int
    cut: bool


class CallError(RuntimeError):
    """A question that got no answer.

    Attributes:
        reason: Why, in a few words to count by.
        detail: What the server or the network said, without the key.
        final: Whether asking the same server again is useless.
    """

    def __init__(self, reason: str, detail: str = "", *, final: bool = False) -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail
        self.final = final


class Client:
    """Asks one model. Made and used in one event loop.

    Raises:
        KeyMissingError: Its key is not where the configuration says.
    """

    def __init__(self, config: ModelConfig) -> None:
        self.config = config
        self._key = read_key(config)
        self._api: AsyncOpenAI | None = None

    async def ask(self, messages: Sequence[Message], *, seed: int, extra: Mapping[str, Any]) -> Answer:
        """One answer.

        Args:
            messages: The conversation so far.
            seed: For the server's sampling, where it honours one.
            extra: Further fields of the request, such as a grammar.

        Raises:
            CallError: There is none, within the deadline and the number of repetitions.
        """
        pause, said = _FIRST_PAUSE, CallError("deadline", f"{self.config.deadline:g} s")
        try:
            async with asyncio.timeout(self.config.deadline):
                for attempt in range(self.config.retries + 1):
                    try:
                        return await self._once(messages, seed, extra)
                    except _RetryError as error:
                        said = error.call
                        if attempt == self.config.retries:
                            raise said from None
                        # Jitter, so that calls that were turned away together do not come back together.
                        await asyncio.sleep(max(error.after, pause * random.uniform(0.5, 1.5)))
                        pause = min(2 * pause, _LONGEST_PAUSE)
        except TimeoutError:
            raise said from None
        raise AssertionError("a call ends with an answer or an error")

    async def close(self) -> None:
        """Close all connections."""
        if self._api is not None:
            await self._api.close()

    async def _once(self, messages: Sequence[Message], seed: int, extra: Mapping[str, Any]) -> Answer:
        import openai

        try:
            async with self._open().chat.completions.with_streaming_response.create(
                model=self.config.model,
                messages=messages,  # type: ignore[arg-type]  # plain dictionaries of the same shape
                temperature=self.config.temperature,
                max_tokens=self.config.max_tokens,
                seed=seed,
                extra_body=dict(extra),
            ) as response:
                body = bytearray()
                async for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > MAX_REPLY:
                        raise CallError("reply too large", f"more than {MAX_REPLY} bytes")
        except openai.APIConnectionError as error:
            cause = error.__cause__ or error
            raise _RetryError(CallError("no connection", self._safe(f"{type(cause).__name__}: {cause}"))) from None
        except _StatusError as error:
            raise self._refused(error) from None
        except (CallError, TimeoutError):
            raise
        except Exception as error:  # noqa: BLE001 - of the libraries below; whatever a server does must end up here
            raise _RetryError(CallError("broken reply", self._safe(f"{type(error).__name__}: {error}"))) from None
        answer = _answer(bytes(body), sum(len(each["content"]) for each in messages))
        return replace(answer, text=without_key(answer.text, self._key))

    def _open(self) -> AsyncOpenAI:
        """The library's client; it takes a second to load, so that commands that ask nobody do without."""
        if self._api is None:
            import openai

            self._api = openai.AsyncOpenAI(
                api_key=self._key,
                base_url=self.config.base_url,
                max_retries=0,
                timeout=self.config.deadline,
                http_client=openai.DefaultAsyncHttpxClient(
                    event_hooks={"response": [_check_status]},
                    timeout=self.config.deadline,
                    headers={"Accept-Encoding": "identity"},  # a small reply cannot unfold into a giant one
                ),
            )
        return self._api

    def _refused(self, error: _StatusError) -> Exception:
        detail = self._safe(f"{error.status} {error.complaint}")
        if error.status == 429:
            return _RetryError(CallError("rate limited", detail), error.after)
        if error.status in _AGAIN or error.status >= 500:
            return _RetryError(CallError("server error", detail), error.after)
        return CallError("refused", detail, final=error.status in (401, 403, 404))

    def _safe(self, text: str) -> str:
        return without_key(text, self._key)[:_MAX_COMPLAINT]


class _RetryError(Exception):
    """A failure that may pass; `after` is how long the server wants to be left alone."""

    def __init__(self, call: CallError, after: float = 0.0) -> None:
        super().__init__(str(call))
        self.call = call
        self.after = after


class _StatusError(Exception):
    """A reply that says that there is no answer."""

    def __init__(self, status: int, complaint: str, after: float) -> None:
        super().__init__(complaint)
        self.status = status
        self.complaint = complaint
        self.after = after


async def _check_status(response: Any) -> None:
    """Turn a refusal into an error before anybody reads all of its body, which may have no end."""
    if response.status_code < 400:
        return
    complaint = b""
    async for chunk in response.aiter_bytes():
        complaint += chunk
        if len(complaint) > 2 * _MAX_COMPLAINT:  # cut to its length when the key is out of it
            break
    await response.aclose()
    try:
        after = max(0.0, float(response.headers.get("retry-after", "0")))
    except ValueError:  # a date: the pauses of our own will do
        after = 0.0
    raise _StatusError(response.status_code, complaint[: 2 * _MAX_COMPLAINT].decode(errors="replace"), after)


def _answer(body: bytes, asked: int) -> Answer:
    """The answer in a reply, trusting none of its fields."""
    try:
        reply = json.loads(body)
        choice = reply["choices"][0]
        text = choice["message"]["content"]
    except (ValueError, RecursionError):
        raise CallError("broken reply", "not JSON") from None
    except (KeyError, IndexError, TypeError):
        raise CallError("broken reply", "not a chat completion") from None
    if not isinstance(text, str):
        raise CallError("broken reply", "an answer that is no text")
    usage = reply.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    return Answer(
        text=text,
        prompt_tokens=_count(usage.get("prompt_tokens"), asked),
        answer_tokens=_count(usage.get("completion_tokens"), len(text)),
        cut=choice.get("finish_reason") == "length",
    )


def _count(said: object, characters: int) -> int:
    if isinstance(said, int) and not isinstance(said, bool) and 0 <= said <= _MOST_TOKENS:
        return said
    return tokens(characters)


def tokens(characters: int) -> int:
    """About how many tokens a text of so many characters is, where nobody counted."""
    return -(-characters // _PER_TOKEN)
