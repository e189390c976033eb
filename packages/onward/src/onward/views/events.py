"""What an event of a run says, in a line that needs no other event to be understood."""

from onward.engine.record import Event
from onward.views.progress import RUN_WORDS, reason_of
from onward.views.words import counted, harmless, one_line

GRAVE = ("run.failed", "step.failed")


def words_of(event: Event) -> str:
    """The event in words."""
    step = harmless(event.step_id or "")
    match event.kind:
        case "step.started":
            said = f"{step} begins"
        case "step.progress":
            said = f"{step}: {event.data.get('message', '')}"
        case "step.retried":
            said = f"{step} is tried again: {reason_of(event)}"
        case "step.failed":
            said = f"{step} FAILED: {reason_of(event)}"
        case "step.aborted":
            said = f"{step} ended itself, and is to be begun anew"
        case "step.done":
            said = f"{step} done"
        case "run.waived":
            said = f"{counted(len(event.data.get('waivers', {})), 'finding')} waived by {event.data.get('by', '')}"
        case _:
            said = RUN_WORDS.get(event.kind, event.kind)
    return one_line(harmless(said))
