"""Exchanges in flight: a thread with an event loop of its own, so that nobody who asks for a proposal ever waits."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from discovery.config import LlmConfig
from discovery.llm.breaker import Breaker
from discovery.llm.client import Answer, CallError, Client
from discovery.llm.exchange import Exchange, Request, converse
from discovery.llm.prompts import Message
from discovery.llm.spending import price


class Post:
    """Sends requests and collects exchanges. All methods are for one thread, which they never block but for `wait`.

    Args:
        config: Whom to ask; keys are read now.

    Raises:
        KeyMissingError: A key is not where the configuration says.
    """

    def __init__(self, config: LlmConfig) -> None:
        self._models = {model.label: model for model in config.models}
        self._clients = {label: Client(model) for label, model in self._models.items()}
        self._breakers = {label: Breaker(config.breaker) for label in self._models}
        self._flying: Counter[str] = Counter()
        self._arrived: deque[Exchange] = deque()
        self._news: deque[str] = deque()
        self._mistake: BaseException | None = None
        self._something = threading.Condition()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def gone(self) -> bool:
        """Whether no server will be tried again."""
        return all(breaker.gone for breaker in self._breakers.values())

    def there(self) -> list[str]:
        """The models whose servers answer, as far as is known."""
        now = time.monotonic()
        return [label for label, breaker in self._breakers.items() if breaker.allows(now)]

    def has_room(self, label: str) -> bool:
        """Whether a model takes one more call beside those in flight."""
        return self._flying[label] < self._models[label].concurrency

    def send(self, request: Request) -> None:
        """Begin an exchange."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._loop.run_forever, name="language models", daemon=True)
            self._thread.start()
        self._flying[request.model] += 1
        asyncio.run_coroutine_threadsafe(self._converse(request), self._loop).add_done_callback(self._ended)

    def collect(self) -> list[Exchange]:
        """What has arrived since last asked, in the order of arrival; what went wrong in the thread is raised here."""
        with self._something:
            if self._mistake is not None:
                raise self._mistake
            found = list(self._arrived)
            self._arrived.clear()
        self._flying -= Counter(exchange.request.model for exchange in found)
        return found

    def wait(self, seconds: float) -> None:
        """Return when something has arrived, or after so many seconds."""
        with self._something:
            self._something.wait_for(lambda: self._arrived or self._mistake, seconds)

    def news(self) -> list[str]:
        """What people should know: servers that are gone or back."""
        return [self._news.popleft() for _ in range(len(self._news))]

    def close(self) -> None:
        """Drop what is in flight and close all connections."""
        if self._loop is None or self._thread is None:
            return
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._loop = self._thread = None

    async def _converse(self, request: Request) -> None:
        exchange = await converse(request, self._ask, self._price)
        with self._something:
            self._arrived.append(exchange)
            self._something.notify_all()

    def _ended(self, future: Future[None]) -> None:
        if not future.cancelled() and (mistake := future.exception()) is not None:
            with self._something:
                self._mistake = mistake
                self._something.notify_all()

    async def _ask(self, label: str, messages: Sequence[Message], seed: int, extra: Mapping[str, Any]) -> Answer:
        """Ask a model, and tell its breaker how that went."""
        breaker = self._breakers[label]
        try:
            answer = await self._clients[label].ask(messages, seed=seed, extra=extra)
        except CallError as error:
            if not breaker.gone:
                pause = breaker.failed(time.monotonic())
                breaker.gone |= error.final
                self._tell(label, error, pause)
            raise
        breaker.succeeded()
        return answer

    def _tell(self, label: str, error: CallError, pause: float | None) -> None:
        if self._breakers[label].gone:
            self._news.append(f"The model {label} is given up for this run ({error}); the search goes on without it.")
        elif pause is not None:
            self._news.append(
                f"The model {label} does not answer ({error}); it is left alone for {pause:g} s, the search goes on."
            )

    def _price(self, label: str, answer: Answer) -> float:
        return price(self._models[label].price, answer.prompt_tokens, answer.answer_tokens)

    async def _stop(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for client in self._clients.values():
            await client.close()
