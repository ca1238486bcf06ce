"""Messages to the main thread: their order, and what an exception at any instruction leaves."""

from __future__ import annotations

import sys
import threading
from types import FrameType
from typing import Any

import pytest

from mlops_actions.argo_submit.messages import LogEnded, Message, MessageQueue, WorkflowChanged
from mlops_actions.core.errors import Cancelled

CHANGED, ENDED = WorkflowChanged({}), LogEnded("node", "")


def test_messages_about_the_workflow_overtake_others() -> None:
    messages = MessageQueue()
    for message in (ENDED, CHANGED):
        messages.put(message)
    assert [messages.get() for _ in range(3)] == [CHANGED, ENDED, None]


def test_a_message_of_another_thread_ends_the_wait() -> None:
    messages = MessageQueue()
    threading.Timer(0.01, messages.put, [CHANGED]).start()
    got: Message | None = None
    while got is None:
        got = messages.get(60)
    assert got == CHANGED
    assert not messages


class Interruption:
    """Raises Cancelled at the nth instruction of what the thread runs, also in the standard library."""

    def __init__(self, instruction: int) -> None:
        self.left = instruction

    def __call__(self, frame: FrameType, event: str, _argument: Any) -> Any:
        frame.f_trace_opcodes = True
        if event == "opcode":
            self.left -= 1
            if self.left == 0:
                raise Cancelled(15)
        return self


@pytest.mark.parametrize("waits", [False, True])
def test_an_exception_at_any_instruction_leaves_the_queue_usable(waits: bool) -> None:
    tracer = sys.gettrace()
    for instruction in range(1, 1000):
        messages = MessageQueue()
        if not waits:
            messages.put(CHANGED)
        interruption = Interruption(instruction)
        try:
            sys.settrace(interruption)
            messages.get(0.001)
        except Cancelled:
            pass
        finally:
            sys.settrace(tracer)
        other = threading.Thread(target=messages.put, args=(ENDED,), daemon=True)
        other.start()
        other.join(10)
        assert not other.is_alive(), f"instruction {instruction}"
        left = [message for _ in range(3) if (message := messages.get(0.001))]
        assert left[-1] == ENDED
        if interruption.left > 0:
            break
    else:
        pytest.fail("the call does not end")
    assert instruction > 20
